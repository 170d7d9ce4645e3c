"""Whatever is done in whatever order: what is bought is what is missing, and what people repeat on purpose; nothing else."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from rivya_core import GenerationRequest, Lab, State, Sweep
from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.drafts.drafts import repeat_request
from rivya_core.lab.ledger.schema import cell_takes, cells, experiments, generations, movements
from rivya_core.lab.ledger.states import TERMINAL
from tests.lab.experiments.sweeps import PRICE, end
from tests.pace import quicken
from tests.until import until

BUYS: Final = ("start", "extend", "fit", "rest", "retry", "repair", "single", "repeat")
STEERS: Final = ("cancel", "cancel one", "pause", "resume", "drop", "delete", "undelete")
ENDS: Final = ("succeed", "fail", "unconfirm", "close", "damage", "refetch", "same task", "unwatch")
FORMS: Final[tuple[Callable[[str], str], ...]] = (
    str,
    lambda text: f"{text}\n",
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.replace("\u00e9", "e\u0301"),
)
SCALES: Final = (0, 0.5, 1)
COMING: Final = {State.WAITING, State.SUBMITTING, State.RUNNING, State.SAVING, State.UNSAVED, State.UNCONFIRMED}


@dataclass
class Story:
    """What happened so far to sweeps over the same few requests. ``wanted``: generations that had to be bought by now."""

    lab: Lab
    name: str
    sweeps: list[str] = field(default_factory=list)
    wanted: int = 0

    def rows(self) -> Sequence[sa.Row[Any]]:
        """Every generation of the story, hidden ones too, oldest first."""
        column = generations.c
        paused = sa.select(experiments.c.id).where(experiments.c.paused_at.is_not(None))
        query = sa.select(generations, column.experiment_id.in_(paused).label("is_paused"))
        query = query.where(column.prompt.startswith(f"{self.name} ")).order_by(column.seq)
        with self.lab.ledger.reading() as connection:
            return connection.execute(query).all()

    @staticmethod
    def is_usable(row: sa.Row[Any]) -> bool:
        """Whether a generation may fill a take, told row by row in plain words."""
        if row.deleted_at or row.duplicate_of or (row.state == State.WAITING and row.is_paused):
            return False
        if row.state in COMING:
            return row.unwatched_at is None or row.settlement != "released"
        return bool(row.state == State.SUCCEEDED and row.clip_check != "damaged")

    def missing(self, wanted: Counter[float], used: set[str]) -> int:
        """How many of the takes wanted, by scale, nothing that is there can fill."""
        there = Counter(
            row.request["params"]["cfg_scale"] for row in self.rows() if self.is_usable(row) and row.id not in used
        )
        return sum((wanted - there).values())

    def takes(self, id_: str) -> list[tuple[float, str | None]]:
        """Scale and generation of every take of an experiment."""
        both = sa.and_(cells.c.experiment_id == cell_takes.c.experiment_id, cells.c.cell == cell_takes.c.cell)
        query = sa.select(cells.c.request, cell_takes.c.generation_id).select_from(cells.join(cell_takes, both))
        with self.lab.ledger.reading() as connection:
            found = connection.execute(query.where(cells.c.experiment_id == id_)).all()
        return [(row.request["params"]["cfg_scale"], row.generation_id) for row in found]

    def wants(self, id_: str, act: str) -> tuple[Counter[float], set[str]]:
        """The takes that the rest or a retry is about, by scale, and the generations that the experiment has."""
        takes = self.takes(id_)
        lost = {row.id for row in self.rows() if self.is_lost(row)}
        wants = {"rest": {None}, "retry": lost, "repair": {None, *lost}}[act]
        chosen = [scale for scale, one in takes if one in wants]
        return Counter(chosen), {one for _, one in takes if one is not None}

    @staticmethod
    def is_lost(row: sa.Row[Any]) -> bool:
        """Whether a take whose generation this is has to be made again."""
        ended = row.state in {State.FAILED, State.CANCELLED} or row.duplicate_of is not None
        given_up = row.unwatched_at is not None and row.state in COMING and row.settlement == "released"
        return bool(ended or given_up or (row.clip_check == "damaged" and row.state == State.SUCCEEDED))


def buy(story: Story, act: str, pick: int, size: int) -> None:
    """Buy in one of the ways there are, and count what that should have bought."""
    lab = story.lab
    base = GenerationRequest(prompt=FORMS[pick % len(FORMS)](f"{story.name} caf\u00e9,\nslow"))
    sweep = Sweep("Fox", "", base, {"cfg_scale": SCALES[:size]}, pick % 2 + 1)
    if act in {"start", "extend", "fit"}:
        needed = story.missing(Counter(dict.fromkeys(SCALES[:size], sweep.takes)), set())
        assert lab.quote(sweep).new == needed
        parent = story.sweeps[-1] if act == "extend" and story.sweeps else None
        cap = size * PRICE if act == "fit" else None
        sweep = Sweep("Fox", "", base, {"cfg_scale": SCALES[:size]}, sweep.takes, cap, parent_id=parent)
        story.sweeps.append(lab.start(sweep, only_what_fits=act == "fit"))
        story.wanted += needed if cap is None else min(needed, size)
    elif act == "single":
        lab.submit(sweep.cells[pick % size].request)
        story.wanted += 1
    elif act == "repeat" and story.rows():
        row = lab.get(story.rows()[pick % len(story.rows())].id)
        lab.submit(repeat_request(lab, row), parent_id=row.id)
        story.wanted += 1
    elif act in {"rest", "retry", "repair"} and story.sweeps:
        id_ = story.sweeps[pick % len(story.sweeps)]
        lab.sweeps.set_cap(id_, None, "played")
        needed = story.missing(*story.wants(id_, act))
        status = lab.sweep(id_)
        told = {
            "rest": status.planned_credits,
            "retry": status.failed_credits,
            "repair": lab.sweeps.repair_quote(id_).credits,
        }[act]
        assert told == needed * PRICE
        sweeps = lab.sweeps
        buy_ = {"rest": sweeps.start_rest, "retry": sweeps.retry_failed, "repair": sweeps.repair}[act]
        assert buy_(id_, expected_credits=told) == needed
        story.wanted += needed


def steer(story: Story, act: str, pick: int) -> None:
    """Do one thing that spends nothing."""
    lab, rows = story.lab, story.rows()
    if act in {"cancel", "pause", "resume", "drop"} and story.sweeps:
        sweeps = lab.sweeps
        acts = {"cancel": sweeps.cancel_waiting, "drop": sweeps.drop_planned, "pause": sweeps.pause}
        (acts | {"resume": sweeps.resume})[act](story.sweeps[pick % len(story.sweeps)])
    elif act == "cancel one" and rows:
        lab.cancel(rows[pick % len(rows)].id)
    elif act == "delete" and (ended := [row.id for row in rows if row.state in TERMINAL]):
        lab.delete([ended[pick % len(ended)]])
    elif act == "undelete" and rows:
        lab.undelete([row.id for row in rows])


def happen(story: Story, act: str, pick: int) -> None:
    """Let something become of a generation."""
    lab, rows = story.lab, story.rows()
    waiting = [row for row in rows if row.state == State.WAITING and story.is_usable(row)]
    done = [row for row in rows if row.state == State.SUCCEEDED]
    if act in {"succeed", "fail"}:
        for row in waiting[pick % 2 :: 2]:
            end(lab, row.id, State.SUCCEEDED if act == "succeed" else State.FAILED)
    elif act in {"unconfirm", "unwatch"} and waiting:
        one = waiting[pick % len(waiting)].id
        assert lab.ledger.jobs.begin_attempt(one, b"{}", "0" * 64) is not None
        if act == "unwatch":
            lab.ledger.rows.update(one, unwatched_at=lab.ledger.clock())
            if pick % 2:
                lab.ledger.jobs.release(one, "the wallet shows that nothing was taken")
            return
        lab.ledger.jobs.end_attempt(one, RivyaError("No answer"), outcome_known=False)
        lab.ledger.rows.move(one, {State.SUBMITTING}, State.UNCONFIRMED)
    elif act == "close":
        for row in rows:
            with suppress(LabError):
                lab.close_unconfirmed(row.id)
    elif done and act == "refetch":
        lab.ledger.actions.damaged_clip(done[pick % len(done)].id, "The second half is noise.")
    elif done and act in {"damage", "same task"}:
        mark: dict[str, Any] = {"clip_check": "damaged"} if act == "damage" else {"duplicate_of": "another"}
        lab.ledger.rows.update(done[pick % len(done)].id, **mark)


numbers = count()
beats = st.lists(
    st.tuples(st.sampled_from((*ENDS, *STEERS)), st.sampled_from(BUYS), st.integers(0, 7), st.integers(1, 3)),
    max_size=8,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=beats)
def test_what_is_bought_is_what_is_missing_or_repeated(
    make_still: Callable[..., Lab], acts: list[tuple[str, str, int, int]]
) -> None:
    """After every act the generations are those that were missing and those that were bought on purpose, and as many charges.

    What is missing is counted anew here, row by row. Every quote and every price on a button says it before.
    """
    lab = make_still(simulator_credits=100_000_000)
    story = Story(lab, f"Story-{next(numbers)}")
    buy(story, "start", 1, 3)
    happen(story, "succeed", 0)
    for before, act, pick, size in acts:
        (steer if before in STEERS else happen)(story, before, pick)
        assert len(story.rows()) == story.wanted, before
        buy(story, act, pick, size)
        assert len(story.rows()) == story.wanted, act
    charged = sum(row.state == State.SUCCEEDED or row.settlement == "settled" for row in story.rows())
    held = sum(row.settlement == "reserved" for row in story.rows())
    of_story = [row.id for row in story.rows()]
    with lab.ledger.reading() as connection:
        moved = sa.select(sa.func.coalesce(sa.func.sum(movements.c.credits), 0))
        total = connection.execute(moved.where(movements.c.generation_id.in_(of_story))).scalar_one()
    assert total == (charged + held) * PRICE


FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "task_failed"},
    {"kind": "drop_before", "route": "create"},
    {"kind": "drop_after_accept", "route": "create"},
    {"kind": "truncated_body", "route": "create"},
    {"kind": "server_error", "route": "create"},
)


def scripted(dice: random.Random, acts: int) -> Iterator[tuple[str, int, int]]:
    """Acts that need no script: what becomes of a generation is the server's business."""
    for _ in range(acts):
        yield dice.choice((*BUYS, "retry", "rest", "cancel", "delete")), dice.randrange(8), dice.randrange(1, 3)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_server_gets_as_many_tasks_as_were_bought(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Over a real connection, with failures and lost answers: tasks, charges, ledger and wallet agree to the credit."""
    quicken(monkeypatch)
    lab = make_lab(simulator_credits=100_000, simulator_speed=400)
    until(lambda: lab.balance().credits is not None)
    assert lab.simulator is not None
    world, dice = lab.simulator.world, random.Random(seed)
    story = Story(lab, f"Story-{seed}")
    for act, pick, size in scripted(dice, 8):
        if dice.random() < 0.5:
            world.add_fault(**{**dice.choice(FAULTS), "times": 1})
        if act in BUYS:
            buy(story, act, pick, size)
        else:
            steer(story, act, pick)
        for row in story.rows():
            lab.wait(row.id, 120)
        assert len(story.rows()) == story.wanted
    rows = story.rows()
    tasks = Counter(task.idempotency_key for task in world.tasks())
    sent = {row.id for row in rows if row.state is not State.CANCELLED}
    assert tasks == Counter(sent)
    charged = sum(row.state == State.SUCCEEDED for row in rows) * PRICE
    assert sum(world.charges().values()) == sum(row.held_credits for row in rows) == charged
    assert world.balance() == 100_000 - charged
