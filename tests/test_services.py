"""One lab a process: the same folder gives the same lab, another is refused, closing ends everything and loses nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dbos import DBOS
from filelock import FileLock

from rivya_core import GenerationRequest, Settings, Sweep
from rivya_core.api.errors import ConfigurationError, LabError, StorageError
from rivya_core.lab.jobs import supervisor
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.services import close_all, fingerprint, open_lab, open_worker, shared_lab
from rivya_core.simulator import SimulatorServer
from tests.conftest import FAST
from tests.pace import HELD_S
from tests.until import until

REQUEST = GenerationRequest(prompt="A red fox in the snow")


def our_threads() -> set[str]:
    """Names of the threads that a lab starts."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if name.startswith(("rivya", "queue-worker", "dbos"))}


def test_a_new_world_of_the_simulator_merges_nothing(make_lab: Callable[..., Lab], data_dir: Path) -> None:
    """Its tasks are told from those of the world that was thrown away, so that no generation is taken for an earlier one."""
    for _ in range(2):
        lab = make_lab()
        row = lab.wait(lab.submit(REQUEST).id)
        assert (row.state, row.duplicate_of) == (State.SUCCEEDED, None)
        lab.close()
        shutil.rmtree(data_dir / "simulator")


def test_the_same_folder_gives_the_same_lab(make_lab: Callable[..., Lab]) -> None:
    """Opening twice gives one lab; it stays open until its last holder has closed it."""
    first, second = make_lab(), make_lab()
    assert first.ledger is second.ledger
    for _ in range(3):  # whoever closes more than once still gives back only what is theirs
        first.close()
    assert second.wait(second.submit(REQUEST).id).state is State.SUCCEEDED
    second.close()
    assert our_threads() == set()


def test_threads_that_open_at_once_get_one_lab(make_lab: Callable[..., Lab]) -> None:
    """Eight threads opening the folder at the same moment share one lab."""
    with ThreadPoolExecutor(8) as pool:
        labs = list(pool.map(lambda _: make_lab(), range(8)))
    assert len({id(lab.ledger) for lab in labs}) == 1


@pytest.mark.parametrize("change", ["folder", "settings"])
def test_a_second_lab_is_refused_while_one_is_open(make_lab: Callable[..., Lab], tmp_path: Path, change: str) -> None:
    """Another folder, or other settings of the same folder, are a LabError that names both; the open lab goes on."""
    lab = make_lab()
    other = {"data_dir": tmp_path / "other"} if change == "folder" else {"daily_cap_credits": 5}
    with pytest.raises(LabError) as caught:
        open_lab(Settings(**{**FAST, "data_dir": lab.settings.data_dir, **other}))
    assert str(lab.settings.data_dir) in str(caught.value)
    assert lab.health().ok
    assert not (tmp_path / "other").exists()
    lab.close()
    assert make_lab(data_dir=tmp_path / "other").health().ok


def test_a_data_folder_has_no_workers(data_dir: Path) -> None:
    """Its jobs are run by whoever has it open: a worker of its own is refused in words, and makes no folder."""
    with pytest.raises(LabError, match="needs no worker"):
        open_worker(Settings(**{**FAST, "data_dir": data_dir}))
    assert not data_dir.exists()


def test_a_lab_that_is_closed_and_opened_again_goes_on(make_lab: Callable[..., Lab]) -> None:
    """Closing three times in mid-run and opening again in one process ends every row once."""
    ids: list[str] = []
    for _ in range(3):
        lab = make_lab()
        ids.append(lab.submit(REQUEST).id)
        if len(ids) == 2:
            until(lambda lab=lab: lab.get(ids[0]).state is not State.WAITING)  # type: ignore[misc]  # bound at once
        lab.close()
        assert our_threads() == set()
    lab = make_lab()
    assert {lab.wait(id_).state for id_ in ids} == {State.SUCCEEDED}
    assert lab.simulator is not None
    assert sorted(str(task.idempotency_key) for task in lab.simulator.world.tasks()) == sorted(ids)


def test_closing_does_not_wait_for_a_server_that_hangs(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    """A create, a poll and a balance that get no answer hold the end of the process up for seconds, not for their timeouts."""
    with SimulatorServer(tmp_path / "world.sqlite3", speed=40.0) as server:
        for route in ("create", "credits"):
            server.world.add_fault("slow", route=route, times=None, delay_s=HELD_S)
        lab = make_lab(base_url=server.base_url, api_key=server.api_key)
        row = lab.submit(REQUEST)
        until(lambda: server.world.requests("create"))
        began_s = time.monotonic()
        lab.close()
        assert time.monotonic() - began_s < lab.settings.read_timeout_s
        server.world.clear_faults()
        lab = make_lab(base_url=server.base_url, api_key=server.api_key)
        assert lab.wait(row.id).state is State.SUCCEEDED
        assert len(server.world.tasks()) == 1
        lab.close()
    until(lambda: our_threads() == set(), what="the read of the balance given up")


def test_the_shared_lab_is_opened_once_from_the_environment(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages share the lab that is open, or open the one of the environment."""
    for name, value in FAST.items():
        monkeypatch.setenv(f"RIVYA_{name.upper()}", str(list(value)) if isinstance(value, tuple) else str(value))
    lab = shared_lab()
    assert shared_lab() is lab
    assert lab.settings.data_dir == data_dir
    close_all()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """A data folder that is a file is a StorageError that names it, and nothing stays open."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(StorageError) as caught:
        open_lab(Settings(**{**FAST, "data_dir": blocked}))
    assert "RIVYA_DATA_DIR" in str(caught.value)
    assert our_threads() == set()
    open_lab(Settings(**{**FAST, "data_dir": tmp_path / "data"}))
    close_all()


@pytest.mark.parametrize(
    "name", ["what?x=1", "50%d #1 &a=b", "file:x", "[a]*{b}", "%3F", "über 自転車 مجلد", " two  blanks "]
)
def test_a_folder_of_any_name_works(make_lab: Callable[..., Lab], tmp_path: Path, name: str) -> None:
    """Ledger, engine, simulator, archive and the copy before an upgrade are all in the folder, and nothing beside it."""
    lab = make_lab(data_dir=tmp_path / name)
    assert lab.wait(lab.submit(REQUEST).id).state is State.SUCCEEDED
    lab.close()
    lab = make_lab(data_dir=tmp_path / name)
    assert lab.health().ok
    assert lab.history.latest()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_without_its_end_stays_where_it_was(
    make_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder is that of the moment when the settings were read."""
    monkeypatch.chdir(tmp_path)
    settings = Settings(data_dir="here")
    assert settings.data_dir == tmp_path / "here"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    make_lab(data_dir=settings.data_dir)
    assert (tmp_path / "here" / "lab.sqlite3").is_file()


def test_a_path_that_no_database_can_have_is_told(tmp_path: Path) -> None:
    """Long names are refused by their length, not with a library's error, and one just below works."""
    folder = tmp_path / "/".join(["x" * 100] * 4)
    with pytest.raises(StorageError, match="RIVYA_DATA_DIR") as caught:
        open_lab(Settings(**{**FAST, "data_dir": folder / ("y" * 100)}))
    assert "at most 440" in caught.value.detail
    with pytest.raises(StorageError, match="RIVYA_DATA_DIR"):
        open_lab(Settings(**{**FAST, "data_dir": folder / ("y" * 300)}))
    fits = tmp_path / ("z" * 200) / ("z" * (440 - len(str(tmp_path)) - 202))
    open_lab(Settings(**{**FAST, "data_dir": fits})).close()
    close_all()


NOBODY = """
import os, sys
os.environ.pop("HOME", None); os.environ.pop("XDG_DATA_HOME", None); os.environ.pop("RIVYA_DATA_DIR", None)
from rivya_core import Settings
from rivya_core.services import open_lab
from rivya_core.api.errors import RivyaError
os.setuid(54321)
try:
    open_lab(Settings(**({"data_dir": sys.argv[1]} if len(sys.argv) > 1 else {})))
except RivyaError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.process
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become a user without a home"
)
@pytest.mark.parametrize("where", ["no home", "not theirs", "below what is not theirs"])
def test_a_user_without_a_home_or_rights_is_told_what_to_set(tmp_path: Path, where: str) -> None:
    """A container with a random user id gets a sentence that names RIVYA_DATA_DIR, not a library's error."""
    folder = {"no home": [], "not theirs": [str(tmp_path)], "below what is not theirs": [str(tmp_path / "x" / "y")]}
    ran = subprocess.run(
        [sys.executable, "-c", NOBODY, *folder[where]], capture_output=True, text=True, timeout=60, check=False
    )
    assert "RIVYA_DATA_DIR" in ran.stdout, ran.stderr
    assert ran.stdout.startswith("ConfigurationError" if where == "no home" else "StorageError")


def test_an_address_without_a_key_is_refused() -> None:
    """A base URL without a key would quietly simulate; it is a configuration error instead."""
    with pytest.raises(ConfigurationError, match="RIVYA_API_KEY"):
        Settings(base_url="https://rivya.ai")


def test_fingerprints_tell_keys_apart_and_nothing_more() -> None:
    """Two keys have two fingerprints, none of which holds any part of its key."""
    prints = [fingerprint(Settings(api_key=f"rvya_sk_{number}")) for number in range(2)]
    assert len(set(prints)) == 2
    assert all(one is not None and len(one) == 16 and "sk" not in one for one in prints)
    assert fingerprint(Settings()) is None


def test_the_first_start_is_not_empty(make_lab: Callable[..., Lab]) -> None:
    """A new folder shows finished examples, which cost nothing and can be removed at once; they do not come back."""
    lab = make_lab(first_start_examples=True)
    rows = lab.history.latest()
    assert rows is not None
    assert lab.clip(rows.id).is_file()
    assert lab.budget().spent_today_credits == 0
    assert rows.id in lab.remove_examples()
    assert lab.remove_examples() == []
    lab.close()
    lab = make_lab(first_start_examples=True)
    assert lab.history.latest() is None


def test_a_lab_opens_and_works_under_a_running_event_loop(make_lab: Callable[..., Lab]) -> None:
    """In a notebook or an async program, where a loop runs in the thread that opens, orders and closes."""

    async def main() -> State:
        with make_lab() as lab:
            row = lab.submit(REQUEST)
            return (await asyncio.to_thread(lab.wait, row.id)).state

    assert asyncio.run(main()) is State.SUCCEEDED
    assert our_threads() == set()


@pytest.mark.parametrize(
    "order",
    [
        lambda lab, _: lab.submit(REQUEST),
        lambda lab, _: lab.start(Sweep("Fox", "", REQUEST, {"cfg_scale": [0, 1]})),
        lambda lab, id_: lab.wait(id_),
        lambda lab, _: lab.check_connection(),
    ],
    ids=["submit", "start", "wait", "check"],
)
def test_a_closed_lab_takes_no_orders(make_lab: Callable[..., Lab], order: Callable[[Lab, str], object]) -> None:
    """Nothing is stored that nobody would run, and nobody waits for what does not move; what is known can be read."""
    lab = make_lab()
    assert lab.simulator is not None
    lab.simulator.world.add_fault("slow", route="create", times=None, delay_s=5.0)
    row = lab.submit(REQUEST)
    lab.close()
    with pytest.raises(LabError) as caught:
        order(lab, row.id)
    assert (caught.value.title, caught.value.field) == ("The lab is closed", "lab")
    assert lab.get(row.id).prompt == REQUEST.prompt
    assert sum(lab.ledger.counts().values()) == 1 + len(lab.history.examples())


def test_an_engine_that_cannot_start_is_told_and_leaves_the_lock(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What opened is closed again, so that the next try, here or in another process, finds everything free."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("no thread can be started")

    with monkeypatch.context() as patch:
        patch.setattr(DBOS, "register_queue", fail)
        with pytest.raises(LabError, match="no thread"):
            make_lab()
    assert our_threads() == set()
    lab = make_lab()
    assert lab.health().engine == "running"


def test_a_viewer_whose_engine_fails_later_says_so(
    make_lab: Callable[..., Lab], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role became free and cannot be used: health says why and is not ok, until it works."""
    monkeypatch.setattr(supervisor, "LOCK_EVERY_S", 0.1)
    data_dir.mkdir(parents=True, exist_ok=True)
    taken = FileLock(data_dir / "executor.lock")
    taken.acquire()
    lab = make_lab()
    assert (lab.health().ok, lab.health().engine) == (True, "viewer: another process runs the jobs")

    def fail(*_: object, **__: object) -> None:
        raise OSError("no thread can be started")

    with monkeypatch.context() as patch:
        patch.setattr(DBOS, "register_queue", fail)
        taken.release()
        until(lambda: not lab.health().ok)
        assert lab.health().engine == "cannot start: OSError"
    until(lambda: lab.health().engine == "running")
    assert lab.health().ok


def test_a_read_only_lab_runs_no_jobs(make_lab: Callable[..., Lab]) -> None:
    """What waits is not sent by a lab without the means to spend, and the role stays free for one that has them."""
    lab = make_lab()
    lab.pause_queue()
    row = lab.submit(REQUEST)
    lab.close()
    lab = make_lab(read_only=True)
    assert (lab.health().ok, lab.health().engine) == (True, "viewer: read-only, runs no jobs")
    for act in (lab.resume, lambda: lab.set_cap(None), lambda: lab.set_cap(100)):
        with pytest.raises(LabError, match="read-only"):
            act()
    lab.close()
    lab = make_lab()
    lab.resume()
    assert lab.wait(row.id).state is State.SUCCEEDED


def test_a_live_lab_that_cannot_reach_rivya_is_not_opened(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which variable is wrong instead of holding rows that cannot be sent; the simulator needs none of them."""
    live = Settings(api_key="rvya_sk_0123456789abcdef", data_dir=data_dir)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(ConfigurationError, match="ALL_PROXY"):
        open_lab(live)
    monkeypatch.delenv("ALL_PROXY")
    monkeypatch.setenv("SSL_CERT_FILE", "/gone/cacert.pem")
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        open_lab(live)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with open_lab(Settings(**FAST, data_dir=data_dir)) as lab:
        assert lab.wait(lab.submit(GenerationRequest(prompt="a boat")).id, timeout_s=60).state is State.SUCCEEDED
