"""What ``rivya_core/lab/shows/pictures/chat_files.py`` promises: clips that were chosen by hand are named by what sets them apart."""

from __future__ import annotations

import pytest

from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.shows.pictures.chat_files import labels_of
from tests.lab.given import added


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ([("A fox", {})], ["A fox"]),
        ([("A fox", {"cfg_scale": 0.3}), ("A fox", {"cfg_scale": 0.7})], ["1: cfg_scale 0.3", "2: cfg_scale 0.7"]),
        ([("A fox", {}), ("A hare", {"cfg_scale": 0.7})], ["1: A fox", "2: A hare"]),
        ([("A fox", {}), ("A fox", {})], ["1: take 1", "2: take 1"]),
    ],
    ids=["one", "settings", "prompts", "takes"],
)
def test_chosen_clips_are_named_by_what_sets_them_apart(
    ledger: Ledger, asked: list[tuple[str, dict[str, float]]], labels: list[str]
) -> None:
    """Never by what was only measured of their pictures."""
    assert labels_of([added(ledger, prompt, params=params) for prompt, params in asked]) == labels
