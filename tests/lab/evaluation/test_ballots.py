"""What blind votes promise: neutral addresses, one vote for one pair, names only afterwards, and what they save."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import av
import pytest
import sqlalchemy as sa

from rivya_core import Lab, State
from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.votes.votes import Outcome
from rivya_core.lab.ledger.schema import cell_takes, experiments
from rivya_core.lab.media.video_probe import UNOPENED
from rivya_core.settings import Settings
from tests.conftest import FAST
from tests.lab.evaluation.study import WORDS, make_study
from tests.lab.meanwhile import meanwhile


def cast(lab: Lab, round_id: str, outcome: Outcome, *whys: str) -> bool:
    """Vote on the pair that waits."""
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    return lab.ballots.vote(round_id, ballot.left_token, outcome, whys)


def prefer(lab: Lab, round_id: str, order: list[int], times: int) -> None:
    """Vote so often for the cell that stands first in ``order``."""
    cell_of = {
        take.generation_id: cell.cell
        for cell in lab.sweeps.status(lab.ballots.round(round_id).experiment_id).cells
        for take in cell.takes
    }
    for _ in range(times):
        ballot = lab.ballots.ballot(round_id)
        assert ballot is not None
        left, right = (cell_of[lab.ballots.clip(token)] for token in (ballot.left_token, ballot.right_token))
        better = "left" if order.index(left) < order.index(right) else "right"
        lab.ballots.vote(round_id, ballot.left_token, "left" if better == "left" else "right")


def test_what_a_voter_gets_names_nothing(lab: Lab) -> None:
    """Round id, addresses and mode: no experiment, cell, generation or word of theirs."""
    experiment_id = make_study(lab, clips=2)
    round_id = lab.ballots.start(experiment_id, "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    told = json.dumps([round_id, asdict(ballot)])
    generations = [take.generation_id for cell in lab.sweeps.status(experiment_id).cells for take in cell.takes]
    assert not [word for word in [*WORDS.split(), experiment_id, *generations] if str(word) in told]
    assert ballot.mode == "simulated"


def test_a_pair_waits_until_it_has_its_vote(lab: Lab) -> None:
    """Coming back shows the same pair at the same addresses; after the vote there are new ones."""
    round_id = lab.ballots.start(make_study(lab), "Ana")
    first = lab.ballots.ballot(round_id)
    assert first == lab.ballots.ballot(round_id)
    cast(lab, round_id, "left")
    second = lab.ballots.ballot(round_id)
    assert first is not None
    assert second is not None
    assert {first.left_token, first.right_token}.isdisjoint({second.left_token, second.right_token})


def test_one_pair_has_one_vote(lab: Lab) -> None:
    """A key pressed twice, or a page that was open elsewhere, changes nothing."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    assert lab.ballots.vote(round_id, ballot.left_token, "left")
    assert not lab.ballots.vote(round_id, ballot.left_token, "right")
    lab.ballots.ballot(round_id)
    assert not lab.ballots.vote(round_id, ballot.left_token, "right")
    assert [vote.outcome for vote in lab.votes.cast(experiment_id)] == ["left"]


@pytest.mark.database
def test_a_vote_keeps_voter_reasons_and_what_was_compared(lab: Lab) -> None:
    """Everything a later look needs."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "  Ana   Lima ")
    cast(lab, round_id, "right", "look", "motion")
    [vote] = lab.votes.cast(experiment_id)
    assert (vote.voter, vote.outcome, vote.whys) == ("Ana Lima", "right", ("motion", "look"))
    assert {vote.left_cell, vote.right_cell} == {0, 1}
    assert vote.preferred == vote.right_cell
    assert vote.left_generation_id != vote.right_generation_id


@pytest.mark.parametrize(
    "read",
    [
        lambda lab, sweep, _: lab.votes.questions(sweep),
        lambda lab, sweep, _: lab.votes.ranking(sweep),
        lambda lab, sweep, _: lab.ballots.open_rounds(sweep),
        lambda lab, _, round_id: lab.ballots.round(round_id),
    ],
    ids=["questions", "ranking", "open rounds", "round"],
)
def test_votes_are_read_as_they_stood_at_one_moment(lab: Lab, read: Callable[[Lab, str, str], object]) -> None:
    """Somebody begins a round and votes while they are read: that vote is in what is read with its round, or not at all."""
    sweep = make_study(lab)
    first = lab.ballots.start(sweep, "Ana")
    cast(lab, first, "left")
    before = read(lab, sweep, first)
    with meanwhile(
        lab.ledger.database, "FROM lab_vote_pairs", lambda: cast(lab, lab.ballots.start(sweep, "Ben"), "left")
    ):
        found = read(lab, sweep, first)
    assert found in (before, read(lab, sweep, first))


def test_a_skipped_pair_says_nothing(lab: Lab) -> None:
    """Neither as a vote nor in the standing; ties and both bad are votes that take no side."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    for outcome in ("skip", "tie", "bad", "skip"):
        cast(lab, round_id, outcome)
    found = lab.ballots.round(round_id)
    assert (found.votes, found.skipped) == (2, 2)
    standing = lab.votes.ranking(experiment_id)
    assert (standing.votes, standing.bad) == (2, 1)
    assert [one.share for one in standing.rated] == pytest.approx([0.5, 0.5])


@pytest.mark.database
def test_the_last_vote_can_be_taken_back(lab: Lab) -> None:
    """Its pair is shown again, at its old addresses, and the one drawn after it is forgotten."""
    experiment_id = make_study(lab, clips=2)
    round_id = lab.ballots.start(experiment_id, "Ana")
    first = lab.ballots.ballot(round_id)
    cast(lab, round_id, "left")
    second = lab.ballots.ballot(round_id)
    assert lab.ballots.undo(round_id)
    assert lab.ballots.ballot(round_id) == first
    assert second is not None
    with pytest.raises(LabError):
        lab.ballots.clip(second.left_token)
    assert lab.votes.cast(experiment_id) == ()
    assert not lab.ballots.undo(round_id)


def test_an_address_ends_with_its_round(lab: Lab) -> None:
    """Nobody can look up afterwards which clip stood where, and no vote comes late."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    cast(lab, round_id, "left")
    waiting = lab.ballots.ballot(round_id)
    assert waiting is not None
    lab.ballots.end(round_id)
    for token in (ballot.left_token, waiting.right_token, "nothing", ""):
        with pytest.raises(LabError):
            lab.ballots.clip(token)
    assert lab.ballots.ballot(round_id) is None
    assert not lab.ballots.vote(round_id, waiting.left_token, "left")
    assert not lab.ballots.undo(round_id)
    assert lab.ballots.round(round_id).ended_at is not None


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "two\x00parts"], ids=["empty", "blank", "long", "control"])
def test_a_round_needs_a_name(lab: Lab, name: str) -> None:
    """It is kept with the votes."""
    experiment_id = make_study(lab)
    with pytest.raises(LabError, match="name"):
        lab.ballots.start(experiment_id, name)


def test_a_vote_needs_two_cells_with_clips(lab: Lab) -> None:
    """One cell is nothing to compare, and the list says how many there are."""
    one = make_study(lab, ["alone"], experiment_id="xone")
    make_study(lab, ["calm", "rough"], clips=3, experiment_id="xtwo")
    with pytest.raises(LabError, match="two combinations"):
        lab.ballots.start(one, "Ana")
    assert [(found.id, found.cells, found.clips) for found in lab.ballots.candidates()] == [
        ("xtwo", 2, 6),
        ("xone", 1, 1),
    ]


@pytest.mark.parametrize("wrong", [{"outcome": "both"}, {"whys": ["price"]}], ids=["outcome", "reason"])
def test_an_unknown_vote_or_reason_is_refused(lab: Lab, wrong: dict[str, object]) -> None:
    """Nothing is stored."""
    round_id = lab.ballots.start(make_study(lab), "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    with pytest.raises(LabError):
        lab.ballots.vote(round_id, ballot.left_token, **{"outcome": "left", **wrong})  # type: ignore[arg-type]
    assert lab.ballots.round(round_id).votes == 0


def test_eight_wins_in_a_row_are_enough(lab: Lab) -> None:
    """The sentence names winner and votes; the round only hears that it may end."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    assert lab.votes.ranking(experiment_id).sentence == "Not decided: there is no vote yet."
    prefer(lab, round_id, [1, 0], 7)
    assert lab.votes.ranking(experiment_id).sentence == "Not decided yet after 7 votes. None was eliminated."
    assert not lab.ballots.round(round_id).is_enough
    prefer(lab, round_id, [1, 0], 1)
    standing = lab.votes.ranking(experiment_id)
    assert standing.sentence == "Winner: rough sea, after 8 votes."
    assert standing.winner == 1
    assert [one.variant for one in standing.rated] == [1, 0]
    assert lab.ballots.round(round_id).is_enough


def test_votes_without_a_difference_end_as_not_decided(lab: Lab) -> None:
    """Not decided is an answer, with its own words."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    for _ in range(80):
        cast(lab, round_id, "tie")
    standing = lab.votes.ranking(experiment_id)
    assert standing.winner is None
    assert standing.sentence == "Not decided after 80 votes, and more would hardly help. None was eliminated."


def test_rounds_of_several_voters_count_together(lab: Lab) -> None:
    """Four and four make eight; how far two voters agree is told, and who had seen the names before."""
    experiment_id = make_study(lab)
    for voter, order in (("Ana", [0, 1]), ("Ben", [0, 1]), ("ana", [1, 0])):
        round_id = lab.ballots.start(experiment_id, voter)
        prefer(lab, round_id, order, 4)
        lab.ballots.end(round_id)
    standing = lab.votes.ranking(experiment_id)
    assert standing.progress.decided_after == 8
    assert [(one.name, one.rounds, one.votes, one.informed) for one in standing.voters] == [
        ("Ana", 2, 8, 4),
        ("Ben", 1, 4, 0),
    ]
    [agreement] = standing.agreements
    assert (agreement.one, agreement.other, agreement.comparable, agreement.agreed) == ("Ana", "Ben", 32, 16)


@pytest.mark.database
def test_an_open_round_is_told_by_its_voter_and_can_be_ended_by_others(lab: Lab) -> None:
    """It tells nothing of what is compared; only with a vote does it keep names from others; ended, its votes stay."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Dee")
    cast(lab, round_id, "skip")
    [one] = lab.ballots.open_rounds(experiment_id)
    assert (one.id, one.voter, one.votes) == (round_id, "Dee", 0)
    assert lab.ballots.candidates()[0].voting_rounds == 0
    prefer(lab, round_id, [1, 0], 2)
    [one] = lab.ballots.open_rounds(experiment_id)
    assert one.votes == 2
    assert one.last_at > one.started_at
    assert lab.ballots.candidates()[0].voting_rounds == 1
    before = lab.votes.ranking(experiment_id)
    lab.ballots.end(round_id)
    assert lab.ballots.open_rounds(experiment_id) == ()
    assert lab.ballots.candidates()[0].voting_rounds == 0
    assert lab.votes.ranking(experiment_id).progress == before.progress


def test_live_and_simulated_clips_never_meet(lab: Lab) -> None:
    """P8: of an experiment with both, only the clips of its own mode are shown."""
    experiment_id = make_study(lab, ["calm", "rough", "wild"], clips=1)
    from tests.lab.evaluation.study import _add_cell  # noqa: PLC0415 - a cell of the other mode

    _add_cell(lab, experiment_id, 3, "live one", [2, 0, 0], "live")
    round_id = lab.ballots.start(experiment_id, "Ana")
    for _ in range(12):
        ballot = lab.ballots.ballot(round_id)
        assert ballot is not None
        assert {lab.get(lab.ballots.clip(token)).mode for token in (ballot.left_token, ballot.right_token)} == {
            "simulated"
        }
        cast(lab, round_id, "left")
    assert 3 not in lab.votes.ranking(experiment_id).titles


def test_a_deleted_clip_is_not_shown_any_more(lab: Lab) -> None:
    """Its pair is drawn anew; with one cell left there is nothing to vote on."""
    experiment_id = make_study(lab, ["calm", "rough", "wild"])
    round_id = lab.ballots.start(experiment_id, "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    gone = lab.ballots.clip(ballot.left_token)
    lab.delete([gone])
    again = lab.ballots.ballot(round_id)
    assert again is not None
    assert gone not in {lab.ballots.clip(again.left_token), lab.ballots.clip(again.right_token)}
    lab.delete([lab.ballots.clip(again.left_token)])
    assert lab.ballots.ballot(round_id) is None


def test_a_clip_that_nobody_opens_is_not_put_to_the_vote(lab: Lab) -> None:
    """A voter's browser could not be given it, so its pair would stay dark."""
    experiment_id = make_study(lab, ["calm", "rough", "wild"])
    round_id = lab.ballots.start(experiment_id, "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    huge = lab.get(lab.ballots.clip(ballot.left_token))
    lab.ledger.actions.mark_clips([(huge.id, huge.clip_key or "")], check=UNOPENED, fault="It is too much to open.")
    again = lab.ballots.ballot(round_id)
    assert again is not None
    assert huge.id not in {lab.ballots.clip(again.left_token), lab.ballots.clip(again.right_token)}
    assert [one.clips for one in lab.ballots.candidates()] == [2]


@pytest.mark.database
def test_what_a_decision_saves_is_told_and_dropped(lab: Lab) -> None:
    """Planned and waiting takes of the loser, with their credits; the winner's stay."""
    experiment_id = make_study(lab, planned=2, waiting=1)
    round_id = lab.ballots.start(experiment_id, "Ana")
    assert lab.votes.needless(experiment_id).takes == 0
    prefer(lab, round_id, [1, 0], 8)
    found = lab.votes.needless(experiment_id)
    assert (found.planned, len(found.waiting), found.credits) == (((0, 3), (0, 4)), 1, 480)
    assert lab.votes.drop_needless(experiment_id) == 3
    assert lab.get(found.waiting[0]).state is State.CANCELLED
    loser, winner = lab.sweeps.status(experiment_id).cells
    assert [take.take for take in loser.takes] == [1, 2]
    assert len(winner.takes) == 4
    assert lab.votes.needless(experiment_id).takes == 0


@pytest.mark.database
def test_a_waiting_take_that_another_experiment_uses_is_left(lab: Lab) -> None:
    """Dropping it here would take it away there."""
    experiment_id = make_study(lab, waiting=1)
    round_id = lab.ballots.start(experiment_id, "Ana")
    prefer(lab, round_id, [1, 0], 8)
    [shared] = lab.votes.needless(experiment_id).waiting
    make_study(lab, experiment_id="xother")
    with lab.ledger.writing() as connection:
        borrowed = {
            "experiment_id": "xother",
            "cell": 0,
            "take": 9,
            "generation_id": shared,
            "reused": True,
            "tries": 0,
        }
        connection.execute(sa.insert(cell_takes).values(borrowed))
    assert lab.votes.needless(experiment_id).takes == 0


def test_a_read_only_server_takes_votes_and_drops_nothing(lab: Lab, make_lab: object) -> None:
    """Voting spends nothing; taking back is for those who may spend."""
    experiment_id = make_study(lab, planned=1)
    lab.close()
    from rivya_core.services import open_lab  # noqa: PLC0415 - opened with other settings

    viewer = open_lab(Settings(**{**FAST, "data_dir": lab.settings.data_dir, "read_only": True}))
    round_id = viewer.ballots.start(experiment_id, "Ana")
    prefer(viewer, round_id, [1, 0], 8)
    assert viewer.votes.needless(experiment_id).takes == 1
    with pytest.raises(LabError):
        viewer.votes.drop_needless(experiment_id)


@pytest.mark.parametrize("label", ["0.5", "5", "a1"])
def test_a_bare_value_is_named_with_its_axis(lab: Lab, label: str) -> None:
    """So it reads "prompt 0.5" rather than "0.5"; a text stands for itself."""
    experiment_id = make_study(lab, [label, "rough sea"])
    assert lab.votes.ranking(experiment_id).titles == {0: f"prompt {label}", 1: "rough sea"}


def test_unknown_rounds_and_experiments_are_named(lab: Lab) -> None:
    """A link that went stale gets a sentence."""
    with pytest.raises(LabError, match="no such round"):
        lab.ballots.round("nothing")
    with pytest.raises(LabError, match="no such round"):
        lab.ballots.ballot("nothing")
    with pytest.raises(LabError, match="no such sweep"):
        lab.votes.ranking("nothing")


def test_the_copy_for_voters_shows_the_same_pictures(lab: Lab) -> None:
    """Same frames at the same times, made once, and gone with the last open round."""
    round_id = lab.ballots.start(make_study(lab), "Ana")
    other = lab.ballots.start("xheliotrope", "Ben")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    archived, copy = lab.clip(lab.ballots.clip(ballot.left_token)), lab.ballots.file(ballot.left_token)
    assert pictures(copy) == pictures(archived)
    assert lab.ballots.file(ballot.left_token) == copy
    cast(lab, round_id, "left")
    lab.ballots.end(round_id)
    assert copy.exists()
    lab.ballots.end(other)
    assert not copy.exists()
    assert archived.exists()


def test_a_file_that_cannot_be_copied_is_not_shown(lab: Lab) -> None:
    """Blindness comes first: the pair can be skipped."""
    round_id = lab.ballots.start(make_study(lab), "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    lab.clip(lab.ballots.clip(ballot.left_token)).write_bytes(b"not a film")
    with pytest.raises(LabError, match="cannot be shown blind"):
        lab.ballots.file(ballot.left_token)


def pictures(path: Path) -> list[tuple[int | None, bytes]]:
    """Every frame with its time."""
    with av.open(str(path), format="mp4") as film:
        return [(frame.pts, frame.to_ndarray().tobytes()) for frame in film.decode(film.streams.video[0])]


@pytest.mark.database
def test_votes_stay_in_sight_however_many_sweeps_are_newer(lab: Lab) -> None:
    """Both in the list of what can be voted on and by the experiment's own id."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    prefer(lab, round_id, [1, 0], 1)
    with lab.ledger.writing() as connection:
        row = connection.execute(sa.select(experiments)).mappings().one()
        newer = [{**row, "id": f"x{number:04}", "created_at": lab.ledger.clock()} for number in range(250)]
        connection.execute(sa.insert(experiments), newer)
    assert len(lab.ballots.candidates()) == 251
    [found] = [one for one in lab.ballots.candidates() if one.id == experiment_id]
    assert lab.ballots.candidate(experiment_id) == found
    assert (found.cells, found.clips, found.rounds, found.voting_rounds) == (2, 2, 1, 1)
    assert lab.ballots.candidate("nothing") is None
