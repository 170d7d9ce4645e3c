"""How differences are told: only what differs, word by word in prompts, always against the baseline."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from rivya_core import GenerationRecord, Lab, State
from rivya_core.lab.ledger.history import differences
from rivya_core.lab.ledger.history.differences import words_diff
from tests.lab.given import in_state

FOX = "A red fox in the snow"


def clip(lab: Lab, prompt: str = FOX, **params: Any) -> GenerationRecord:
    """A finished clip."""
    return in_state(lab.ledger, State.SUCCEEDED, prompt, params={"duration": "5", **params})


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (FOX, FOX, [("same", FOX)]),
        (
            FOX,
            "A grey fox in the snow",
            [("same", "A "), ("gone", "red"), ("added", "grey"), ("same", " fox in the snow")],
        ),
        (
            "soft back light",
            "hard rim light",
            [("gone", "soft back"), ("added", "hard rim"), ("same", " light")],
        ),
        (FOX, FOX + ", at dawn", [("same", FOX), ("added", ", at dawn")]),
        ("close-up", "close", [("gone", "close-up"), ("added", "close")]),
        ("শেয়াল লাল", "শেয়াল নীল", [("same", "শেয়াল "), ("gone", "লাল"), ("added", "নীল")]),
    ],
    ids=["alike", "one word", "two words", "more at the end", "a hyphen", "another script"],
)
def test_prompts_are_compared_by_whole_words(before: str, after: str, told: list[tuple[str, str]]) -> None:
    """No word is cut in two."""
    assert words_diff(before, after) == told


TEXTS = st.text(alphabet="ab ,.-'\n\u2019\u09be\u0995日", max_size=40) | st.text(max_size=20)


@given(TEXTS, TEXTS)
def test_a_comparison_loses_no_character(before: str, after: str) -> None:
    """What is the same and what went make the old text; what is the same and what came make the new one."""
    parts = words_diff(before, after)
    assert "".join(text for kind, text in parts if kind != "added") == before
    assert "".join(text for kind, text in parts if kind != "gone") == after


def test_only_fields_that_differ_are_rows(lab: Lab) -> None:
    """The rest is listed once; cells that differ from the baseline are marked."""
    clips = [clip(lab, cfg_scale=0.0), clip(lab, cfg_scale=0.5), clip(lab, cfg_scale=0.5, negative_prompt="text")]
    found = differences.compare(clips, clips[1].id)
    rows = {row["name"]: [cell["other"] for cell in row["cells"]] for row in found.rows}
    assert rows == {"Negative prompt": [False, False, True], "cfg_scale": [True, False, False]}
    same = {fact["name"]: fact["value"] for fact in found.same}
    assert same["Prompt"] == FOX
    assert same["Duration"] == "5 s"
    assert [[chip["value"] for chip in chips] for chips in found.chips] == [["0"], ["0.5"], ["other", "0.5"]]


def test_takes_of_one_request_differ_in_nothing(lab: Lab) -> None:
    """Then what is seen is chance."""
    clips = [clip(lab), clip(lab)]
    assert differences.compare(clips, clips[0].id).rows == []


def test_an_unknown_baseline_is_the_first_clip(lab: Lab) -> None:
    """An address written by hand breaks nothing."""
    clips = [clip(lab), clip(lab, "A grey fox in the snow")]
    found = differences.compare(clips, "nobody")
    assert [cell["other"] for cell in found.rows[0]["cells"]] == [False, True]
    assert ("added", "grey") in found.rows[0]["cells"][1]["parts"]
    assert found.chips[1][0]["value"] == "+1 \N{MINUS SIGN}1 words"


def test_changes_between_parent_and_child_are_told_in_words(lab: Lab) -> None:
    """What was replaced, what came and what went; what was measured of the clips does not count."""
    parent = clip(lab, FOX, cfg_scale=0.5)
    child = clip(lab, "A grey fox in the snow, at dawn", cfg_scale=0.3, negative_prompt="text")
    assert differences.changes(parent, child) == [
        ("Prompt", "red → grey; + , at dawn"),
        ("Negative prompt", "none → text"),
        ("cfg_scale", "0.5 → 0.3"),
    ]
    assert differences.changes(child, clip(lab, "A grey fox, at dawn", cfg_scale=0.3, negative_prompt="text")) == [
        ("Prompt", "\N{MINUS SIGN} in the snow")
    ]
    assert differences.changes(parent, parent) == []
