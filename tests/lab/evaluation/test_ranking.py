"""What ``ratings`` promises: shares with intervals, ranked by what is sure, preliminary until enough was seen."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.special import expit

from rivya_core.lab.evaluation.votes.ranking import rate
from rivya_core.lab.evaluation.votes.votes import Comparison


def test_nothing_is_known_before_a_vote() -> None:
    """Everybody stands at one half, widely, and is preliminary."""
    rated = rate([0, 1, 2], [])
    assert {one.share for one in rated} == {0.5}
    assert all(one.low < 0.1 and one.high > 0.9 and one.preliminary for one in rated)


def test_more_wins_stand_higher_and_more_votes_are_surer() -> None:
    """The winner leads, and with ten times the votes its interval is much narrower."""
    few = rate([0, 1], [Comparison(0, 1)] * 3 + [Comparison(1, 0)])
    many = rate([0, 1], [Comparison(0, 1)] * 30 + [Comparison(1, 0)] * 10)
    assert few[0].variant == many[0].variant == 0
    assert (few[0].high - few[0].low) > 1.7 * (many[0].high - many[0].low)
    assert many[0].share == pytest.approx(0.75, abs=0.03)


def test_the_rank_goes_by_the_lower_bound() -> None:
    """Three wins out of three stand below twenty out of twenty-five: little was seen of them."""
    found = [Comparison(0, 2)] * 3 + [Comparison(1, 2)] * 20 + [Comparison(2, 1)] * 5
    rated = {one.variant: one for one in rate([0, 1, 2], found)}
    assert rated[1].place == 1
    assert rated[0].low < rated[1].low
    assert [one.place for one in rate([0, 1, 2], found)] == [1, 2, 3]


def test_a_tie_is_half_a_win_for_each() -> None:
    """Ten ties pull two variants together exactly as five wins each do, with the same interval."""
    ties = rate([0, 1], [Comparison(0, 1, is_tie=True)] * 10)
    wins = rate([0, 1], [Comparison(0, 1), Comparison(1, 0)] * 5)
    assert ties[0].share == pytest.approx(wins[0].share, abs=1e-3)
    assert ties[0].low == pytest.approx(wins[0].low, abs=1e-3)


def test_preliminary_ends_with_eight_decided_votes() -> None:
    """Fewer could not decide anything; ties do not help."""
    seven = [Comparison(0, 1)] * 7 + [Comparison(0, 1, is_tie=True)] * 5
    assert all(one.preliminary for one in rate([0, 1], seven))
    assert not any(one.preliminary for one in rate([0, 1], [*seven, Comparison(1, 0)]))


def test_counts_are_told_as_they_are() -> None:
    """Won, lost, ties, and votes of variants that are gone left out."""
    found = [Comparison(0, 1), Comparison(1, 0), Comparison(0, 1, is_tie=True), Comparison(0, 9)]
    first = next(one for one in rate([0, 1], found) if one.variant == 0)
    assert (first.won, first.lost, first.ties, first.votes) == (1, 1, 1, 3)


def test_a_variant_without_votes_comes_last() -> None:
    """Even below one that lost all."""
    assert rate([0, 1, 2], [Comparison(0, 1)] * 9)[-1].variant == 2


@pytest.mark.parametrize("studies", [4, pytest.param(20, marks=pytest.mark.calibration)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(studies: int) -> None:
    """Five variants of known strengths, 150 votes on random pairs: 95 % intervals hold in at least 90 %."""
    rng = random.Random(3)
    truth = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    held = 0
    for _ in range(studies):
        found = []
        for _ in range(150):
            a, b = rng.sample(range(5), 2)
            found.append(Comparison(a, b) if rng.random() < expit(truth[a] - truth[b]) else Comparison(b, a))
        for one in rate(range(5), found):
            others = np.delete(truth, one.variant).mean()
            held += one.low <= expit(truth[one.variant] - others) <= one.high
    assert held >= 0.9 * 5 * studies


@pytest.mark.parametrize("wins", [1, 40, 300])
def test_one_sided_votes_give_finite_intervals(wins: int) -> None:
    """Nobody reaches 100 %."""
    rated = rate([0, 1], [Comparison(0, 1)] * wins)
    assert 0 < rated[1].low < rated[1].high < rated[0].high < 1
