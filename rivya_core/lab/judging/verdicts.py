"""Verdicts: is a difference between cells more than re-rolling."""

from __future__ import annotations

from rivya_core.lab.parts import Parts


class Verdicts:
    """Judge experiments by measured features; safe to use from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
