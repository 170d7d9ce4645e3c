"""What a read-only process promises: it shows everything, takes its visitors' votes, and changes nothing anyone else made."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, Sweep
from rivya_core.api import check_image
from rivya_core.api.errors import LabError
from rivya_core.lab.drafts import drafts, sweep_drafts
from rivya_core.lab.evaluation.results import Votes
from rivya_core.lab.evaluation.reviews import ClipNote, Reviews
from rivya_core.lab.evaluation.verdicts import Verdicts
from rivya_core.lab.evaluation.votes.ballots import Ballots
from rivya_core.lab.experiments.service import Sweeps
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.labels import Labels
from rivya_core.lab.ledger.schema import metadata
from rivya_core.lab.ledger.states import State
from rivya_core.lab.server.knowledge import Server
from rivya_core.lab.shows.ballot.ballot import BallotFiles
from rivya_core.lab.shows.cassette.cassettes import Cassettes
from rivya_core.lab.shows.files import ShowFiles
from rivya_core.lab.shows.room.room import Room
from rivya_core.lab.shows.show import Show
from rivya_core.lab.shows.shows import Shows
from rivya_core.lab.spending.spending import Spending
from tests.api.images import png
from tests.lab.evaluation.study import make_study
from tests.lab.given import in_state

REQUEST = GenerationRequest(prompt="A red fox")
SWEEP = Sweep("Fox", "", REQUEST, {"cfg_scale": [0, 1]})
CORE = Path(__file__).resolve().parents[2] / "rivya_core"


class Shown(NamedTuple):
    """A read-only lab on a filled folder, and what others made in it."""

    lab: Lab
    sweep: str
    clip: str
    waiting: str
    unconfirmed: str
    failed: str
    round: str
    pair: str
    note: ClipNote
    show: Show


@pytest.fixture
def shown(make_lab: Callable[..., Lab]) -> Shown:
    """What a visitor meets."""
    found = make_shown(make_lab)
    found.lab.close()
    return found._replace(lab=make_lab(read_only=True))


def make_shown(make_lab: Callable[..., Lab], **settings: Any) -> Shown:
    """A lab on a folder that others have filled."""
    lab = make_lab(**settings)
    sweep = make_study(lab, planned=1, waiting=1)
    round_id = lab.ballots.start(sweep, "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    clip = lab.ballots.clip(ballot.left_token)
    waiting, unconfirmed, failed = (
        in_state(lab.ledger, state).id for state in (State.WAITING, State.UNCONFIRMED, State.FAILED)
    )
    note = lab.reviews.add_note(clip, 0.1, "A jump")
    lab.save_draft({"prompt": "mine"})
    show = lab.shows.create("Mine", [clip])
    return Shown(lab, sweep, clip, waiting, unconfirmed, failed, round_id, ballot.left_token, note, show)


ACTS: dict[type, dict[str, Callable[[Shown], Any]]] = {
    Lab: {
        "submit": lambda its: its.lab.submit(REQUEST),
        "submit_takes": lambda its: its.lab.submit_takes(REQUEST, 2, intent_id="x1"),
        "submit_many": lambda its: its.lab.submit_many([REQUEST]),
        "start": lambda its: its.lab.start(SWEEP),
        "set_cap": lambda its: its.lab.set_cap(0),
        "cancel": lambda its: its.lab.cancel(its.waiting),
        "check_now": lambda its: its.lab.check_now(its.unconfirmed),
        "ask_again": lambda its: its.lab.ask_again(its.unconfirmed),
        "adopt": lambda its: its.lab.adopt(its.unconfirmed, "task_1"),
        "close_unconfirmed": lambda its: its.lab.close_unconfirmed(its.unconfirmed),
        "stop_watching": lambda its: its.lab.stop_watching(its.unconfirmed),
        "watch_again": lambda its: its.lab.watch_again(its.unconfirmed),
        "resume": lambda its: its.lab.resume(),
        "pause_queue": lambda its: its.lab.pause_queue(),
        "star": lambda its: its.lab.star(its.clip, True),
        "set_simulated_credits": lambda its: its.lab.set_simulated_credits(0),
        "star_all": lambda its: its.lab.star_all([its.clip], True),
        "dismiss": lambda its: its.lab.dismiss(its.failed),
        "delete": lambda its: its.lab.delete([its.clip]),
        "undelete": lambda its: its.lab.undelete([its.clip]),
        "remove_examples": lambda its: its.lab.remove_examples(),
        "save_draft": lambda its: its.lab.save_draft({"prompt": "theirs"}),
        "change_draft": lambda its: its.lab.change_draft(lambda _kept: {"prompt": "theirs"}),
        "check_contract": lambda its: its.lab.check_contract(),
    },
    Sweeps: {
        "start": lambda its: its.lab.sweeps.start(SWEEP),
        "start_rest": lambda its: its.lab.sweeps.start_rest(its.sweep),
        "retry_failed": lambda its: its.lab.sweeps.retry_failed(its.sweep),
        "repair": lambda its: its.lab.sweeps.repair(its.sweep),
        "pause": lambda its: its.lab.sweeps.pause(its.sweep),
        "resume": lambda its: its.lab.sweeps.resume(its.sweep),
        "cancel_waiting": lambda its: its.lab.sweeps.cancel_waiting(its.sweep),
        "drop_planned": lambda its: its.lab.sweeps.drop_planned(its.sweep),
        "set_cap": lambda its: its.lab.sweeps.set_cap(its.sweep, 0),
        "decide": lambda its: its.lab.sweeps.decide(its.sweep, {"winner": 0}),
        "rename": lambda its: its.lab.sweeps.rename(its.sweep, "Theirs"),
        "hide": lambda its: its.lab.sweeps.hide(its.sweep),
        "show": lambda its: its.lab.sweeps.show(its.sweep),
        "delete": lambda its: its.lab.sweeps.delete(its.sweep),
        "undelete": lambda its: its.lab.sweeps.undelete(its.sweep),
    },
    Ballots: {
        "ballot": lambda its: its.lab.ballots.ballot(its.round),
        "vote": lambda its: its.lab.ballots.vote(its.round, its.pair, "left"),
        "undo": lambda its: its.lab.ballots.undo(its.round),
        "end": lambda its: its.lab.ballots.end(its.round),
    },
    Votes: {
        "drop_needless": lambda its: its.lab.votes.drop_needless(its.sweep),
        "accept": lambda its: its.lab.votes.accept("RV1.a.b.c.d.e"),
        "paste": lambda its: its.lab.votes.paste("RV1.a.b.c.d.e"),
        "take_out": lambda its: its.lab.votes.take_out(1),
        "put_back": lambda its: its.lab.votes.put_back(1),
    },
    Reviews: {
        "add_note": lambda its: its.lab.reviews.add_note(its.clip, 0, "Mine"),
        "edit_note": lambda its: its.lab.reviews.edit_note(its.note.id, "Mine"),
        "delete_note": lambda its: its.lab.reviews.delete_note(its.note.id),
        "restore_note": lambda its: its.lab.reviews.restore_note(its.note),
        "rate": lambda its: its.lab.reviews.rate(its.clip, "overall", 5),
    },
    Labels: {
        "add": lambda its: its.lab.labels.add("sweep", [its.sweep], "theirs"),
        "remove": lambda its: its.lab.labels.remove("sweep", [its.sweep], "mine"),
    },
    Cassettes: {},
    Verdicts: {},
    Server: {
        "check_contract": lambda its: its.lab.server.check_contract(),
        "ask_contract": lambda its: its.lab.server.ask_contract(),
        "keep_task": lambda its: its.lab.server.keep_task("task_1"),
    },
    Shows: {
        "of_sweep": lambda its: its.lab.shows.of_sweep(its.sweep),
        "create": lambda its: its.lab.shows.create("Theirs", [its.clip]),
        "add": lambda its: its.lab.shows.add(its.show.id, [its.clip]),
        "update_facts": lambda its: its.lab.shows.update_facts(its.show.id),
        "rename": lambda its: its.lab.shows.rename(its.show.id, "Theirs"),
        "caption": lambda its: its.lab.shows.caption(its.show.id, 1, "Theirs"),
        "set_layout": lambda its: its.lab.shows.set_layout(its.show.id, 1, "finding"),
        "move": lambda its: its.lab.shows.move(its.show.id, 1, 1),
        "remove": lambda its: its.lab.shows.remove(its.show.id, 1),
        "put_back": lambda its: its.lab.shows.put_back(its.show),
        "delete": lambda its: its.lab.shows.delete(its.show.id),
        "undelete": lambda its: its.lab.shows.undelete(its.show.id),
    },
    BallotFiles: {
        "make": lambda its: its.lab.shows.ballots.make(its.sweep),
        "of_show": lambda its: its.lab.shows.ballots.of_show(its.show.id, its.sweep),
        "ask": lambda its: its.lab.shows.ballots.ask(its.sweep, ""),
    },
    ShowFiles: {
        "ask": lambda its: its.lab.shows.files.ask(its.show.id),
    },
    Room: {"start": lambda its: its.lab.shows.room.start(its.show.id)},
    Spending: {
        "set_person_cap": lambda its: its.lab.spending.set_person_cap("simulated", "ann@team.example", 0),
    },
    History: {},
}
"""What changes something, by the class that does it."""

SHOWS: dict[type, str] = {
    Lab: "acting_as archive balance ballots budget cap cassettes changes check_connection clip close connection draft events expected get health "
    "existing history image labels ledger may mode mode_word models movements pause person poster quote refresh_balance reviews settings shows simulator spending sweep "
    "server support_bundle sweeps troubles verdicts votes wait wait_sweep",
    Sweeps: "brief failures get list page quote repair_quote status sweep_of wait",
    Ballots: "candidate candidates clip copy_key file open_rounds round start",
    Votes: "cast lines needless questions ranking winner",
    Reviews: "notes ratings",
    Labels: "all of",
    Verdicts: "finding judge knob look measures_here settle_probes try_again wait",
    Server: "ask_task contract drift is_checking look_up observations support_bundle task",
    Cassettes: "export mode_of pieces",
    Shows: "ballot clip contact_sheet data export get held list made_ballot page poster serve side_by_side",
    BallotFiles: "beside failure file is_making latest",
    ShowFiles: "export failure is_making pieces sizes",
    Room: "current stop",
    Spending: "cap_changes decisions experiments forecasts movements person_caps spent wallets",
    History: "children choices clips_kept examples export_rows failures failures_count latest marked marks newest_clips page rendering_s running running_count "
    "running_ids some sweep_names sweep_troubles typical_s",
}
"""What only shows, or (``Ballots.start``) makes something of the visitor's own."""

BESIDE: dict[str, Callable[[Shown], Any]] = {
    "an image for a form": lambda its: drafts.attach_image(its.lab, png(), "a.png"),
    "an image of a request": lambda its: its.lab.ledger.assets.store(check_image(png(), "a.png"), its.lab.archive),
    "the draft of a sweep": lambda its: sweep_drafts.save(its.lab, sweep_drafts.SweepDraft()),
    "the ledger's own cap": lambda its: its.lab.ledger.key_value.set_cap("simulated", 0),
    "the ledger's own update": lambda its: its.lab.ledger.rows.update(its.clip, starred=True),
    "any write": lambda its: its.lab.ledger.writing().__enter__(),
}
EVERY_ACT = {
    **{f"{kind.__name__}.{name}": act for kind, acts in ACTS.items() for name, act in acts.items()},
    **BESIDE,
}


@pytest.mark.parametrize("kind", ACTS, ids=lambda kind: kind.__name__)
def test_every_public_method_is_in_the_table(kind: type) -> None:
    """Whoever adds one says here whether it changes something."""
    known = {*ACTS[kind], *SHOWS[kind].split()}
    assert {name for name in dir(kind) if not name.startswith("_")} - known == set()


def test_every_act_is_refused_and_changes_nothing(shown: Shown) -> None:
    """By the core itself, whatever a page shows."""
    before, files = held(shown.lab), sorted(shown.lab.archive.root.rglob("*"))
    for name, act in EVERY_ACT.items():
        with pytest.raises(LabError, match="read-only"):
            act(shown)
        assert held(shown.lab) == before, name
    assert sorted(shown.lab.archive.root.rglob("*")) == files


def held(lab: Lab) -> dict[str, list[Any]]:
    """Everything in our tables but what the wallet answered."""
    with lab.ledger.reading() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(sa.select(table))
                if not str(row[0]).startswith("balance") and "balance" not in table.name
            ]
            for table in metadata.sorted_tables
        }


def test_a_visitor_votes_in_rounds_of_their_own_only(shown: Shown) -> None:
    """Under a name that somebody else uses as well: that one's round is left alone, and so is another visitor's."""
    ballots = shown.lab.ballots
    own = ballots.start(shown.sweep, "Ana")
    assert own != shown.round
    assert (ballots.round(own).may_vote, ballots.round(shown.round).may_vote) == (True, False)
    assert ballots.start(shown.sweep, "ana") == own  # pressed twice
    pair = ballots.ballot(own)
    assert pair is not None
    assert ballots.vote(own, pair.left_token, "left")
    assert ballots.undo(own)
    assert ballots.vote(own, pair.left_token, "right")
    another = ballots.start(shown.sweep, "Ana")
    assert another != own
    ballots.end(another)
    assert ballots.round(own).ended_at is None
    ballots.end(own)
    assert ballots.round(own).ended_at is not None
    assert ballots.round(shown.round).ended_at is None


def test_what_may_spend_may_end_a_visitors_round(shown: Shown, make_lab: Callable[..., Lab]) -> None:
    """A round that was left there keeps nothing from the others for ever."""
    own = shown.lab.ballots.start(shown.sweep, "Ben")
    shown.lab.close()
    lab = make_lab()
    lab.ballots.end(own)
    assert lab.ballots.round(own).ended_at is not None


def test_a_read_only_lab_hands_out_no_simulator(shown: Shown) -> None:
    """Its world is shared with whoever else has the folder open."""
    assert shown.lab.simulator is None


def test_what_the_wallet_answers_is_kept(shown: Shown) -> None:
    """A visitor sees a balance with its time; that is nobody's work."""
    asked = datetime.now(UTC)
    shown.lab.check_connection()
    found = shown.lab.balance().asked_at
    assert found is not None
    assert found >= asked


def test_a_balance_is_read_while_a_hold_waits_to_be_given_back(make_lab: Callable[..., Lab]) -> None:
    """Giving it back is the work of whoever runs the jobs; the visitor's balance and health do not suffer from it."""
    lab = make_lab()
    row = in_state(lab.ledger, State.RUNNING, connection=lab.connection)
    lab.ledger.actions.stop_watching(row.id, 0.0)
    lab.close()
    visitor = make_lab(read_only=True)
    assert visitor.check_connection().credits is not None
    assert visitor.get(row.id).settlement == "reserved"
    assert visitor.health().ok


def test_every_write_begins_where_it_can_be_refused() -> None:
    """No other way to write, and few that are allowed on a read-only server."""
    ways = re.compile(r"BEGIN IMMEDIATE|(?:engine|database)\.begin\(|even_read_only=True")
    found = {
        (path.relative_to(CORE).as_posix(), way)
        for path in [*CORE.glob("*.py"), *(CORE / "lab").rglob("*.py"), *(CORE / "web").rglob("*.py")]
        for way in ways.findall(path.read_text(encoding="utf-8"))
    }
    assert found == {
        ("lab/ledger/database/sqlite.py", "BEGIN IMMEDIATE"),
        ("lab/evaluation/votes/ballots.py", "even_read_only=True"),
        ("lab/ledger/key_value.py", "even_read_only=True"),
        ("lab/ledger/workers.py", "even_read_only=True"),
    }
