"""Open a lab in live mode against the scripted server, as a user with a key would."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rivya_core import GenerationRecord, GenerationRequest, HistoryFilter, Lab, Settings, State, open_lab
from tests.bench.scripted import KEY, Scripted

PATIENCE_S = 300.0


def settings_for(base_url: str, folder: str, **changes: Any) -> Settings:
    """Settings of a live lab on the scripted server; everything unnamed has its default."""
    return Settings(api_key=KEY, base_url=base_url, data_dir=Path(folder), first_start_examples=False, **changes)


@contextmanager
def live_lab(server: Scripted, **changes: Any) -> Iterator[Lab]:
    """Open a lab in a folder that is gone afterwards, its balance known."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        open_lab(settings_for(server.base_url, folder, **changes)) as lab,
    ):
        until(lambda: lab.balance().credits is not None, "the balance is known")
        yield lab


def request(number: int) -> GenerationRequest:
    """A request of its own."""
    return GenerationRequest(prompt=f"A paper boat crosses a flooded street, take {number}")


def until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S, look_s: float = 0.1) -> None:
    """Wait for something; a benchmark that hangs says on what."""
    ends = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError(f"waited {patience_s:.0f} s for: {what}")
        time.sleep(look_s)


def in_state(lab: Lab, state: State) -> int:
    """How many generations are in a state."""
    return lab.ledger.counts().get(state, 0)


def finished(lab: Lab, count: int) -> list[GenerationRecord]:
    """Wait until ``count`` generations have ended, all well; the rows."""

    def ended() -> bool:
        counts = lab.ledger.counts()
        bad = {state: number for state, number in counts.items() if state in {State.FAILED, State.UNCONFIRMED}}
        if bad:
            raise AssertionError(f"generations went wrong: {bad}")
        return counts.get(State.SUCCEEDED, 0) >= count

    until(ended, f"{count} generations have succeeded", look_s=0.5)
    return list(lab.history.export_rows(HistoryFilter(states=frozenset({State.SUCCEEDED}))))
