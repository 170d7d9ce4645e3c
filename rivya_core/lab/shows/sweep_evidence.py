"""Collect the evidence of a sweep and pin its clips for a show: read once, when the show is made or updated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.results import Votes
from rivya_core.lab.evaluation.verdicts import Verdicts
from rivya_core.lab.experiments import repository
from rivya_core.lab.ledger.database import reading, reading_at_once
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.shows import clip_store, sweep_facts
from rivya_core.lab.shows.cassette.replay import Replay
from rivya_core.lab.shows.clip_store import HeldClip
from rivya_core.lab.shows.show import Facts
from rivya_core.mode_words import ModeWord, mode_word


@dataclass(frozen=True, slots=True)
class Frozen:
    """Facts, and the clips that they speak of."""

    facts: Facts
    held: tuple[HeldClip, ...]


class Freezer:
    """Read what shows are made of, and hold its clips; safe to use from any thread."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        archive: Archive,
        replay: Replay | None,
        verdicts: Verdicts,
        votes: Votes,
    ) -> None:
        self._database = ledger.database
        self._archive = archive
        self._verdicts = verdicts
        self._votes = votes
        self.replay = "" if replay is None else replay.words()

    def evidence(self, sweep_id: str) -> sweep_facts.Evidence:
        """Read what is known of a sweep now. Votes stay out while a round with a vote is open."""
        with reading_at_once(self._database) as connection:
            record = repository.must_find(connection, sweep_id)
            status = repository.status(connection, record, record.mode, repository.read_cells(connection, sweep_id))
            spent = _spent(connection, sweep_id)
        standing = self._verdicts.look(sweep_id)
        questions = self._votes.questions(sweep_id)
        is_open = any(one.voting_rounds for one in questions)
        tells_votes = any(one.votes for one in questions) and not is_open
        return sweep_facts.Evidence(
            status=status,
            verdict=self._verdicts.finding(sweep_id),
            is_measuring=standing.stage == "measuring",
            votes=self._votes.ranking(sweep_id) if tells_votes else None,
            has_open_round=is_open,
            spent=spent,
            replay=self.replay,
            voted_at=max(one.voted_at for one in self._votes.cast(sweep_id)) if tells_votes else None,
        )

    def freeze(self, evidence: sweep_facts.Evidence, held: Iterable[str] = ()) -> Frozen:
        """Hold the clips of a sweep and write down what it came to; ``held``: generations that may be deleted meanwhile.

        Raises:
            LabError: there is no clip to show. StorageError: a clip's file is gone, or there is no room.
        """
        labels = sweep_facts.wanted(evidence)
        with reading(self._database) as connection:
            rows = clip_store.read(connection, labels, held)
        if not rows:
            raise LabError(
                "There is nothing to show yet",
                "No combination of this sweep has a finished, whole clip.",
                "Make the show once a clip is there.",
                field="sweep_id",
            )
        clips = {id_: clip_store.hold(self._archive, row, labels[id_]) for id_, row in rows.items()}
        newest = max(one.shown.made_at for one in clips.values())
        facts = sweep_facts.facts(evidence, {id_: one.shown.sha256 for id_, one in clips.items()}, newest)
        return Frozen(facts, tuple(clips.values()))

    def again(self, facts: Facts, held: Sequence[HeldClip]) -> Frozen:
        """Write down anew what is known of clips that are held for no sweep; the files stay those that are held."""
        with reading(self._database) as connection:
            ids = [one.generation_id for one in held]
            rows = clip_store.read(connection, ids, ids)
        fresh = []
        for one in held:
            row = rows.get(one.generation_id)
            paid = one.shown.credits if row is None else clip_store.paid(row)
            fresh.append(replace(one, shown=replace(one.shown, credits=paid)))
        return Frozen(facts, tuple(fresh))

    def hold(self, ids: Sequence[str]) -> dict[str, HeldClip]:
        """Hold the clips of generations. Raises LabError: one of them has none that can be shown."""
        with reading(self._database) as connection:
            rows = clip_store.read(connection, ids)
        for id_ in ids:
            if id_ not in rows:
                raise clip_store.unshown(id_, "it is not here, or has no finished, whole clip")
        return {id_: clip_store.hold(self._archive, row, clip_store.label_of(row)) for id_, row in rows.items()}


def _spent(connection: sa.Connection, sweep_id: str) -> dict[ModeWord, int]:
    """Credits held or settled by the generations that a sweep paid for, by what they are."""
    column = generations.c
    query = (
        sa.select(column.mode, column.connection, sa.func.sum(column.held_credits))
        .where(column.experiment_id == sweep_id)
        .group_by(column.mode, column.connection)
    )
    spent: dict[ModeWord, int] = defaultdict(int)
    for mode, name, total in connection.execute(query):
        spent[mode_word(mode, name)] += int(total or 0)
    return dict(spent)
