"""Texts of people keep their own direction, in rules of style and inside lines of ours."""

from __future__ import annotations

import pytest

from pages._ui.direction import COMPONENT_CSS, within


@pytest.mark.parametrize(
    ("text", "is_kept_together"),
    [("דג 35mm.", True), ("A red bicycle, دراجة", True), ("١٢", True), ("A fox", False),
     ("赤い自転車 16:9", False), ("", False)],
)  # fmt: skip
def test_a_text_that_turns_is_kept_together_inside_a_line_of_ours(text: str, *, is_kept_together: bool) -> None:
    """Wherever in it the turning begins; other texts get no marks."""
    shown = within(text)
    assert shown == (f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if is_kept_together else text)


def test_what_would_turn_the_rest_of_a_line_is_left_out() -> None:
    """Names that were kept before such were refused; letters still turn by their own script."""
    assert within("a\u202eb\u2069\u2066c") == "abc"
    assert within("\u202eדג\u2069\u202e") == "\N{FIRST STRONG ISOLATE}דג\N{POP DIRECTIONAL ISOLATE}"


def test_components_get_the_rule_and_no_direction() -> None:
    """Nothing is turned around as a whole."""
    assert "unicode-bidi: plaintext" in COMPONENT_CSS
    assert "direction:" not in COMPONENT_CSS
