"""What a benchmark hands out, and the table people read."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Rule = Literal["at most", "at least", "for information"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. ``target`` is compared by ``rule``; ``baseline`` says in words what stood beside it."""

    subject: str
    what: str
    value: float
    unit: str
    rule: Rule = "for information"
    target: float | None = None
    baseline: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None for a figure without one."""
        if self.target is None or self.rule == "for information":
            return None
        return self.value <= self.target if self.rule == "at most" else self.value >= self.target


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0..1) of the values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle of the values."""
    return statistics.median(values)


def spoken(value: float) -> str:
    """Four significant digits at most, without an exponent."""
    if not math.isfinite(value):
        return str(value)
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


HEAD = ("subject", "figure", "measured", "target", "", "baseline of the same run")
WIDTHS = (9, 76, 14, 20, 7, 0)
"""Characters of the columns; a cell that needs more takes it."""


def heading() -> str:
    """The first two lines of the table."""
    return f"{_line(HEAD)}\n{_line(['-' * len(name) for name in HEAD])}"


def line(figure: Figure) -> str:
    """A figure as a line of the table."""
    verdicts = {True: "met", False: "NOT MET", None: "-"}
    target = "-" if figure.target is None else f"{figure.rule} {figure.target:g} {figure.unit}".strip()
    measured = f"{spoken(figure.value)} {figure.unit}".strip()
    return _line((figure.subject, figure.what, measured, target, verdicts[figure.met], figure.baseline))


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def unit_ms() -> float:
    """Milliseconds of a fixed piece of Python work, best of five: how fast this machine is at this moment."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        sum(number * number for number in range(300_000))
        times.append((time.perf_counter() - began) * 1000)
    return min(times)


def circumstances() -> dict[str, Any]:
    """Where and when the figures were taken; the load tells how far to trust absolute ones."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "unit_ms": round(unit_ms(), 1),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def as_json(figure: Figure) -> dict[str, Any]:
    """The figure for a file, with its verdict."""
    return asdict(figure) | {"met": figure.met}


def from_json(told: dict[str, Any]) -> Figure:
    """The figure that ``as_json`` wrote."""
    return Figure(**{key: value for key, value in told.items() if key != "met"})
