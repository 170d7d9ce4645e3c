"""A cassette promises: work once recorded goes the same way again, without key or network, in a folder of its own."""

from __future__ import annotations

import io
import json
import socket
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from rivya_core import GenerationRequest, Lab, Settings, Sweep
from rivya_core.api.errors import BudgetError, ConfigurationError, LabError
from rivya_core.lab.experiments.service import new_experiment_id
from rivya_core.lab.ledger.states import State
from rivya_core.lab.shows.cassette.replay import play, settings_for
from rivya_core.lab.shows.pictures.recipe import recipe_text
from rivya_core.services import close_all, open_lab
from rivya_core.settings import REPLAY_CONNECTION
from rivya_core.simulator import SimulatorServer
from rivya_core.web.exports import json_row, movement_lines
from tests.api.images import png
from tests.conftest import FAST

SENTINEL = "rvya_sk_sentinel_5e17ine1a0b1c2d3e4f5"
BASE = GenerationRequest(prompt="{{animal}} in the snow", params={"duration": "5"})
SWEEP = Sweep("Which animal", "Which one reads better?", BASE, {"animal": ["A fox", "A heron"], "cfg_scale": [0, 1]}, 3)
PLAY = "x00000000000000000000"


def recorded(lab: Lab, path: Path, selection: str | list[str], **how: Any) -> Path:
    """A cassette of some work of a lab."""
    return lab.cassettes.export(selection, path, **how)


def index_of(path: Path) -> Any:
    """What stands in the cassette.json of a file."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("cassette.json"))


def takes(lab: Lab, experiment_id: str) -> dict[tuple[int, int], tuple[Any, ...]]:
    """State, credits and clip of each take of a sweep, by combination and number."""
    found = {}
    for cell in lab.sweep(experiment_id).cells:
        for take in cell.takes:
            assert take.generation_id is not None
            row = lab.get(take.generation_id)
            error = None if row.error is None else (row.error.code, row.error.charged)
            found[cell.cell, take.take] = (row.state, row.held_credits, row.final_credits, row.clip_sha256, error)
    return found


@pytest.fixture
def twelve(make_lab: Callable[..., Lab], tmp_path: Path) -> tuple[Path, dict[tuple[int, int], tuple[Any, ...]]]:
    """The cassette of 12 takes, one refused and one failed, made under a key; and what became of each."""
    with SimulatorServer(tmp_path / "outside.sqlite3", speed=40.0) as server:
        server.world.add_key(SENTINEL)
        server.world.add_fault("task_failed", route="create", after=2, message=f"Failed at {server.base_url}/secret")
        server.world.add_fault(
            "error", route="create", after=7, code="validation_failed", status=400, message="A rule."
        )
        lab = make_lab(api_key=SENTINEL, base_url=server.base_url)
        id_ = lab.start(SWEEP)
        lab.wait_sweep(id_)
        path = recorded(lab, tmp_path / "12.cassette", id_)
        found = takes(lab, id_)
        assert recorded(lab, tmp_path / "again.cassette", id_).read_bytes() == path.read_bytes()
    close_all()
    return path, found


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Open a lab that plays a cassette; arguments change its settings."""

    def opened(path: Path, **changes: Any) -> Lab:
        return open_lab(Settings(**{**FAST, "data_dir": tmp_path / "elsewhere", "cassette": path, **changes}))

    yield opened
    close_all()


def test_twelve_takes_with_two_failures_go_the_same_way_again(
    twelve: tuple[Path, dict[tuple[int, int], tuple[Any, ...]]],
    replay: Callable[..., Lab],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Take by take the same state, credits and clip: 10 clips, 1,600 credits, and nothing but this machine is spoken to."""
    path, before = twelve
    assert [state for state, *_ in before.values()].count(State.FAILED) == 2
    assert sum(held for _, held, *_ in before.values()) == 1600
    reached: list[Any] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        reached.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", watched)
    lab = replay(path)
    started = play(lab, PLAY)
    assert (started.sweeps, started.generations) == ((PLAY,), ())
    assert play(lab, PLAY) == started  # pressed twice
    lab.wait_sweep(PLAY)
    assert takes(lab, PLAY) == before
    assert lab.get(f"{PLAY}-0-1-1").connection == REPLAY_CONNECTION
    assert {host for host, *_ in reached} <= {"127.0.0.1"}
    later = new_experiment_id()
    play(lab, later)
    lab.wait_sweep(later)
    assert takes(lab, later) == before  # again from the start, nothing reused
    assert [record.id for record in lab.sweeps.list()] == [later]
    record = lab.sweeps.get(PLAY)
    assert (record.name, record.question, record.mode) == (SWEEP.name, SWEEP.question, "simulated")
    assert len(lab.simulator.world.tasks()) == 2 * 11


def test_all_that_leaves_a_replay_says_what_it_is(
    twelve: tuple[Path, dict[tuple[int, int], tuple[Any, ...]]], replay: Callable[..., Lab], tmp_path: Path
) -> None:
    """Exports, a show with its figures, a clip's recipe, the support bundle: REPLAY, and neither live nor simulated."""
    lab = replay(twelve[0])
    play(lab, PLAY)
    lab.wait_sweep(PLAY)
    row = lab.get(f"{PLAY}-0-1-1")
    assert (lab.mode, lab.mode_word, row.mode, row.mode_word, row.mark) == (
        "simulated",
        "replay",
        "simulated",
        "replay",
        "REPLAY",
    )
    rows = list(lab.history.marked(lab.history.export_rows()))
    assert {json_row(one)["mode"] for one in rows} == {"replay"}
    moves = "".join(movement_lines(lab.spending.movements()))
    assert ",replay," in moves
    assert "simulated" not in moves
    assert json.loads(recipe_text(row))["mode"] == "replay"
    show = lab.shows.of_sweep(PLAY)
    data = lab.shows.data(show.id)
    assert (show.mode, data["mode"], {clip["mode"] for clip in data["clips"].values()}) == (
        "replay",
        "replay",
        {"replay"},
    )
    assert data["replay"] == "REPLAY · SIMULATED"
    assert "1,600 replay credits" in data["cost"]["sentence"]
    assert [one.mode for one in lab.shows.list()] == ["replay"]
    page = lab.shows.page(show.id)
    assert "REPLAY · SIMULATED" in page
    assert "No real model" not in page
    of_clips = lab.shows.data(lab.shows.create("Two", [row.id]).id)
    assert of_clips["replay"] == data["replay"]
    with zipfile.ZipFile(io.BytesIO(lab.support_bundle(row.id))) as bundle:
        told = " ".join(bundle.read(name).decode() for name in bundle.namelist())
    assert '"mode": "replay"' in told
    assert '"mode": "simulated"' not in told


def test_a_replay_says_of_what_it_is_and_when_that_was_recorded(
    lab: Lab, tmp_path: Path, replay: Callable[..., Lab]
) -> None:
    """Live work is named as such, with the day on which it ended."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    with sqlite3.connect(lab.settings.data_dir / "lab.sqlite3") as database:
        database.execute("UPDATE lab_generations SET mode = 'live', finished_at = '2025-11-12 10:00:00.000000'")
    path = recorded(lab, tmp_path / "a.cassette", [row.id])
    close_all()
    again = replay(path)
    assert again.cassettes.playing is not None
    assert again.cassettes.playing.words() == "REPLAY of live work, recorded 12 Nov 2025"
    with pytest.raises(LabError, match="hand on the file itself"):
        recorded(again, tmp_path / "b.cassette", [again.wait(play(again, PLAY).generations[0]).id])


def test_a_cassette_holds_what_was_made_and_nothing_of_the_lab(
    twelve: tuple[Path, dict[tuple[int, int], tuple[Any, ...]]], tmp_path: Path, data_dir: Path
) -> None:
    """No key, host, path or id of Rivya's; every clip by its hash, nothing packed."""
    path, before = twelve
    whole = path.read_bytes()
    with sqlite3.connect(data_dir / "lab.sqlite3") as database:
        ids = [one for row in database.execute("SELECT task_id, request_id FROM lab_generations") for one in row if one]
    assert len(ids) >= 12
    for secret in (SENTINEL, SENTINEL[-12:], "127.0.0.1", str(tmp_path), "lab.sqlite3", *ids):
        assert secret.encode() not in whole, secret
    told = index_of(path)
    assert [entry["take"] for entry in told["entries"]] == [1, 2, 3] * 4
    assert {entry["clip"]["sha256"] for entry in told["entries"] if entry["clip"]} == {
        sha256 for *_, sha256, _ in before.values() if sha256
    }
    failures = {entry["failure"]["message"] for entry in told["entries"] if entry["failure"]}
    assert failures == {"Failed at [address]", "A rule."}
    with zipfile.ZipFile(path) as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_generations_of_no_sweep_are_played_as_they_were(lab: Lab, tmp_path: Path, replay: Callable[..., Lab]) -> None:
    """Two of the same request keep their own clips; in whatever order they were picked, the file is the same."""
    ids = [lab.wait(lab.submit(GenerationRequest(prompt=text)).id).id for text in ("A fox", "A kite", "A fox")]
    path = recorded(lab, tmp_path / "a.cassette", ids)
    assert recorded(lab, tmp_path / "b.cassette", ids[::-1]).read_bytes() == path.read_bytes()
    clips = {(lab.get(id_).prompt, lab.get(id_).clip_sha256) for id_ in ids}
    assert len(clips) == 3
    close_all()
    again = replay(path)
    rows = [again.wait(id_) for id_ in play(again, PLAY).generations]
    assert {(row.prompt, row.clip_sha256) for row in rows} == clips
    assert [row.source for row in rows] == ["replay"] * 3


def test_what_was_not_recorded_is_refused_as_not_charged(lab: Lab, tmp_path: Path, replay: Callable[..., Lab]) -> None:
    """In words, and the queue goes on; what was recorded may be typed by hand as well, and starts over after the last take."""
    first = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    path = recorded(lab, tmp_path / "fox.cassette", [first.id])
    close_all()
    again = replay(path)
    wallet = again.check_connection().credits
    other = again.wait(again.submit(GenerationRequest(prompt="A wolf")).id)
    assert (other.state, other.held_credits) == (State.FAILED, 0)
    assert other.error is not None
    assert other.error.charged == "no"
    assert "not in the recording" in other.error.detail
    assert again.pause() is None
    assert again.check_connection().credits == wallet
    typed = [again.wait(again.submit(GenerationRequest(prompt=" A fox\r\n")).id) for _ in range(2)]
    assert [row.clip_sha256 for row in typed] == [first.clip_sha256] * 2


def test_images_are_in_it_only_when_asked_for(lab: Lab, tmp_path: Path, replay: Callable[..., Lab]) -> None:
    """Without them what needs one is left alone and said; with them it is made from the very same bytes."""
    request = GenerationRequest(prompt="A fox", reference_image=png())
    ids = [lab.wait(lab.submit(one).id).id for one in (request, GenerationRequest(prompt="A kite"))]
    before = lab.get(ids[0])
    bare = recorded(lab, tmp_path / "bare.cassette", ids)
    full = recorded(lab, tmp_path / "full.cassette", ids, images=True)
    assert before.asset_sha256 is not None
    with zipfile.ZipFile(bare) as archive:
        assert [name for name in archive.namelist() if name.startswith("images/")] == []
    close_all()
    lab = replay(bare)
    assert lab.cassettes.playing is not None
    assert lab.cassettes.playing.without_image == 1
    assert [lab.wait(id_).prompt for id_ in play(lab, PLAY).generations] == ["A kite"]
    close_all()
    lab = replay(full)
    played = {row.prompt: row for row in map(lab.wait, play(lab, PLAY).generations)}
    assert (played["A fox"].asset_sha256, played["A fox"].clip_sha256) == (before.asset_sha256, before.clip_sha256)


def test_a_sweep_over_images_is_played_with_them(lab: Lab, tmp_path: Path, replay: Callable[..., Lab]) -> None:
    """Base and variables come back as the requests they were."""
    sweep = Sweep("Start", "", GenerationRequest(prompt="A fox"), {"reference_image": [None, png()]})
    id_ = lab.start(sweep)
    lab.wait_sweep(id_)
    before = takes(lab, id_)
    path = recorded(lab, tmp_path / "images.cassette", id_, images=True)
    close_all()
    lab = replay(path)
    play(lab, PLAY)
    lab.wait_sweep(PLAY)
    assert takes(lab, PLAY) == before


def test_a_replay_goes_on_after_a_restart(lab: Lab, tmp_path: Path, replay: Callable[..., Lab]) -> None:
    """Clips are found again by what was played, and an unpacked file is not unpacked twice."""
    first = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    path = recorded(lab, tmp_path / "fox.cassette", [first.id])
    close_all()
    again = replay(path)
    again.pause_queue()
    [id_] = play(again, PLAY).generations
    close_all()
    again = replay(path)
    again.resume()
    assert again.wait(id_).clip_sha256 == first.clip_sha256
    assert again.settings.data_dir.parent == tmp_path / "elsewhere" / "replays"
    assert again.history.examples() == []


@pytest.mark.database
def test_only_what_has_ended_is_recorded(lab: Lab, tmp_path: Path) -> None:
    """What still waits, was deleted or never was is counted as left out; nothing at all is an error in words."""
    done = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    gone = lab.wait(lab.submit(GenerationRequest(prompt="A kite")).id)
    lab.delete([gone.id])
    lab.pause_queue()
    waiting = lab.submit(GenerationRequest(prompt="A wolf"))
    told = index_of(recorded(lab, tmp_path / "a.cassette", [done.id, gone.id, waiting.id, "g0-1"]))
    assert (len(told["entries"]), told["left_out"]) == (1, 3)
    assert told["recorded_on"] == datetime.now(UTC).date().isoformat()
    with pytest.raises(LabError, match="nothing to record"):
        recorded(lab, tmp_path / "b.cassette", [waiting.id])
    assert not list(tmp_path.glob("b.cassette*"))


def test_a_file_that_was_changed_on_the_disk_is_not_recorded(lab: Lab, tmp_path: Path) -> None:
    """A cassette says what was made, never what became of its file."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    with lab.clip(row.id).open("ab") as file:
        file.write(b"more")
    with pytest.raises(Exception, match="changed on the disk"):
        recorded(lab, tmp_path / "a.cassette", [row.id])


def test_key_and_cassette_together_are_a_configuration_error(tmp_path: Path) -> None:
    """No live client may exist in a process that replays."""
    for live in ({"api_key": SENTINEL}, {"api_key": SENTINEL, "base_url": "https://rivya.example"}):
        with pytest.raises(ConfigurationError) as caught:
            Settings(cassette=tmp_path / "a.cassette", **live)
        assert caught.value.field == "cassette"
        assert "RIVYA_API_KEY" in caught.value.hint
        assert SENTINEL not in str(caught.value)


def test_reads_are_as_quick_as_the_tape(lab: Lab, tmp_path: Path, replay: Callable[..., Lab]) -> None:
    """The speed of the simulator divides the waits between two reads, which would be the floor of a replay otherwise."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    path = recorded(lab, tmp_path / "a.cassette", [row.id])
    close_all()
    again = replay(path)
    assert again.cassettes.playing is not None
    quick = settings_for(Settings(cassette=path, simulator_speed=10), "0" * 64, again.cassettes.playing.cassette)
    assert (quick.poll_first_s, quick.poll_min_s, quick.poll_max_s) == (0.25, 0.5, 1.0)
    assert quick.settle_delays_s == (1.0, 6.0, 60.0)
    assert quick.connection == REPLAY_CONNECTION
    assert (quick.mode, again.mode, again.cassettes.playing.cassette.mode) == ("simulated", "simulated", "simulated")
    assert isinstance(again.cassettes.playing.cassette.recorded_on, date)


def test_a_cap_of_the_environment_holds_in_a_replay(lab: Lab, tmp_path: Path, replay: Callable[..., Lab]) -> None:
    """It is refused before anything starts, as always."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    path = recorded(lab, tmp_path / "a.cassette", [row.id])
    close_all()
    with pytest.raises(BudgetError):
        play(replay(path, daily_cap_credits=100), new_experiment_id())


def test_there_is_nothing_to_play_without_a_cassette(lab: Lab) -> None:
    """The press says so."""
    assert lab.cassettes.playing is None
    with pytest.raises(LabError, match="nothing to play"):
        play(lab, PLAY)
