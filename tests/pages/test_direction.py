"""Texts of people keep their own direction, in rules of style and in a table that is painted."""

from __future__ import annotations

import pytest

from pages._ui.direction import COMPONENT_CSS, isolated


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


def test_components_get_the_rule_and_no_direction() -> None:
    """Nothing is turned around as a whole."""
    assert "unicode-bidi: plaintext" in COMPONENT_CSS
    assert "direction:" not in COMPONENT_CSS
