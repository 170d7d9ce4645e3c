"""Quotes: what a sweep will cost, how long it takes, and why it may not start. Figures for people, before anything is bought.

The one home of "what fits a budget" for sweeps: ``check`` and ``how_many_fit`` decide for quotes and purchases alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rivya_core.api import GenerationRequest
from rivya_core.api.errors import BudgetError
from rivya_core.lab.ledger import budget as budgets
from rivya_core.lab.ledger.history.history import Typical
from rivya_core.lab.ledger.records import Budget

ENOUGH_SAMPLES: Final = 3

TypicalOf = Callable[[str, str | None], Typical | None]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a sweep needs now.

    cells, takes: number of cells, and takes per cell. reused, new: takes that exist or are running, and takes to be bought.
    credits: estimated price of the new ones. minutes: range from all in parallel to a few at a time, None when no such clip
    was ever timed. available_credits: balance less open reservations, None when unknown. fits: how many of the new takes
    caps and balance allow, and fits_credits: their price. shortage: why not all, or "". warnings: sentences on what may turn
    out differently.
    """

    cells: int
    takes: int
    reused: int
    new: int
    credits: int
    minutes: tuple[int, int] | None
    available_credits: int | None
    fits: int
    fits_credits: int
    shortage: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def balance_after(self) -> int | None:
        """Credits available once all new takes are paid; None while the balance is unknown."""
        return None if self.available_credits is None else self.available_credits - self.credits

    @property
    def sentence(self) -> str:
        """The quote in one line."""
        cells = f"{self.cells:,} combination{'' if self.cells == 1 else 's'}"
        takes = f"{self.takes} take{'' if self.takes == 1 else 's'}"
        parts = [f"{cells} × {takes}: {self.reused:,} reused, {self.new:,} new = {self.credits:,} credits"]  # noqa: RUF001 - a product is meant
        if self.minutes is not None:
            low, high = self.minutes
            parts.append(f"about {low}-{high} min" if low < high else f"about {low} min")
        after = "unknown" if self.balance_after is None else f"{self.balance_after:,}"
        parts.append(f"balance after: {after}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class RepairQuote:
    """What it costs now to give every take of a sweep a clip.

    takes: takes that lack one. reused: those of them for which a clip exists by now; new: those to be bought, for
    ``credits``. fits, fits_credits: how many of the new ones caps and balance allow, and their price.
    """

    takes: int
    reused: int
    new: int
    credits: int
    fits: int
    fits_credits: int


def minutes(requests: Iterable[GenerationRequest], at_once: int, typical: TypicalOf) -> tuple[int, int] | None:
    """Estimate how long new takes will need, in minutes, from past clips alone.

    Rivya's concurrency is not documented, so the range goes from all takes in parallel (at the fast quantile of the past) to
    ``at_once`` at a time (at the slow one).
    """
    kinds: dict[tuple[str, str | None], int] = {}
    for request in requests:
        param = request.spec.duration_param
        length = None if param is None else str(request.wire_params().get(param.key, "")) or None
        kinds[(request.model, length)] = kinds.get((request.model, length), 0) + 1
    low_s = high_s = 0.0
    for (model, length), count in kinds.items():
        took = typical(model, length)
        needed = None if took is None else took.left_s(rounds=count / at_once, enough=ENOUGH_SAMPLES)
        if needed is None:
            return None
        low_s = max(low_s, needed[0])
        high_s += needed[1]
    if not kinds:
        return None
    high_s = max(high_s, low_s)
    return max(1, round(low_s / 60)), max(1, math.ceil(high_s / 60))


def check(budget: Budget, prices: Sequence[int], cap_credits: int | None, spent_credits: int) -> None:
    """Check new takes with these prices against the experiment's cap, the day's cap and the balance.

    Raises:
        BudgetError: ``field`` is "experiment_cap", "daily_cap" or "balance"; ``fits`` says how many are allowed.
    """
    needed = sum(prices)
    if needed == 0:
        return
    try:
        _check_cap(needed, cap_credits, spent_credits)
        budgets.check(budget, needed)
    except BudgetError as error:
        fits = how_many_fit(budget, prices, cap_credits, spent_credits)
        detail = f"{error.detail} {fits:,} of {len(prices):,} new clips fit."
        raise BudgetError(error.title, detail, error.hint, field=error.field, fits=fits) from None


def check_confirmed_price(prices: Sequence[int], shown_credits: int | None) -> None:
    """Check that takes cost no more than the price that was confirmed on screen; None: none was confirmed.

    Raises:
        BudgetError: they cost more by now, since more takes failed or prices rose; ``field`` is "expected_credits".
    """
    needed = sum(prices)
    if shown_credits is None or needed <= shown_credits:
        return
    clips = f"{len(prices):,} clip{'' if len(prices) == 1 else 's'}"
    raise BudgetError(
        "This costs more by now than was shown",
        f"{shown_credits:,} credits were shown; {clips} would cost {needed:,} credits now. Nothing was bought.",
        "Look at the new figure, and start it again if it is right.",
        field="expected_credits",
    )


def how_many_fit(budget: Budget, prices: Sequence[int], cap_credits: int | None, spent_credits: int) -> int:
    """Return how many of the takes, in their order, fit every limit."""
    limits = [budget.remaining_credits, None if cap_credits is None else cap_credits - spent_credits]
    room = min((limit for limit in limits if limit is not None), default=None)
    if room is None:
        return len(prices)
    for count, price in enumerate(prices):
        room -= price
        if room < 0:
            return count
    return len(prices)


def _check_cap(needed: int, cap_credits: int | None, spent_credits: int) -> None:
    if cap_credits is None or spent_credits + needed <= cap_credits:
        return
    raise BudgetError(
        "The sweep's cap does not allow this",
        f"{needed:,} credits needed, {max(0, cap_credits - spent_credits):,} left of the sweep's cap of "
        f"{cap_credits:,}; {spent_credits:,} are spent or held by it.",
        "Raise the sweep's cap, or start what fits. Nothing was sent.",
        field="experiment_cap",
    )
