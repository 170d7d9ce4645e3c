"""The benchmark itself: its subjects are there and its table says what it must. Nothing is timed here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import fresh
from tests.bench.__main__ import CALIBRATIONS, SUBJECTS
from tests.bench.figures import Figure, as_json, from_json, heading, line, percentile
from tests.until import until


@pytest.mark.parametrize("subject", [*SUBJECTS, *CALIBRATIONS])
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
    lines = [line(figure) for figure in figures]
    assert ["NOT MET" in one for one in lines] == [False, True, False]
    assert "at least 4 /s" in lines[1]
    assert {one.index("at ") for one in lines[:2]} == {heading().index("target")}
    assert [from_json(as_json(figure)) for figure in figures] == figures


def slowly(folder: str) -> Iterator[int]:
    """Two values, the second one once somebody has seen the first."""
    yield 1
    until((Path(folder) / "seen").exists, what="the first value was seen")
    yield 2


def failing() -> Iterator[int]:
    """A value, then an error."""
    yield 1
    raise ValueError("no more")


def test_a_figure_is_there_before_the_next_one_is_measured(tmp_path: Path) -> None:
    """They come one by one from their process, and its error after those that it had."""
    found = fresh.each("tests.bench.test_smoke:slowly", folder=str(tmp_path))
    assert next(found) == 1
    (tmp_path / "seen").touch()
    assert list(found) == [2]
    found = fresh.each("tests.bench.test_smoke:failing")
    assert next(found) == 1
    with pytest.raises(RuntimeError, match="no more"):
        next(found)


def test_a_percentile_is_a_measured_value() -> None:
    """The nearest rank is taken, so that p95 of few values is not a wish."""
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.95) == 4.0
    assert percentile([5.0], 0.5) == 5.0
