"""The parts that every page is made of: the one way to the lab, links to pages, chips, the head of a card, an error.

What stands around a page is in ``app_shell``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

from pages._ui import formatting, mode_marks, sign_in
from pages._ui.formatting import Badge
from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.people.acts import LEAST_ROLE
from rivya_core.lab.people.person import Role
from rivya_core.mode_words import UNITS, ModeWord, mode_word
from rivya_core.services import shared_lab
from rivya_core.settings import Mode

ROOT = Path(__file__).resolve().parents[2]


def lab() -> Lab:
    """The lab of this process, in the hands of who is signed in where people sign in; a page never builds or stores one.

    Raises:
        LabError: people sign in here, and nobody is.
    """
    if not sign_in.is_on():
        return shared_lab()
    person = sign_in.person()
    if person is None:
        raise LabError(
            "Nobody is signed in", "This is shown to people who are signed in.", "Load the page again and sign in."
        )
    return shared_lab().acting_as(person)


@cache
def page_file(name: str) -> Path:
    """The file of a page, as ``st.page_link`` and the navigation take it."""
    return ROOT / "pages" / f"{name}.py"


def can_spend() -> bool:
    """Tell whether generations may be started: not on a read-only server, nor by who may only look."""
    return not lab().settings.read_only


def only_for(act: str, done: str) -> None:
    """Say in one sentence whose role allows an act, where its buttons would stand; nothing where the role is not why."""
    opened = lab()
    if not opened.may(act):
        st.caption(f"{'Admins' if LEAST_ROLE[act] is Role.ADMIN else 'Makers and admins'} {done}.")


def badge(chip: Badge) -> None:
    """Draw one chip."""
    st.badge(chip.label, icon=chip.icon, color=chip.color)


def remark(chip: Badge, words: str) -> None:
    """Draw a chip and a sentence that holds words from outside: a name or an address never becomes markup, as in an alert."""
    with st.container(gap="xsmall"):
        badge(chip)
        st.text(words)


def mode_badge(mode: Mode) -> None:
    """Draw the short mode chip: simulated work never looks real. What it means stands in the header of every page."""
    badge(formatting.MODE_BADGES[word_of(mode)])


def word_of(mode: Mode) -> ModeWord:
    """The word shown for a mode; while a cassette is played, all work is a replay."""
    return mode_word(mode, lab().connection)


def credit_unit(mode: Mode) -> str:
    """What credits of a mode are called beside a figure."""
    return UNITS[word_of(mode)]


def mode_chip(mode: Mode) -> Badge | None:
    """The chip of a card that is all of one mode; None where the header of the page has said it."""
    if not mode_marks.marks(lab().mode, [mode]).mixed:
        return None
    return formatting.MODE_BADGES[word_of(mode)]


def state_badge(record: GenerationRecord) -> None:
    """Draw the chip of a generation's state."""
    badge(formatting.state_of(record))


def error_card(error: RivyaError) -> None:
    """Draw an error in full: what happened, whether it was charged, what is safe now, the request id."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            badge(Badge("Problem", ":material/error:", "red"))
            badge(formatting.CHARGED[error.charged])
        st.text(error.title)
        for line in (error.detail, error.hint):
            if line:
                st.text(formatting.sentences(line))
        if error.request_id:
            st.text(f"Request id {error.request_id}")


def card_head(title: str, chip: Badge | None = None) -> None:
    """Draw the first line of a card: its title, and a chip that says how things stand."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small", wrap=True
    ):
        st.header(title, anchor=False, width="content")
        if chip is not None:
            badge(chip)
