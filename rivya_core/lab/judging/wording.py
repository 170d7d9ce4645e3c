"""What a verdict says, in sentences. Nothing is said that the finding does not hold. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rivya_core.lab.judging.appraisal import AxisVerdict, Further

if TYPE_CHECKING:
    from rivya_core.lab.judging.noise import Effect

NAME_MAX = 40
"""Characters of a value's name in a sentence; beside its points it stands whole."""


def figure(value: float) -> str:
    """Three significant digits, without an exponent where that reads well."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    if value == 0 or abs(value) < 1e-12:  # noqa: PLR2004 - rounding of a difference
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 9)}f}" if abs(value) < 1e6 else f"{value:.3g}"  # noqa: PLR2004 - long enough


def direction(verdict: AxisVerdict, effect: Effect) -> str:
    """``more motion at 0`` for two values, ``most motion at 0, least at 1`` for more of them."""
    feature = verdict.feature(effect)
    most, least = (_named(verdict.levels[level]) for level in (effect.most, effect.least))
    if len(verdict.levels) == 2:  # noqa: PLR2004 - a pair
        return f"{feature.more} at {most}"
    return f"{feature.more} at {most} than at {least}"


def _named(level: str) -> str:
    """A value's name, in quotation marks where it is words, and cut where it is many of them."""
    if len(level) > NAME_MAX:
        level = f"{level[:NAME_MAX].rsplit(' ', 1)[0]}…"
    return f"“{level}”" if " " in level else level


def knows_takes(verdict: AxisVerdict) -> bool:
    """Tell whether some cell has two takes; without that, nothing says how far takes of one cell lie apart."""
    return verdict.finding.takes_now > 1


def size(verdict: AxisVerdict, effect: Effect) -> str:
    """How large a difference is, in standard deviations between takes; "" with one take a cell."""
    if not knows_takes(verdict):
        return ""
    if math.isinf(effect.difference_sd):
        return "while takes of one cell do not differ at all"
    if math.isnan(effect.difference_sd):
        return "with nothing known of the spread between takes"
    return f"{figure(effect.difference_sd)} SD between takes"


def headline(verdict: AxisVerdict) -> str:
    """The verdict in one short phrase, as it stands beside a knob: ``clear, more motion at 0``."""
    finding, lead = verdict.finding, verdict.lead
    if finding.word == "clear" and lead is not None:
        return f"clear, {direction(verdict, lead)}"
    if finding.word == "same":
        return "same as re-rolling"
    if finding.word == "too few":
        if lead is None or lead.constant or math.isnan(lead.f):
            return "too few takes to tell"
        return f"hint only: {direction(verdict, lead)}, which re-rolling could do as well"
    return "unclear, no difference beyond re-rolling was shown"


def sentence(verdict: AxisVerdict) -> str:
    """Say the verdict with its grounds: what differs, by how much, or why nothing can be said."""
    finding, lead = verdict.finding, verdict.lead
    if finding.word == "clear" and lead is not None:
        also = [direction(verdict, e) for e in finding.effects[1:] if e.p is not None and e.p <= finding.level]
        more = f" Also beyond re-rolling: {'; '.join(also)}." if also else ""
        return f"{_capital(direction(verdict, lead))}: {_amount(verdict, lead)}.{more}"
    if finding.word == "same":
        return (
            f"Every feature differs by less than {_margin(verdict)}, shown at an error rate of "
            f"{finding.level * 100:g} %."
        )
    if finding.word == "too few":
        return (
            f"With these numbers of takes no difference, however large, could be told from re-rolling: the smallest "
            f"possible p is {finding.smallest_p:.2g}, and {finding.level:g} is needed."
        )
    if lead is None or lead.constant:
        return "No feature changed at all, and that with too few takes to call it the same."
    seen = f"The largest difference is {direction(verdict, lead)}: {_amount(verdict, lead)}."
    if finding.p is None or not lead.low > 0:
        return f"{seen} Re-rolling alone can do that."
    return (
        f"{seen} These few takes cannot rule re-rolling out: it does as much in {figure(finding.p * 100)} % of all ways "
        f"of dealing them, and {finding.level * 100:g} % is the most that a clear verdict allows."
    )


def outlook(verdict: AxisVerdict) -> str:
    """What further takes would bring, with their price; "" after a clear or same verdict."""
    finding = verdict.finding
    if finding.word in {"clear", "same"}:
        return ""
    if finding.word == "too few":
        return "" if verdict.to_clear is None else f"{_capital(_price(verdict.to_clear))} would do."
    parts = []
    if verdict.to_clear is not None:
        parts.append(
            f"If the difference is as large as it looks now, {_price(verdict.to_clear)} would show it four times in five."
        )
    else:
        parts.append("It is no larger than chance alone gives, so no number of takes follows from it.")
    if verdict.to_same is not None:
        parts.append(
            f"If there is none, showing that (within {_margin(verdict)}) needs many takes: {_price(verdict.to_same)}."
        )
    return " ".join(parts)


def ground_rules(verdict: AxisVerdict) -> str:
    """Test, error rate and margin, in one line."""
    finding = verdict.finding
    if finding.p is None:
        return f"Error rate {finding.level * 100:g} % for the verdict as a whole, all features together."
    how = f"all {finding.ways:,} ways" if finding.exact else f"{finding.ways - 1:,} seeded ways"
    return (
        f"p {finding.p:.2g} for all features together ({how} of dealing the takes). Error rate {finding.level * 100:g} % for the "
        f"verdict as a whole, an interval is for its feature alone. Margin for same: {_margin(verdict)}."
    )


def of_feature(verdict: AxisVerdict, effect: Effect) -> str:
    """What was found of one feature: which way, how much, and its p beside all others; no way where none was shown."""
    far = _listed(f"{figure(effect.difference)}{_sure(effect)}", size(verdict, effect))
    if effect.p is None:
        return f"Hint only: {direction(verdict, effect)} by {far}, no p with so few takes"
    if effect.p <= verdict.finding.level:
        return f"{_capital(direction(verdict, effect))} by {far}, p {effect.p:.2g}"
    if effect.low > 0:
        return f"Not beyond re-rolling: {direction(verdict, effect)} by {far}, p {effect.p:.2g}"
    return f"No difference shown: {far}, p {effect.p:.2g}"


def interval(effect: Effect) -> str:
    """The interval of a difference, in the feature's own unit."""
    return f"{figure(effect.low)} to {figure(effect.high)}"


def _sure(effect: Effect) -> str:
    return "" if math.isnan(effect.low) else f" (95 % interval {interval(effect)})"


def _amount(verdict: AxisVerdict, effect: Effect) -> str:
    return _listed(f"{figure(effect.difference)} {verdict.feature(effect).unit}{_sure(effect)}", size(verdict, effect))


def _margin(verdict: AxisVerdict) -> str:
    spread = "between takes" if knows_takes(verdict) else "between clips of one value"
    return f"{verdict.finding.margin_sd:g} SD {spread}"


def _listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _price(further: Further) -> str:
    return f"{further.takes} takes in each cell ({further.clips:,} more clips, {further.credits:,} credits)"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
