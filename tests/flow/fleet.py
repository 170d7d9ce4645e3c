"""A fleet for tests: real workers, and what makes them one installation: a PostgreSQL database, a bucket, an outside simulator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.video_probe import sha256_of
from tests.flow.outside import ROOT, Outside
from tests.object_store import Bucket
from tests.until import HANGS_S, until

PRICE = 160
WORKER: Final = ("-m", "rivya_core.worker")


def environment(settings: dict[str, Any]) -> dict[str, str]:
    """Settings as variables of a process."""
    return {f"RIVYA_{name.upper()}": _text(value) for name, value in settings.items()}


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


class Worker:
    """``python -m rivya_core.worker`` in a process of its own; it writes its lines to ``log``. ``program``: instead of it."""

    def __init__(self, settings: dict[str, Any], log: Path, *arguments: str, program: Sequence[str] = WORKER) -> None:
        self.log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                cwd=ROOT,
                env={**os.environ, **environment(settings)},
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )

    @property
    def said(self) -> str:
        """What it wrote until now."""
        return self.log.read_text()

    def is_mine(self, worker_id: str) -> bool:
        """Whether an id of the table of workers is this process's."""
        return f"-{self.process.pid}-" in worker_id

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(HANGS_S)

    def close(self) -> None:
        """End it whatever it does."""
        if self.process.poll() is None:
            self.send(signal.SIGKILL)
        self.ended()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Fleet:
    """The workers of a test; all are ended at its end."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        self.settings = settings
        self.workers: list[Worker] = []
        self._folder = folder

    def start(self, count: int = 1, *arguments: str, program: Sequence[str] = WORKER) -> list[Worker]:
        """Start workers; each has its own local folder, as on a machine of its own."""
        for _ in range(count):
            number = len(self.workers)
            settings = {**self.settings, "data_dir": self._folder / f"worker-{number}"}
            log = self._folder / f"worker-{number}.log"
            self.workers.append(Worker(settings, log, *arguments, program=program))
        return self.workers[-count:]

    def close(self) -> None:
        """End all."""
        for worker in self.workers:
            worker.close()


def assert_paid_once_and_whole(lab: Lab, ids: Collection[str], world: Outside, bucket: Bucket) -> None:
    """One task, one charge, one price a row; repeated creates only under the same key and bytes; every file whole in the bucket."""
    until(lambda: {lab.get(id_).settlement for id_ in ids} == {"settled"}, what="all settled")
    tasks = [task for task in world.tasks() if task.idempotency_key in ids]
    assert Counter(task.idempotency_key for task in tasks) == Counter(ids)
    charges = world.charges()
    assert [charges[task.id] for task in tasks] == [PRICE] * len(ids)
    assert sum(charges.values()) == sum(charges[task.id] for task in tasks)
    posts = world.requests("create")
    assert {post.idempotency_key for post in posts} == set(ids)
    by_key = {task.idempotency_key: task for task in tasks}
    stored = set(bucket.objects())
    for id_ in ids:
        row = lab.get(id_)
        assert (row.state, row.mode, row.error, row.final_credits) == (State.SUCCEEDED, "simulated", None, PRICE)
        assert row.task_id == by_key[id_].id
        assert sum(move.credits for move in lab.movements(id_)) == PRICE
        assert {post.body_sha256 for post in posts if post.idempotency_key == id_} <= {row.body_sha256, None}
        assert {row.clip_key, row.poster_key} <= stored
        with lab.archive.open_local(str(row.clip_key)) as path:
            assert sha256_of(path) == row.clip_sha256
