"""The processes that share a database, as people and /healthz are told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rivya_core.lab.ledger.given_up import GivenUpWorker
from rivya_core.lab.ledger.shared_limits import mismatches, smallest
from rivya_core.lab.ledger.workers import WORKER, WorkerRecord

CLOCK_OFF_MAX_S: Final = 5.0
"""A clock that is further off than this is named: times on screen and days of caps would be wrong."""

NO_WORKER: Final = "no worker runs, so what was submitted waits"
NOT_KNOWN: Final = "not known while the database does not answer"


@dataclass(frozen=True, slots=True)
class Processes:
    """Who shares the database now, workers first. ``silent_s``: without a beat for so long a process counts as gone.

    ``given_up``: workers of the last day of which nothing was heard for longer, the newest first.
    """

    known: Sequence[WorkerRecord]
    silent_s: float
    given_up: Sequence[GivenUpWorker] = ()

    @property
    def alive(self) -> list[WorkerRecord]:
        """Those that were heard of lately."""
        return [one for one in self.known if one.silent_s < self.silent_s]

    @property
    def workers(self) -> list[WorkerRecord]:
        """Those of them that run jobs."""
        return [one for one in self.alive if one.role == WORKER]

    @property
    def differences(self) -> dict[str, dict[str, float | None]]:
        """Settings that should agree and do not: name -> process -> its value, None is no limit."""
        return mismatches({one.id: one.limits for one in self.alive})

    def limit(self, name: str, own: float) -> tuple[float, list[str]]:
        """Return the value of a limit that holds, the smallest of all, and the processes that have it; ``own``: if none has any."""
        holds = smallest(one.limits for one in self.alive).get(name, own)
        return holds, [one.id for one in self.alive if one.limits.get(name) == holds]

    @property
    def keys(self) -> dict[str, dict[str, str]]:
        """Of each server that is worked for with several API keys: process -> name of its key. Of the keys nothing is told."""
        found: dict[str, dict[str, str]] = {}
        for one in self.alive:
            if one.connection is not None and one.key_fingerprint is not None:
                found.setdefault(one.connection, {})[one.id] = one.key_fingerprint
        named: dict[str, dict[str, str]] = {}
        for server, prints in found.items():
            known = list(dict.fromkeys(prints.values()))
            if len(known) > 1:
                named[server] = {id_: f"key {known.index(print_) + 1}" for id_, print_ in prints.items()}
        return named

    @property
    def warnings(self) -> list[str]:
        """What differs between the processes beside their limits, and what follows from it."""
        said = [
            f"RIVYA_API_KEY differs between the processes that work for {server}: {_by_value(keys)}. When a worker dies while "
            "it sends, a worker with another key cannot send that request again: it ends as unconfirmed, and a person has to "
            "decide. Give all processes the same key."
            for server, keys in self.keys.items()
        ]
        servers = {one.id: one.connection for one in self.alive if one.connection is not None}
        if len(set(servers.values())) > 1:
            said.append(
                f"RIVYA_BASE_URL differs between the processes: {_by_value(servers)}. A generation waits for a worker of its "
                "own server; while there is none, what such a worker left open stays as it is."
            )
        return said

    @property
    def words(self) -> str:
        """Who runs the jobs, as an engine's state."""
        count = len(self.workers)
        return NO_WORKER if not count else f"run by {count} {'worker' if count == 1 else 'workers'}"

    def as_dicts(self) -> list[dict[str, Any]]:
        """Every process that was not taken for dead, as JSON-safe values; moments are the database's."""
        return [
            {
                "id": one.id,
                "role": one.role,
                "host": one.host,
                "version": one.version,
                "last_beat": one.seen_at.isoformat(),
                "silent_s": round(one.silent_s, 1),
                "clock_off_s": round(one.clock_off_s, 2),
                "rows_held": one.rows_held,
            }
            for one in self.known
        ]


def _by_value(values: Mapping[str, str]) -> str:
    """Write each value once, with the processes that have it."""
    holders: dict[str, list[str]] = {}
    for id_, value in values.items():
        holders.setdefault(value, []).append(id_)
    return "; ".join(f"{value} in {', '.join(ids)}" for value, ids in holders.items())
