"""The undo bar: shows the last action with its undo button until the next action; one per page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st


@dataclass(frozen=True, slots=True)
class Done:
    """The last action. ``undo``: reverts it; None: it cannot be undone. ``label``: of the button."""

    said: str
    undo: Callable[[], object] | None
    label: Literal["Undo", "Redo"] = "Undo"


def put(name: str, done: Done) -> None:
    """Show this in the bar ``name``."""
    st.session_state[_key(name)] = done


def told(name: str) -> Done | None:
    """Return what the bar ``name`` shows, or None."""
    done: Done | None = st.session_state.get(_key(name))
    return done


def draw(name: str) -> None:
    """Draw the bar; its container always exists, so that the elements below keep their position (and state)."""
    with st.container(key=f"slot_{name}_undo"):
        done = told(name)
        if done is None:
            return
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"{name}_undo_card"):
            st.text(done.said, width="stretch")
            if done.undo is not None:
                st.button(
                    done.label,
                    icon=f":material/{done.label.lower()}:",
                    key=f"{name}_manage_undo",
                    type="primary",
                    on_click=undo,
                    args=(name,),
                )
            st.button("Close", key=f"{name}_manage_close", type="tertiary", on_click=forget, args=(name,))


def forget(name: str) -> None:
    """Hide the bar."""
    st.session_state.pop(_key(name), None)


def undo(name: str) -> None:
    """Undo what the bar ``name`` shows; a callback."""
    done: Done | None = st.session_state.pop(_key(name), None)
    if done is not None and done.undo is not None:
        done.undo()


def _key(name: str) -> str:
    return f"_{name}_done"
