"""An address as a QR code, for the cameras of phones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class QrCode:
    """A code without its quiet zone. ``size``: modules on each side; ``path``: the dark ones, as an SVG path of one unit each."""

    size: int
    path: str


def qr_code(text: str) -> QrCode:
    """Write a text as a QR code that a seventh of it may be hidden of (level M)."""
    import segno  # noqa: PLC0415 - only who shares pays for it

    rows = [[bool(module) for module in row] for row in segno.make(text, error="m", micro=False).matrix]
    return QrCode(len(rows), "".join(_row(y, row) for y, row in enumerate(rows)))


def _row(y: int, row: list[bool]) -> str:
    runs = []
    at = 0
    for is_dark, run in groupby(row):
        length = len(list(run))
        if is_dark:
            runs.append(f"M{at} {y}h{length}v1h-{length}z")
        at += length
    return "".join(runs)
