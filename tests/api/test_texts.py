"""What a text says, whatever bytes it came in: nothing at all, or the same as another."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given, strategies as st

from rivya_core.api import GenerationRequest
from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.texts import name_trouble, one_line, same_text, shows_nothing, unturned

UNDRAWN = {
    "zero width space": "\u200b",
    "byte order mark": "\ufeff",
    "word joiner": "\u2060",
    "zero width joiners": "\u200d\u200d",
    "bidi mark": "\u200f",
    "bidi isolates": "\u2066\u2069",
    "soft hyphen": "\u00ad",
    "grapheme joiner": "\u034f",
    "Braille blank": "\u2800",
    "Hangul fillers": "\u3164\u115f\u1160\uffa0",
    "Khmer inherent vowels": "\u17b4\u17b5",
    "Mongolian selectors": "\u180b\u180e\u180f",
    "variation selectors": "\ufe00\ufe0f\U000e0100\U000e01ef",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "kept free": "\u2065\ufff0\U000e0fff",
    "no characters": "\ufdd0\uffff\U0010ffff",
    "controls": "\x08\x1b\x7f\x85",
    "all blanks": "\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\t\r\n",
    "a mixture": " \u200b\n\ufe0f",
    "hieroglyph blanks": "\U00013441\U00013442",
    "a note without a head": "\U0001d159",
}
DRAWN = {
    "letter among them": "\u200ba\u200b",
    "combining mark": "\u0301",
    "emoji with selector": "\u2764\ufe0f",
    "family": "\U0001f468\u200d\U0001f469",
    "Arabic number sign": "\u0600",
    "Hangul": "\uac00",
    "private use": "\ue000",
    "Bengali": "বিড়াল",
    "punctuation": ".",
    "replacement": "\ufffd",
}


@pytest.mark.parametrize("text", UNDRAWN.values(), ids=UNDRAWN)
def test_a_prompt_that_shows_nothing_is_empty(text: str) -> None:
    """Characters that nobody sees are no prompt and no negative prompt, and nothing is paid for them."""
    assert shows_nothing(text)
    with pytest.raises(InvalidRequestError, match="must not be empty") as caught:
        GenerationRequest(prompt=text)
    assert caught.value.field == "prompt"
    assert GenerationRequest(prompt="x", params={"negative_prompt": text}) == GenerationRequest(prompt="x")


@pytest.mark.parametrize("text", DRAWN.values(), ids=DRAWN)
def test_a_prompt_that_shows_anything_is_taken_as_typed(text: str) -> None:
    """One character that is drawn is enough, and none of the others is taken away."""
    assert not shows_nothing(text)
    assert GenerationRequest(prompt=text).prompt == text


def test_every_character_without_a_picture_is_known() -> None:
    """All blanks, controls and formats of Unicode show nothing, but for the signs that are drawn around a number."""
    kinds = {"Zs", "Zl", "Zp", "Cc", "Cf"}
    drawn = {
        f"{code:04x}"
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) in kinds and not shows_nothing(chr(code))
    }
    signs = {"0600", "0601", "0602", "0603", "0604", "0605", "06dd", "070f", "0890", "0891", "08e2", "110bd", "110cd"}
    assert drawn <= signs


FORMS = {
    "newline at the end": "Caf\u00e9 at night\nslow pan\n",
    "blanks around": " \u3000Caf\u00e9 at night\nslow pan \t",
    "CRLF": "Caf\u00e9 at night\r\nslow pan",
    "CR alone": "Caf\u00e9 at night\rslow pan",
    "NFD": "Cafe\u0301 at night\nslow pan",
    "all of it": "\r\nCafe\u0301 at night\r\nslow pan\r\n",
}
OTHERS = {
    "case": "caf\u00e9 at night\nslow pan",
    "inner blanks": "Caf\u00e9 at  night\nslow pan",
    "blank before the break": "Caf\u00e9 at night \nslow pan",
    "joiner": "Caf\u00e9 at night\nslow pan\u200d",
    "compatibility form": "Caf\u00e9 at night\nslow pa\uff4e",
    "no break": "Caf\u00e9 at night slow pan",
}
TEXT = "Caf\u00e9 at night\nslow pan"


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_other_bytes_of_the_same_words_ask_for_the_same(form: str) -> None:
    """For reuse they are one request, in every text; what is sent, stored and hashed otherwise is as typed."""
    one, other = GenerationRequest(prompt=TEXT), GenerationRequest(prompt=form)
    assert other.prompt == form
    assert (one.reuse_sha256, one.sha256 == other.sha256) == (other.reuse_sha256, False)
    negative = [GenerationRequest(prompt="x", params={"negative_prompt": text}) for text in (TEXT, form)]
    assert negative[0].reuse_sha256 == negative[1].reuse_sha256
    assert negative[1].wire_params()["negative_prompt"] == form


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_other_words_ask_for_something_else(text: str) -> None:
    """Case, blanks within, joiners and look-alikes are what somebody asked for."""
    assert GenerationRequest(prompt=text).reuse_sha256 != GenerationRequest(prompt=TEXT).reuse_sha256


def test_numbers_and_defaults_say_the_same_already() -> None:
    """1 and 1.0 are one number, and a default that was left out is the one that was given."""
    asked: list[dict[str, object]] = [{"cfg_scale": 0}, {"cfg_scale": 0.0}, {"cfg_scale": -0.0, "duration": 5}]
    assert len({GenerationRequest(prompt="x", params=params).reuse_sha256 for params in asked}) == 1


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(text=texts)
def test_the_compared_form_is_stable(text: str) -> None:
    """Comparing twice changes nothing, and a text that is in this form already keeps the hash it always had."""
    form = same_text(text)
    assert same_text(form) == form
    assert same_text(f" {text}\r\n") == form
    if not shows_nothing(form):
        request = GenerationRequest(prompt=form)
        assert request.reuse_sha256 == request.sha256


def test_a_prompt_is_counted_and_sent_as_typed() -> None:
    """Composing Bengali letters would make a prompt at the limit longer than the limit."""
    limit = GenerationRequest(prompt="x").spec.max_prompt_length
    assert limit is not None
    prompt = "\u09df" * limit
    assert len(same_text(prompt)) == 2 * limit
    assert json.loads(GenerationRequest(prompt=prompt).body())["prompt"] == prompt


@pytest.mark.parametrize("text", ["דג", "\u200eA fox\u200f", "\u0645\u06cc\u200c\u062e\u0648", "👩\u200d🚀", "赤い"])
def test_every_script_can_be_a_name(text: str) -> None:
    """With its marks and joiners."""
    assert name_trouble(text) is None
    assert unturned(text) == text


@pytest.mark.parametrize("code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_what_turns_the_line_around_it_is_no_name(code: int) -> None:
    """All that Unicode calls a control of direction, but for the marks."""
    assert unicodedata.bidirectional(chr(code)) in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    found = name_trouble(f"a{chr(code)}b")
    assert found is not None
    assert f"(U+{code:04X})" in found[0]
    assert unturned(f"a{chr(code)}b") == "ab"


@pytest.mark.parametrize("code", [0xAD, 0x200B, 0x2060, 0x2063, 0xFEFF])
def test_what_nobody_sees_is_no_part_of_a_name(code: int) -> None:
    """Two names that read the same would be two people, or two labels."""
    assert name_trouble(f"An{chr(code)}na") == (
        f"holds a character that is not seen (U+{code:04X})",
        "Type it instead of pasting it",
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A fox", "A fox"),
        ("two  blanks, \u200f\u05d0\u05d1", "two  blanks, \u200f\u05d0\u05d1"),
        ("one\r\n two\t", "one two"),
        ("a\u202eb\x00c", "ab c"),
        ("An\u200bna", "Anna"),
    ],
    ids=ascii,
)
def test_what_was_kept_before_becomes_a_name(text: str, name: str) -> None:
    """What is a name already is left as it is."""
    assert one_line(text) == name
    assert name_trouble(name) is None
