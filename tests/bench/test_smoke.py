"""The benchmark itself: its subjects are there and its table says what it must. Nothing is timed here."""

from __future__ import annotations

import importlib

import pytest

from tests.bench.__main__ import SUBJECTS
from tests.bench.figures import Figure, percentile, table


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_subject_can_be_measured(subject: str) -> None:
    """Every subject is a module that hands out figures."""
    assert callable(importlib.import_module(f"tests.bench.{subject}").figures)


def test_the_table_tells_a_missed_target_from_a_met_one() -> None:
    """A figure is judged by its own rule; one without a target is not judged."""
    figures = [
        Figure("a", "fast enough", 3.0, "ms", "at most", 4),
        Figure("b", "too few", 2.0, "/s", "at least", 4),
        Figure("c", "just so", 1.0, ""),
    ]
    assert [figure.met for figure in figures] == [True, False, None]
    lines = table(figures).splitlines()[2:]
    assert ["NOT MET" in line for line in lines] == [False, True, False]
    assert "at least 4 /s" in lines[1]


def test_a_percentile_is_a_measured_value() -> None:
    """The nearest rank is taken, so that p95 of few values is not a wish."""
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.95) == 4.0
    assert percentile([5.0], 0.5) == 5.0
