"""One lab a process: the same folder gives the same lab, another is refused, closing ends everything and loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rivya_core import GenerationRequest, Settings
from rivya_core.api.errors import ConfigurationError, LabError, StorageError
from rivya_core.lab.lab import Lab
from rivya_core.lab.states import State
from rivya_core.services import close_all, fingerprint, open_lab, shared_lab
from rivya_core.simulator import SimulatorServer
from tests.conftest import FAST
from tests.until import until

REQUEST = GenerationRequest(prompt="A red fox in the snow")


def our_threads() -> set[str]:
    """Names of the threads that a lab starts."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if name.startswith(("rivya", "queue-worker", "dbos"))}


def test_the_same_folder_gives_the_same_lab(make_lab: Callable[..., Lab]) -> None:
    """Opening twice gives one lab; it stays open until its last holder has closed it."""
    first, second = make_lab(), make_lab()
    assert first is second
    first.close()
    assert second.wait(second.submit(REQUEST).id).state is State.SUCCEEDED
    second.close()
    assert our_threads() == set()


def test_threads_that_open_at_once_get_one_lab(make_lab: Callable[..., Lab]) -> None:
    """Eight threads opening the folder at the same moment share one lab."""
    with ThreadPoolExecutor(8) as pool:
        labs = list(pool.map(lambda _: make_lab(), range(8)))
    assert len({id(lab) for lab in labs}) == 1


@pytest.mark.parametrize("change", ["folder", "settings"])
def test_a_second_lab_is_refused_while_one_is_open(make_lab: Callable[..., Lab], tmp_path: Path, change: str) -> None:
    """Another folder, or other settings of the same folder, are a LabError that names both; the open lab goes on."""
    lab = make_lab()
    with pytest.raises(LabError) as caught:
        make_lab(**({"data_dir": tmp_path / "other"} if change == "folder" else {"daily_cap_credits": 5}))
    assert str(lab.settings.data_dir) in str(caught.value)
    assert lab.health().ok
    assert not (tmp_path / "other").exists()
    lab.close()
    assert make_lab(data_dir=tmp_path / "other").health().ok


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
            server.world.add_fault("slow", route=route, times=None, delay_s=60.0)
        lab = make_lab(base_url=server.base_url, api_key=server.api_key)
        row = lab.submit(REQUEST)
        until(lambda: server.world.requests("create"))
        began_s = time.monotonic()
        lab.close()
        assert time.monotonic() - began_s < 8.0
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
    removed = lab.remove_examples()
    assert removed >= 1
    lab.close()
    lab = make_lab(first_start_examples=True)
    assert lab.history.latest() is None
