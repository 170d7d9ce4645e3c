"""How page tests open a page: Streamlit's own test runner over the real lab, errors shown in full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit import config
from streamlit.runtime import caching
from streamlit.testing.v1 import AppTest

from pages._ui.app_shell.navigation import PAGES

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120.0


@pytest.fixture(autouse=True)
def _full_errors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Show whole exceptions, and keep the developer's secrets file out of the test's environment."""
    secrets = tmp_path / "secrets.toml"
    secrets.write_text("", encoding="utf-8")
    before = config.get_option("client.showErrorDetails")
    config.set_option("client.showErrorDetails", "full")
    config.set_option("secrets.files", [str(secrets)])
    yield
    config.set_option("client.showErrorDetails", before)
    caching.cache_data.clear()


@pytest.fixture
def open_app() -> Callable[..., AppTest]:
    """Open the dashboard as a visitor does, through ``app.py``; ``page`` names the file to switch to."""

    def opened(page: str = "") -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).run()
        if page:
            app = app.switch_page(f"pages/{page}.py").run()
        assert not app.exception, [error.value for error in app.exception]
        return app

    return opened


def own_links(app: AppTest) -> list[str]:
    """The links of the page itself, without the row of all pages that a phone shows."""
    found: Any = app.get("page_link")
    return [link.proto.label for link in found if link.proto.label not in {title for _, title, _ in PAGES}]
