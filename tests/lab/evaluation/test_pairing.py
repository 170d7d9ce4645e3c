"""What ``pairing`` promises: everybody is seen, then what teaches most; clips and sides take turns; a seed repeats all."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from rivya_core.lab.evaluation.votes.pairing import SEEN_FIRST, Shown, next_clips, next_variants
from rivya_core.lab.evaluation.votes.votes import Comparison

CLIPS = {0: ["a1", "a2"], 1: ["b1", "b2"], 2: ["c1"]}


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_everybody_is_seen_before_anything_is_learned(count: int) -> None:
    """After as few votes as it can be done in, each variant was shown twice."""
    found: list[Comparison] = []
    for _ in range((count * SEEN_FIRST + 1) // 2 + 1):
        one, other = next_variants(range(count), (), found, random.Random(len(found)))
        found.append(Comparison(one, other))
    times = Counter(variant for vote in found for variant in (vote.first, vote.second))
    assert min(times[variant] for variant in range(count)) >= SEEN_FIRST


def test_then_the_close_race_at_the_top_is_shown() -> None:
    """Two that lose to both others are not worth a vote; who of the two best is better is."""
    found = [Comparison(top, low) for top in (0, 1) for low in (2, 3)] * 4 + [Comparison(0, 1), Comparison(1, 0)]
    assert set(next_variants(range(4), (), found, random.Random(1))) == {0, 1}


def test_who_is_out_rests() -> None:
    """Until one is left: then everybody may be shown, to sharpen the ranking."""
    found = [Comparison(0, 1), Comparison(1, 2), Comparison(2, 0)] * 3
    for seed in range(20):
        assert 2 not in next_variants(range(3), {2}, found, random.Random(seed))
    seen = {
        variant
        for seed in range(50)
        for variant in next_variants(range(3), {1, 2}, found, random.Random(seed), last=(0, 1))
    }
    assert seen == {0, 1, 2}


def test_a_pair_is_not_shown_twice_in_a_row() -> None:
    """Unless it is the only one."""
    found = [Comparison(0, 1)] * 5 + [Comparison(1, 2)] * 2
    for seed in range(20):
        assert set(next_variants(range(3), (), found, random.Random(seed), last=(0, 1))) != {0, 1}
    assert set(next_variants(range(2), (), found, random.Random(1), last=(0, 1))) == {0, 1}


def test_clips_take_turns_and_sides_balance() -> None:
    """Over twenty showings each clip of a variant was shown ten times, and each variant stood left ten times."""
    rng, shown = random.Random(5), list[Shown]()
    for _ in range(20):
        shown.append(next_clips((0, 1), CLIPS, shown, rng, last=shown[-1] if shown else None))
    clips = Counter(clip for one in shown for clip in (one.left_clip, one.right_clip))
    assert set(clips.values()) == {10}
    assert Counter(one.left for one in shown) == {0: 10, 1: 10}
    for before, after in pairwise(shown):
        assert {before.left_clip, before.right_clip} != {after.left_clip, after.right_clip}


def test_the_side_says_nothing() -> None:
    """A first showing has variant 0 left about as often as right."""
    lefts = sum(next_clips((0, 1), CLIPS, [], random.Random(seed)).left == 0 for seed in range(400))
    assert 160 < lefts < 240


def test_one_clip_each_is_shown_again() -> None:
    """There is nothing else to show."""
    only = {0: ["a"], 1: ["b"]}
    first = next_clips((0, 1), only, [], random.Random(1))
    second = next_clips((0, 1), only, [first], random.Random(2), last=first)
    assert (second.left, second.left_clip) == (first.right, first.right_clip)


@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12))
def test_the_seed_and_the_past_decide_all(seed: int, past: list[tuple[int, int]]) -> None:
    """The same seed over the same past gives the same pair, and never a variant against itself."""
    found = [Comparison(one, other) for one, other in past if one != other]
    first = next_variants(range(4), (), found, random.Random(seed))
    assert first == next_variants(range(4), (), found, random.Random(seed))
    assert first[0] != first[1]
