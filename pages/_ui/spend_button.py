"""Confirming a spend: when a second press is asked for, how the question looks, and the button that does it all.

A simulated amount and a small live one need one press, a live one above ``confirm_above_credits`` a second press. On a
:func:`spend_button` a live amount above ``type_to_confirm_credits`` is typed before it can be pressed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

from pages._ui import formatting
from rivya_core import Lab

TYPED_PX = 320
_ASKED = "_spend_asked"


def must_confirm(lab: Lab, amount: int) -> bool:
    """Tell whether spending ``amount`` credits needs a second press."""
    return lab.mode == "live" and amount > lab.settings.confirm_above_credits


def ask(key: str, about: object = True) -> None:
    """Ask for the second press of the button ``key``; ``about``: what would be bought. One question is open at a time."""
    st.session_state[_ASKED] = (key, about)


def asked(key: str) -> Any:
    """What the button ``key`` waits for a second press about; None: for none."""
    button, about = st.session_state.get(_ASKED, ("", None))
    return about if button == key else None


def withdraw(key: str) -> None:
    """Put the question of the button ``key`` away; a callback."""
    if asked(key) is not None:
        st.session_state.pop(_ASKED, None)


def question(
    key: str, amount: int, *, place: str, act: Callable[..., None], args: Sequence[Any], said: str = ""
) -> None:
    """Draw the question with its two answers, in a container ``place``; ``said`` stands in place of its usual sentence."""
    price = formatting.credits(amount)
    with st.container(border=True, key=place, gap="small"):
        st.text(said or f"This spends {price} of the live wallet.")
        with st.container(horizontal=True):
            st.button(f"Spend {price}", type="primary", key=f"{key}_yes", on_click=act, args=tuple(args))
            st.button("Not now", key=f"{key}_no", on_click=withdraw, args=(key,))


def spend_button(
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
    asks = not typed and must_confirm(lab, amount)
    about = (amount, *map(str, args))  # a question about one sweep is none about another that costs as much
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
            on_click=ask if asks else _pressed,
            args=(key, about) if asks else (key, amount, typed, act, tuple(args)),
        )
        if asks and asked(key) == about:
            question(key, amount, place=f"confirm_{key}", act=_pressed, args=(key, amount, False, act, tuple(args)))


def _typed(key: str) -> str:
    return f"{key}_amount"


def _is_typed(key: str, amount: int) -> bool:
    typed = str(st.session_state.get(_typed(key)) or "")
    return "".join(letter for letter in typed if letter.isdigit()) == str(amount)


def _pressed(key: str, amount: int, typed: bool, act: Callable[..., None], args: tuple[Any, ...]) -> None:
    if typed and not _is_typed(key, amount):
        return
    withdraw(key)
    act(*args)
