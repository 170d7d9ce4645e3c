"""Estimated price of a draft, and the reasons why it cannot be submitted yet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rivya_core.api import GenerationRequest
from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.texts import shows_nothing
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.records import Budget
from rivya_core.mode_words import UNITS, ModeWord


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a draft in credits. ``words`` says where the figure comes from and what is unknown.

    ``is_open``: more than this may be reserved, because the price of this length is not known yet.
    """

    each: int
    takes: int
    words: str
    is_open: bool = False

    @property
    def total(self) -> int:
        """Price of all takes."""
        return self.each * self.takes


def price(lab: Lab, draft: Draft) -> Price:
    """Estimate the price of a draft, complete or not."""
    try:
        request = GenerationRequest(prompt="?", model=draft.model, params=draft.params())
    except InvalidRequestError:
        return Price(draft.spec.base_credits, draft.takes, "Base price of the model.")
    each = lab.expected(request)
    learned = lab.ledger.key_value.learned_price(lab.connection, request) is not None
    odd = None if learned else _undocumented_length(draft)
    return Price(each, draft.takes, _origin(draft.takes, each, odd, learned=learned), is_open=odd is not None)


def balance_after(budget: Budget, cost: Price, word: ModeWord) -> str:
    """Say what the balance will be once the run is paid; "" when it cannot be paid (``reasons`` says why).

    Open reservations are subtracted first, as the submission does.
    """
    if budget.available_credits is None:
        return "Balance after the run: unknown until the wallet answers."
    remaining = budget.available_credits - cost.total
    if remaining < 0:
        return ""
    reserved = f", after {budget.promised_credits:,} reserved for open generations" if budget.promised_credits else ""
    return f"Balance after the run: {remaining:,} {UNITS[word]}{' or less' if cost.is_open else ''}{reserved}."


def reasons(budget: Budget, draft: Draft, cost: Price) -> list[str]:
    """List in words why a draft cannot be submitted now; empty when it can."""
    reasons_ = []
    wrong = _prompt_trouble(draft)
    if wrong:
        reasons_.append(wrong)
        draft = replace(draft, prompt="?")
    try:
        GenerationRequest(prompt=draft.prompt, model=draft.model, params=draft.params())
    except InvalidRequestError as error:
        reasons_.append(error.detail or error.title)
    short = _shortage(budget, cost.total)
    if short:
        reasons_.append(short)
    return reasons_


def _prompt_trouble(draft: Draft) -> str:
    count, cap = len(draft.prompt), draft.spec.max_prompt_length
    if cap and count > cap:
        over = f"{count - cap:,} character{'' if count == cap + 1 else 's'}"
        return f"The prompt is {over} too long: {count:,} of {cap:,}."
    return "Write a prompt." if shows_nothing(draft.prompt) else ""


def _origin(takes: int, each: int, odd: str | None, *, learned: bool) -> str:
    many = "" if takes == 1 else f"{takes} takes of {each:,} credits. "
    if learned:
        return f"{many}Price from your last run."
    if odd is not None:
        return f"{many}Base price. The {odd} s price is undocumented and may be higher."
    return f"{many}Base price of the model."


def _undocumented_length(draft: Draft) -> str | None:
    """Return the chosen length if it is not the one that the list price is for; else None."""
    duration = draft.spec.duration_param
    chosen = None if duration is None else draft.params().get(duration.key)
    return str(chosen) if duration is not None and str(chosen) != str(duration.default) else None


def _shortage(budget: Budget, needed: int) -> str:
    limit, spent = budget.refuses(needed), budget.spent_today_credits
    if limit == "person_cap":
        own, cap = budget.person_spent_credits, budget.person_cap_credits
        return f"Your cap today is {cap:,} credits and you used {own:,}: {needed:,} more do not fit. Admins change it on Spend."
    if limit == "daily_cap":
        return f"Today's cap is {budget.cap_credits:,} credits and {spent:,} are used or promised: {needed:,} more do not fit."
    if limit == "balance":
        promised = f" ({budget.promised_credits:,} are promised to open generations)" if budget.promised_credits else ""
        return f"This needs {needed:,} credits and {max(0, budget.available_credits or 0):,} are available{promised}."
    return ""
