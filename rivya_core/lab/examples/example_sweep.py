"""The finished small sweep of a first start on the embedded simulator, so that no page of a new folder is empty.

Only clips are packaged. They are imported in the background once the lab is open, and measured like any others; then a
scripted voter with a stated rule votes blind and a decision is stored: every figure is a real result of the code on show.
Nothing of it was sent or paid, and it is excluded from every figure: its rows are marked as examples and hold no credits.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Final

import sqlalchemy as sa

from rivya_core.api import GenerationRequest
from rivya_core.lab.evaluation import observations
from rivya_core.lab.evaluation.findings import evidence
from rivya_core.lab.evaluation.results import Votes
from rivya_core.lab.evaluation.verdicts import Verdicts
from rivya_core.lab.evaluation.votes.ballots import Ballots
from rivya_core.lab.experiments import repository, reuse
from rivya_core.lab.experiments.repository import Assignment
from rivya_core.lab.experiments.service import Sweeps
from rivya_core.lab.experiments.sweep import Sweep
from rivya_core.lab.ledger.database import reading_at_once
from rivya_core.lab.ledger.key_value import read_note, write_note
from rivya_core.lab.ledger.ledger import Ledger, NewGeneration
from rivya_core.lab.ledger.schema import experiments, generations
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.video_probe import WHOLE
from rivya_core.settings import EMBEDDED_CONNECTION

log = logging.getLogger("rivya.examples")

NOTE: Final = "example-study"
"""Key of its progress: ``{"stage": "due", "made" or "done", "at", "removed"}``; absent in folders without the study."""

EXPERIMENT_ID: Final = "xexample"
EXAMPLE: Final = "example"
FOLDER: Final = files("rivya_core") / "assets" / "examples" / "study"
CLIPS: Final = 9
"""Sequence numbers reserved for its rows, so that it is listed below the examples, which are stored first."""

BEFORE: Final = timedelta(minutes=40)
"""How long before the first start it claims to have been made: earlier than the other examples."""

VOTER: Final = "Example voter, prefers more motion"
VOTES_MAX: Final = 80
_IS_OWN: Final = sa.and_(generations.c.experiment_id == EXPERIMENT_ID, generations.c.source == EXAMPLE)
WHY: Final = "Example: the voter asked for motion, so the value that won the votes was taken."
WHO: Final = "Example"


def plan_for(ledger: Ledger, now: datetime) -> None:
    """Record in a new folder that the study is to be made."""
    ledger.key_value.set(NOTE, {"stage": "due", "at": now.isoformat()})


class ExampleStudy:
    """Make the study step by step; called by the measuring thread whenever it is idle."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        archive: Archive,
        connection: str,
        sweeps: Sweeps,
        ballots: Ballots,
        votes: Votes,
        verdicts: Verdicts,
    ) -> None:
        self._ledger = ledger
        self._archive = archive
        self._sweeps = sweeps
        self._ballots = ballots
        self._votes = votes
        self._verdicts = verdicts
        self._is_over = connection != EMBEDDED_CONNECTION

    def advance(self, go_on: Callable[[], bool]) -> None:
        """Do the next possible step: import the clips, or vote and decide once they are measured. ``go_on`` returning False stops it."""
        if self._is_over:
            return
        note = self._ledger.key_value.get(NOTE) or {}
        stage = note.get("stage")
        if note.get("removed"):
            return  # until it is restored
        if stage == "due":
            self._make(datetime.fromisoformat(note["at"]) - BEFORE, go_on)
        elif stage == "made":
            self._conclude(go_on)
        else:
            self._is_over = True

    # -- clips and rows --------------------------------------------------------------------------------------------

    def _make(self, at: datetime, go_on: Callable[[], bool]) -> None:
        study: dict[str, Any] = json.loads((FOLDER / "study.json").read_text(encoding="utf-8"))
        stored = []
        for clip in study["clips"]:
            if not go_on():
                return
            stored.append(_store(self._archive, clip))
        base = GenerationRequest(prompt=study["prompt"], params=study["params"])
        sweep = Sweep(study["name"], study["question"], base, {"cfg_scale": study["values"]}, takes=study["takes"])
        with self._ledger.writing() as connection:
            if read_note(connection, NOTE).get("removed"):
                return  # removed by a person since the check above
            self._write(connection, sweep, study["clips"], stored, at)
            write_note(connection, NOTE, {"stage": "made", "at": at.isoformat()}, self._ledger.clock())

    def _write(
        self,
        connection: sa.Connection,
        sweep: Sweep,
        clips: list[dict[str, Any]],
        stored: list[dict[str, Any]],
        at: datetime,
    ) -> None:
        """Store sweep and takes as a purchase does, except that nothing is bought."""
        prices = [cell.request.expected_credits for cell in sweep.cells]
        repository.write_experiment(
            connection,
            EXPERIMENT_ID,
            sweep,
            prices,
            mode="simulated",
            name=EMBEDDED_CONNECTION,
            quoted_credits=0,
            now=at,
        )
        repository.update(connection, EXPERIMENT_ID, source=EXAMPLE)
        priced = [(cell.cell, cell.reuse_sha256, price) for cell, price in zip(sweep.cells, prices, strict=True)]
        repository.write_takes(connection, EXPERIMENT_ID, reuse.places(priced, sweep.takes))
        filled = []
        for number, (clip, columns) in enumerate(zip(clips, stored, strict=True), start=1):
            request = sweep.cells[clip["cell"]].request
            new = NewGeneration(
                intent_id=f"{EXPERIMENT_ID}-{clip['cell']}",
                take=clip["take"],
                parent_id=None,
                source=EXAMPLE,
                mode="simulated",
                connection=EMBEDDED_CONNECTION,
                request=request,
                expected_credits=request.expected_credits,
                experiment_id=EXPERIMENT_ID,
            )
            self._ledger.write_example(connection, new, at=at, took_s=clip["took_s"], seq=number, **columns)
            filled.append(Assignment(clip["cell"], clip["take"], new.id, reused=False, tries=1))
        repository.assign(connection, EXPERIMENT_ID, filled)

    # -- votes and decision ----------------------------------------------------------------------------------------

    def _conclude(self, go_on: Callable[[], bool]) -> None:
        with reading_at_once(self._ledger.database) as connection:
            observed = observations.read(connection, EXPERIMENT_ID)
        if observed is None or not observed.is_complete:
            return
        motion = {str(take.generation_id): (take.figures or {}).get("motion") or 0.0 for take in observed.measured}
        if not self._vote(motion, go_on):
            return
        self._decide()
        with self._ledger.writing() as connection:
            write_note(connection, NOTE, {**read_note(connection, NOTE), "stage": "done"}, self._ledger.clock())
        self._is_over = True

    def _vote(self, motion: Mapping[str, float], go_on: Callable[[], bool]) -> bool:
        """Vote blind until the stopping rule is met; False when stopped early."""
        ballots = self._ballots
        round_id = ballots.start(EXPERIMENT_ID, VOTER)
        for _ in range(VOTES_MAX):
            if not go_on():
                return False
            ballot = None if ballots.round(round_id).is_enough else ballots.ballot(round_id)
            if ballot is None:
                break
            left, right = (motion.get(ballots.clip(token), 0.0) for token in (ballot.left_token, ballot.right_token))
            ballots.vote(round_id, ballot.left_token, "left" if left >= right else "right", ["motion"])
        ballots.end(round_id)
        return True

    def _decide(self) -> None:
        """Store the winner of the votes as the decision, with the present evidence; without a winner nothing is decided."""
        sweeps, votes = self._sweeps, self._votes
        winner = votes.winner(EXPERIMENT_ID)
        status = sweeps.status(EXPERIMENT_ID)
        if winner is None or status.experiment.decided_at is not None:
            return
        ranking = votes.ranking(EXPERIMENT_ID)
        cell = next(cell for cell in status.cells if cell.cell == winner)
        title = " · ".join(f"{axis}: {label}" for axis, label in cell.labels.items())
        known = evidence(
            self._verdicts.judge(EXPERIMENT_ID).axes,
            {"words": ranking.sentence, "count": ranking.votes, "winner": winner},
            status,
        )
        sweeps.decide(EXPERIMENT_ID, {"cell": winner, "title": title, "why": WHY, "who": WHO, **known})


# -- taking it away and bringing it back -------------------------------------------------------------------------------


def remove(ledger: Ledger) -> None:
    """Remove the study from every list, with its votes and figures; one that is not made yet will not be made."""
    _mark(ledger, is_removed=True)


def bring_back(ledger: Ledger, generation_ids: Collection[str]) -> None:
    """Restore the study if its clips are among the restored ones."""
    with ledger.reading() as connection:
        own = set(connection.execute(sa.select(generations.c.id).where(_IS_OWN)).scalars())
    if own & set(generation_ids):
        _mark(ledger, is_removed=False)


def keep_to_the_simulator(ledger: Ledger, connection_name: str) -> None:
    """Hide sweep and clips while the folder is open with a key, and show them again without one unless a person removed them."""
    with ledger.reading() as connection:
        note = read_note(connection, NOTE)
        query = sa.select(experiments.c.deleted_at).where(experiments.c.id == EXPERIMENT_ID)
        row = None if note is None else connection.execute(query).first()
    if row is None:
        return
    must_hide = connection_name != EMBEDDED_CONNECTION or bool(note.get("removed"))
    if (row.deleted_at is not None) != must_hide:
        with ledger.writing() as connection:
            _set_deleted(connection, ledger.clock() if must_hide else None)


def _mark(ledger: Ledger, *, is_removed: bool) -> None:
    with ledger.writing() as connection:
        note = read_note(connection, NOTE)
        if note is not None:
            write_note(connection, NOTE, {**note, "removed": is_removed}, ledger.clock())
            _set_deleted(connection, ledger.clock() if is_removed else None)


def _set_deleted(connection: sa.Connection, at: datetime | None) -> None:
    repository.update(connection, EXPERIMENT_ID, deleted_at=at)
    where = [_IS_OWN, generations.c.deleted_at.is_not(None) if at is None else generations.c.deleted_at.is_(None)]
    connection.execute(sa.update(generations).where(*where).values(deleted_at=at))


def _store(archive: Archive, clip: Mapping[str, Any]) -> dict[str, Any]:
    """Archive one clip and its poster; return the columns of its row."""
    data = (FOLDER / f"{clip['name']}.mp4").read_bytes()
    key = f"clips/examples/study-{clip['name']}.mp4"
    archive.put_bytes(key, data)
    return {
        "clip_key": key,
        "poster_key": archive.make_poster(key),
        "clip_sha256": hashlib.sha256(data).hexdigest(),
        "clip_bytes": len(data),
        "clip_width_px": clip["width_px"],
        "clip_height_px": clip["height_px"],
        "clip_duration_s": clip["duration_s"],
        "clip_fps": clip["fps"],
        "clip_check": WHOLE,
    }
