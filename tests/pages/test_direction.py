"""Texts of people keep their own direction, in rules of style and in a table that is painted."""

from __future__ import annotations

import pytest

from pages._ui.direction import COMPONENT_CSS, isolated, within


@pytest.mark.parametrize(
    ("text", "is_marked"),
    [("دراجة حمراء.", True), ("24 אופניים", True), ("«دوچرخه»", True), ("A red bicycle, دراجة", False), ("赤い自転車", False),
     ("42", False), ("", False)],
)  # fmt: skip
def test_only_a_right_to_left_text_is_marked(text: str, *, is_marked: bool) -> None:
    """By its first letter; what the marks hold is the text itself."""
    shown = isolated(text)
    assert (shown != text) is is_marked
    assert shown.strip("\N{RIGHT-TO-LEFT ISOLATE}\N{POP DIRECTIONAL ISOLATE}") == text


@pytest.mark.parametrize(
    ("text", "is_kept_together"),
    [("דג 35mm.", True), ("A red bicycle, دراجة", True), ("١٢", True), ("a\N{RIGHT-TO-LEFT OVERRIDE}b", True), ("A fox", False),
     ("赤い自転車 16:9", False), ("", False)],
)  # fmt: skip
def test_a_text_that_turns_is_kept_together_inside_a_line_of_ours(text: str, *, is_kept_together: bool) -> None:
    """Wherever in it the turning begins; other texts get no marks."""
    shown = within(text)
    assert shown == (f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if is_kept_together else text)


def test_components_get_the_rule_and_no_direction() -> None:
    """Nothing is turned around as a whole."""
    assert "unicode-bidi: plaintext" in COMPONENT_CSS
    assert "direction:" not in COMPONENT_CSS
