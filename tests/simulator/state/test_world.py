"""A world survives everything but the loss of its file, and its settings refuse nonsense."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from rivya_core.simulator import SimulatorServer, World
from tests.simulator.conftest import FOX


def test_a_world_survives_a_restart(tmp_path: Path) -> None:
    """Keys, wallet, tasks, clock, settings and faults are the same on the next start, on another port."""
    path = tmp_path / "world.sqlite"
    with SimulatorServer(path, seed=3, credits=1000) as first:
        key, old_url = first.api_key, first.base_url
        first.world.configure(idempotency="conflict", speed=7.0)
        first.world.advance(5000)
        first.world.add_fault("server_error", route="models")
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
        task = httpx.post(f"{old_url}/api/v1/generations", json=FOX, headers=headers).json()["id"]
        now = first.world.now()
    with SimulatorServer(path, seed=99, credits=5) as second:
        assert second.api_key == key
        assert second.world.settings()["speed"] == 7.0
        assert second.world.balance() == 840
        assert abs(second.world.now() - now) < 60
        assert [seen.id for seen in second.world.tasks()] == [task]
        assert [fault.route for fault in second.world.unfired_faults()] == ["models"]
        assert len(second.world.requests("create")) == 1
        second.world.advance(60)
        answer = httpx.get(f"{second.base_url}/api/v1/generations/{task}", headers=headers).json()
        assert answer["result"]["primary_url"].startswith(second.base_url)


def test_speed_given_anew_wins_over_the_stored_one(tmp_path: Path) -> None:
    """A changed argument counts; the same argument leaves what was configured since."""
    for given, expected in ((1.0, 1.0), (4.0, 4.0)):
        world = World(tmp_path / "w.sqlite", speed=given)
        assert world.settings()["speed"] == expected
        world.configure(speed=9.0)
        world.close()
    world = World(tmp_path / "w.sqlite", speed=4.0)
    assert world.settings()["speed"] == 9.0
    world.close()


def test_two_views_of_one_file_agree(tmp_path: Path) -> None:
    """What one process changes, the other sees at its next look."""
    one, two = World(tmp_path / "w.sqlite"), World(tmp_path / "w.sqlite")
    one.configure(speed=3.0, credits=77)
    one.advance(1000)
    key = one.add_key()
    assert two.settings()["speed"] == 3.0
    assert two.balance() == 77
    assert abs(two.now() - one.now()) < 60
    assert two.check_key(f"Bearer {key}", "credits:read").account == "main"
    one.set_key_state(key, "revoked")
    two.refresh()
    with pytest.raises(Exception, match="api_key_revoked"):
        two.check_key(f"Bearer {key}", "credits:read")
    one.close()
    two.close()


def test_fates_are_seeded_and_ids_are_each_worlds_own(tmp_path: Path) -> None:
    """Equal seeds draw equal times, other seeds others; no world names a task or hands out a key as another one did."""
    fates, ids, keys = [], [], []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        with SimulatorServer(tmp_path / f"{name}.sqlite", seed=seed) as server:
            headers = {"Authorization": f"Bearer {server.api_key}"}
            answer = httpx.post(f"{server.base_url}/api/v1/generations", json=FOX, headers=headers)
            task = server.world.task(answer.json()["id"])
            assert task is not None
            assert task.done_at is not None
            fates.append(round(task.done_at - task.created_at, 3))
            ids.append(task.id)
            keys.append(server.api_key)
    assert fates[0] == fates[1] != fates[2]
    assert len(set(ids)) == len(set(keys)) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"speed": 0},
        {"speed": "fast"},
        {"speed": float("nan")},
        {"failure_rate": 1.5},
        {"cfg_effect": "some"},
        {"create_status": 404},
        {"insufficient_status": 200},
        {"credits": -1},
        {"credits": 1.5},
        {"overlay": 1},
        {"queue_min_s": 9.0},
        {"result_ttl_s": -1},
        {"clip_variants": 0},
    ],
    ids=lambda change: "-".join(f"{name}={value}" for name, value in change.items()),
)
def test_a_setting_out_of_range_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """A wrong name or value raises and changes nothing."""
    world = World(tmp_path / "w.sqlite")
    before = world.settings()
    with pytest.raises(ValueError, match=r"\w+"):
        world.configure(**change)
    assert world.settings() == before
    world.close()


def test_no_key_stands_in_the_file(tmp_path: Path) -> None:
    """Neither the world's key nor one it was given is in the database, its log or the folder beside it."""
    with SimulatorServer(tmp_path / "world.sqlite") as server:
        given = server.world.add_key("rvya_sk_sentinel_0123456789abcdef")
        for key in (given, server.api_key):
            headers = {"Authorization": f"Bearer {key}", "X-Other": key}
            httpx.post(f"{server.base_url}/api/v1/generations?k={key}", json={**FOX, "note": key}, headers=headers)
        seen = server.world.requests("create")
        assert {"authorization", "header", "url", "body"} == set(seen[0].key_in)
        everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert given.encode() not in everything
        assert server.api_key.encode() not in everything


def test_the_database_holds_the_sum_of_its_movements(tmp_path: Path) -> None:
    """The balance of every account is the sum of its movements."""
    with SimulatorServer(tmp_path / "world.sqlite") as server:
        server.world.configure(failure_rate=0.5)
        headers = {"Authorization": f"Bearer {server.api_key}"}
        for _ in range(12):
            httpx.post(f"{server.base_url}/api/v1/generations", json=FOX, headers=headers)
        server.world.advance(60)
        balance = server.world.balance()
        failed = [task for task in server.world.tasks() if task.status == "failed"]
        assert 0 < len(failed) < 12
        assert balance == 4800 - 160 * (12 - len(failed)) == 4800 - sum(server.world.charges().values())
    file = sqlite3.connect(tmp_path / "world.sqlite")
    assert file.execute("SELECT SUM(credits) FROM movements").fetchone() == (balance,)
    file.close()


def test_the_server_stops_cleanly_and_can_start_again(tmp_path: Path) -> None:
    """After stop the port is free and refuses; a second server may take the same port."""
    server = SimulatorServer(tmp_path / "world.sqlite").start()
    port = int(server.base_url.rsplit(":", 1)[1])
    httpx.get(f"{server.base_url}/api/v1/models")
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/api/v1/models")
    with SimulatorServer(tmp_path / "world.sqlite", port=port) as again:
        assert httpx.get(f"{again.base_url}/api/v1/models").status_code == 200


@pytest.mark.process
def test_starting_loads_no_video_library(tmp_path: Path) -> None:
    """An embedded start leaves numpy, Pillow and PyAV alone until a clip is wanted."""
    code = (
        "import sys; from rivya_core.simulator import SimulatorServer\n"
        f"server = SimulatorServer({str(tmp_path / 'w.sqlite')!r}).start(); server.stop()\n"
        "print([name for name in ('av', 'numpy', 'PIL', 'httpx', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


@pytest.mark.process
def test_the_simulator_runs_alone_and_survives_a_kill(tmp_path: Path) -> None:
    """`python -m rivya_core.simulator` prints address and key, its own or a given one; after kill -9 an accepted task is still there."""
    command = [sys.executable, "-m", "rivya_core.simulator", "--speed", "50", "--world", str(tmp_path / "w.sqlite")]

    def start(*more: str) -> tuple[subprocess.Popen[str], str, str]:
        process = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        found = re.fullmatch(r"RIVYA_BASE_URL=(\S+)\nRIVYA_API_KEY=(\S+)\n", "".join(lines))
        assert found is not None
        return process, found[1], found[2]

    process, url, key = start()
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
    try:
        task = httpx.post(f"{url}/api/v1/generations", json=FOX, headers=headers).json()["id"]
    finally:
        process.kill()
        process.communicate()
    process, url, given = start("--key", "rvya_sk_simulator_of_a_team")
    try:
        assert given == "rvya_sk_simulator_of_a_team"
        assert httpx.post(f"{url}/api/v1/generations", json=FOX, headers=headers).json()["id"] == task
        assert len(httpx.get(f"{url}/_simulator/requests?route=create").json()["requests"]) == 2
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        process.communicate()
