"""How many clips the review wall takes; every place that sends clips there checks against it."""

from __future__ import annotations

from typing import Final

LEAST: Final = 2
MOST: Final = 9
