"""What the words of the pages promise: a date reads the same everywhere."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from pages._ui import formatting
from tests.pages.conftest import ROOT

NOW = datetime(2026, 11, 25, 22, 31, 7, tzinfo=UTC)
OWN_FORMAT = re.compile(r"strftime|:%[a-zA-Z]")


@pytest.fixture(autouse=True)
def _one_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages' clock stands at one moment, and the reader is in its zone."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # the pages ask for UTC only
            assert tz is UTC
            return NOW

    monkeypatch.setattr(formatting, "datetime", Clock)
    monkeypatch.setattr(formatting, "local", lambda moment: moment)


@pytest.mark.parametrize(
    ("ago", "how", "said"),
    [
        pytest.param(timedelta(), {}, "25 Nov, 22:31", id="today"),
        pytest.param(timedelta(), {"seconds": True}, "25 Nov, 22:31:07", id="to the second"),
        pytest.param(timedelta(), {"today": False}, "22:31", id="just now"),
        pytest.param(timedelta(days=20), {"today": False}, "5 Nov, 22:31", id="not today"),
        pytest.param(timedelta(days=365), {}, "25 Nov 2025, 22:31", id="another year"),
    ],
)
def test_a_moment_has_one_form(ago: timedelta, how: dict[str, bool], said: str) -> None:
    """The day, then the time; the year when it is not this one."""
    assert formatting.clock(NOW - ago, **how) == said


def test_a_day_reads_like_the_day_of_a_moment() -> None:
    """So a table of days and one of moments agree."""
    assert (formatting.day(date(2026, 11, 5)), formatting.day(date(2025, 1, 31))) == ("5 Nov", "31 Jan 2025")


def test_no_page_has_a_date_format_of_its_own() -> None:
    """``formatting`` is the one place; a second format would come back unseen."""
    files = [path for path in (ROOT / "pages").rglob("*.py") if path.name != "formatting.py"]
    own = [str(path.relative_to(ROOT)) for path in files if OWN_FORMAT.search(path.read_text(encoding="utf-8"))]
    assert own == []
