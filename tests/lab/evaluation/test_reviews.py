"""What Reviews promises: what people said of a clip is found again as they said it, and nothing else is taken."""

from __future__ import annotations

from typing import Any

import pytest

from rivya_core import Lab, State
from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.reviews import AUTHOR_MAX, CRITERIA, NOTE_MAX
from tests.lab.given import in_state


def clip(lab: Lab) -> str:
    """A clip of 5 seconds."""
    return in_state(lab.ledger, State.SUCCEEDED).id


@pytest.mark.database
def test_notes_come_in_the_order_of_their_places(lab: Lab) -> None:
    """Whoever reads along the clip meets them one after the other; other clips' notes stay away."""
    first, second, other = clip(lab), clip(lab), clip(lab)
    lab.reviews.add_note(first, 3.2, "The paw melts", "Mia")
    lab.reviews.add_note(second, 1.0, "  Light flickers ")
    lab.reviews.add_note(other, 0.5, "Elsewhere")
    found = lab.reviews.notes([first, second])
    assert [(note.generation_id, note.at_s, note.text, note.author) for note in found] == [
        (second, 1.0, "Light flickers", ""),
        (first, 3.2, "The paw melts", "Mia"),
    ]


def test_an_edited_note_keeps_its_place_author_and_time(lab: Lab) -> None:
    """Only the words change."""
    note = lab.reviews.add_note(clip(lab), 2.5, "Jumps", "Mia")
    edited = lab.reviews.edit_note(note.id, "Jumps at the cut")
    assert (edited.text, edited.at_s, edited.author, edited.created_at) == (
        "Jumps at the cut",
        2.5,
        "Mia",
        note.created_at,
    )


@pytest.mark.database
def test_a_deleted_note_can_be_brought_back_as_it_was(lab: Lab) -> None:
    """Delete hands out what undo needs; undo twice makes no second note."""
    identity = clip(lab)
    note = lab.reviews.add_note(identity, 2.5, "Jumps", "Mia")
    gone = lab.reviews.delete_note(note.id)
    assert gone == note
    assert lab.reviews.notes([identity]) == []
    assert lab.reviews.delete_note(note.id) is None
    assert lab.reviews.restore_note(note)
    assert not lab.reviews.restore_note(note)
    assert lab.reviews.notes([identity]) == [note]


def test_a_note_that_is_gone_cannot_be_edited(lab: Lab) -> None:
    """The editor is told; no empty note appears."""
    note = lab.reviews.add_note(clip(lab), 0, "x")
    lab.reviews.delete_note(note.id)
    with pytest.raises(LabError, match="gone"):
        lab.reviews.edit_note(note.id, "y")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": " \n "}, "empty"),
        ({"text": "\u200b"}, "empty"),
        ({"text": "x" * (NOTE_MAX + 1)}, "too long"),
        ({"author": "x" * (AUTHOR_MAX + 1)}, "too long"),
        ({"at_s": -0.1}, "not in the clip"),
        ({"at_s": 6.0}, "not in the clip"),
        ({"at_s": float("nan")}, "not in the clip"),
        ({"generation_id": "nobody"}, "no clip"),
    ],
    ids=[
        "empty",
        "nothing to see",
        "long",
        "long name",
        "before the start",
        "after the end",
        "no number",
        "unknown clip",
    ],
)
def test_a_note_that_cannot_be_right_is_refused_in_words(lab: Lab, changes: dict[str, Any], words: str) -> None:
    """Nothing of it is stored."""
    identity = clip(lab)
    with pytest.raises(LabError, match=words):
        lab.reviews.add_note(**{"generation_id": identity, "at_s": 1.0, "text": "x", **changes})
    assert lab.reviews.notes([identity]) == []


def test_a_name_of_which_nothing_is_seen_is_none(lab: Lab) -> None:
    """It would be another author who reads like nobody."""
    identity = clip(lab)
    lab.reviews.rate(identity, "look", 3)
    lab.reviews.rate(identity, "look", 4, "\u200f")
    assert [(one.author, one.stars) for one in lab.reviews.ratings([identity])] == [("", 4)]


def test_a_generation_without_a_clip_takes_no_review(lab: Lab) -> None:
    """There is nothing to look at yet."""
    row = in_state(lab.ledger, State.RUNNING)
    with pytest.raises(LabError, match="no clip"):
        lab.reviews.rate(row.id, "overall", 3)


@pytest.mark.database
def test_new_stars_take_the_place_of_the_same_authors_old_ones(lab: Lab) -> None:
    """One opinion a person and criterion; other people and criteria are left alone; 0 takes it back."""
    identity = clip(lab)
    lab.reviews.rate(identity, "motion", 2)
    lab.reviews.rate(identity, "motion", 4, "Mia")
    lab.reviews.rate(identity, "look", 5)
    lab.reviews.rate(identity, "motion", 3)
    found = {(one.criterion, one.author): one.stars for one in lab.reviews.ratings([identity])}
    assert found == {("motion", ""): 3, ("motion", "Mia"): 4, ("look", ""): 5}
    lab.reviews.rate(identity, "motion", 0, " Mia ")
    assert ("motion", "Mia") not in {(one.criterion, one.author) for one in lab.reviews.ratings([identity])}


@pytest.mark.parametrize(("criterion", "stars"), [("sound", 3), ("look", 6), ("look", -1), ("look", True)])
def test_stars_that_do_not_exist_are_refused(lab: Lab, criterion: str, stars: int) -> None:
    """Unknown criteria and numbers store nothing."""
    identity = clip(lab)
    with pytest.raises(LabError):
        lab.reviews.rate(identity, criterion, stars)
    assert lab.reviews.ratings([identity]) == []


def test_the_criteria_are_those_of_the_issue() -> None:
    """Overall and four more, each with a hint."""
    assert [one.label for one in CRITERIA] == ["Overall", "Prompt match", "Motion", "Artefacts", "Look"]
    assert all(one.hint for one in CRITERIA)
