"""What the review wall draws, and what is done at it: acts are numbered, and each is carried out once, however often it is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import addresses, formatting, layout, mode_marks
from pages._ui.compare import choice as wall_choice
from pages._ui.components.review_wall import review_wall
from pages._ui.query_params import sweep_link
from rivya_core import GenerationRecord, Lab, RivyaError
from rivya_core.lab.evaluation.reviews import CRITERIA, ClipNote
from rivya_core.lab.experiments.records import SweepStatus
from rivya_core.lab.ledger.history.differences import compare

KEY = "review_wall"
USE = "_wall_use"
SWEEP = "_wall_sweep"

_DONE = "_wall_done"
_FAILED = "_wall_failed"
_DELETED = "_wall_deleted"
_TABS_KEPT = 8
_FAILED_KEPT = 20


def wall(lab: Lab, records: Sequence[GenerationRecord], titles: Mapping[str, str], status: SweepStatus | None) -> None:
    """Draw the wall of some archived clips.

    ``titles``: names by id, where a clip has a better one than its prompt. ``status``: the sweep they were made for, if any.
    """
    sweep = None if status is None else {"name": status.experiment.name, "href": sweep_link(status.id)}
    review_wall(wall_data(lab, records, titles) | {"sweep": sweep}, _acts, key=KEY)


def base_of(records: Sequence[GenerationRecord]) -> str:
    """The clip that the others are compared with: the one in the address, else the first."""
    asked = st.query_params.get("base")
    return next((record.id for record in records if record.id == asked), records[0].id)


def wall_data(lab: Lab, records: Sequence[GenerationRecord], titles: Mapping[str, str]) -> dict[str, Any]:
    """Gather what the browser needs: facts, differences, notes and stars, and which acts are done."""
    ids = [record.id for record in records]
    base = base_of(records)
    differences = compare(records, base)
    stars = _stars(lab, ids)
    marks = mode_marks.marks(lab.mode, (record.mode for record in records))
    return {
        "clips": [
            _clip(record, titles.get(record.id, ""), chips, stars[record.id]) | {"mark": marks.of(record.mode)}
            for record, chips in zip(records, differences.chips, strict=True)
        ],
        "base": base,
        "rows": differences.rows,
        "same": differences.same,
        "notes": [_note(note) for note in lab.reviews.notes(ids)],
        "criteria": [{"name": one.name, "label": one.label, "hint": one.hint} for one in CRITERIA],
        "read_only": lab.settings.read_only,
        "person": "" if lab.person is None else lab.person.address,
        "can_spend": layout.can_spend(),
        "done": dict(st.session_state.get(_DONE, {})),
        "failed": list(st.session_state.get(_FAILED, [])),
    }


def _clip(
    record: GenerationRecord, title: str, chips: list[dict[str, Any]], stars: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    width, height = record.clip_width_px or 16, record.clip_height_px or 9
    return {
        "id": record.id,
        "src": addresses.clip(record.id),
        "poster": addresses.poster(record.id) if record.poster_key else "",
        "title": title or formatting.excerpt(record.prompt, 90),
        "word": record.mode_word,
        "fps": record.clip_fps or 24.0,
        "duration_s": record.clip_duration_s or 0.0,
        "ratio": width / height,
        "chips": chips,
        "stars": stars,
    }


def _note(note: ClipNote) -> dict[str, Any]:
    return {
        "note": note.id,
        "id": note.generation_id,
        "at_s": note.at_s,
        "text": note.text,
        "author": note.author,
        "when": formatting.clock(note.created_at),
    }


def _stars(lab: Lab, ids: Sequence[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    found: dict[str, dict[str, list[dict[str, Any]]]] = {generation_id: {} for generation_id in ids}
    for rating in lab.reviews.ratings(ids):
        given = found[rating.generation_id].setdefault(rating.criterion, [])
        given.append({"author": rating.author, "stars": rating.stars})
    return found


# -- acts ---------------------------------------------------------------------------------------------------------------


def _acts() -> None:
    """Hear what the browser says was done; a callback."""
    take(st.session_state[KEY].get("acts"))


def take(said: object) -> None:
    """Carry out the acts of a browser, each once and in its order, however often they are said.

    ``said``: ``uid`` of the browser's tab and its ``acts``, numbered by ``seq``.
    """
    if not isinstance(said, Mapping):
        return
    uid, acts = str(said.get("uid", ""))[:64], said.get("acts")
    lab = layout.lab()
    done: dict[str, int] = st.session_state.setdefault(_DONE, {})
    failed: list[dict[str, Any]] = st.session_state.setdefault(_FAILED, [])
    deleted: dict[int, ClipNote] = st.session_state.setdefault(_DELETED, {})
    for act in acts if isinstance(acts, list) else []:
        number = act.get("seq") if isinstance(act, Mapping) else None
        if not isinstance(number, int) or number <= done.get(uid, 0):
            continue
        try:
            _carry_out(lab, act, deleted)
        except RivyaError as error:
            failed.append({"uid": uid, "seq": number, "words": formatting.sentences(error.title, error.detail)})
        except (KeyError, TypeError, ValueError, OverflowError):
            sentence = "This could not be understood, so nothing was changed. Reload the page."
            failed.append({"uid": uid, "seq": number, "words": sentence})
        done[uid] = number
    del failed[:-_FAILED_KEPT]
    for old in list(done)[:-_TABS_KEPT]:
        del done[old]


def _carry_out(lab: Lab, act: Mapping[str, Any], deleted: dict[int, ClipNote]) -> None:
    kind = act["kind"]
    if kind == "base":
        st.query_params["base"] = str(act["id"])
    elif kind == "change":
        wall_choice.choose_anew()
    elif kind == "sweep":
        st.session_state[SWEEP] = True
    elif kind == "use":
        st.session_state[USE] = str(act["id"])
    elif not lab.settings.read_only:
        _say(lab, kind, act, deleted)


def _say(lab: Lab, kind: str, act: Mapping[str, Any], deleted: dict[int, ClipNote]) -> None:
    """Store what was said, without a look at the session: there a run may end for the next one, and the act be half done."""
    author = str(act.get("author", ""))
    match kind:
        case "stars":
            lab.reviews.rate(str(act["id"]), str(act["criterion"]), _whole(act["stars"]), author)
        case "note":
            lab.reviews.add_note(str(act["id"]), float(act["at_s"]), str(act["text"]), author)
        case "edit":
            lab.reviews.edit_note(_whole(act["note"]), str(act["text"]))
        case "delete":
            note = lab.reviews.delete_note(_whole(act["note"]))
            if note is not None:
                deleted[note.id] = note
        case "restore":
            note = deleted.pop(_whole(act["note"]), None)
            if note is not None:
                lab.reviews.restore_note(note)
        case _:
            raise ValueError(kind)


def _whole(number: object) -> int:
    """A whole number, whichever way the browser wrote it."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise ValueError("not a whole number")
    return int(number)
