"""Experiments as people start and steer them: quote, start, follow, pause, retry."""

from __future__ import annotations

from rivya_core.lab.parts import Parts


class Sweeps:
    """Start and follow experiments; safe to use from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
