"""What the frame promises: every page runs alone, the header is honest, a broken configuration is said in words."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rivya_core import Lab
from rivya_core.services import close_all
from tests.pages.conftest import ROOT, TIMEOUT_S, own_links
from tests.pages.test_generate import texts
from tests.until import until

Open = Callable[..., AppTest]


@pytest.mark.parametrize("page", ["generate", "history", "connection"])
def test_a_page_file_runs_alone(lab: Lab, page: str) -> None:
    """P9: a cold server runs the page's file without app.py, and it draws."""
    app = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=TIMEOUT_S).run()
    assert not app.exception, [error.value for error in app.exception]
    assert [title.value for title in app.title] == [page.capitalize()]


@pytest.mark.parametrize("page", ["generate", "history", "connection"])
def test_a_page_says_its_mode_and_its_balance(lab: Lab, open_app: Open, page: str) -> None:
    """P8: simulated is said on every page."""
    until(lambda: lab.balance().credits is not None)
    said = texts(open_app(page))
    assert "SIMULATED · nothing real is spent" in said
    assert re.search(r"4,800 simulated credits · updated \d\d:\d\d", said)


def test_the_cap_stands_under_the_balance(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """With a cap the header shows how much of it is used today."""
    make_lab(daily_cap_credits=800)
    app = open_app()
    assert "Today 0 of 800 credits" in app.get("progress")[0].text


def test_a_read_only_server_offers_no_page_that_spends(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """The first page is History; Generate by its own address says why it is not there."""
    make_lab(read_only=True)
    app = open_app()
    assert [title.value for title in app.title] == ["History"]
    alone = AppTest.from_file(str(ROOT / "pages" / "generate.py"), default_timeout=TIMEOUT_S).run()
    assert not alone.exception
    assert not [button for button in alone.button if button.label.startswith("Generate")]
    assert any("read-only" in info.value for info in alone.info)
    linked = app.switch_page("pages/generate.py").run()
    assert [title.value for title in linked.title] == ["Generate"]
    assert own_links(linked) == ["All generations"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RIVYA_BASE_URL", "https://rivya.example", "RIVYA_API_KEY"),
        ("RIVYA_BASE_URL", "https://a:b", "base_url: must be an address"),
        ("RIVYA_SETTLE_DELAYS_S", "10,soon", "settle_delays_s: "),
        ("RIVYA_ALLOWED_HOSTS", "a*b", "allowed_hosts: must be host names"),
    ],
    ids=["address without key", "address", "list", "hosts"],
)
def test_a_bad_setting_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, open_app: Open, name: str, value: str, said: str
) -> None:
    """The page draws the reason and the way out, not a trace."""
    close_all()
    monkeypatch.setenv(name, value)
    app = open_app()
    assert not app.exception
    assert said in texts(app)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_database_is_told_on_every_page(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, open_app: Open, *, read_only: bool
) -> None:
    """What is wrong and what to do, never a trace; visitors of a read-only server see no paths and no ids."""
    data_dir.mkdir()
    (data_dir / "lab.sqlite3").write_bytes(b"SQLite format 3\0" + b"\x5a" * 9000)
    monkeypatch.setenv("RIVYA_READ_ONLY", "1" if read_only else "0")
    app = open_app()
    assert [title.value for title in app.title] == ["The database is damaged"]
    said = texts(app)
    assert "The file's header is damaged." in said
    shown = [code.value for code in app.code]
    assert any(f"mv {data_dir}/lab.sqlite3" in code for code in shown) is not read_only


def test_the_theme_loads_nothing_from_elsewhere() -> None:
    """Fonts come from our own route, beside the pages, below whichever path those are, and each file is there with a licence."""
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    for face in theme["fontFaces"]:
        assert face["url"].startswith("assets/fonts/")
        assert (ROOT / "rivya_core" / face["url"]).is_file()
    assert len(list((ROOT / "rivya_core" / "assets" / "fonts").glob("LICENSE-*.txt"))) == 3


def test_components_build_text_without_markup() -> None:
    """No component writes HTML from data."""
    for path in sorted(Path(ROOT / "pages").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        assert "innerHTML" not in source
        assert "insertAdjacentHTML" not in source
