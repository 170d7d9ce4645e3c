"""The finished clips of Generate: the latest press of the button with its takes, and the recent ones as posters.

A press is drawn as one thing however many takes it asked for: one poster on the shelf, and under the player a strip of its
takes with the way to compare them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.clip_card import PLAYER, clip_card
from pages._ui.compare_limits import MOST
from pages._ui.components.poster_grid import Tile, choice, poster_grid
from pages._ui.mode_marks import Marks
from rivya_core import GenerationRecord, Lab
from rivya_core.lab.media.video_probe import UNOPENED

RECENT = 8
"""Presses on the shelf."""
LOOKED_AT = 24
"""Clips read for them; the press at their end may have more takes, so it is left out where there are others."""

_SHOWN = "_shown_clip"
_DRAWN = "_drawn_clip"
_WATCHED = "_watched_clip"
_CHOSEN_MS = "_clip_chosen_ms"
_STRIP, _SHELF = "take_strip", "recent_shelf"


@dataclass(frozen=True, slots=True)
class Press:
    """The finished takes of one press, by their number, at least one; and how many are still on their way."""

    takes: tuple[GenerationRecord, ...]
    running: int = 0


def finished(lab: Lab) -> list[GenerationRecord]:
    """The newest clips, as many as the shelf may need."""
    return [record for record in lab.history.newest_clips(LOOKED_AT) if record.has_clip]


def presses(rows: Sequence[GenerationRecord], running: Sequence[GenerationRecord]) -> list[Press]:
    """Put the takes of each press together, the newest press first."""
    found: dict[str, list[GenerationRecord]] = {}
    for record in rows:
        found.setdefault(record.intent_id, []).append(record)
    groups = list(found.items())
    if len(rows) == LOOKED_AT and len(groups) > 1:
        groups.pop()
    return [
        Press(
            tuple(sorted(takes, key=lambda record: record.take)),
            sum(record.intent_id == intent_id for record in running),
        )
        for intent_id, takes in groups[:RECENT]
    ]


def draw(lab: Lab, made: Sequence[Press], marks: Marks) -> None:
    """Draw the latest clip, or the one that was chosen or is being watched, its takes, and the recent ones as posters."""
    if not made:
        _empty()
        return
    press, shown = _shown(made)
    latest = press is made[0]
    with st.container(border=True, key="clip_card", gap="small"):
        st.session_state[_WATCHED] = clip_card(
            lab,
            shown,
            "Latest clip" if latest else "Clip",
            mark=marks.of(shown.mode),
            chosen_ms=_chosen_ms(),
            on_latest=None if latest else show_latest,
            below=lambda: _takes(press, shown, marks),
        )
    st.session_state[_DRAWN] = shown.id
    if st.session_state[_WATCHED]:
        st.session_state[_SHOWN] = shown.id  # a newer clip does not take the place of one that is being watched
    _recent(made, press, marks)


def show_latest() -> None:
    """Show the newest clip again; also a callback."""
    st.session_state.pop(_SHOWN, None)


def make_way() -> None:
    """Let the next clip replace the one shown, because something new was started; not while that one is being watched."""
    if not st.session_state.get(_WATCHED):
        show_latest()


def _shown(made: Sequence[Press]) -> tuple[Press, GenerationRecord]:
    """The clip to show: the one chosen; else of the newest press the one that is there already, so that it plays on."""
    chosen, drawn = st.session_state.get(_SHOWN), st.session_state.get(_DRAWN)
    for press in made:
        for record in press.takes:
            if record.id == chosen:
                return press, record
    newest = made[0]
    return newest, next((record for record in newest.takes if record.id == drawn), newest.takes[0])


def _takes(press: Press, shown: GenerationRecord, marks: Marks) -> None:
    """Draw the takes of a press side by side, and the way to compare them."""
    ready, wanted = len(press.takes), len(press.takes) + press.running
    if wanted < 2:  # noqa: PLR2004 - one take is on the player already
        return
    with st.container(key="takes", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.text(f"{ready} takes" if ready == wanted else f"{ready} of {wanted} takes ready", width="content")
            comparable = [record.id for record in press.takes if record.clip_check != UNOPENED][:MOST]
            if len(comparable) > 1:
                st.page_link(
                    str(layout.page_file("compare")),
                    label=f"Compare these {len(comparable)}",
                    icon=":material/view_column_2:",
                    query_params={"ids": ",".join(comparable)},
                    width="content",
                )
        if ready > 1:
            tiles = [Tile(record, marks.of(record.mode), name=f"Take {record.take}") for record in press.takes]
            poster_grid(
                tiles,
                shown=shown.id,
                player=PLAYER,
                answered_ms=_chosen_ms(),
                on_choice=lambda: _choose(_STRIP),
                key=_STRIP,
                strip=True,
            )


def _recent(made: Sequence[Press], shown: Press, marks: Marks) -> None:
    if len(made) < 2:  # noqa: PLR2004 - one press is on the card above already
        return
    with st.container(border=True, key="recent", gap="small"):
        with st.container(horizontal=True):
            st.header("Recent clips", anchor=False, width="content")
        tiles = [
            Tile(
                press.takes[0],
                marks.of(press.takes[0].mode),
                takes=f"{len(press.takes)} takes" if len(press.takes) > 1 else "",
                name=formatting.excerpt(press.takes[0].prompt, 70),
            )
            for press in made
        ]
        poster_grid(
            tiles,
            shown=shown.takes[0].id,
            player=PLAYER,
            answered_ms=_chosen_ms(),
            on_choice=lambda: _choose(_SHELF),
            key=_SHELF,
        )
        if any(press.takes[0].source == "example" for press in made) and layout.lab().may("Lab.remove_examples"):
            with st.container(
                horizontal=True,
                vertical_alignment="center",
                horizontal_alignment="distribute",
                key="muted_examples",
            ):
                st.text("Includes sample clips.", width="content")
                st.button(
                    "Remove the examples",
                    icon=":material/delete_sweep:",
                    type="tertiary",
                    on_click=_remove_examples,
                    key="remove_examples",
                )


def _choose(grid: str) -> None:
    chosen = choice(grid)
    if chosen is not None:
        st.session_state[_SHOWN] = chosen.id
        st.session_state[_CHOSEN_MS] = chosen.at_ms


def _chosen_ms() -> int:
    return int(st.session_state.get(_CHOSEN_MS, 0))


def _remove_examples() -> None:
    layout.lab().remove_examples()


def _empty() -> None:
    with st.container(border=True, key="no_clip", gap="small"):
        with st.container(horizontal=True):
            st.header("Latest clip", anchor=False, width="content")
        st.text("No clip yet. Write a prompt and press Generate: the finished clip plays here.")
