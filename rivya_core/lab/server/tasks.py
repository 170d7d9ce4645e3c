"""Look up a task by its id, wherever it was created, and adopt it as a row that is followed to its end and never sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rivya_core.api.contract import Generation
from rivya_core.api.errors import NotFoundError, RivyaError

TEXT_MAX: Final = 5000


@dataclass(frozen=True, slots=True)
class TaskLook:
    """The result of reading a task by its id.

    ``task``: None when it could not be read; ``trouble`` then says why. ``generation_id``: the row that has it already.
    """

    task_id: str
    asked_at: datetime
    task: Generation | None
    trouble: str = ""
    generation_id: str | None = None

    @property
    def prompt(self) -> str:
        """The prompt, if the API reports it; that is not documented."""
        return _reported(self.task, "prompt")

    @property
    def params(self) -> dict[str, Any]:
        """The parameters, if the API reports them."""
        params = None if self.task is None else _inputs(self.task).get("params")
        return params if isinstance(params, dict) else {}


def trouble_of(task_id: str, error: RivyaError) -> str:
    """Say in a sentence why a task could not be read."""
    if isinstance(error, NotFoundError):
        return f"There is no task {task_id[:80]} for this key. Check the id, and that the key belongs to the account that made it."
    return f"{error.title}. {error.detail}".rstrip(".") + "."


def _inputs(task: Generation) -> dict[str, Any]:
    extra = dict(task.model_extra or {})
    for key in ("input", "request"):
        inner = extra.get(key)
        if isinstance(inner, dict):
            return {**extra, **inner}
    return extra


def _reported(task: Generation | None, name: str) -> str:
    value = None if task is None else _inputs(task).get(name)
    return value[:TEXT_MAX] if isinstance(value, str) else ""
