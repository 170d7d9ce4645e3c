"""What people say of single clips: time-coded notes, stars by criterion."""

from __future__ import annotations

from rivya_core.lab.parts import Parts


class Reviews:
    """Keep notes and stars; safe to use from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
