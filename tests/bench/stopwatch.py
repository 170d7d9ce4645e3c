"""Times taken inside a measured server; a module of its own, because Streamlit loads the script afresh for each run."""

from __future__ import annotations

_times_ms: list[float] = []


def keep(took_ms: float) -> None:
    """Remember one run."""
    _times_ms.append(took_ms)


def taken() -> list[float]:
    """Hand out what was remembered, and forget it."""
    times, _times_ms[:] = list(_times_ms), []
    return times
