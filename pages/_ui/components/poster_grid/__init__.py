"""Posters of clips to choose from, by mouse and by keyboard; a clip plays while the mouse or the focus is on its poster.

One is chosen (:func:`poster_grid`), or several are ticked and lie in a tray until "Compare" is pressed (:func:`poster_tray`).
What is ticked lives in the browser until then.

In: ``clips``; for one choice also ``shown``, ``player``, ``answered`` and ``strip``; for several ``chosen``, ``start``,
``least`` and ``most``. Out: the trigger ``pick`` (``id``, ``at``) for one choice, ``go`` (ids) for several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages._ui import addresses, formatting
from pages._ui.components import component
from pages._ui.components.player import playable
from rivya_core import GenerationRecord
from rivya_core.lab.media.video_probe import UNOPENED

_component = component("poster_grid", shared=("dom", "hover_play", "poster_grid/tray"))


@dataclass(frozen=True, slots=True)
class Tile:
    """One poster: a clip, its mark where live and simulated stand side by side, and what stands under it.

    ``takes``: words on the poster of a clip that stands for several. ``facts``: a smaller line under its name.
    """

    record: GenerationRecord
    mark: str = ""
    takes: str = ""
    name: str = ""
    facts: str = ""


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
            "clips": [_poster(tile) | {"play": _play(tile)} for tile in tiles],
        },
        on_pick_change=on_choice,
    )


def poster_tray(tiles: Sequence[Tile], chosen: Sequence[Tile], *, least: int, most: int, key: str) -> list[str] | None:
    """Draw posters to tick and the tray; the ids to compare when that was pressed just now, or None.

    ``chosen``: what is in the tray at first. ``least`` and ``most``: how many clips can be compared.
    """
    result = _component(
        key=key,
        data={
            "several": True,
            "clips": [_poster(tile) for tile in tiles],
            "chosen": [_poster(tile) for tile in chosen],
            "start": " ".join(tile.record.id for tile in chosen),
            "least": least,
            "most": most,
        },
        on_go_change=_nothing,
    )
    return [str(one) for one in result.go] if isinstance(result.go, list) else None


def choice(key: str) -> Choice | None:
    """What was pressed in the grid ``key``; for its callback."""
    pick = getattr(st.session_state.get(key), "pick", None)
    return None if pick is None else Choice(str(pick["id"]), int(pick["at"]))


def _poster(tile: Tile) -> dict[str, object]:
    record = tile.record
    return {
        "id": record.id,
        "poster": addresses.poster(record.id) if record.poster_key else "",
        "src": "" if record.clip_check == UNOPENED else addresses.clip(record.id),
        "facts": tile.facts,
        "name": tile.name or formatting.excerpt(record.prompt, 70),
        "length": f"{record.clip_duration_s:.0f} s" if record.clip_duration_s else "",
        "takes": tile.takes,
        "mark": tile.mark,
    }


def _play(tile: Tile) -> Mapping[str, object] | None:
    return None if tile.record.clip_check == UNOPENED else playable(tile.record, tile.mark)


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""
