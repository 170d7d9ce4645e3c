"""What every page shows to who is not signed in: what this is, and one button; why somebody who came back was not let in."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages._ui import formatting, layout, sign_in
from pages._ui.formatting import Badge
from rivya_core import Lab
from rivya_core.lab.people.person import role_of

_TROUBLE: Final = "_sign_in_trouble"
_NOT_IN: Final = Badge("Not signed in", ":material/lock:", "orange")


def draw() -> None:
    """Draw the whole page."""
    with st.container(horizontal_alignment="center"), st.container(border=True, key="sign_in", width=480, gap="medium"):
        st.title("Rivya Lab", anchor=False)
        st.text("Video clips from Rivya: make them, compare them, and see what they cost.")
        refused = sign_in.trouble()
        if refused is not None:
            _refused(refused.title, formatting.sentences(refused.detail, refused.hint))
            st.button("Sign out", icon=":material/logout:", key="sign_out", on_click=st.logout, width="stretch")
            return
        trouble: str | None = st.session_state.pop(_TROUBLE, None)
        if trouble:
            _refused("Sign-in is not set up", trouble)
        for provider in sign_in.providers():
            st.button(
                f"Sign in with {provider}" if provider else "Sign in",
                icon=":material/login:",
                type="primary",
                key=f"sign_in_{provider}",
                on_click=_go,
                args=(provider,),
                width="stretch",
            )
        st.caption("You are sent to your organization's sign-in page and come back here.")


def signed_in(lab: Lab) -> None:
    """Draw who is signed in, their role by now, and the way out; nothing where nobody has to sign in."""
    person = lab.person
    if person is None:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="muted_signed_in", width="content"
    ):
        st.text(f"{person.shown} · {role_of(person, lab.settings).label}", width="content")
        st.button("Sign out", icon=":material/logout:", key="sign_out", type="tertiary", on_click=st.logout)


def _refused(title: str, detail: str) -> None:
    layout.badge(_NOT_IN)
    st.text(title)
    st.text(detail)


def _go(provider: str) -> None:
    st.session_state[_TROUBLE] = sign_in.go_to(provider)
