"""A replay says REPLAY and of what on every page, and one press starts the recorded work."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rivya_core import GenerationRequest, Lab, Settings, Sweep
from rivya_core.lab.ledger.states import State
from rivya_core.services import close_all, open_lab
from tests.conftest import FAST
from tests.until import until

Open = Callable[..., AppTest]
SWEEP = Sweep("Which animal", "", GenerationRequest(prompt="{{animal}}"), {"animal": ["A fox", "A heron"]})


def recorded(lab: Lab, path: Path, *, live: bool) -> Path:
    """The cassette of a finished sweep, made live where asked for."""
    id_ = lab.start(SWEEP)
    lab.wait_sweep(id_)
    if live:
        with sqlite3.connect(lab.settings.data_dir / "lab.sqlite3") as database:
            database.execute("UPDATE lab_generations SET mode = 'live', finished_at = '2025-11-12 10:00:00.000000'")
    return lab.cassettes.export(id_, path)


@pytest.mark.parametrize("live", [True, False], ids=["live", "simulated"])
def test_one_press_plays_the_recorded_sweep(
    lab: Lab, open_app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, live: bool
) -> None:
    """The badge says what it is; the press leads to the sweep; playing again is offered when it is done."""
    path = recorded(lab, tmp_path / "a.cassette", live=live)
    close_all()
    monkeypatch.setenv("RIVYA_CASSETTE", str(path))
    lab = open_lab(Settings(**{**FAST, "data_dir": tmp_path / "replay", "cassette": path}))
    app = open_app()
    said = "REPLAY of live work, recorded 12 Nov 2025" if live else "REPLAY · SIMULATED"
    assert said in badges(app)
    assert "nothing real is spent" not in badges(app)
    assert any("Which animal" in text.value and "2 generations" in text.value for text in app.text)
    app.button(key="replay_play").click().run()
    assert not app.exception
    assert "Which animal" in [header.value for header in app.header]
    [record] = lab.sweeps.list()
    lab.wait_sweep(record.id)
    until(lambda: lab.sweep(record.id).states == {State.SUCCEEDED: 2})
    again = open_app()
    assert again.button(key="replay_play").label == "Play again"
    assert any("Placeholder scene" in text.value for text in again.text) is not live
    connection = open_app("connection")
    assert said in badges(connection)
    assert "Playing a recording" in [header.value for header in connection.header]


def test_what_cannot_be_played_is_said_on_every_page(
    open_app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is no cassette, in words; nothing is made."""
    (tmp_path / "a.cassette").write_text("no archive", encoding="utf-8")
    monkeypatch.setenv("RIVYA_CASSETTE", str(tmp_path / "a.cassette"))
    for page in ("", "history"):
        app = open_app(page)
        assert any("This cassette cannot be played" in text.value for text in app.text)
    assert not (tmp_path / "data").exists()


def badges(app: AppTest) -> str:
    """The words of all badges."""
    return " ".join(part.value for part in app.markdown if "badge" in part.value)
