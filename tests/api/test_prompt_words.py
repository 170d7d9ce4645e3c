"""Words that a request asks for and asks to leave out at once."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from rivya_core.api import shared_words


@pytest.mark.parametrize(
    ("prompt", "negative", "shared"),
    [
        ("A sign with text, slight blur", "text, watermark, blur", ("text", "blur")),
        ("A red fox", "text, watermark", ()),
        ("A red fox", "", ()),
        ("Context of a texture", "text", ()),
        ("TEXT on a wall", "Text, text", ("Text",)),
        ("the fox in the snow", "the, in, of", ()),
        ("A close-up of a fox", "close-up, close", ("close-up",)),
        (unicodedata.normalize("NFD", "Ein Café"), unicodedata.normalize("NFC", "café"), ("café",)),
        ("Große STRASSE", "straße", ("straße",)),
        ("একটি লাল শিয়াল", "শিয়াল, লেখা", ("শিয়াল",)),
        ("Красная лиса", "лиса; снег", ("лиса",)),
        ("雪の中の赤い狐と文字", "文字、透かし", ("文字",)),
        ("雪の中の赤い狐", "文字、透かし", ()),
        ("a 🦊 in snow", "🦊", ("🦊",)),
        ("4k film", "4K", ("4K",)),
    ],
    ids=[
        "two", "none", "empty", "parts of words", "case, once", "small words", "a hyphen", "accents", "sharp s", "Bengali",
        "Cyrillic", "Japanese", "Japanese, none", "an emoji", "digits",
    ],
)  # fmt: skip
def test_words_of_both_prompts_are_found_whole(prompt: str, negative: str, shared: tuple[str, ...]) -> None:
    """Whole words in any script, as the negative prompt writes them, each once and in its order."""
    assert shared_words(prompt, negative) == shared


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_is_found_stands_in_the_negative_prompt(prompt: str, negative: str) -> None:
    """Nothing is made up, whatever people paste, and nothing is named twice."""
    found = shared_words(prompt, negative)
    assert all(word in unicodedata.normalize("NFC", negative) for word in found)
    assert len(found) == len(set(found))
