"""What the noise floor promises: the stated error rate, no verdict from too few takes, the same answer each time."""

from __future__ import annotations

import math
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from rivya_core.lab.evaluation.permutations import DRAWS, deals, smallest_p, ways
from rivya_core.lab.evaluation.significance import LEVEL, Finding, find
from tests.bench.calibration import drawn, study, understated, words_said


def two(first: list[float], second: list[float], **more: list[float]) -> Finding:
    """One feature called motion at two values; further features as given."""
    groups = [0] * len(first) + [1] * len(second)
    return find(groups, [0] * len(groups), {"motion": first + second, **more})


# -- ways of dealing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("takes", "groups", "count", "least"),
    [(2, 2, 6, 2 / 6), (3, 2, 20, 0.1), (4, 2, 70, 2 / 70), (2, 3, 90, 6 / 90), (3, 3, 1680, 6 / 1680), (1, 2, 2, 1.0)],
)
def test_the_smallest_p_is_known_before_a_clip_is_made(takes: int, groups: int, count: int, least: float) -> None:
    """4 + 4 is the smallest pair of equal numbers that can reach 5 %."""
    dealt = [group for group in range(groups) for _ in range(takes)]
    assert ways(dealt, [0] * len(dealt)) == count
    assert smallest_p(dealt, [0] * len(dealt)) == pytest.approx(least)


def test_all_ways_are_those_that_permutations_give() -> None:
    """Each different way stands there once, the one that happened first; blocks stay apart."""
    groups, blocks = (1, 0, 1, 0, 0), (0, 0, 1, 1, 1)
    deal = deals(groups, blocks)
    found = [tuple(int(label) for label in row) for row in deal.labels]
    assert deal.exact
    assert found[0] == groups
    wanted = {tuple(one) + tuple(other) for one in permutations(groups[:2]) for other in permutations(groups[2:])}
    assert Counter(found) == Counter(wanted)


def test_many_ways_are_drawn_the_same_each_time() -> None:
    """Beyond the limit 9,999 seeded draws stand beside what happened, each with the block's own labels."""
    groups, blocks = tuple([0, 1] * 12), tuple([0] * 12 + [1] * 12)
    deal = deals(groups, blocks)
    again = deals.__wrapped__(groups, blocks)
    assert not deal.exact
    assert deal.labels.shape == (DRAWS + 1, 24)
    assert (deal.labels == again.labels).all()
    assert (deal.labels[:, :12].sum(axis=1) == 6).all()


# -- words -------------------------------------------------------------------------------------------------------------


def test_too_few_takes_give_no_verdict_and_no_p() -> None:
    """2 + 2, and 3 + 3, never say more than how many takes would do, however large the difference."""
    for takes in (2, 3):
        found = two([0.0, 0.1, 0.2][:takes], [90.0, 91.0, 92.0][:takes])
        assert found.word == "too few"
        assert found.p is None
        assert all(effect.p is None for effect in found.effects)
        assert found.takes_clear == 4


@pytest.mark.parametrize("order", list(permutations(["clear", "none", "slight"])))
def test_what_never_differs_between_takes_of_a_cell_comes_first(order: tuple[str, ...]) -> None:
    """An infinite F is the largest of all; a feature that is the same everywhere is the smallest, wherever it was given."""
    figures = {"clear": [1.0, 1.0, 5.0, 5.0], "none": [2.0] * 4, "slight": [1.0, 2.0, 1.5, 2.6]}
    found = find([0, 0, 1, 1], [0] * 4, {key: figures[key] for key in order})
    assert found.p is None
    assert [effect.key for effect in found.effects] == ["clear", "slight", "none"]
    assert math.isinf(found.effects[0].f)


def test_a_large_difference_is_clear_with_feature_amount_and_interval() -> None:
    """4 + 4 takes apart by far more than they spread are clear at 2/70."""
    found = two([10.0, 10.2, 9.9, 10.1], [14.0, 14.1, 13.8, 14.2], cuts=[0.0] * 8)
    lead = found.effects[0]
    assert (found.word, found.exact, found.ways) == ("clear", True, 70)
    assert found.p == pytest.approx(2 / 70)
    assert (lead.key, lead.most, lead.least) == ("motion", 1, 0)
    assert lead.difference == pytest.approx(3.975)
    assert lead.low < 3.975 < lead.high
    assert lead.difference_sd > 20
    assert [effect.constant for effect in found.effects] == [False, True]


def test_the_interval_is_students() -> None:
    """With two values the interval is the pooled t interval."""
    from scipy import stats  # noqa: PLC0415 - slow to load, and only this test compares

    dice = np.random.default_rng(5)
    first, second = dice.normal(size=7), dice.normal(size=6) + 1
    found = two(first.tolist(), second.tolist()).effects[0]
    wanted = stats.ttest_ind(second, first).confidence_interval()
    sign = 1 if found.most == 1 else -1
    assert sorted((sign * found.low, sign * found.high)) == pytest.approx(sorted((wanted.low, wanted.high)))
    assert found.f == pytest.approx(stats.ttest_ind(second, first).statistic ** 2)


def test_one_feature_alone_has_the_p_of_the_exact_t_test() -> None:
    """Against a library's own permutation test."""
    from scipy import stats  # noqa: PLC0415 - slow to load, and only this test compares

    dice = np.random.default_rng(6)
    first, second = dice.normal(size=5), dice.normal(size=5) + 1.2
    wanted = stats.permutation_test(
        (first, second), lambda x, y, axis: np.abs(x.mean(axis=axis) - y.mean(axis=axis)), vectorized=True,
        n_resamples=np.inf, alternative="greater",
    ).pvalue  # fmt: skip
    assert two(first.tolist(), second.tolist()).p == pytest.approx(wanted)


def test_more_features_never_make_a_verdict_easier() -> None:
    """The same difference is judged against the best of all features, so its p can only grow."""
    dice = np.random.default_rng(7)
    values = dice.normal(size=10)
    values[5:] += 1.5
    alone = two(values[:5].tolist(), values[5:].tolist())
    noise = {name: dice.normal(size=10).tolist() for name in ("flicker", "sharpness", "cuts")}
    among = two(values[:5].tolist(), values[5:].tolist(), **noise)
    p = next(effect.p for effect in among.effects if effect.key == "motion")
    assert alone.p is not None
    assert p is not None
    assert p >= alone.p


def test_the_level_of_a_block_is_no_difference_between_values() -> None:
    """Prompts far apart hide nothing and add nothing: only the spread within a prompt counts."""
    dice = np.random.default_rng(8)
    base = dice.normal(size=16)
    groups = [0, 0, 0, 0, 1, 1, 1, 1] * 2
    blocks = [0] * 8 + [1] * 8
    plain = find(groups, blocks, {"motion": base.tolist()})
    shifted = find(groups, blocks, {"motion": (base + np.repeat([0.0, 500.0], 8)).tolist()})
    assert plain.p == shifted.p
    assert plain.effects[0].difference == pytest.approx(shifted.effects[0].difference)


def test_values_that_no_block_compares_are_not_judged() -> None:
    """Without a single comparison inside a block there is nothing to say."""
    found = find([0] * 5 + [1] * 5, [0] * 5 + [1] * 5, {"motion": [float(number) for number in range(10)]})
    assert found.word == "too few"


def test_without_a_difference_the_verdict_is_unclear_however_many_takes() -> None:
    """Nothing is ever called the same; what may still be there shrinks with the takes."""
    few = study(drawn(np.random.default_rng(1), 4, 0.0), 4)
    many = study(drawn(np.random.default_rng(1), 60, 0.0), 60)
    assert (few.word, many.word) == ("unclear", "unclear")
    assert few.widest is not None
    assert many.widest is not None
    assert many.widest.at_most_sd < 1 < few.widest.at_most_sd


@pytest.mark.parametrize(("takes", "size_sd"), [(3, 5.0), (4, 3.0), (4, 5.0), (6, 3.0), (10, 2.0)])
def test_what_is_called_still_possible_is_rarely_too_little(takes: int, size_sd: float) -> None:
    """At most once in twenty studies is a verdict not clear and the true effect larger than it calls possible."""
    assert understated(takes, size_sd, studies=200) <= 10


def test_nothing_is_called_possible_where_nothing_is_known() -> None:
    """One take of each value says nothing of the spread, and a feature that never changed has none."""
    assert two([1.0], [2.0]).widest is None
    assert two([1.0] * 4, [1.0] * 4).widest is None


def test_unclear_says_how_many_takes_the_difference_would_need() -> None:
    """More than now, fewer for a larger difference, none named when the difference is no larger than chance."""
    zeros = [0.0, 1.0, 2.0, 3.0, 4.0]
    small = two(zeros, [value + 1.6 for value in zeros])
    large = two(zeros, [value + 2.4 for value in zeros])
    none = two(zeros, zeros)
    assert (small.word, large.word, none.word) == ("unclear", "unclear", "unclear")
    assert small.takes_clear is not None
    assert large.takes_clear is not None
    assert 5 < large.takes_clear < small.takes_clear
    assert none.takes_clear is None


def test_figures_that_never_change_are_no_evidence() -> None:
    """No spread at all is not clear, gives no infinite number, and a difference without any spread within is clear."""
    flat = two([1.0] * 4, [1.0] * 4)
    assert flat.word == "unclear"
    assert flat.effects[0].constant
    assert flat.effects[0].difference_sd == 0
    split = two([1.0] * 4, [2.0] * 4)
    assert split.word == "clear"
    assert math.isinf(split.effects[0].difference_sd)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, allow_nan=False, width=32), min_size=8, max_size=8),
    st.floats(0.01, 1000),
)
def test_a_verdict_does_not_depend_on_the_unit(values: list[float], factor: float) -> None:
    """Scaling a figure changes nothing but its amounts."""
    clean = [float(np.round(value, 3)) for value in values]
    first = two(clean[:4], clean[4:])
    other = two([value * factor for value in clean[:4]], [value * factor for value in clean[4:]])
    assert first.word == other.word
    assert first.p == other.p
    mirrored = two(clean[4:], clean[:4])
    assert mirrored.p == first.p


# -- error rates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("studies", [100, pytest.param(400, marks=pytest.mark.calibration)])
@pytest.mark.parametrize("takes", [4, 6])
def test_settings_that_do_nothing_are_rarely_called_clear(takes: int, studies: int) -> None:
    """At most 5 % of many seeded studies, give or take what so many studies scatter by (three standard deviations)."""
    said = words_said(takes, 0.0, studies)
    assert said["clear"] / studies <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / studies)


def test_a_strong_setting_is_mostly_called_clear() -> None:
    """Three standard deviations at 6 + 6 takes."""
    assert words_said(6, 3.0, 100)["clear"] >= 85


def test_three_values_hold_the_error_rate_too() -> None:
    """More than two values, one verdict."""
    dice = np.random.default_rng(11)
    said = Counter(study(drawn(dice, 3, 0.0, groups=3), 3, groups=3).word for _ in range(300))
    assert said["clear"] / 300 <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / 300)


@pytest.mark.parametrize(
    ("groups", "figures"), [([0, 0], {"a": [1.0, 2.0]}), ([0, 1], {"a": [1.0]})], ids=["one value", "lengths"]
)
def test_what_cannot_be_judged_is_refused(groups: list[int], figures: dict[str, list[float]]) -> None:
    """One value, or figures that do not fit the clips."""
    with pytest.raises(ValueError, match="a finding needs"):
        find(groups, [0] * len(groups), figures)
