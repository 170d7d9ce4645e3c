"""The finished simulator clips shown on a first start: real files, marked as examples, excluded from every figure."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from rivya_core.api import GenerationRequest
from rivya_core.api.errors import RivyaError
from rivya_core.lab.examples import example_sweep
from rivya_core.lab.ledger.ledger import Ledger, NewGeneration
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.video_probe import WHOLE
from rivya_core.settings import EMBEDDED_CONNECTION

log = logging.getLogger("rivya.examples")

DONE_NOTE = "examples"
FOLDER = files("rivya_core") / "assets" / "examples"


def add_examples_once(ledger: Ledger, archive: Archive, now: datetime) -> int:
    """Do what ``add_examples`` does where several processes may open a new database at the same moment: one of them adds.

    They are no reason for a dashboard not to open: where they cannot be stored, a later start tries again.
    """
    if ledger.key_value.get(DONE_NOTE) is not None:
        return 0
    mine = {"claimed": uuid.uuid4().hex}
    if ledger.key_value.change(DONE_NOTE, lambda known: known or mine) != mine:
        return 0
    try:
        return _fill(ledger, archive, now, study=False)
    except RivyaError as error:
        log.warning("the examples could not be stored: %s", error.title)
        ledger.key_value.set(DONE_NOTE, None)
        return 0


def add_examples(ledger: Ledger, archive: Archive, now: datetime, *, study: bool = False) -> int:
    """Store the examples in an empty ledger, once per data folder; return how many were added.

    ``study``: a finished sweep is to follow in the background, see ``example_sweep``.
    """
    return _fill(ledger, archive, now, study=study) if ledger.key_value.get(DONE_NOTE) is None else 0


def _fill(ledger: Ledger, archive: Archive, now: datetime, *, study: bool) -> int:
    added = 0
    if ledger.is_empty():
        listing: list[dict[str, Any]] = json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))
        for position, item in enumerate(listing):
            at = now - timedelta(minutes=5 * (len(listing) - position))
            _add(ledger, archive, item, at, seq=example_sweep.CLIPS + 1 + position)
            added += 1
        if study:
            example_sweep.plan_for(ledger, now)
    ledger.key_value.set(DONE_NOTE, {"added": added})
    return added


def _add(ledger: Ledger, archive: Archive, item: dict[str, Any], at: datetime, *, seq: int) -> None:
    """Store one example: files first, then the row."""
    name = str(item["name"])
    clip = (FOLDER / f"{name}.mp4").read_bytes()
    clip_key, poster_key = f"clips/examples/{name}.mp4", f"posters/examples/{name}.jpg"
    archive.put_bytes(clip_key, clip)
    archive.put_bytes(poster_key, (FOLDER / f"{name}.jpg").read_bytes())
    request = GenerationRequest(prompt=item["prompt"], params=item["params"])
    ledger.add_example(
        NewGeneration(
            intent_id=f"example-{name}",
            take=1,
            parent_id=None,
            source="example",
            mode="simulated",
            connection=EMBEDDED_CONNECTION,
            request=request,
            expected_credits=request.expected_credits,
        ),
        at=at,
        took_s=float(item["took_s"]),
        clip_key=clip_key,
        poster_key=poster_key,
        clip_sha256=hashlib.sha256(clip).hexdigest(),
        clip_bytes=len(clip),
        clip_width_px=item["width_px"],
        clip_height_px=item["height_px"],
        clip_duration_s=item["duration_s"],
        clip_fps=item["fps"],
        clip_check=WHOLE,
        seq=seq,
    )
