"""Credits and idempotency: reserved once, settled or released once, never below zero."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from rivya_core.simulator import SimulatorServer, World
from tests.simulator.conftest import FOX, Create


def test_credits_are_reserved_at_create_and_settled_at_success(
    create: Create, http: httpx.Client, world: World
) -> None:
    """The wallet falls by the price at create and not again at success."""
    task = create().json()["id"]
    assert http.get("/api/v1/credits").json() == {"current_credits": 4640}
    assert world.charges() == {task: 160}
    world.advance(60)
    assert world.charges() == {task: 160}
    assert world.balance() == 4640


def test_settlement_can_come_late(create: Create, http: httpx.Client, world: World) -> None:
    """With a settle delay a succeeded task shows final credits 0 first, then its price."""
    world.configure(settle_delay_s=30.0, speed=1000.0)
    task = create().json()["id"]
    world.advance(1)
    first = http.get(f"/api/v1/generations/{task}").json()
    assert (first["status"], first["final_credits"]) == ("succeeded", 0)
    world.advance(30)
    assert http.get(f"/api/v1/generations/{task}").json()["final_credits"] == 160


@pytest.mark.parametrize("status", [400, 402, 403, 409, 500])
def test_a_short_wallet_refuses_with_its_code(create: Create, world: World, status: int) -> None:
    """Whatever its status, the code says insufficient_credits; no task is made."""
    world.configure(credits=159, insufficient_status=status)
    answer = create("k")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, "insufficient_credits")
    assert (world.tasks(), world.balance()) == ([], 159)
    world.configure(credits=160)
    assert create("k").status_code == 200


def test_a_short_wallet_may_leave_a_failed_task(create: Create, http: httpx.Client, world: World) -> None:
    """As a setting, the refusal leaves a failed record that cost nothing; the key stays free."""
    world.configure(credits=0, insufficient_leaves_task=True)
    assert create("k").status_code == 402
    (left,) = world.tasks()
    answer = http.get(f"/api/v1/generations/{left.id}").json()
    assert (answer["status"], answer["error"]["code"]) == ("failed", "insufficient_credits")
    assert world.balance() == 0
    world.configure(credits=160)
    assert create("k").json()["status"] == "queued"


def test_ten_seconds_can_cost_more(create: Create, world: World) -> None:
    """The price of 10 s is a setting; 5 s keeps the base price."""
    world.configure(price_10s=320)
    assert create(params={"duration": "10"}).json()["reserved_credits"] == 320
    assert create(params={"duration": "5"}).json()["reserved_credits"] == 160


def test_the_same_key_and_body_make_one_task(create: Create, world: World) -> None:
    """A repeated create answers the task of the first; without a key each is its own."""
    first, second = create("k").json(), create("k").json()
    assert first["id"] == second["id"]
    assert len({create().json()["id"], create().json()["id"], first["id"]}) == 3
    assert len(world.tasks()) == 3
    assert [seen.idempotency_key for seen in world.requests("create")] == ["k", "k", None, None]


def test_equal_bodies_may_be_one_task(create: Create, world: World) -> None:
    """In that variant the body decides, not the key: one task, one reservation, whenever it is sent again."""
    world.configure(merges_equal_bodies=True)
    before = world.balance()
    first = create("k").json()["id"]
    assert [create("l").json()["id"], create().json()["id"]] == [first, first]
    assert create("m", prompt="a grey wolf").json()["id"] != first
    assert before - world.balance() == 320


def test_the_same_key_with_another_body_conflicts(create: Create, world: World) -> None:
    """A key that was used answers 409 for any other body, and makes nothing."""
    create("k")
    answer = create("k", prompt="a grey wolf")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert len(world.tasks()) == 1


def test_a_key_may_conflict_while_in_flight(create: Create, world: World) -> None:
    """In that variant a repeat answers 409 for a while, then replays."""
    world.configure(idempotency="conflict_in_flight", in_flight_s=3.0)
    first = create("k").json()["id"]
    assert create("k").status_code == 409
    world.advance(3)
    assert create("k").json()["id"] == first


def test_a_key_may_conflict_for_ever(create: Create, world: World) -> None:
    """In the harshest variant no repeat is ever answered with the task."""
    world.configure(idempotency="conflict")
    create("k")
    world.advance(3600)
    assert create("k").status_code == 409


def test_twenty_threads_with_one_key_make_one_task(server: SimulatorServer, world: World) -> None:
    """A race over one key ends in one task and one charge, and all get its id."""
    gate = threading.Barrier(20)

    def post() -> str:
        headers = {"Authorization": f"Bearer {server.api_key}", "Idempotency-Key": "race"}
        with httpx.Client(base_url=server.base_url, headers=headers) as client:
            gate.wait()
            task: str = client.post("/api/v1/generations", json=FOX).json()["id"]
            return task

    with ThreadPoolExecutor(20) as pool:
        ids = {future.result() for future in [pool.submit(post) for _ in range(20)]}
    assert len(ids) == len(world.tasks()) == 1
    assert world.balance() == 4640
    assert len(world.requests("create")) == 20


def test_the_wallet_never_goes_below_zero(server: SimulatorServer, world: World) -> None:
    """Thirty creates at once on a wallet for five: five pass."""
    world.configure(credits=5 * 160 + 10)

    def post(number: int) -> int:
        headers = {"Authorization": f"Bearer {server.api_key}", "Idempotency-Key": f"k{number}"}
        return httpx.post(f"{server.base_url}/api/v1/generations", json=FOX, headers=headers).status_code

    with ThreadPoolExecutor(10) as pool:
        codes = list(pool.map(post, range(30)))
    assert sorted(codes) == [200] * 5 + [402] * 25
    assert world.balance() == 10


OTHER_PROCESS = """
import sys
from rivya_core.simulator import SimulatorServer
import httpx, json
with SimulatorServer(sys.argv[1]) as server:
    headers = {"Authorization": "Bearer " + server.api_key}
    codes = []
    for number in range(12):
        headers["Idempotency-Key"] = f"k{number}"
        answer = httpx.post(server.base_url + "/api/v1/generations", json=json.loads(sys.argv[2]), headers=headers)
        codes.append(answer.status_code)
print(json.dumps(codes))
"""


@pytest.mark.process
def test_two_processes_share_one_world(server: SimulatorServer, world: World, create: Create) -> None:
    """Two servers on the same file agree on keys and wallet: five tasks for the credits of five."""
    world.configure(credits=5 * 160)
    command = [sys.executable, "-c", OTHER_PROCESS, str(world.path), json.dumps(FOX)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        here = [create(f"k{number}").status_code for number in range(12)]
        there = json.loads(other.communicate(timeout=60)[0])
    assert set(here + there) == {200, 402}
    assert len(world.tasks()) == 5
    assert world.balance() == 0


def test_failures_return_the_reservation_once(finished: Callable[..., dict[str, Any]], world: World) -> None:
    """However often a failed task is looked at, its credits come back once."""
    world.configure(failure_rate=1.0)
    answer = finished()
    for _ in range(3):
        assert world.balance() == 4800
    assert world.charges() == {answer["id"]: 0}
