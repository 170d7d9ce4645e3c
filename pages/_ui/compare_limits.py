"""How many clips the review wall takes: said and held by every place from which clips are sent there."""

from __future__ import annotations

from typing import Final

LEAST: Final = 2
MOST: Final = 9
