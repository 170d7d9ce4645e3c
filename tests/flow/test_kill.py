"""P1, P2: a process killed at the worst moments pays once an intent and loses no clip. Counted at the simulator.

Three generations are open each time. The process is real and dies by SIGKILL, at a named point or at a random moment; then a new
one opens the folder, with nobody looking, and must bring every row to its end.
"""

from __future__ import annotations

import itertools
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rivya_core.lab.jobs.crash_points import CrashPoint
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.video_probe import inspect
from rivya_core.simulator.state.world import World
from tests.conftest import FAST
from tests.flow.conftest import Child, heard
from tests.flow.outside import Counted, Outside
from tests.pace import quicken
from tests.until import HANGS_S, until

PRICE = 160
WORLDS = ["embedded", "outside"]
SETTLED_LATE_S = (
    60.0  # of the world's clock, which the test moves: however late a poll comes, nothing is settled before the kill
)
MAX_POSTS = {
    CrashPoint.BEFORE_POST: 2,
    CrashPoint.ANSWERED: 2,
    CrashPoint.BEFORE_RENAME: 1,
    CrashPoint.BEFORE_SETTLE: 1,
}

intents = (f"kill{number:06}" for number in itertools.count(random.SystemRandom().randrange(10**5) * 10))

Start = Callable[..., Child]
Make = Callable[..., Lab]


@contextmanager
def world_of(where: str, data_dir: Path, outside: Outside) -> Iterator[Counted]:
    """The simulator that serves a lab: the outside one, or the embedded one's file."""
    if where == "outside":
        yield outside
        return
    path = data_dir / "simulator" / "world.sqlite3"
    path.parent.mkdir(parents=True, exist_ok=True)
    world = World(path, speed=FAST["simulator_speed"])
    yield world
    world.close()


def settings_of(where: str, data_dir: Path, outside: Outside) -> dict[str, Any]:
    """The settings of both processes."""
    return {**FAST, "data_dir": data_dir, **(outside.live if where == "outside" else {})}


def frozen_rows(data_dir: Path) -> dict[str, sqlite3.Row]:
    """The ledger as the dead process left it, by generation id."""
    opened = sqlite3.connect(f"file:{data_dir}/lab.sqlite3?mode=ro", uri=True)
    opened.row_factory = sqlite3.Row
    rows = opened.execute("SELECT * FROM lab_generations").fetchall()
    opened.close()
    return {row["id"]: row for row in rows}


def assert_each_paid_once_and_kept(lab: Lab, ids: list[str], world: Counted, posts_max: int = 3) -> None:
    """One task and one charge an intent, every clip here and playable, every credit settled; the body never changed."""
    for id_ in ids:
        lab.wait(id_, timeout_s=HANGS_S)
    until(lambda: {lab.get(id_).settlement for id_ in ids} == {"settled"}, what="all settled")
    rows = [lab.get(id_) for id_ in ids]
    if lab.simulator is not None:
        world = lab.simulator.world  # it has the latest answers in memory; another handle on the file sees them late
    tasks = [task for task in world.tasks() if task.idempotency_key in ids]
    assert Counter(task.idempotency_key for task in tasks) == Counter(ids)
    charges = world.charges()
    assert [charges[task.id] for task in tasks] == [PRICE] * len(ids)
    by_key = {task.idempotency_key: task for task in tasks}
    posts = [post for post in world.requests("create") if post.idempotency_key in ids]
    for row in rows:
        assert (row.state, row.error) == (State.SUCCEEDED, None)
        assert row.task_id == by_key[row.idempotency_key].id
        assert (row.held_credits, row.final_credits, row.settlement) == (PRICE, PRICE, "settled")
        assert sum(move.credits for move in lab.movements(row.id)) == PRICE
        assert inspect(lab.clip(row.id)).sha256 == row.clip_sha256
        assert lab.poster(row.id) is not None
        mine = [post for post in posts if post.idempotency_key == row.idempotency_key]
        assert 1 <= len(mine) <= posts_max
        assert by_key[row.idempotency_key].body_sha256 == row.body_sha256
        assert {post.body_sha256 for post in mine} <= {row.body_sha256, None}  # None: the simulator died before it told


def check_named_point(
    where: str, point: CrashPoint, turn: int, data_dir: Path, outside: Outside, start_child: Start, make_lab: Make
) -> None:
    """Kill the process when ``turn`` generations have come to a point of ours; restart; count."""
    settings = settings_of(where, data_dir, outside)
    names = list(itertools.islice(intents, 3))
    told = data_dir.with_name("reached")
    with world_of(where, data_dir, outside) as world:
        late = SETTLED_LATE_S if point is CrashPoint.BEFORE_SETTLE else 0.0
        world.configure(settle_delay_s=late)
    child = start_child(settings, intents=names, kill_at=point, kill_on=turn, reached=str(told))
    ids = heard(child) if point is not CrashPoint.BEFORE_POST else [f"{name}-1" for name in names]
    assert child.wait(HANGS_S) == -signal.SIGKILL
    reached = told.read_text(encoding="utf-8")
    assert reached in ids
    rows = frozen_rows(data_dir)
    with world_of(where, data_dir, outside) as world:
        at_world = reached in {task.idempotency_key for task in world.tasks()}
        assert_frozen_at(point, rows[reached], data_dir, at_world=at_world)
        world.advance(late)
        assert_each_paid_once_and_kept(make_lab(**settings), ids, world, MAX_POSTS[point])


def assert_frozen_at(point: CrashPoint, row: sqlite3.Row, data_dir: Path, *, at_world: bool) -> None:
    """The ledger and the world stand as they must at this very point."""
    parts = list((data_dir / "archive" / "parts").glob(f"{row['id']}*"))
    clip = next((data_dir / "archive").glob(f"clips/**/{row['id']}.mp4"), None)
    if point in {CrashPoint.BEFORE_POST, CrashPoint.ANSWERED}:
        assert (row["state"], row["open_attempts"], row["task_id"]) == ("submitting", 1, None)
        assert row["body"]
        assert at_world is (point is CrashPoint.ANSWERED)
    elif point is CrashPoint.BEFORE_RENAME:
        assert (row["state"], row["clip_key"], clip, len(parts)) == ("saving", None, None, 1)
    else:
        assert row["state"] == "saving"
        assert row["clip_key"]
        assert clip is not None
        assert row["settlement"] == "reserved"


@pytest.mark.parametrize("where", WORLDS)
@pytest.mark.parametrize("point", list(CrashPoint), ids=lambda point: point.name.lower())
def test_a_kill_at_a_named_point_costs_nothing_twice(
    where: str, point: CrashPoint, data_dir: Path, outside: Outside, start_child: Start, make_lab: Make
) -> None:
    """Before the POST, between answer and commit, before rename and before settle: one task, one charge, one clip each."""
    check_named_point(where, point, 1, data_dir, outside, start_child, make_lab)


def fired(world: Counted, fault_id: int) -> int:
    """How often a fault has struck."""
    return next(seen.fired for seen in world.faults() if seen.id == fault_id)


def check_accepted_unanswered(where: str, data_dir: Path, outside: Outside, start_child: Start, make_lab: Make) -> None:
    """Kill the process when the server has the task and has not answered."""
    settings = settings_of(where, data_dir, outside)
    names = list(itertools.islice(intents, 3))
    ids = [f"{name}-1" for name in names]
    with world_of(where, data_dir, outside) as world:
        world.configure(settle_delay_s=0.0)
        fault = world.add_fault("timeout_after_accept", times=None, delay_s=60.0)
        child = start_child(settings, intents=names)
        until(lambda: {task.idempotency_key for task in world.tasks()} >= set(ids), what="all accepted")
        until(lambda: fired(world, fault.id) == 3, what="all answers held back")
        child.send_signal(signal.SIGKILL)
        child.wait(HANGS_S)
        world.clear_faults()
    states = {(row["state"], row["open_attempts"], row["task_id"]) for row in frozen_rows(data_dir).values()}
    assert states == {("submitting", 1, None)}
    with world_of(where, data_dir, outside) as world:
        assert_each_paid_once_and_kept(make_lab(**settings), ids, world, 2)


@pytest.mark.parametrize("where", WORLDS)
def test_a_kill_between_accept_and_answer_costs_nothing_twice(
    where: str, data_dir: Path, outside: Outside, start_child: Start, make_lab: Make
) -> None:
    """The server has three tasks that the dead process never heard of: they are asked for again by key, not made again."""
    check_accepted_unanswered(where, data_dir, outside, start_child, make_lab)


def check_mid_download(where: str, data_dir: Path, outside: Outside, start_child: Start, make_lab: Make) -> None:
    """Kill the process while clips are half here."""
    settings = settings_of(where, data_dir, outside)
    names = list(itertools.islice(intents, 3))
    parts = data_dir / "archive" / "parts"
    with world_of(where, data_dir, outside) as world:
        world.configure(settle_delay_s=0.0)
        fault = world.add_fault("stall_media", times=None, after_bytes=1024, delay_s=60.0)
        child = start_child(settings, intents=names)
        ids = heard(child)
        until(lambda: fired(world, fault.id) == 3, what="three downloads that stand still")
        until(lambda: len(list(parts.glob("*.part"))) == 3, what="three part files")
        child.send_signal(signal.SIGKILL)
        child.wait(HANGS_S)
        world.clear_faults()
    assert {(row["state"], row["clip_key"]) for row in frozen_rows(data_dir).values()} == {("saving", None)}
    assert not list((data_dir / "archive").glob("clips/**/*.mp4"))
    with world_of(where, data_dir, outside) as world:
        assert_each_paid_once_and_kept(make_lab(**settings), ids, world, 1)
    assert not list(parts.glob("*.part"))


@pytest.mark.parametrize("where", WORLDS)
def test_a_kill_in_mid_download_loses_no_clip(
    where: str, data_dir: Path, outside: Outside, start_child: Start, make_lab: Make
) -> None:
    """Half a clip never gets its name; the whole one is fetched again, and nothing is left of the half."""
    check_mid_download(where, data_dir, outside, start_child, make_lab)


def check_random_moment(
    where: str,
    seed: int,
    data_dir: Path,
    outside: Outside,
    start_child: Start,
    make_lab: Make,
    posts_max: int = 3,
) -> None:
    """Kill the process at a moment drawn from the whole life of its generations."""
    settings = settings_of(where, data_dir, outside)
    with world_of(where, data_dir, outside) as world:
        world.configure(settle_delay_s=0.2)
    names = list(itertools.islice(intents, 3))
    child = start_child(settings, intents=names, stay=True)
    ids = heard(child)
    time.sleep(random.Random(seed).uniform(0.0, 1.2))
    child.send_signal(signal.SIGKILL)
    assert child.wait(HANGS_S) == -signal.SIGKILL
    with world_of(where, data_dir, outside) as world:
        assert_each_paid_once_and_kept(make_lab(**settings), ids, world, posts_max)


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_at_a_random_moment_costs_nothing_twice(
    seed: int, data_dir: Path, outside: Outside, start_child: Start, make_lab: Make
) -> None:
    """Whenever the process dies, each intent ends as one task, one charge, one clip."""
    check_random_moment(WORLDS[seed % 2], seed, data_dir, outside, start_child, make_lab)


@pytest.mark.soak
@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("where", WORLDS)
@pytest.mark.parametrize("point", list(CrashPoint), ids=lambda point: point.name.lower())
def test_soak_named_points(
    where: str, point: CrashPoint, turn: int, data_dir: Path, outside: Outside, start_child: Start, make_lab: Make
) -> None:
    """Each point three times, reached by the first, the second and the third generation."""
    check_named_point(where, point, turn, data_dir, outside, start_child, make_lab)


@pytest.mark.soak
@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize("where", WORLDS)
@pytest.mark.parametrize("check", [check_accepted_unanswered, check_mid_download], ids=["accepted", "mid_download"])
def test_soak_outer_points(
    where: str,
    check: Callable[..., None],
    turn: int,
    data_dir: Path,
    outside: Outside,
    start_child: Start,
    make_lab: Make,
) -> None:
    """The points that lie at the server, three times each."""
    check(where, data_dir, outside, start_child, make_lab)


DROPS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "create": [
        ("drop_before", {}),
        ("drop_after_accept", {}),
        ("truncated_body", {}),
        ("html_body", {}),
        ("empty_body", {}),
        ("server_error", {"accepted": True}),
        ("server_error", {"status": 502}),
    ],
    "retrieve": [("drop_before", {}), ("truncated_body", {}), ("html_body", {}), ("server_error", {"status": 503})],
    "media": [("drop_before", {}), *(("broken_download", {"mode": mode}) for mode in ("truncated", "html", "404"))],
}
"""What may go wrong between the process and the server, by route; each strikes once or twice."""


def declare_drops(world: Counted, chance: random.Random) -> None:
    """Have one to three drops strike requests drawn at random; what has not struck before the kill may strike after it."""
    for route in chance.sample(sorted(DROPS), chance.randint(1, len(DROPS))):
        kind, detail = chance.choice(DROPS[route])
        world.add_fault(kind, route=route, times=chance.randint(1, 2), after=chance.randint(0, 3), **detail)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 300))
def test_soak_random_moments(
    seed: int,
    data_dir: Path,
    outside: Outside,
    start_child: Start,
    make_lab: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two hundred random kills, each with random drops of answers before and after it."""
    quicken(monkeypatch)
    where = WORLDS[seed % 2]
    with world_of(where, data_dir, outside) as world:
        world.clear_faults()
        declare_drops(world, random.Random(seed))
    check_random_moment(where, seed, data_dir, outside, start_child, make_lab, posts_max=6)
