"""A shelf of posters: recent clips as pictures that can be chosen, by mouse and by keyboard, and play under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from pages._ui import formatting
from pages._ui.components import component
from pages._ui.components.player import playable
from rivya_core import GenerationRecord
from rivya_core.lab.media.video_probe import UNOPENED

_component = component("poster_grid", html='<ul class="shelf"></ul>', shared=("dom", "hover_play"))


@dataclass(frozen=True, slots=True)
class Tile:
    """One poster: a clip, its mark where live and simulated stand side by side, and what stands under it.

    ``takes``: words on the poster of a clip that stands for several.
    """

    record: GenerationRecord
    mark: str = ""
    takes: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The poster that was pressed, and when by the browser's clock."""

    id: str
    at_ms: int


def poster_grid(
    tiles: Sequence[Tile],
    *,
    shown: str,
    player: str,
    answered_ms: int,
    on_choice: Callable[[], None],
    key: str,
    strip: bool = False,
) -> None:
    """Draw the posters; a press marks one, and changes the clip of ``player``, before the server has heard of it.

    Args:
        tiles: What is drawn, in this order.
        shown: Id of the clip that is marked.
        player: Key of the player that shows what is chosen.
        answered_ms: The moment of the last choice that this drawing knows.
        on_choice: Called after a press; :func:`choice` then tells which.
        key: Names the grid, also for :func:`choice`.
        strip: In one row, as takes of one request stand side by side.
    """
    _component(
        key=key,
        data={
            "shown": shown,
            "player": f"player_{player}",
            "answered": answered_ms,
            "strip": strip,
            "clips": [_poster(tile) for tile in tiles],
        },
        on_pick_change=on_choice,
    )


def choice(key: str) -> Choice | None:
    """What was pressed in the grid ``key``; for its callback."""
    pick = getattr(st.session_state.get(key), "pick", None)
    return None if pick is None else Choice(str(pick["id"]), int(pick["at"]))


def _poster(tile: Tile) -> dict[str, object]:
    record = tile.record
    closed = record.clip_check == UNOPENED
    return {
        "id": record.id,
        "poster": f"/posters/{record.id}.jpg" if record.poster_key else "",
        "src": "" if closed else f"/clips/{record.id}.mp4",
        "play": None if closed else playable(record, tile.mark),
        "name": tile.name or formatting.excerpt(record.prompt, 70),
        "length": f"{record.clip_duration_s:.0f} s" if record.clip_duration_s else "",
        "takes": tile.takes,
        "mark": tile.mark,
    }
