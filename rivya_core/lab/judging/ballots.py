"""Blind votes: rounds, pairs under neutral addresses, ranking, when to stop."""

from __future__ import annotations

from rivya_core.lab.parts import Parts


class Ballots:
    """Hold blind rounds of an experiment; safe to use from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
