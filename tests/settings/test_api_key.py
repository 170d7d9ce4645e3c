"""A pasted key: what surrounds it is taken off, what cannot be one is refused, and no sentence ever shows it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from rivya_core import AsyncRivya, Rivya, Settings
from rivya_core.api.errors import ConfigurationError
from rivya_core.settings.api_key import clean_key

KEY = "rvya_sk_abcdef123456"

AROUND = [
    '"{}"',
    "'{}'",
    "`{}`",
    "“{}”",
    "\N{LEFT SINGLE QUOTATION MARK}{}\N{RIGHT SINGLE QUOTATION MARK}",
    "„{}“",
    "«{}»",
    "<{}>",
    "[{}]",
    '["{}"]',
    "\"'{}'\"",
    "RIVYA_API_KEY={}",
    "RIVYA_API_KEY = {}",
    'RIVYA_API_KEY="{}"',
    'RIVYA_API_KEY="{}";',
    "export RIVYA_API_KEY={}",
    "export RIVYA_API_KEY='{}'\n",
    "set RIVYA_API_KEY={}",
    'set "RIVYA_API_KEY={}"',
    '$env:RIVYA_API_KEY = "{}"',
    '"RIVYA_API_KEY": "{}",',
    '{{"api_key": "{}"}}',
    "MY_SECRET={}",
    "api_key: {}",
    "Bearer {}",
    "bearer {}",
    "Authorization: Bearer {}",
    "'Authorization: Bearer {}'",
    "{}\n",
    "{}\r\n",
    "\ufeff{}",
    '\ufeff"{}"',
    "\u200b{}\u200b",
    "\u00a0{}\u00a0",
    "\u200e{}",
    "\u3000{}",
    "\x00{}",
    "{}\u2028",
]


@pytest.mark.parametrize("around", AROUND, ids=ascii)
def test_what_surrounds_a_key_is_taken_off(around: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the argument, by both clients and by the environment, where the keys of secrets.toml arrive too."""
    text = around.format(KEY)
    assert clean_key(text) == KEY
    settings = Settings(api_key=text)
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == KEY
    if "\x00" in text:
        return
    monkeypatch.setenv("RIVYA_API_KEY", text)
    from_environment = Settings().api_key
    assert from_environment is not None
    assert from_environment.get_secret_value() == KEY


def test_an_invisible_character_inside_a_key_is_none_of_it() -> None:
    """A page that breaks long words puts zero-width characters and soft hyphens into what is copied."""
    assert clean_key("rvya_\u200bsk_\u00adabcdef\u2060123456") == KEY


@pytest.mark.parametrize(
    "text", ["", " ", '""', "''", "\ufeff", "RIVYA_API_KEY=", 'export RIVYA_API_KEY=""', "\u200b\n"], ids=ascii
)
def test_nothing_is_no_key(text: str) -> None:
    """Empty quotes and an empty assignment mean the simulator, as an empty variable does."""
    assert clean_key(text) == ""
    assert Settings(api_key=text).mode == "simulated"


REFUSED = [
    '"{}',
    "{}'",
    "“{}",
    "[{}",
    "{} {}",
    "{}\n{}",
    "{},{}",
    "{}#comment",
    "{} # my key",
    "rvya\\{}",
    '\\"{}\\"',
    "${{{}}}",
    "é{}",
    "{}…",
    "rvya_\u0441k_{}",
    "https://rivya.ai/{}",
    "{}\u0085{}",
    "{}\x1b[0m",
]


@pytest.mark.parametrize("around", REFUSED, ids=ascii)
def test_what_cannot_be_a_key_is_refused_without_showing_it(around: str) -> None:
    """One field, one rule, and no part of the value in the text, the representation or the cause."""
    text = around.replace("{}", KEY).replace("{{", "{").replace("}}", "}")
    for take in (Settings, Rivya, AsyncRivya):
        with pytest.raises(ConfigurationError) as refused:
            take(api_key=text)
        assert refused.value.field == "api_key"
        shown = f"{refused.value!s} {refused.value!r} {refused.value.__cause__!r}"
        assert "abcdef" not in shown
        assert KEY not in shown


@pytest.mark.parametrize("text", ["Bearer", "RIVYA_API_KEY", "$RIVYA_API_KEY", "null", '"None"'])
def test_a_name_is_not_the_key(text: str) -> None:
    """A variable that was never filled in is told before the server refuses it."""
    with pytest.raises(ConfigurationError) as refused:
        Settings(api_key=text)
    assert refused.value.field == "api_key"


@given(key=st.from_regex(r"[A-Za-z0-9._~+/-]{8,60}={0,2}", fullmatch=True))
def test_a_plain_key_is_never_changed(key: str) -> None:
    """Whatever may stand behind "Bearer" goes out as it is."""
    assert clean_key(key) == key


@given(text=st.text(max_size=40) | st.text(alphabet="\"'“”[]{}=: \n\ufeffrvya_skBearexpotRIVYAPIKEY", max_size=40))
def test_any_text_is_a_key_nothing_or_a_refusal(text: str) -> None:
    """Cleaning what was cleaned changes nothing more, and what is left may stand in a header."""
    try:
        key = clean_key(text)
    except ValueError:
        return
    assert clean_key(key) == key
    assert key.isascii()
    assert key.split() == ([key] if key else [])
