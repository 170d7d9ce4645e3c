"""Two people change one show: an undo takes back its own change and leaves what the other one did."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rivya_core import Lab
from rivya_core.lab.shows.show import Show
from tests.lab.evaluation.study import make_study
from tests.lab.shows.given import VALUES
from tests.lab.shows.test_shows import clips_of

Change = Callable[[Lab, Show, list[str]], Show]

CHANGES: dict[str, Change] = {
    "title": lambda lab, show, _: lab.shows.rename(show.id, "Another"),
    "caption": lambda lab, show, _: lab.shows.caption(show.id, 1, "Mine"),
    "other caption": lambda lab, show, _: lab.shows.caption(show.id, 2, "Theirs"),
    "layout": lambda lab, show, _: lab.shows.set_layout(show.id, 2, "finding"),
    "move": lambda lab, show, _: lab.shows.move(show.id, 1, 1),
    "remove": lambda lab, show, _: lab.shows.remove(show.id, 3),
    "add": lambda lab, show, ids: lab.shows.add(show.id, [ids[1]]),
}


@pytest.fixture
def ids(lab: Lab) -> list[str]:
    """Four clips."""
    return clips_of(lab, make_study(lab, VALUES, clips=2))


@pytest.mark.parametrize("other", CHANGES)
@pytest.mark.parametrize("mine", CHANGES)
def test_an_undo_leaves_what_was_done_elsewhere_since(lab: Lab, ids: list[str], mine: str, other: str) -> None:
    """Any change beside any other one: what comes of it is what the other one alone would have made."""
    if mine == other or {mine, other} == {"remove", "add"}:
        return  # the same thing twice is below; a removed last slide's number is given anew
    show = lab.shows.create("Four", [ids[0], ids[1:3], ids[3]])
    alone = lab.shows.create("Four", [ids[0], ids[1:3], ids[3]])
    before = CHANGES[mine](lab, show, ids)
    after = lab.shows.get(show.id)
    CHANGES[other](lab, show, ids)
    lab.shows.put_back(before, after)
    CHANGES[other](lab, alone, ids)
    found, wanted = lab.shows.get(show.id), lab.shows.get(alone.id)
    assert (found.title, found.slides) == (wanted.title, wanted.slides)
    assert list(found.clips) == list(wanted.clips)


@pytest.mark.parametrize("mine", CHANGES)
def test_an_undo_of_what_nobody_touched_is_exact_and_can_be_done_again(lab: Lab, ids: list[str], mine: str) -> None:
    """Back and forth."""
    show = lab.shows.create("Four", [ids[0], ids[1:3], ids[3]])
    was = lab.shows.data(show.id)
    before = CHANGES[mine](lab, show, ids)
    after, done = lab.shows.get(show.id), lab.shows.data(show.id)
    undone = lab.shows.put_back(before, after)
    assert lab.shows.data(show.id) == was
    lab.shows.put_back(undone, lab.shows.get(show.id))
    assert lab.shows.data(show.id) == done


def test_what_both_changed_stays_as_the_other_one_left_it(lab: Lab, ids: list[str]) -> None:
    """A caption that somebody wrote over since is not taken from them."""
    show = lab.shows.create("One", ids[:1])
    before = lab.shows.caption(show.id, 1, "Mine")
    after = lab.shows.get(show.id)
    lab.shows.caption(show.id, 1, "Theirs")
    lab.shows.put_back(before, after)
    assert lab.shows.get(show.id).slides[0].caption == "Theirs"


def test_a_removed_slide_comes_back_beside_one_that_took_its_number(lab: Lab, ids: list[str]) -> None:
    """With a number of its own, and its caption."""
    show = lab.shows.create("Two", ids[:2], ["First", "Last"])
    before = lab.shows.remove(show.id, 2)
    after = lab.shows.get(show.id)
    lab.shows.add(show.id, [ids[2]], ["New"])
    lab.shows.put_back(before, after)
    slides = lab.shows.get(show.id).slides
    assert [slide.caption for slide in slides] == ["First", "Last", "New"]
    assert len({slide.number for slide in slides}) == 3
