"""Scripted faults: what goes wrong, on which route, how often; stored in the world's file and counted as they fire.

A fault fires at one moment of a request: ``before`` it is processed, ``after`` it was processed and committed, on the ``task``
it concerns, on the ``state`` or ``success`` that the answer tells, or on the ``bytes`` of a clip. What each kind then does is
in ``http/request_pipeline.py``, ``http/routes.py`` and ``http/downloads.py``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rivya_core.simulator.state.store import Store


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault: the routes it can affect (the first is the default), its moment, its details with their defaults."""

    routes: tuple[str, ...]
    moment: str
    detail: Mapping[str, Any] = field(default_factory=dict)


_ALL = ("create", "retrieve", "upload", "file", "credits", "models", "media", "openapi", "any")

KINDS: dict[str, FaultKind] = {
    "rate_limited": FaultKind(_ALL, "before", {"retry_after": None, "seconds": 1}),
    "server_error": FaultKind(_ALL, "before", {"status": 500, "code": "internal_error", "accepted": False}),
    "error": FaultKind(_ALL, "before", {"code": "", "status": None, "message": "", "accepted": False}),
    "insufficient_credits": FaultKind(("create",), "before"),
    "slow": FaultKind(_ALL, "before", {"delay_s": 1.0}),  # ends early when the fault is cleared
    "redirect": FaultKind(("media", *_ALL), "before", {"location": "", "status": 302}),
    "drop_before": FaultKind(_ALL, "before"),
    "drop_after_accept": FaultKind(_ALL, "after"),
    "timeout_after_accept": FaultKind(_ALL, "after", {"delay_s": 60.0}),
    "truncated_body": FaultKind(_ALL, "after"),
    "html_body": FaultKind(_ALL, "after", {"status": 200}),
    "empty_body": FaultKind(_ALL, "after"),
    "no_url": FaultKind(("retrieve",), "success", {"form": "null"}),
    "unknown_state": FaultKind(("retrieve", "create"), "state", {"word": "warming_up"}),
    "never_ready": FaultKind(("create", "retrieve"), "task"),
    "task_failed": FaultKind(
        ("create", "retrieve"),
        "task",
        {"code": "generation_failed", "message": "The model could not finish this clip (scripted by the simulator)."},
    ),
    "broken_download": FaultKind(("media",), "bytes", {"mode": "truncated"}),
    "stall_media": FaultKind(("media",), "bytes", {"after_bytes": 1024, "delay_s": 1.0}),
}
BROKEN_MODES = ("truncated", "html", "404", "garbage", "empty", "cut")
NO_URL_FORMS = ("null", "missing", "empty")


@dataclass(frozen=True)
class Fault:
    """One declared fault. times: how often it fires, None = always. after: matching requests to let through first.

    seen: matching requests so far. fired: how many of them it hit.
    """

    id: int
    kind: str
    route: str
    detail: Mapping[str, Any]
    times: int | None
    after: int
    seen: int
    fired: int

    @property
    def spent(self) -> bool:
        """True when the fault will not fire again."""
        return self.times is not None and self.fired >= self.times

    def as_dict(self) -> dict[str, Any]:
        """Return the fault as JSON-safe values."""
        return {
            "id": self.id,
            "kind": self.kind,
            "route": self.route,
            "detail": dict(self.detail),
            "times": self.times,
            "after": self.after,
            "seen": self.seen,
            "fired": self.fired,
        }


def _fault(row: sqlite3.Row) -> Fault:
    values = dict(row)
    values["detail"] = json.loads(values["detail"])
    return Fault(**values)


class Faults:
    """Declare, fire and count the faults of a world."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._active: list[Fault] | None = None

    def clear_cache(self) -> None:
        """Clear the cache; another process may have changed the file."""
        self._active = None

    def add(self, kind: str, route: str | None, times: int | None, after: int, detail: Mapping[str, Any]) -> Fault:
        """Declare a fault.

        Raises:
            ValueError: kind, route or a detail is unknown.
        """
        known = KINDS.get(kind)
        if known is None:
            raise ValueError(f"{kind} is not a fault; known are {', '.join(KINDS)}")
        route = route or known.routes[0]
        if route not in known.routes:
            raise ValueError(f"{kind} cannot strike the route {route}; it can strike {', '.join(known.routes)}")
        strange = set(detail) - set(known.detail)
        if strange:
            raise ValueError(
                f"{kind} knows no {', '.join(sorted(strange))}; it knows {', '.join(known.detail) or 'nothing'}"
            )
        if kind == "broken_download" and detail.get("mode", "truncated") not in BROKEN_MODES:
            raise ValueError(f"mode must be one of {', '.join(BROKEN_MODES)}")
        if kind == "no_url" and detail.get("form", "null") not in NO_URL_FORMS:
            raise ValueError(f"form must be one of {', '.join(NO_URL_FORMS)}")
        if (times is not None and times < 1) or after < 0:
            raise ValueError("times must be at least 1 and after at least 0")
        full = {**known.detail, **detail}
        with self._store.transaction():
            cursor = self._store.execute(
                "INSERT INTO faults (kind, route, detail, times, after, seen, fired) VALUES (?, ?, ?, ?, ?, 0, 0)",
                (kind, route, json.dumps(full), times, after),
            )
            self.clear_cache()
        return Fault(int(cursor.lastrowid or 0), kind, route, full, times, after, 0, 0)

    def is_declared(self, fault_id: int) -> bool:
        """Tell whether a fault has not been cleared since."""
        return bool(self._store.rows("SELECT 1 FROM faults WHERE id = ?", (fault_id,)))

    def all(self) -> list[Fault]:
        """Return every declared fault, oldest first."""
        return [_fault(row) for row in self._store.rows("SELECT * FROM faults ORDER BY id")]

    def clear(self) -> None:
        """Forget every declared fault, fired or not."""
        with self._store.transaction():
            self._store.execute("DELETE FROM faults")
            self.clear_cache()

    def fire(
        self, moment: str, route: str, *, kinds: frozenset[str] | None = None, skip: frozenset[str] = frozenset()
    ) -> Fault | None:
        """Return the fault that fires now, after counting and committing it; None when none does.

        moment: see the module. kinds: consider only these. skip: leave these out.
        """
        with self._store.lock:
            # Most requests meet no fault: look in memory before taking the write lock.
            if self._active is None:
                self._active = [fault for fault in self.all() if not fault.spent]
            if not any(_matches(fault, moment, route, kinds, skip) for fault in self._active):
                return None
        with self._store.transaction():
            self._active = [fault for fault in self.all() if not fault.spent]
            for fault in self._active:
                if not _matches(fault, moment, route, kinds, skip):
                    continue
                fires = fault.seen >= fault.after
                self._store.execute(
                    "UPDATE faults SET seen = seen + 1, fired = fired + ? WHERE id = ?", (int(fires), fault.id)
                )
                self.clear_cache()
                if fires:
                    return fault
        return None


def _moment(fault: Fault) -> str:
    return "after" if fault.detail.get("accepted") else KINDS[fault.kind].moment


def _matches(fault: Fault, moment: str, route: str, kinds: frozenset[str] | None, skip: frozenset[str]) -> bool:
    if _moment(fault) != moment or fault.route not in {route, "any"} or fault.kind in skip:
        return False
    return kinds is None or fault.kind in kinds
