"""The pictures and shows of the papers are made from clips as large as people get them."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _small_clips() -> None:
    """None here."""
