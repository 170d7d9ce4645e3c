"""Every setting is checked when it is read: a bad one is a sentence that names it and its rule, never a library's error."""

from __future__ import annotations

from typing import Any

import pytest

from rivya_core import AsyncRivya, Rivya, Settings
from rivya_core.api.errors import ConfigurationError
from rivya_core.web import middleware

JUNK = ["{", "[", "]", ",", '"', "null", "nan", "inf", "-1", "1e999", "true", "~nobody-has-this-name/x", "\udcff", " "]
KEY = "rvya_sk_test"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_whatever_a_variable_holds_is_taken_or_refused_by_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No field lets another error out, and the dashboard's app can be built all the same."""
    for value in JUNK:
        monkeypatch.setenv(f"RIVYA_{name.upper()}", value)
        monkeypatch.setenv("RIVYA_API_KEY", value if name == "api_key" else KEY)
        refused: ConfigurationError | None = None
        try:
            Settings()
        except ConfigurationError as error:
            refused = error
        assert refused is None or refused.field in {name, "poll_max_s", "worker_silent_s"}, ascii(value)
        assert refused is None or refused.detail.startswith(f"{refused.field}: "), ascii(value)
        assert middleware(), ascii(value)


def test_a_variable_counts_however_it_is_spelled_unless_it_is_empty_or_an_argument_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Arguments win over variables, the lower case over capitals, and an empty variable is none."""
    monkeypatch.setenv("RIVYA_POLL_FIRST_S", "3")
    monkeypatch.setenv("rivya_poll_first_s", "4")
    monkeypatch.setenv("Rivya_Poll_Min_S", "6")
    monkeypatch.setenv("RIVYA_POLL_MAX_S", "")
    monkeypatch.setenv("RIVYA_READ_ONLY", "true")
    monkeypatch.setenv("RIVYA_NO_SUCH_SETTING", "x")
    found = Settings(poll_min_s=7)
    assert (found.poll_first_s, found.poll_min_s, found.poll_max_s, found.read_only) == (4.0, 7.0, 10.0, True)
    assert Settings().poll_min_s == 6.0


@pytest.mark.parametrize(
    ("text", "delays"),
    [("10,60", (10, 60)), ("[10, 60]", (10, 60)), (" 0.5 , 1e2 ", (0.5, 100)), ("7", (7,)), ("[]", ())],
    ids=["commas", "JSON", "blanks", "one", "none"],
)
def test_a_list_is_written_with_commas_or_as_json(
    text: str, delays: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``RIVYA_SETTLE_DELAYS_S=10,60`` is what people type."""
    monkeypatch.setenv("RIVYA_SETTLE_DELAYS_S", text)
    assert Settings().settle_delays_s == delays


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a negative delay": ({"settle_delays_s": (10, -1)}, "settle_delays_s", "greater than or equal to 0"),
    "a delay that is no number": ({"settle_delays_s": (float("nan"),)}, "settle_delays_s", "finite"),
    "a word among delays": ({"settle_delays_s": "10,soon"}, "settle_delays_s", "valid number"),
    "an endless timeout": ({"read_timeout_s": float("inf")}, "read_timeout_s", "finite"),
    "a folder of nobody": ({"data_dir": "~nobody-has-this-name/x"}, "data_dir", "no folder"),
    "a folder with NUL": ({"data_dir": "a\x00b"}, "data_dir", "no folder"),
    "a star within a host": ({"allowed_hosts": "lab.example, a*b"}, "allowed_hosts", "host names"),
    "a host with a port": ({"allowed_hosts": "10.0.0.5:8501"}, "allowed_hosts", "without scheme and port"),
    "a host with a scheme": ({"allowed_hosts": "https://lab.example"}, "allowed_hosts", "without scheme and port"),
    **{
        f"an origin such as {origin}": ({"allowed_origins": origin}, "allowed_origins", "whole origins")
        for origin in (
            "*",
            "null",
            "lab.example",
            "https://",
            "https://*.example",
            "https://lab.example/x",
            "https://lab.example//",
            "https://a@lab.example",
            "https://lab.example?",
            "ftp://lab.example",
            "https://lab.example:0",
            "https://a b",
        )
    },
    "a gap that shrinks": ({"poll_min_s": 9, "poll_max_s": 8}, "poll_max_s", "smaller than poll_min_s"),
    "an unknown name": ({"colour": "red"}, "colour", "is not a setting"),
    "a key with a blank": ({"api_key": "a b"}, "api_key", "the key holds a space"),
}


@pytest.mark.parametrize(("values", "field", "rule"), REFUSED.values(), ids=REFUSED)
def test_a_bad_value_is_refused_with_its_name_and_rule(values: dict[str, Any], field: str, rule: str) -> None:
    """The field is the setting, the sentence its rule, without a library's prefix."""
    with pytest.raises(ConfigurationError) as refused:
        Settings(**values)
    assert refused.value.field == field
    assert refused.value.detail.startswith(f"{field}: ")
    assert rule in refused.value.detail
    assert "Value error" not in str(refused.value)


@pytest.mark.parametrize(
    "hosts", ["*", "lab.example", "lab, *.team.example", "10.0.0.5, ::1, [fd00::1]", ""], ids=lambda hosts: hosts or "-"
)
def test_host_names_patterns_and_ip_addresses_are_taken(hosts: str) -> None:
    """What the server's check of the Host header can compare with."""
    assert Settings(allowed_hosts=hosts).allowed_hosts == hosts


def test_origins_are_kept_as_browsers_write_them() -> None:
    """The guard compares them with the Origin header."""
    settings = Settings(allowed_origins="https://Lab.Example:443/, http://10.0.0.5:8501")
    assert settings.allowed_origins == "http://10.0.0.5:8501, https://lab.example"
    assert sorted(map(str, settings.origins)) == ["http://10.0.0.5:8501", "https://lab.example"]


ADDRESSES = [
    "https://a:b",
    "https://a:0",
    "https://a:99999",
    "https://[::1",
    "https://[zz]",
    "https://1.2.3.400",
    "https://a b",
    "https://a\x01b",
    "https://xn--zzzzzzz99",
    "https://\ud800",
    "https://",
    "ftp://a",
    "rivya.ai",
    "http://a",
    "https://me:word@a",
    "https://a?b=c",
    "https://a#b",
]


@pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
def test_an_address_that_cannot_be_used_is_refused_before_anything_is_sent(address: str) -> None:
    """By the settings and by both clients alike."""
    for take in (Settings, Rivya, AsyncRivya):
        with pytest.raises(ConfigurationError) as refused:
            take(api_key=KEY, base_url=address)
        assert refused.value.field == "base_url"
        assert "RIVYA_BASE_URL" in refused.value.hint


@pytest.mark.parametrize(
    ("address", "used"),
    [
        ("https://rivya.ai/", "https://rivya.ai"),
        (" https://rivya.ai/api/v1 ", "https://rivya.ai"),
        ("http://127.0.0.1:9/simulator", "http://127.0.0.1:9/simulator"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("https://rivya.example:8443/x/api/v1/", "https://rivya.example:8443/x"),
        ("", "https://rivya.ai"),
    ],
)
def test_an_address_is_kept_without_its_end(address: str, used: str) -> None:
    """A copied address works with and without the API's prefix; plain http goes to this machine."""
    assert Settings(api_key=KEY, base_url=address).live_base_url == used


def test_an_address_without_a_key_names_the_key() -> None:
    """It would quietly simulate; the error names what is missing and both ways out."""
    with pytest.raises(ConfigurationError) as refused:
        Settings(base_url="https://rivya.ai")
    assert refused.value.field == "api_key"
    assert "RIVYA_API_KEY" in refused.value.hint
    assert "RIVYA_BASE_URL" in refused.value.hint
    assert "RIVYA_SETTINGS" not in str(refused.value)
