"""A page while PostgreSQL is away: it says so in words, loses nothing that was typed, and works again afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rivya_core.services import close_all
from rivya_core.simulator import SimulatorServer
from tests import postgresql
from tests.conftest import FAST
from tests.flow.fleet import environment

WORDS = "The database cannot be reached"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[postgresql.Server]:
    """A server of the test's own, with a database that the pages open."""
    folder = Path(tempfile.mkdtemp(prefix="rivya-pg-"))
    made = postgresql.Server(folder, fsync="on").make()
    postgresql.create(made, "lab")
    postgresql.migrate_all(made.url("lab"))
    with SimulatorServer(tmp_path / "world.sqlite3", speed=40.0) as world:
        live = {"base_url": world.base_url, "api_key": world.api_key, "simulated": True}
        for name, value in environment({**FAST, **live, "database_url": made.url("lab")}).items():
            monkeypatch.setenv(name, value)
        yield made
        close_all()
    with suppress(AssertionError):  # it may be stopped already
        made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def said(app: AppTest) -> str:
    """What the page says in texts and toasts."""
    return "\n".join(str(one.value) for one in (*app.text, *app.toast, *app.error))


def everything(app: AppTest) -> str:
    """What the page says, its chips included."""
    return "\n".join([said(app), *(str(one.value) for one in app.markdown)]).lower()


def test_what_was_typed_outlives_an_outage(server: postgresql.Server, open_app: Callable[..., AppTest]) -> None:
    """Typed before it and while it lasts; a press says that it was not taken, and the page is there again afterwards."""
    app = open_app()
    [box] = [one for one in app.text_area if one.label == "Prompt"]
    app = box.set_value("A lighthouse in a storm").run()
    server.stop()
    app = app.run()
    assert WORDS in said(app)
    assert "What stands here cannot be read now." in said(app)
    assert "charged" not in everything(app), "a page is only read: nothing was to be paid or stored"
    assert "stored" not in everything(app)
    assert not app.exception
    server.start()
    app = app.run()
    assert not app.exception
    [box] = [one for one in app.text_area if one.label == "Prompt"]
    assert box.value == "A lighthouse in a storm"
    assert (box.proto.value, box.proto.set_value) == (
        box.value,
        True,
    )  # a browser shows what it is told, not what is kept
    server.stop()
    app = box.set_value("A lighthouse in a storm at night").run()
    assert WORDS in said(app)
    assert not app.exception
    server.start()
    app = app.run()
    [box] = [one for one in app.text_area if one.label == "Prompt"]
    assert box.value == "A lighthouse in a storm at night"
