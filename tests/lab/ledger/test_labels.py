"""Labels: what may be one, who carries which, and how a press is taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rivya_core import GenerationRequest, Lab, Sweep
from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.experiments.axes import Labelled
from rivya_core.lab.ledger.labels import LABEL_MAX, Labels, checked
from rivya_core.lab.ledger.states import State
from tests.lab.given import in_state


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A lab with nothing in it."""
    return make_lab()


@pytest.mark.parametrize(
    ("label", "rule"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("\u200b", "it is empty"),
        ("a\nb", "control character"),
        ("a\x00b", "control character"),
        ("a\tb", "control character"),
        ("a\u2028b", "control character"),
        ("evil\u202egpj.exe", r"turns the text after it around \(U\+202E\)"),
        ("a\u2067b\u2069", r"\(U\+2067\)"),
        ("a" * (LABEL_MAX + 1), f"it has {LABEL_MAX + 1} characters, and at most {LABEL_MAX} are taken"),
        (7, "it is empty"),
    ],
)
def test_a_label_that_is_none_is_refused_by_field_and_rule(label: str, rule: str) -> None:
    """In one sentence a person can act on."""
    with pytest.raises(LabError, match=rule) as refused:
        checked(label)
    assert refused.value.field == "label"


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        (" hero  shot ", "hero shot"),
        ("a" * LABEL_MAX, "a" * LABEL_MAX),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("<b>", "<b>"),
        ("\u05d3\u05d2\u200f 35mm.", "\u05d3\u05d2\u200f 35mm."),
    ],
)
def test_a_label_is_kept_trimmed(label: str, kept: str) -> None:
    """Whatever can be written in a line may be one."""
    assert checked(label) == kept


@pytest.mark.parametrize("name", ["A fox\u202etxt", "A\x1bfox", "A \u200bfox"])
def test_no_name_turns_or_breaks_the_lines_it_stands_in(lab: Lab, name: str) -> None:
    """Names of sweeps, their questions and values, of voters and of those who write notes, by one rule."""
    base = GenerationRequest(prompt="A fox")
    refusals: dict[str, Callable[[], object]] = {
        "name": lambda: Sweep(name, "", base, {"cfg_scale": [0, 1]}),
        "question": lambda: Sweep("A", name, base, {"cfg_scale": [0, 1]}),
        "cfg_scale": lambda: Sweep("A", "", base, {"cfg_scale": [Labelled(0, name), 1]}),
        "voter": lambda: lab.ballots.start("xstudy", name),
        "author": lambda: lab.reviews.add_note("g", 0.0, "Good", name),
    }
    for field, refused in refusals.items():
        with pytest.raises(RivyaError, match=r"U\+202E|U\+200B|control character") as caught:
            refused()
        assert caught.value.field == field


@pytest.mark.parametrize("text", [7, None, "A\ud800fox", "A\x00fox"], ids=repr)
def test_what_cannot_be_kept_is_refused_by_its_field(lab: Lab, text: Any) -> None:
    """Names and notes that are no text, or hold what no file can."""
    refusals: dict[str, Callable[[], object]] = {
        "voter": lambda: lab.ballots.start("xstudy", text),
        "author": lambda: lab.reviews.rate("g", "look", 3, text),
        "text": lambda: lab.reviews.add_note("g", 0.0, text),
        "why": lambda: lab.set_cap(160, text),
    }
    for field, refused in refusals.items():
        with pytest.raises(LabError, match=r"must be text|half of a character|NUL|control character") as caught:
            refused()
        assert caught.value.field == field


def test_a_variable_that_is_none_is_refused_by_name_and_rule() -> None:
    """A message is short whatever was given, and turns nothing around."""
    with pytest.raises(RivyaError, match="holds a character that is not seen") as caught:
        Sweep("A", "", GenerationRequest(prompt="A fox"), {"A\u202efox" * 900: [0, 1]})
    assert caught.value.field == "axes"
    assert len(str(caught.value)) < 300


def test_labels_are_given_read_and_taken(lab: Lab) -> None:
    """By kind, with what changed handed back so that a press can be undone."""
    first, second = (in_state(lab.ledger, State.SUCCEEDED).id for _ in range(2))
    labels = lab.labels
    assert labels.add("generation", [first, first], "keep") == (first,)
    assert labels.add("generation", [first, second], "KEEP") == (second,)  # one word, as it was written first
    assert labels.add("generation", [second], "Alpha") == (second,)
    assert labels.of("generation", [first, second, "unknown"]) == {first: ("keep",), second: ("Alpha", "keep")}
    assert list(labels.all("generation").items()) == [("Alpha", 1), ("keep", 2)]
    assert labels.all("sweep") == {}
    assert labels.remove("generation", [second, first], "Keep") == (second, first)
    assert labels.remove("generation", [first], "keep") == ()
    assert labels.all("generation") == {"Alpha": 1}


def test_what_does_not_exist_gets_no_label(lab: Lab) -> None:
    """Nor do the others of the same press."""
    known = in_state(lab.ledger, State.SUCCEEDED).id
    with pytest.raises(LabError, match="no such generation"):
        lab.labels.add("generation", [known, "nobody"], "x")
    with pytest.raises(LabError, match="no such kind"):
        lab.labels.add("clip", [known], "x")  # type: ignore[arg-type]  # what a script may write
    assert lab.labels.of("generation", [known]) == {}


def test_many_things_are_labelled_at_once(lab: Lab) -> None:
    """A page of them, and none is not an error."""
    ids = [in_state(lab.ledger, State.SUCCEEDED).id for _ in range(60)]
    labels: Labels = lab.labels
    assert labels.add("generation", ids, "batch") == tuple(ids)
    assert labels.all("generation") == {"batch": 60}
    assert labels.add("generation", [], "batch") == ()
