"""What people write into shows and ballots: a name is one line that turns nothing around it, and what is refused names its field."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from rivya_core import Lab
from rivya_core.api.errors import LabError
from rivya_core.api.texts import cannot_be_kept, name_trouble, shows_nothing
from rivya_core.lab.evaluation.votes import vote_lines
from rivya_core.lab.evaluation.votes.vote_lines import Plan
from rivya_core.lab.shows.edits import CAPTION_MAX, TITLE_MAX, check_caption, check_title
from tests.lab.evaluation.study import make_study
from tests.lab.shows.given import VALUES
from tests.lab.shows.test_shows import clips_of

KEY, BALLOT, VOTER = "0" * 32, "1" * 16, "abcdefghijkl"
PLAN = Plan(1, (((("x",), ("y",)),),))

ODD = "\u202e\u2066\u2069\u200b\u2060\ufeff\u00ad\n\r\t\x00\u2028\u200d\u200f\ud800\ufdd0"
TEXTS = st.text(st.sampled_from([*ODD, *"a \u05d0\u0645\u6d77"]), max_size=40) | st.text(max_size=200)


def line_name(name: str) -> str:
    """The name of an imported line."""
    return vote_lines.read(vote_lines.write(KEY, BALLOT, VOTER, [("left", [])], name), KEY, PLAN).name


def is_name(text: str) -> bool:
    """Whether a text can stand inside other lines."""
    return name_trouble(text) is None and cannot_be_kept(text) is None and text == " ".join(text.split())


def outcome(check: Callable[[str], str], text: str) -> str | LabError:
    """What a text is kept as, or why not."""
    try:
        return check(text)
    except LabError as error:
        return error


@given(TEXTS)
def test_a_title_is_a_name_or_refused(text: str) -> None:
    """Whatever is typed; nothing that is seen of a title is changed."""
    kept = outcome(check_title, text)
    if isinstance(kept, LabError):
        assert kept.field == "title"
        assert kept.detail.startswith("title: it ")
        return
    assert is_name(kept)
    assert 0 < len(kept) <= TITLE_MAX
    assert kept.split() == text.split()
    assert check_title(kept) == kept


@given(TEXTS)
def test_a_caption_is_kept_as_typed_or_refused(text: str) -> None:
    """Line breaks may stand in it; it is a text of its own and no name."""
    kept = outcome(check_caption, text)
    if isinstance(kept, LabError):
        assert kept.field == "caption"
        return
    assert kept == text.replace("\r\n", "\n").strip()
    assert cannot_be_kept(kept) is None
    assert len(kept) <= CAPTION_MAX


@given(TEXTS.filter(lambda text: cannot_be_kept(text) in {None, "a NUL character"}))
def test_the_name_in_a_line_is_a_name_or_none(text: str) -> None:
    """A vote is counted whatever its voter typed as a name: what no name may hold is left out of it."""
    kept = line_name(text)
    assert is_name(kept)
    assert kept == "" or not shows_nothing(kept)
    assert len(kept) <= vote_lines.NAME_MAX


WRITES: dict[str, Callable[[Lab, str, str], object]] = {
    "a new show": lambda lab, clip, text: lab.shows.create(text, [clip]),
    "a show of a sweep": lambda lab, clip, text: lab.shows.of_sweep(lab.sweeps.list()[0].id, text) if clip else None,
    "another title": lambda lab, clip, text: lab.shows.rename(lab.shows.create("Mine", [clip]).id, text),
}


@pytest.mark.parametrize("where", WRITES)
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "in\u202evoice",
            r"title: it holds a character that is not seen and turns the text after it around \(U\+202E\)",
        ),
        ("two\u200bwords", r"title: it holds a character that is not seen \(U\+200B\)"),
        ("bell\x07", "title: it holds a line break or another control character"),
        ("\u2060\u3164", "title: it is empty"),
    ],
)
def test_no_way_to_a_title_goes_around_the_rule(lab: Lab, where: str, text: str, why: str) -> None:
    """Made of clips, made of a sweep, renamed: the same words."""
    clip = clips_of(lab, make_study(lab, VALUES))[0]
    before = [one.title for one in lab.shows.list()]
    with pytest.raises(LabError, match=why):
        WRITES[where](lab, clip, text)
    assert [one.title for one in lab.shows.list() if one.title != "Mine"] == before
