"""Recorded results that a world plays back instead of drawing random ones.

A request that was not recorded is refused: nothing is invented. What was played is stored in the world's file, so that a
restarted world continues where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rivya_core.api.contract import REFERENCE_KEY
from rivya_core.simulator.state.refusal import RefusedError
from rivya_core.simulator.state.store import Store

NOT_RECORDED = (
    "This request is not in the recording that is played. Nothing was made or charged. "
    "Press Play the recording, or repeat one of its clips"
)

_TAKE = re.compile(r"-([1-9][0-9]{0,2})$")


class Asked(Protocol):
    """The part of a create request that a recording is looked up by."""

    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def prompt(self) -> str: ...  # noqa: D102
    @property
    def params(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def file_sha256(self) -> str | None: ...  # noqa: D102
    @property
    def client_request_id(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True)
class TapedTask:
    """The result of one recorded request, which was number ``take`` of its kind.

    ``queued_s`` and ``work_s``: seconds from its creation until it started and until it ended, at speed 1. ``reserved`` and
    ``final``: credits. ``clip``: the file; None for one that failed. ``is_refused``: the request was refused, so that no
    task came of it.
    """

    model: str
    prompt: str
    params: Mapping[str, Any]
    file_sha256: str | None
    take: int
    queued_s: float
    work_s: float
    reserved: int
    final: int
    clip: Path | None
    error_code: str | None = None
    error_message: str = ""
    is_refused: bool = False


class Tape:
    """Recorded tasks; what was played is written to the store of the world that plays them.

    same_text: gives the form in which two texts are compared, so that requests match here as they match in the lab.
    """

    def __init__(self, tasks: Sequence[TapedTask], same_text: Callable[[str], str] = str.strip) -> None:
        self._tasks = tuple(tasks)
        self._same_text = same_text
        self._alike: dict[str, list[int]] = defaultdict(list)
        for place, task in enumerate(self._tasks):
            self._alike[self._key(task.model, task.prompt, task.params, task.file_sha256)].append(place)

    def play(self, store: Store, asked: Asked, task_id: str) -> TapedTask:
        """Return the next recorded result of such a request and store that it was played; call it inside a transaction.

        A trace id that ends in the number of a take ("…-2") gets that take, so that takes which are sent at the same time keep
        their clips. Otherwise recorded takes are played in turn, and start over after the last one.

        Raises:
            RefusedError: ``validation_failed`` when it was not recorded.
        """
        alike = self._alike.get(self._key(asked.model, asked.prompt, asked.params, asked.file_sha256))
        if alike is None:
            raise RefusedError("validation_failed", f"{NOT_RECORDED}.")
        named = _TAKE.search(asked.client_request_id or "")
        take = int(named[1]) if named else 1
        place = self._chosen(store, alike, take)
        store.execute(
            "INSERT INTO played (place, task_id) VALUES (?, ?)",
            (place, None if self._tasks[place].is_refused else task_id),
        )
        return self._tasks[place]

    def clip(self, store: Store, task_id: str) -> Path:
        """Return the recorded clip of a task that was played.

        Raises:
            RefusedError: ``not_found``.
        """
        row = store.row("SELECT place FROM played WHERE task_id = ?", (task_id,))
        found = None if row is None else self._tasks[int(row["place"])].clip
        if found is None or not found.is_file():
            raise RefusedError("not_found", "The recording has no clip of this task.")
        return found

    def _chosen(self, store: Store, alike: Sequence[int], take: int) -> int:
        exact = [place for place in alike if self._tasks[place].take == take]
        if take > 1:
            if not exact:
                raise RefusedError("validation_failed", f"{NOT_RECORDED}; it holds no take {take} of it.")
            alike = exact
        plays = Counter(row["place"] for row in store.rows("SELECT place FROM played"))
        return min(alike, key=lambda place: (plays[place], place not in exact, place))

    def _key(self, model: str, prompt: str, params: Mapping[str, Any], file_sha256: str | None) -> str:
        """Hash what is asked for: texts in their form for comparing, numbers by value, the file by its hash."""
        plain = {
            name: self._same_text(value) if isinstance(value, str) else float(value)
            for name, value in params.items()
            if name != REFERENCE_KEY
        }
        asked = json.dumps([model, self._same_text(prompt), plain, file_sha256], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()
