"""What comes into the ledger: once, whole, with its reservation; and what is open in it."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta

import pytest

from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.states import NEEDS_JOB, State
from tests.lab.given import CLIP, HERE, NOON, Clock, added, in_state, new

pytestmark = pytest.mark.database


def test_a_new_row_holds_all_that_was_asked(ledger: Ledger) -> None:
    """Request, connection, key fingerprint, reservation and first line of the timeline are there at once."""
    item = new("A cat", params={"duration": "10", "negative_prompt": "dogs"}, mode="live", parent_id=None, take=2)
    with begin_immediate(ledger.database) as connection:
        row = ledger.add(connection, item)
    assert row == ledger.get(item.id)
    assert (row.id, row.intent_id, row.take) == (f"{item.intent_id}-2", item.intent_id, 2)
    assert row.idempotency_key == row.id
    assert (row.prompt, row.negative_prompt, row.params["duration"]) == ("A cat", "dogs", "10")
    assert row.request == item.request.canonical()
    assert row.request_sha256 == item.request.sha256
    assert (row.mode, row.connection, row.key_fingerprint) == ("live", HERE, "f" * 16)
    assert (row.expected_credits, row.held_credits, row.settlement, row.runs) == (160, 160, "reserved", 1)
    assert row.state is State.WAITING
    assert [(line.kind, line.detail["to"]) for line in ledger.rows.events(row.id)] == [("state", "waiting")]
    assert [(move.kind, move.credits) for move in ledger.rows.movements(row.id)] == [("reserve", 160)]


def test_two_clicks_make_one_row(ledger: Ledger) -> None:
    """P1: the same intent and take from twenty threads is one row with one reservation, whatever they carry."""
    item = new("First")
    rows: list[GenerationRecord] = []
    start = threading.Barrier(20)

    def click(number: int) -> None:
        mine = dataclasses.replace(item, expected_credits=160 + number)
        start.wait()
        with begin_immediate(ledger.database) as connection:
            rows.append(ledger.add(connection, mine))

    threads = [threading.Thread(target=click, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(row.seq, row.expected_credits) for row in rows}) == 1
    assert len(ledger.rows.movements(item.id)) == 1
    assert len(ledger.rows.events(item.id)) == 1


def test_a_second_add_changes_nothing_later_either(ledger: Ledger) -> None:
    """A repeat of a submit that has gone on returns the row as it stands."""
    item = new()
    with begin_immediate(ledger.database) as connection:
        ledger.add(connection, item)
    ledger.actions.cancel(item.id)
    with begin_immediate(ledger.database) as connection:
        again = ledger.add(connection, item)
    assert again.state is State.CANCELLED
    assert again.held_credits == 0


def test_a_rolled_back_submit_leaves_nothing(ledger: Ledger) -> None:
    """Row, reservation and event come with the transaction or not at all."""
    item = new()

    def submit_and_stop() -> None:
        with begin_immediate(ledger.database) as connection:
            ledger.add(connection, item)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        submit_and_stop()
    assert ledger.is_empty()
    assert ledger.rows.movements(item.id) == []


def test_takes_of_an_intent_are_found_together(ledger: Ledger) -> None:
    """All takes of one click, in order."""
    first = new()
    for take in (3, 1, 2):
        with begin_immediate(ledger.database) as connection:
            ledger.add(connection, dataclasses.replace(first, take=take))
    added(ledger)
    assert [row.take for row in ledger.by_intent(first.intent_id)] == [1, 2, 3]


def test_no_picture_and_no_key_is_kept_in_a_row(ledger: Ledger) -> None:
    """The stored request names its picture by hash; the connection's key is there as a fingerprint only."""
    row = added(ledger)
    assert row.request["reference_image"] is None
    assert row.asset_sha256 is None
    assert row.key_fingerprint == "f" * 16


def test_open_rows_are_those_a_job_must_drive(ledger: Ledger) -> None:
    """Oldest first; ended ones and those that wait for a person are not among them."""
    rows = [in_state(ledger, state) for state in State]
    other = added(ledger, connection="https://rivya.ai")
    wanted = [row.id for row in rows if row.state in NEEDS_JOB]
    assert [row.id for row in ledger.open_rows(HERE)] == wanted
    assert [row.id for row in ledger.open_rows()] == [*wanted, other.id]
    assert {row.state for row in ledger.open_rows(HERE)} == NEEDS_JOB


def test_runs_are_counted(ledger: Ledger) -> None:
    """Every further workflow of a row has the next number."""
    row = added(ledger)
    with begin_immediate(ledger.database) as connection:
        assert [ledger.next_run(connection, row.id) for _ in range(2)] == [2, 3]
    assert ledger.get(row.id).runs == 3


def test_a_due_row_is_named_once(ledger: Ledger, clock: Clock) -> None:
    """What was asked to be looked at now is handed out once, on its own connection; later ones wait for their time."""
    now, later, other = added(ledger), in_state(ledger, State.UNSAVED), added(ledger, connection="https://rivya.ai")
    assert ledger.due(HERE) == []
    ledger.make_due(now.id)
    ledger.make_due(other.id)
    assert ledger.due(HERE) == [now.id]
    assert ledger.due(HERE) == []
    clock.turn(61)
    assert ledger.due(HERE) == [later.id]
    assert ledger.due("https://rivya.ai") == [other.id]


def test_the_cheapest_waiting_row_is_known(ledger: Ledger) -> None:
    """A wallet that was topped up enough for one row lets the queue go on."""
    assert ledger.smallest_waiting(HERE) == 0
    added(ledger, expected_credits=320)
    added(ledger, expected_credits=42)
    added(ledger, expected_credits=10, connection="https://rivya.ai")
    in_state(ledger, State.RUNNING, expected_credits=5)
    assert ledger.smallest_waiting(HERE) == 42


def test_states_are_counted(ledger: Ledger) -> None:
    """How many rows stand where, of one connection or of all."""
    for state in (State.WAITING, State.WAITING, State.FAILED):
        in_state(ledger, state)
    added(ledger, connection="https://rivya.ai")
    assert ledger.counts(HERE) == {State.WAITING: 2, State.FAILED: 1}
    assert ledger.counts() == {State.WAITING: 3, State.FAILED: 1}


def test_an_example_is_a_finished_row_outside_every_figure(ledger: Ledger) -> None:
    """Examples of the first start look like any simulated clip, cost nothing and are made once."""
    item = new("Example", intent_id="example-fox", source="example", expected_credits=0)
    clip = {"clip_key": CLIP.clip_key, "poster_key": CLIP.poster_key, "clip_width_px": 640, "clip_height_px": 360}
    for _ in range(2):
        row = ledger.add_example(item, at=NOON, took_s=8, **clip)
    assert (row.state, row.mode, row.source, row.has_clip) == (State.SUCCEEDED, "simulated", "example", True)
    assert (row.held_credits, row.final_credits, row.settlement) == (0, 0, "settled")
    assert row.finished_at == NOON + timedelta(seconds=8)
    assert not ledger.is_empty()
    assert len(ledger.rows.events(row.id)) == 1
    assert ledger.open_rows() == []
