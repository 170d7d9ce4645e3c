"""Where the credits went: by day, experiment, model, outcome; and what the wallet lost without us."""

from __future__ import annotations

from rivya_core.lab.parts import Parts


class Spending:
    """Sum the ledger for people; safe to use from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
