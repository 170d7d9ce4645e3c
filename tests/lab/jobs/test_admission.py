"""Admission of creates: at most N in flight, in ledger order, none while the queue or the experiment is paused."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from rivya_core.api.errors import StorageError
from rivya_core.lab.jobs import admission
from rivya_core.lab.jobs.admission import AdmissionQueue, AdmissionResult
from rivya_core.lab.ledger.records import Pause, PauseState
from tests.lab.given import CARD, NOON

PAUSE = Pause(effect="person", since=NOON, card=CARD)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops are looked at often."""
    monkeypatch.setattr(admission, "LOOK_AGAIN_S", 0.01)


class Stopper:
    """What the ledger would say is stopped."""

    def __init__(self) -> None:
        self.stops = PauseState()

    def __call__(self) -> PauseState:
        return self.stops


async def crowd(
    opened: AdmissionQueue, orders: list[int], served: list[int], inside: Callable[[int], None] | None = None
) -> None:
    """Many who come in any order, each with something to do inside."""

    async def one(order: int) -> None:
        async with opened.slot(order) as turn:
            assert turn is AdmissionResult.GO
            served.append(order)
            if inside is not None:
                inside(order)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(order) for order in orders))


def test_those_who_come_in_any_order_leave_in_the_ledgers() -> None:
    """Two hundred jobs at once, shuffled, one slot: served from the oldest row to the youngest."""
    orders = list(range(200))
    random.Random(1).shuffle(orders)
    served: list[int] = []
    asyncio.run(crowd(AdmissionQueue(1, Stopper()), orders, served))
    assert served == sorted(orders)


def test_no_more_than_so_many_are_inside() -> None:
    """Three slots: three inside at the most, and three are used."""

    async def main() -> int:
        opened, now, most = AdmissionQueue(3, Stopper()), 0, 0

        async def one(order: int) -> None:
            nonlocal now, most
            async with opened.slot(order):
                now += 1
                most = max(most, now)
                await asyncio.sleep(0.001)
                now -= 1

        await asyncio.gather(*(one(order) for order in range(30)))
        return most

    assert asyncio.run(main()) == 3


def test_a_closed_gate_lets_nobody_through_and_keeps_the_order() -> None:
    """While the queue is paused nobody passes, whoever comes; afterwards the oldest goes first."""

    async def main() -> list[int]:
        stopper = Stopper()
        stopper.stops = PauseState(PAUSE)
        opened = AdmissionQueue(1, stopper)
        served: list[int] = []
        task = asyncio.create_task(crowd(opened, [3, 1, 2, 0], served))
        await asyncio.sleep(0.1)
        assert served == []
        stopper.stops = PauseState()
        opened.forget()
        await task
        return served

    assert asyncio.run(main()) == [0, 1, 2, 3]


def test_a_deadline_is_kept_at_a_closed_gate() -> None:
    """Whoever may not wait any longer leaves without a slot."""

    async def main() -> AdmissionResult:
        stopper = Stopper()
        stopper.stops = PauseState(PAUSE)
        async with AdmissionQueue(1, stopper).slot(1, deadline_s=asyncio.get_running_loop().time() + 0.05) as turn:
            return turn

    assert asyncio.run(main()) is AdmissionResult.LATE


def test_a_paused_experiment_leaves_and_others_pass() -> None:
    """Rows of a paused experiment are rejected at once, even while the queue is paused; the others wait for it to resume."""

    async def main() -> tuple[AdmissionResult, AdmissionResult]:
        stopper = Stopper()
        stopper.stops = PauseState(PAUSE, frozenset({"x1"}))
        opened = AdmissionQueue(1, stopper)

        async def one(experiment_id: str) -> AdmissionResult:
            async with opened.slot(1, experiment_id=experiment_id) as turn:
                return turn

        other = asyncio.create_task(one("x2"))
        stopped = await one("x1")
        assert not other.done()
        stopper.stops = PauseState(None, frozenset({"x1"}))
        return stopped, await other

    assert asyncio.run(main()) == (AdmissionResult.STOPPED, AdmissionResult.GO)


def test_a_slot_is_given_back_by_whoever_is_cancelled() -> None:
    """Jobs that are cancelled, in line or inside, block nobody."""

    async def main() -> AdmissionResult:
        opened = AdmissionQueue(1, Stopper())
        entered = asyncio.Event()

        async def one(order: int) -> None:
            async with opened.slot(order):
                entered.set()
                await asyncio.sleep(60)

        tasks = [asyncio.create_task(one(order)) for order in (1, 2, 3)]
        await entered.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with opened.slot(4, deadline_s=asyncio.get_running_loop().time() + 5) as turn:
            return turn

    assert asyncio.run(main()) is AdmissionResult.GO


def test_an_error_of_the_ledger_reaches_everybody_in_line() -> None:
    """Nobody waits for ever when the stops cannot be read; the next one to come is served again."""

    async def main() -> list[object]:
        broken = True

        def read() -> PauseState:
            if broken:
                raise StorageError("The disk is gone")
            return PauseState()

        opened = AdmissionQueue(1, read)

        async def one(order: int) -> AdmissionResult:
            async with opened.slot(order) as turn:
                return turn

        ended = await asyncio.gather(one(1), one(2), return_exceptions=True)
        broken = False
        return [*(type(found) for found in ended), await one(3)]

    assert asyncio.run(main()) == [StorageError, StorageError, AdmissionResult.GO]


def test_who_comes_at_the_moment_the_line_ends_is_served() -> None:
    """The task that lets people through ends when nobody waits; whoever comes in that very moment gets a task of his own."""

    async def main() -> list[AdmissionResult]:
        opened = AdmissionQueue(1, Stopper())

        async def first() -> AdmissionResult:
            async with opened.slot(1) as turn:
                return turn

        async def at_the_end(order: int) -> AdmissionResult:
            while opened._server is None or not opened._server.done():  # noqa: ASYNC110 - one step of the loop at a time
                await asyncio.sleep(0)
            async with opened.slot(order) as turn:
                return turn

        async with asyncio.timeout(5):
            return list(await asyncio.gather(at_the_end(2), first(), at_the_end(3)))

    assert asyncio.run(main()) == [AdmissionResult.GO] * 3


def test_a_turn_that_comes_with_the_deadline_is_not_lost() -> None:
    """Let through and late in one turn of the loop: the slot is held, or given back; never gone."""

    async def race() -> None:
        opened = AdmissionQueue(1, Stopper())
        loop = asyncio.get_running_loop()
        look, deadline_s = opened.stops, loop.time() + 0.05

        async def busy() -> PauseState:
            stops = await look()
            moment = loop.create_future()
            loop.call_soon(moment.set_result, None)
            loop.call_soon(lambda: time.sleep(max(0.0, deadline_s - loop.time() + 0.001)))  # the loop is held up
            await moment
            return stops

        opened.stops = busy  # type: ignore[method-assign]  # the real one, made slow
        async with opened.slot(1, deadline_s=deadline_s):
            pass
        opened.stops = look  # type: ignore[method-assign]
        async with asyncio.timeout(2), opened.slot(2) as turn:
            assert turn is AdmissionResult.GO

    asyncio.run(race())


def test_a_cancel_that_comes_with_the_turn_is_not_lost() -> None:
    """Let through and cancelled in one turn of the loop: the job ends and gives its slot back. Closing a lab waits for this."""

    async def race() -> None:
        opened = AdmissionQueue(1, Stopper())
        went_on = False

        async def job() -> None:
            nonlocal went_on
            async with opened.slot(1, deadline_s=asyncio.get_running_loop().time() + 60):
                went_on = True

        running = asyncio.ensure_future(job())
        while opened._free:  # noqa: ASYNC110 - one step of the loop at a time
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
        assert (running.cancelled(), went_on) == (True, False)
        async with asyncio.timeout(2), opened.slot(2) as turn:
            assert turn is AdmissionResult.GO

    asyncio.run(race())
