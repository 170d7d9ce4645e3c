"""Prompts with places: found, filled, refused with the place named."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from rivya_core.api.errors import InvalidRequestError
from rivya_core.lab.experiments.templates import Choice, Variable, escape, parse


def test_places_are_found_in_order() -> None:
    """Variables once each, alternatives as they stand, text between them untouched."""
    template = parse("A {red|blue} {{animal}} in {snow|rain|} with a {{ animal }} and {{time of day}}")
    assert template.variables == ("animal", "time of day")
    assert template.choices == (Choice(("red", "blue")), Choice(("snow", "rain", "")))
    filled = template.fill({"animal": "fox", "time of day": "dusk"}, ["red", ""])
    assert filled == "A red fox in  with a fox and dusk"


def test_what_is_filled_in_is_not_read_again() -> None:
    """A value may hold braces; they are text."""
    assert parse("A {{x}}").fill({"x": "{a|b} {{x}}"}, []) == "A {a|b} {{x}}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A {{fox", "has no closing }}"),
        ("A {{fox} runs", "has no closing }}"),
        ("A {red|blue fox", "has no closing }"),
        ("A fox}", "was not opened"),
        ("A fox}}", "was not opened"),
        ("A {fox}", "lists one text only"),
        ("A {}", "lists one text only"),
        ("A {a|{b|c}}", "braces within braces"),
        ("A {a|{{b}}}", "braces within braces"),
        ("A {{}}", "is no name of a variable"),
        ("A {{1st}}", "is no name of a variable"),
        ("A {{" + "x" * 41 + "}}", "is no name of a variable"),
    ],
)
def test_a_place_that_is_not_whole_is_refused(text: str, words: str) -> None:
    """The sentence says what is wrong and how to write braces that are text; the field is the input."""
    with pytest.raises(InvalidRequestError) as refused:
        parse(text, "negative_prompt")
    assert words in refused.value.detail
    assert refused.value.field == "negative_prompt"
    assert "\\{" in refused.value.hint


def test_escaped_braces_are_text() -> None:
    r"""``\{`` and its kin stand for themselves; other backslashes too."""
    template = parse(r"A \{json\} with a \| and a \n and {a\|b|c}")
    assert template.choices == (Choice(("a|b", "c")),)
    assert template.fill({}, ["c"]) == r"A {json} with a | and a \n and c"


@given(st.text())
def test_any_text_survives_when_it_is_escaped(text: str) -> None:
    """An escaped text has no place in it and comes out as it was."""
    template = parse(escape(text))
    assert not template.variables
    assert not template.choices
    assert template.fill({}, []) == text


_word = st.text(st.characters(blacklist_characters="{}|\\", blacklist_categories=["Cs"]), max_size=8)
_part = st.one_of(
    _word,
    st.sampled_from(["sky", "sea"]).map(Variable),
    st.lists(_word, min_size=2, max_size=4).map(lambda options: Choice(tuple(options))),
)


def _written(part: str | Variable | Choice) -> str:
    if isinstance(part, Variable):
        return f"{{{{{part.name}}}}}"
    return part if isinstance(part, str) else "{" + "|".join(part.options) + "}"


@given(st.lists(_part, max_size=8))
def test_every_written_template_is_read_as_it_was_meant(parts: list[str | Variable | Choice]) -> None:
    """Places written side by side, in any order, are found as they were written."""
    text = " ".join(_written(part) for part in parts)
    template = parse(text)
    assert template.choices == tuple(part for part in parts if isinstance(part, Choice))
    assert set(template.variables) == {part.name for part in parts if isinstance(part, Variable)}
    picks = [choice.options[0] for choice in template.choices]
    expected = " ".join(
        part if isinstance(part, str) else part.name.upper() if isinstance(part, Variable) else part.options[0]
        for part in parts
    )
    assert template.fill({"sky": "SKY", "sea": "SEA"}, picks) == expected


@given(st.text(alphabet="{}|\\ab ", max_size=30))
def test_whatever_is_typed_is_read_or_refused_in_words(text: str) -> None:
    """No other error leaves, and what is read can be filled."""
    try:
        template = parse(text)
    except InvalidRequestError:
        return
    template.fill(dict.fromkeys(template.variables, "x"), [choice.options[-1] for choice in template.choices])
