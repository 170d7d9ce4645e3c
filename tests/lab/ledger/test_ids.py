"""Ids sort by time, never collide, and can stand in a header, an address and a file name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rivya_core.api.errors import LabError
from rivya_core.lab.ledger.ids import generation_id, new_intent_id
from tests.lab.given import NOON


def test_intents_sort_by_time() -> None:
    """A later intent has the greater id, also across a century."""
    moments = [NOON + timedelta(milliseconds=step) for step in (0, 1, 1000, 86_400_000, 3_153_600_000_000)]
    ids = [new_intent_id(moment) for moment in moments]
    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {21}


def test_intents_of_one_moment_differ() -> None:
    """Ten thousand intents of the same millisecond are ten thousand ids."""
    assert len({new_intent_id(NOON) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("intent", ["", "-a", "a b", "a/b", "..", "ä", "a\n", "x" * 49])
def test_an_unusable_intent_is_refused(intent: str) -> None:
    """An intent that could not be sent as a header or kept as a file name is refused by name."""
    with pytest.raises(LabError) as caught:
        generation_id(intent, 1)
    assert caught.value.field == "intent_id"


@pytest.mark.parametrize("take", [0, -1, 1000])
def test_a_take_out_of_range_is_refused(take: int) -> None:
    """Takes count from 1 to 999."""
    with pytest.raises(LabError) as caught:
        generation_id("g1", take)
    assert caught.value.field == "take"


def test_the_longest_id_fits_every_column() -> None:
    """Intent and take together stay within 64 characters."""
    assert len(generation_id("x" * 48, 999)) <= 64
