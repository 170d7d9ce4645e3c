"""One task: its request, and its state at any moment of the world's clock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from rivya_core.api.contract import TaskStatus


@dataclass(frozen=True)
class NewTask:
    """A create request that passed validation."""

    account: str
    model: str
    prompt: str
    params: Mapping[str, Any]
    price: int
    body_sha256: str
    idempotency_key: str | None = None
    client_request_id: str | None = None
    file_id: str | None = None
    file_sha256: str | None = None

    @property
    def request_sha256(self) -> str:
        """Hash of model, prompt, parameters and file, in hex; the trace id does not count."""
        request = json.dumps([self.model, self.prompt, self.params, self.file_id], sort_keys=True).encode()
        return hashlib.sha256(request).hexdigest()


@dataclass(frozen=True)
class Task:
    """One task. Times are the world's Unix seconds; ``done_at`` None = never. ``take`` counts tasks of the same request from 0."""

    number: int
    id: str
    account: str
    model: str
    prompt: str
    params: Mapping[str, Any]
    client_request_id: str | None
    idempotency_key: str | None
    body_sha256: str
    request_sha256: str
    take: int
    file_id: str | None
    reserved: int
    final: int
    created_at: float
    started_at: float
    done_at: float | None
    settle_at: float | None
    settled: bool
    error_code: str | None
    error_message: str | None

    def status(self, now: float) -> TaskStatus:
        """Return the state of the task at a moment."""
        if self.done_at is not None and now >= self.done_at:
            return TaskStatus.FAILED if self.error_code else TaskStatus.SUCCEEDED
        return TaskStatus.PROCESSING if now >= self.started_at else TaskStatus.QUEUED

    def final_credits(self, now: float) -> int:
        """Return the settled price at a moment; 0 until it is settled and for a failed task."""
        return self.final if self.settle_at is not None and now >= self.settle_at else 0

    def answer(self, now: float, url: str | None) -> dict[str, Any]:
        """Return the task as JSON (docs/api-generation-status). url: of the clip; None while there is none."""
        status = self.status(now)
        changed = {TaskStatus.QUEUED: self.created_at, TaskStatus.PROCESSING: self.started_at}.get(status, self.done_at)
        done = status is TaskStatus.SUCCEEDED
        failed = status is TaskStatus.FAILED
        return {
            "id": self.id,
            "status": status.value,
            "model": self.model,
            "reserved_credits": self.reserved,
            "final_credits": self.final_credits(now),
            "created_at": iso(self.created_at),
            "updated_at": iso(changed if changed is not None else self.created_at),
            "result": {"primary_url": url, "urls": [url]} if done else None,
            "error": {"code": self.error_code, "message": self.error_message} if failed else None,
        }


def iso(moment: float) -> str:
    """Return Unix seconds in Rivya's format: ISO 8601 in UTC with milliseconds and "Z"."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass(frozen=True)
class SeenTask:
    """A snapshot of one task for tests. Times are the world's Unix seconds, credits are whole."""

    id: str
    status: str
    model: str
    prompt: str
    params: Mapping[str, Any]
    idempotency_key: str | None
    client_request_id: str | None
    body_sha256: str
    file_id: str | None
    take: int
    reserved_credits: int
    final_credits: int
    created_at: float
    done_at: float | None
    error_code: str | None

    @classmethod
    def of(cls, task: Task, now: float) -> Self:
        """Describe a task as it is at a moment, the world's Unix seconds."""
        return cls(
            id=task.id,
            status=task.status(now).value,
            model=task.model,
            prompt=task.prompt,
            params=task.params,
            idempotency_key=task.idempotency_key,
            client_request_id=task.client_request_id,
            body_sha256=task.body_sha256,
            file_id=task.file_id,
            take=task.take,
            reserved_credits=task.reserved,
            final_credits=task.final_credits(now),
            created_at=task.created_at,
            done_at=task.done_at,
            error_code=task.error_code,
        )
