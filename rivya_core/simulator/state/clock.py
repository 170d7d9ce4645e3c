"""The clock of a world: real time plus an offset that only grows, so that tests and pages can let time pass at once."""

from __future__ import annotations

from collections.abc import Callable

from rivya_core.simulator.state.store import Store

_FOR_EVER_S = 1e10


class Clock:
    """Tell the world's time. real: gives Unix seconds. The offset stands in the store, so it survives a restart."""

    def __init__(self, store: Store, real: Callable[[], float]) -> None:
        self._store, self._real = store, real
        self._offset_s = 0.0

    def now(self) -> float:
        """Return the world's time in Unix seconds."""
        return self._real() + self._offset_s

    def reload(self) -> None:
        """Read the offset again; another process may have moved the clock."""
        self._offset_s = float(self._store.meta("offset_s"))

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Raises:
            ValueError: ``seconds`` is negative or beyond any calendar.
        """
        if not 0 <= seconds < _FOR_EVER_S:
            raise ValueError("the clock moves forward only")
        self._offset_s += seconds
        self._store.set_meta("offset_s", self._offset_s)
