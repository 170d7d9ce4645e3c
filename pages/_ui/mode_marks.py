"""Whether parts of a screen must say if they are live or simulated: the header says it for all that is of its own mode.

Where all that a screen shows is of the header's mode, a second mark beside each part says nothing new. Where something on it is
of the other mode, every part says what it is, those of the header's mode too: simulated never looks real.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rivya_core.settings import Mode


@dataclass(frozen=True, slots=True)
class Marks:
    """Which parts of one screen carry a mark of their mode."""

    mixed: bool

    def of(self, mode: Mode) -> str:
        """The mark of one part; "" where the header has it."""
        if not self.mixed:
            return ""
        return mode.upper()


EACH = Marks(mixed=True)
"""Every part says what it is, whatever else is shown."""


def marks(header: Mode, shown: Iterable[Mode]) -> Marks:
    """Decide for a screen whose header says ``header`` and which shows work of the modes ``shown``."""
    return Marks(any(mode != header for mode in shown))
