"""What people and sweeps add to generations: told for many at once, and votes only when nobody is blind any more."""

from __future__ import annotations

from rivya_core import HistoryFilter, Lab
from rivya_core.lab.ledger.history.marks import Marks
from tests.lab.evaluation.study import make_study


def test_the_marks_of_a_clip_are_read_together(lab: Lab) -> None:
    """Its sweep, labels, ratings of all people, and notes; a clip without any has none."""
    sweep = make_study(lab)
    first, *others = [row.id for row in lab.history.export_rows(HistoryFilter(sweep=sweep))]
    lab.labels.add("generation", [first], "hero")
    lab.labels.add("generation", [first], "Draft")
    for author, stars in (("Ana", 2), ("Ben", 5)):
        lab.reviews.rate(first, "overall", stars, author)
    lab.reviews.add_note(first, 0.2, "A jump", "Ana")
    marks = lab.history.marks([first, *others])
    mine = marks[first]
    assert [one.id for one in mine.sweeps] == [sweep]
    assert (mine.labels, mine.rating) == (("Draft", "hero"), 3.5)
    assert [(note.author, note.text) for note in mine.notes] == [("Ana", "A jump")]
    assert marks[others[0]] == Marks(sweeps=mine.sweeps)
    found = lab.history.page(HistoryFilter(labels=frozenset({"hero", "nobody"})))
    assert [row.id for row in found.rows] == [first]


def test_votes_are_told_when_the_round_has_ended(lab: Lab) -> None:
    """Before that an export would tell a voter what the others chose."""
    sweep = make_study(lab)
    round_id = lab.ballots.start(sweep, "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    winner = lab.ballots.clip(ballot.left_token)
    loser = lab.ballots.clip(ballot.right_token)
    lab.ballots.vote(round_id, ballot.left_token, "left")
    rows = list(lab.history.export_rows())
    assert {marks.votes for _, marks in lab.history.marked(rows)} == {(0, 0, 0)}
    lab.ballots.end(round_id)
    votes = {row.id: marks.votes for row, marks in lab.history.marked(rows)}
    assert (votes[winner], votes[loser]) == ((1, 0, 0), (0, 1, 0))


def test_a_deleted_sweep_is_no_sweep_of_its_clips(lab: Lab) -> None:
    """It is not offered to filter by either."""
    sweep = make_study(lab)
    [row, *_] = lab.history.export_rows(HistoryFilter(sweep=sweep))
    assert [one.id for one in lab.history.sweep_names()] == [sweep]
    lab.sweeps.delete(sweep)
    assert lab.history.marks([row.id])[row.id].sweeps == ()
    assert lab.history.sweep_names() == []
