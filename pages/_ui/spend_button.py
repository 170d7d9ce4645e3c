"""A button that spends: it says what it does and what it costs, and asks in step with the amount.

A simulated amount and a small live one need one press, a live one above ``confirm_above_credits`` a second press, and above
``type_to_confirm_credits`` the amount is typed before the button can be pressed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

from pages._ui import formatting
from rivya_core import Lab

TYPED_PX = 320
_ASKED = "_paid_asked"


def paid_button(
    lab: Lab,
    label: str,
    amount: int,
    *,
    key: str,
    act: Callable[..., None],
    args: Sequence[Any] = (),
    kind: Literal["primary", "secondary"] = "secondary",
    icon: str = ":material/play_arrow:",
    disabled: bool = False,
    stretch: bool = False,
) -> None:
    """Draw the button; ``act`` is called once the amount was confirmed as its size asks for."""
    typed = lab.mode == "live" and amount > lab.settings.type_to_confirm_credits and not disabled
    asks = not typed and lab.mode == "live" and amount > lab.settings.confirm_above_credits
    with st.container(key=f"paid_{key}", gap="small", width="stretch" if stretch else TYPED_PX if typed else "content"):
        if typed:
            st.text_input(
                f"Type {amount:,} to confirm {amount:,} credits",
                key=_typed(key),
                live=True,
                placeholder=f"{amount:,}",
                autocomplete="off",
            )
        st.button(
            label,
            key=key,
            type=kind,
            icon=icon,
            width="stretch" if stretch or typed else "content",
            disabled=disabled or (typed and not _is_typed(key, amount)),
            on_click=_ask if asks else _pressed,
            args=(key, amount) if asks else (key, amount, typed, act, tuple(args)),
        )
        if asks and st.session_state.get(_ASKED) == (key, amount):
            with st.container(border=True, key=f"confirm_{key}", gap="small"):
                st.text(f"This spends {formatting.credits(amount)} of the live wallet.")
                with st.container(horizontal=True):
                    st.button(
                        f"Spend {formatting.credits(amount)}",
                        type="primary",
                        key=f"{key}_yes",
                        on_click=_pressed,
                        args=(key, amount, False, act, tuple(args)),
                    )
                    st.button("Not now", key=f"{key}_no", on_click=_forget)


def _typed(key: str) -> str:
    return f"{key}_amount"


def _is_typed(key: str, amount: int) -> bool:
    typed = str(st.session_state.get(_typed(key)) or "")
    return "".join(letter for letter in typed if letter.isdigit()) == str(amount)


def _ask(key: str, amount: int) -> None:
    st.session_state[_ASKED] = (key, amount)


def _forget() -> None:
    st.session_state.pop(_ASKED, None)


def _pressed(key: str, amount: int, typed: bool, act: Callable[..., None], args: tuple[Any, ...]) -> None:
    if typed and not _is_typed(key, amount):
        return
    _forget()
    act(*args)
