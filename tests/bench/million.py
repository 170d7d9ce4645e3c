"""The same as ``history`` over a million rows. Ten minutes or more, so only when it is named: ``python -m tests.bench million``."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import history
from tests.bench.figures import Figure

ROWS = 1_000_000


def figures() -> Iterator[Figure]:
    """Fill and ask."""
    yield from history.figures(ROWS)
