"""When a running task is read: never too close, sparse where it is not ready, close behind where it is, never for the last time."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given, strategies as st

from rivya_core.api.errors import StorageError
from rivya_core.api.pace import QUICK_S
from rivya_core.lab.jobs.poll_schedule import (
    OVERDUE_GAP_S,
    STALE_AFTER_S,
    STALE_GAP_S,
    ReadBudget,
    Schedule,
    SharedReadBudget,
)
from rivya_core.lab.ledger.lease import Lease, held, holding
from rivya_core.settings import Settings

DEFAULTS = Settings()
LIVE = Schedule(
    first_s=DEFAULTS.poll_first_s,
    min_s=DEFAULTS.poll_min_s,
    max_s=DEFAULTS.poll_max_s,
    quick_s=QUICK_S,
    overdue_s=DEFAULTS.overdue_after_s,
)


def reads_until(schedule: Schedule, ready_s: float, dice: random.Random) -> list[float]:
    """The moments at which a task that is ready at ``ready_s`` is read; the last one finds it ready."""
    moments: list[float] = []
    now_s = 0.0
    while not moments or moments[-1] < ready_s:
        now_s += schedule.next_gap_s(now_s, len(moments), dice.random())
        moments.append(now_s)
    return moments


def test_typical_tasks_take_few_reads_and_are_found_soon() -> None:
    """Tasks of 20 to 40 s: at most six reads on average, found at most three seconds late on average."""
    dice = random.Random(1)
    ready = [dice.uniform(20.0, 40.0) for _ in range(2000)]
    reads = [reads_until(LIVE, ready_s, dice) for ready_s in ready]
    assert fmean(len(moments) for moments in reads) <= 6.0
    assert fmean(moments[-1] - ready_s for moments, ready_s in zip(reads, ready, strict=True)) <= 3.0


@given(
    ready_s=st.floats(0.0, 5000.0),
    quick_s=st.floats(0.0, 3600.0),
    jitter=st.floats(0.0, 1.0),
    min_s=st.floats(0.01, 60.0),
    wider_s=st.floats(0.0, 120.0),
)
def test_no_two_reads_after_the_first_are_closer_than_the_limit(
    ready_s: float, quick_s: float, jitter: float, min_s: float, wider_s: float
) -> None:
    """Whatever the history says, gaps after the first read stay between the densest and the widest, until a task is overdue."""
    schedule = Schedule(first_s=2.5, min_s=min_s, max_s=min_s + wider_s, quick_s=quick_s, overdue_s=1800.0)
    now_s = schedule.next_gap_s(0.0, 0, jitter)
    assert now_s == 2.5
    for reads in range(1, 40):
        gap_s = schedule.next_gap_s(now_s, reads, jitter)
        assert gap_s >= min_s
        if now_s < schedule.overdue_s:
            assert gap_s <= schedule.max_s * 1.1
        now_s += gap_s
        if now_s > ready_s:
            break


def test_gaps_grow_with_age() -> None:
    """An ordinary long job is read less and less often, an overdue one every five minutes, after a day every six hours."""
    gaps = [LIVE.next_gap_s(elapsed_s, 10, 0.0) for elapsed_s in (30.0, 90.0, 150.0, 600.0)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == LIVE.max_s
    assert LIVE.next_gap_s(LIVE.overdue_s, 99, 0.5) == OVERDUE_GAP_S
    assert LIVE.next_gap_s(STALE_AFTER_S, 999, 0.5) == STALE_GAP_S


def test_a_restart_reads_at_once_what_is_old() -> None:
    """The first read of a process is not put off for a task that was submitted long ago."""
    assert LIVE.next_gap_s(100.0, 0, 0.5) == 0.0


@pytest.mark.parametrize("callers", [1, 20])
def test_reads_of_a_process_keep_their_distance(callers: int) -> None:
    """However many jobs want to read, the process reads no faster than its budget, in order of arrival."""

    async def take_all() -> list[tuple[int, float]]:
        budget = ReadBudget(200.0)
        taken: list[tuple[int, float]] = []

        async def take(number: int) -> None:
            await budget.take()
            taken.append((number, asyncio.get_running_loop().time()))

        await asyncio.gather(*(take(number) for number in range(callers)))
        return taken

    taken = asyncio.run(take_all())
    assert [number for number, _ in taken] == list(range(callers))
    whole_s = taken[-1][1] - taken[0][1]
    assert whole_s >= (callers - 1) / 200.0 * 0.9
    assert all(later[1] >= earlier[1] for earlier, later in pairwise(taken))


async def test_workers_take_their_moments_together() -> None:
    """Those who ask at once are served by one question, in order; the next ones by the next."""
    asked: list[tuple[int, float]] = []

    def take(count: int, gap_s: float) -> float:
        asked.append((count, gap_s))
        return 0.0

    budget = SharedReadBudget(lambda: 500.0, take)
    served: list[int] = []

    async def one(number: int) -> None:
        await budget.take()
        served.append(number)

    await asyncio.gather(*(one(number) for number in range(10)))
    assert served == list(range(10))
    assert sum(count for count, _ in asked) == 10
    assert len(asked) <= 2
    assert {gap_s for _, gap_s in asked} == {0.002}


async def test_an_error_of_the_database_reaches_all_who_wait_and_no_later_one() -> None:
    """Each of their jobs says what it could not do."""
    fails = [True]

    def take(_count: int, _gap_s: float) -> float:
        if fails:
            raise StorageError("The database does not answer", "", "")
        return 0.0

    budget = SharedReadBudget(lambda: 500.0, take)
    found = await asyncio.gather(*(budget.take() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [StorageError] * 3
    fails.clear()
    await budget.take()


async def test_moments_are_taken_in_nobodys_name() -> None:
    """Not in that of the job which happened to ask first: it may have lost its row, and the others have not."""
    seen: list[Lease | None] = []

    def take(_count: int, _gap_s: float) -> float:
        seen.append(held())
        return 0.0

    budget = SharedReadBudget(lambda: 500.0, take)
    with holding(Lease("x-1", "one", 1)):
        await budget.take()
    assert seen == [None]
