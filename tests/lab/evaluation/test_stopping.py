"""What ``stopping`` promises: a winner who is none is named in at most one of twenty studies, however pairs and end are chosen."""

from __future__ import annotations

import math
import random
from functools import partial

import pytest
from hypothesis import given, strategies as st

from rivya_core.lab.evaluation.votes.stopping import (
    ALPHA,
    THRESHOLD,
    VOTES_PER_VARIANT,
    fewest_more,
    fewest_votes,
    follow,
    log_bet,
)
from rivya_core.lab.evaluation.votes.votes import Comparison
from tests.bench.votes import best, equal, fixed_votes, run_studies, run_study, run_uneven, two_best


def votes(text: str) -> list[Comparison]:
    """Read "A" and "B" as votes for variant 0 and 1, "=" as a tie."""
    return [Comparison(0, 1, is_tie=letter == "=") if letter in "A=" else Comparison(1, 0) for letter in text]


@pytest.mark.parametrize("won", [0, 3, 17])
def test_a_bet_does_not_grow_while_votes_are_even(won: int) -> None:
    """Averaged over an even next vote the bet stays what it was: the one property the error rate rests on."""
    for lost in range(30):
        after = (math.exp(log_bet(lost + 1, won)) + math.exp(log_bet(lost, won + 1))) / 2
        assert after == pytest.approx(math.exp(log_bet(lost, won)), rel=1e-9), lost


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.0, 0.5))
def test_a_bet_shrinks_when_the_opponent_is_worse(lost: int, won: int, chance: float) -> None:
    """With a chance of at most one half the bet is not expected to grow."""
    after = chance * math.exp(log_bet(lost + 1, won)) + (1 - chance) * math.exp(log_bet(lost, won + 1))
    assert after <= math.exp(log_bet(lost, won)) * (1 + 1e-9)


def test_eight_wins_in_a_row_decide() -> None:
    """And seven do not."""
    assert fewest_votes() == 8
    assert follow([0, 1], votes("A" * 7)).winner is None
    decided = follow([0, 1], votes("A" * 8))
    assert (decided.winner, decided.decided_after, decided.out) == (0, 8, ((1, 8),))


@pytest.mark.parametrize("before", ["", "AAA", "AB", "AABA=BBBBB", "A" * 7, "A" * 8])
def test_the_fewest_further_votes_decide_and_fewer_do_not(before: str) -> None:
    """For two variants: so many for one of them, and one vote less does not do for either."""
    found = votes(before)
    fewest = fewest_more((0, 1), found)
    assert (
        follow((0, 1), [*found, *votes("A" * fewest)]).winner == 0
        or follow((0, 1), [*found, *votes("B" * fewest)]).winner
    )
    for letter in "AB":
        assert fewest == 0 or follow((0, 1), [*found, *votes(letter * (fewest - 1))]).winner is None


def test_the_fewest_further_votes_are_for_all_but_one() -> None:
    """With three variants two have to be voted out."""
    assert fewest_more((0, 1, 2), []) == 16


def test_ties_take_no_side_but_are_counted() -> None:
    """A hundred ties say that there is nothing to see, and end the vote as not decided."""
    tied = follow([0, 1], votes("=" * 2 * VOTES_PER_VARIANT))
    assert tied.winner is None
    assert tied.is_over
    assert follow([0, 1], votes("A=" * 8)).decided_after == 15


def test_a_decision_stands_when_later_votes_differ() -> None:
    """The rule speaks once; what comes later changes the ranking, not the decision."""
    assert follow([0, 1], votes("A" * 8 + "B" * 30)).winner == 0


def test_a_variant_that_joins_later_is_in() -> None:
    """Two of three are decided: the third, just arrived, has to be compared before there is a winner."""
    progress = follow([0, 1, 2], votes("A" * 8))
    assert progress.winner is None
    assert set(progress.left) == {0, 2}


def test_votes_for_variants_that_are_gone_are_left_out() -> None:
    """A deleted clip takes its votes along."""
    assert follow([0, 2], votes("A" * 8)).votes == 0


def chance_of_a_winner(limit: int) -> float:
    """The exact chance that two equal variants get a winner within ``limit`` votes, by recursion over all histories."""
    state, found = {0: 1.0}, 0.0
    for number in range(1, limit + 1):
        following: dict[int, float] = {}
        for won, weight in state.items():
            for more in (0, 1):
                first = won + more
                if max(log_bet(first, number - first), log_bet(number - first, first)) >= math.log(THRESHOLD):
                    found += weight / 2
                else:
                    following[first] = following.get(first, 0.0) + weight / 2
        state = following
    return found


@pytest.mark.parametrize("limit", [2 * VOTES_PER_VARIANT, 1000])
def test_two_equal_variants_get_a_winner_in_less_than_one_of_twenty_studies(limit: int) -> None:
    """Exactly, not by simulation, and also for somebody who never stops looking."""
    assert chance_of_a_winner(limit) <= ALPHA


MANY = pytest.mark.calibration


@pytest.mark.parametrize(
    ("count", "studies"),
    [(2, 1000), (3, 40), (6, 20), *(pytest.param(*long, marks=MANY) for long in ((3, 300), (6, 60)))],
)
def test_equal_variants_rarely_get_a_winner(count: int, studies: int) -> None:
    """With adaptive pairs and early stop together."""
    assert sum(study.winner is not None for study in run_studies(count, equal, studies=studies)) <= ALPHA * studies


@pytest.mark.parametrize("studies", [40, pytest.param(300, marks=MANY)])
def test_two_equally_good_ones_among_worse_rarely_get_a_winner(studies: int) -> None:
    """The hardest case: all others are voted out quickly, and two are left that do not differ."""
    found = run_studies(4, two_best, studies=studies)
    assert sum(study.winner is not None for study in found) <= ALPHA * studies


def test_fewer_votes_than_the_fixed_plan_of_the_same_power() -> None:
    """75 to 25: the median number of votes is below the exact binomial test that finds it as often."""
    found = run_studies(2, partial(best, 75), studies=1000)
    power = sum(study.winner == 0 for study in found) / 1000
    assert power > 0.9
    assert sorted(study.votes for study in found)[500] < fixed_votes(2, 75, power)


def test_the_fixed_plan_is_the_smallest_with_its_power() -> None:
    """Known from tables: 0.75 against one half, two-sided 5 %, power 80 %, takes 30 votes."""
    from scipy.stats import binom  # noqa: PLC0415 - slow to load, and only this test compares

    assert fixed_votes(2, 75, 0.8) == 30
    assert 2 * binom.sf(20, 30, 0.5) <= ALPHA < 2 * binom.sf(19, 30, 0.5)


def test_one_voter_who_always_presses_left_decides_nothing() -> None:
    """Sides are balanced, so a habit of the hand is not a preference."""
    rng = random.Random(1)
    order = [rng.random() < 0.5 for _ in range(40)]
    pressed = "".join("AB" if first else "BA" for first in order)
    assert follow([0, 1], votes(pressed)).winner is None


def test_a_study_runs_the_same_again() -> None:
    """The stored seed decides all."""
    assert run_study(3, partial(best, 75), 7) == run_study(3, partial(best, 75), 7)


def test_clips_that_differ_do_not_make_variants_differ() -> None:
    """Two variants of two clips each, every pair of clips clearly decided, half of them either way: no winner."""
    assert not [seed for seed in range(100) if run_uneven(seed, edge=1.0).winner is not None]
