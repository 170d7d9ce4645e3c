"""The log of received requests, for tests that count them; it never holds a key.

A POST is written before it is answered, so a count is right even after the process was killed. GETs are collected in memory and
written in batches: a write each would be most of the cost of a status read.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from rivya_core.api.contract import KEY_PREFIX
from rivya_core.simulator.state.store import Store

KEPT_READS = 50_000
"""GETs kept in the log; beyond that the oldest are dropped. POSTs are all kept."""

_KEY = re.compile(re.escape(KEY_PREFIX) + r"[A-Za-z0-9_\-]+")
_FLUSH_ROWS = 200
_FLUSH_AFTER_S = 1.0


@dataclass
class RecordedRequest:
    """One request and how it was answered.

    at: the world's time, Unix seconds. status: None while unanswered, or when the connection was dropped. code: error code of the
    answer. key_in: where something that looks like a key was seen ("authorization", "url", "header", "body").
    fault: the kind of fault that fired.
    """

    number: int
    at: float
    method: str
    path: str
    route: str
    request_id: str
    headers: Mapping[str, str]
    key_in: tuple[str, ...] = ()
    status: int | None = None
    code: str | None = None
    idempotency_key: str | None = None
    body_sha256: str | None = None
    fault: str | None = None
    task_id: str | None = None
    stored: bool = field(default=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the request as JSON-safe values."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "stored"}
        return {**values, "headers": dict(self.headers), "key_in": list(self.key_in)}


def without_keys(headers: Mapping[str, str], url: str) -> tuple[dict[str, str], str, tuple[str, ...]]:
    """Return headers and URL with every key replaced, and where keys were seen (see ``RecordedRequest.key_in``)."""
    seen: list[str] = []
    clean: dict[str, str] = {}
    for name, value in headers.items():
        if name == "authorization":
            seen.append("authorization")
            clean[name] = "[not recorded]"
            continue
        clean[name], count = _KEY.subn("[key]", value)
        if count:
            seen.append("header")
    url, count = _KEY.subn("[key]", url)
    if count:
        seen.append("url")
    return clean, url, tuple(seen)


def holds_key(body: bytes) -> bool:
    """Return whether a body contains something that looks like a key."""
    return KEY_PREFIX.encode() in body


_COLUMNS = [item.name for item in fields(RecordedRequest) if item.name != "stored"]
_SAVE = f"INSERT OR REPLACE INTO requests ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names


class RequestLog:
    """Record requests. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[int, RecordedRequest] = {}
        self._flushed_at = time.monotonic()
        self._reads = 0

    def arrived(self, request: RecordedRequest) -> None:
        """Record a request before it is processed."""
        with self._store.lock:
            self._waiting[id(request)] = request
            # Only a POST can cost credits, so only its count must survive a kill.
            if request.method != "GET":
                self.flush()
            elif len(self._waiting) >= _FLUSH_ROWS or time.monotonic() - self._flushed_at > _FLUSH_AFTER_S:
                self._reads += len(self._waiting)
                self.flush()

    def answered(self, request: RecordedRequest) -> None:
        """Record how a request was answered."""
        with self._store.lock:
            self._waiting[id(request)] = request

    def flush(self) -> None:
        """Write the requests that are still in memory."""
        with self._store.lock:
            self._flushed_at = time.monotonic()
            if not self._waiting:
                return
            waiting, self._waiting = list(self._waiting.values()), {}
            with self._store.transaction():
                for request in waiting:
                    self._save(request)
                if self._reads > KEPT_READS // 10:
                    self._reads = 0
                    self._store.execute(
                        "DELETE FROM requests WHERE method = 'GET' AND number < (SELECT MAX(number) FROM requests) - ?",
                        (KEPT_READS,),
                    )

    def all(self, route: str | None = None) -> list[RecordedRequest]:
        """Return the recorded requests, oldest first; only those of one route when given."""
        self.flush()
        rows = self._store.rows("SELECT * FROM requests WHERE route = ? OR ? IS NULL ORDER BY number", (route, route))
        return [_request(dict(row)) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return how many requests each route has had."""
        self.flush()
        rows = self._store.rows("SELECT route, COUNT(*) AS n FROM requests GROUP BY route ORDER BY route")
        return {row["route"]: int(row["n"]) for row in rows}

    def _save(self, request: RecordedRequest) -> None:
        if not request.stored:
            # Numbered when written, as several processes may log into the same file.
            row = self._store.row("SELECT COALESCE(MAX(number), 0) + 1 AS next FROM requests")
            request.number = int(row["next"]) if row else 1
            request.stored = True
        values = request.as_dict()
        values["headers"], values["key_in"] = json.dumps(values["headers"]), json.dumps(values["key_in"])
        self._store.execute(_SAVE, [values[name] for name in _COLUMNS])


def _request(values: dict[str, Any]) -> RecordedRequest:
    values["headers"], values["key_in"] = json.loads(values["headers"]), tuple(json.loads(values["key_in"]))
    return RecordedRequest(**values, stored=True)
