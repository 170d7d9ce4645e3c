"""What ``rivya_core/settings/origins.py`` promises: an origin is read as browsers write it, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from rivya_core.settings.origins import Origin, at_host, read_origin, read_origins

HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,10}[a-z0-9])?(\.[a-z0-9]{1,8}){0,3}", fullmatch=True) | st.ip_addresses(
    v=6
).map(lambda address: f"[{address}]")
ORIGINS = st.builds(Origin, st.sampled_from(["http", "https"]), HOSTS, st.integers(1, 65_535))


@given(ORIGINS)
def test_what_is_written_is_read_back(origin: Origin) -> None:
    """In a header, in a setting and beside a Host header alike."""
    assert read_origin(str(origin)) == origin
    assert read_origins(f" {origin}/ ,") == {origin}
    assert at_host(f"{origin.host}:{origin.port}", origin.scheme) == origin


@given(ORIGINS, st.text(min_size=1, max_size=4), st.booleans())
def test_what_stands_before_or_after_an_origin_makes_it_another_or_none(
    origin: Origin, more: str, before: bool
) -> None:
    """Nothing that only looks alike is taken for it."""
    other = read_origin(f"{more}{origin}" if before else f"{origin}{more}")
    assert other != origin


@given(st.text())
def test_any_text_is_an_origin_or_none(text: str) -> None:
    """No header makes the guard fail."""
    for found in (read_origin(text), at_host(text, "http")):
        assert found is None or read_origin(str(found)) == found


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", []),
        (" , ", []),
        ("https://Lab.Example/", ["https://lab.example"]),
        ("https://lab.example:443, http://10.0.0.5:8501", ["http://10.0.0.5:8501", "https://lab.example"]),
        ("http://[0:0::1]:8501", ["http://[::1]:8501"]),
        ("https://l\u00e4b.example", ["https://xn--lb-via.example"]),
    ],
)
def test_a_setting_is_written_as_browsers_do(typed: str, read: list[str]) -> None:
    """However a person typed it."""
    assert sorted(map(str, read_origins(typed))) == read
