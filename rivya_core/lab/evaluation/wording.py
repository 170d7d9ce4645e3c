"""Phrase a verdict in sentences that say no more than the finding supports. Pure.

One sentence states it (``headline``), a second what is still open (``possible`` and ``outlook``); all other figures are
details. The spread between takes of one combination is called take-to-take variation, everywhere.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from rivya_core.lab.evaluation.axis_analysis import AxisVerdict, Further

if TYPE_CHECKING:
    from rivya_core.lab.evaluation.significance import Effect

NAME_MAX: Final = 40
"""Characters of a value's name in a sentence; beside its points it stands whole."""

VARIATION: Final = "take-to-take variation"
BEYOND: Final = f"; clearly beyond {VARIATION}"
"""How the sentence of a clear verdict ends."""

PAIR: Final = 2
_WORD: Final = re.compile(r"[^\W\d_]{3}")
_TIMES_FROM: Final = 10
"""From this value on a multiple is written without decimals."""


def figure(value: float) -> str:
    """Format a number with three significant digits, without an exponent where that reads well."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    if value == 0 or abs(value) < 1e-12:  # noqa: PLR2004 - rounding of a difference
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 9)}f}" if abs(value) < 1e6 else f"{value:.3g}"  # noqa: PLR2004 - long enough


# -- the sentence ------------------------------------------------------------------------------------------------------


def headline(verdict: AxisVerdict) -> str:
    """The verdict in one plain sentence, without a full stop: ``cfg_scale 0 moves more than 1; clearly beyond …``."""
    finding, lead = verdict.finding, verdict.lead
    if finding.word == "clear" and lead is not None:
        return claim(verdict, lead) + BEYOND
    if finding.word == "too few":
        if lead is None or lead.constant or math.isnan(lead.f):
            return f"Too few takes to tell what {_axis(verdict)} does"
        return f"Too few takes to tell: so far {claim(verdict, lead)}, as {VARIATION} alone may do"
    return f"No clear difference between {_compared(verdict)}"


def claim(verdict: AxisVerdict, effect: Effect) -> str:
    """Which value does more of what: ``cfg_scale 0 moves more than 1``, ``fox is sharper than heron``."""
    most, least = (verdict.levels[level] for level in (effect.most, effect.least))
    return f"{_first_named(verdict, most)} {verdict.feature(effect).more} than {_named(least)}"


def possible(verdict: AxisVerdict) -> str:
    """Return the largest difference still compatible with the clips after an unclear verdict; "" if unknown."""
    widest = verdict.finding.widest
    if verdict.finding.word == "clear" or widest is None or not knows_takes(verdict):
        return ""
    noun = verdict.feature(widest).noun
    return f"Still possible: a difference of up to {times(widest.at_most_sd)} the {VARIATION}, in {noun}."


def outlook(verdict: AxisVerdict) -> str:
    """Return what further takes would achieve, with their price; "" after a clear verdict."""
    finding = verdict.finding
    if finding.word == "clear":
        return ""
    if verdict.to_clear is None:
        if finding.word == "too few":
            return ""
        return f"What is seen is no larger than {VARIATION} alone gives, so no number of takes can be named."
    if finding.word == "too few":
        return f"{_capital(_price(verdict.to_clear))} would be enough."
    return (
        f"If the difference is as large as it looks now, {_price(verdict.to_clear)} would show it four times in five."
    )


def times(multiple: float) -> str:
    """How many times, in words: ``half``, ``twice``, ``2.3 times``."""
    rounded = round(multiple, 1)
    named = {0.5: "half", 1.0: "once", 2.0: "twice"}.get(rounded)
    return named or (f"{rounded:.1f} times" if rounded < _TIMES_FROM else f"{multiple:,.0f} times")


# -- details -----------------------------------------------------------------------------------------------------------


def grounds(verdict: AxisVerdict) -> str:
    """Return the evidence of the sentence: the size of the difference, or why nothing more can be said."""
    finding, lead = verdict.finding, verdict.lead
    if finding.word == "clear" and lead is not None:
        also = [claim(verdict, e) for e in finding.effects[1:] if e.p is not None and e.p <= finding.level]
        more = f" Also beyond {VARIATION}: {'; '.join(also)}." if also else ""
        return f"{claim(verdict, lead)} by {_amount(verdict, lead)}.{more}"
    if finding.word == "too few":
        return (
            f"With these numbers of takes no difference, however large, could be told from {VARIATION}: the smallest "
            f"possible p is {finding.smallest_p:.2g}, and {finding.level:g} is needed."
        )
    if lead is None or lead.constant:
        return "No feature changed at all."
    observed = f"The largest difference: {claim(verdict, lead)} by {_amount(verdict, lead)}."
    if finding.p is None or not lead.low > 0:
        return f"{observed} {_capital(VARIATION)} alone can do that."
    return (
        f"{observed} So few takes cannot rule {VARIATION} out: it does as much in {figure(finding.p * 100)} % of all ways "
        f"of dealing them, and {finding.level * 100:g} % is the most that a clear verdict allows."
    )


def ground_rules(verdict: AxisVerdict) -> str:
    """Test and error rate, in one line."""
    finding = verdict.finding
    if finding.p is None:
        return f"Error rate {finding.level * 100:g} % for the verdict as a whole, all features together."
    how = f"all {finding.ways:,} ways" if finding.exact else f"{finding.ways - 1:,} seeded ways"
    return (
        f"p {finding.p:.2g} for all features together ({how} of dealing the takes). Error rate {finding.level * 100:g} % for the "
        f"verdict as a whole, an interval is for its feature alone."
    )


def of_feature(verdict: AxisVerdict, effect: Effect) -> str:
    """Return the finding about one feature: direction, size and adjusted p; no direction if none was shown."""
    far = _listed(f"{figure(effect.difference)}{_sure(effect)}", size(verdict, effect))
    if effect.p is None:
        return f"So far {claim(verdict, effect)} by {far}; no p with so few takes"
    if effect.p <= verdict.finding.level:
        return f"{claim(verdict, effect)} by {far}, p {effect.p:.2g}"
    if effect.low > 0:
        return f"Not beyond {VARIATION}: {claim(verdict, effect)} by {far}, p {effect.p:.2g}"
    return f"No difference shown: {far}, p {effect.p:.2g}"


def knows_takes(verdict: AxisVerdict) -> bool:
    """Return whether some combination has two takes; otherwise take-to-take variation cannot be estimated."""
    return verdict.finding.takes_now > 1


def size(verdict: AxisVerdict, effect: Effect) -> str:
    """How large a difference is, in standard deviations between takes; "" with one take a combination."""
    if not knows_takes(verdict):
        return ""
    if math.isinf(effect.difference_sd):
        return "while takes of one combination do not differ at all"
    if math.isnan(effect.difference_sd):
        return "with nothing known of the spread between takes"
    return f"{figure(effect.difference_sd)} SD between takes"


def interval(effect: Effect) -> str:
    """The interval of a difference, in the feature's own unit."""
    return f"{figure(effect.low)} to {figure(effect.high)}"


# -- names -------------------------------------------------------------------------------------------------------------


def _axis(verdict: AxisVerdict) -> str:
    return verdict.axis.replace(" + ", " with ")


def _first_named(verdict: AxisVerdict, level: str) -> str:
    """Name a value at its first mention: one that means nothing by itself ("0.5") gets the name of its variable."""
    named = _named(level)
    says_itself = _WORD.search(level) is not None or level.casefold().startswith(verdict.axis.casefold())
    return named if says_itself or " + " in verdict.axis else f"{verdict.axis} {named}"


def _named(level: str) -> str:
    """A value's name, in quotation marks where it is several words, and cut where it is many of them."""
    if len(level) > NAME_MAX:
        level = f"{level[:NAME_MAX].rsplit(' ', 1)[0]}…"
    return f"“{level}”" if " " in level else level


def _compared(verdict: AxisVerdict) -> str:
    if len(verdict.levels) == PAIR:
        one, other = verdict.levels
        return f"{_first_named(verdict, one)} and {_named(other)}"
    return f"the {len(verdict.levels)} values of {_axis(verdict)}"


def _sure(effect: Effect) -> str:
    return "" if math.isnan(effect.low) else f" (95 % interval {interval(effect)})"


def _amount(verdict: AxisVerdict, effect: Effect) -> str:
    return _listed(f"{figure(effect.difference)} {verdict.feature(effect).unit}{_sure(effect)}", size(verdict, effect))


def _listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _price(further: Further) -> str:
    clips = f"{further.clips:,} more clip{'' if further.clips == 1 else 's'}"
    return f"{further.takes} takes of each combination ({clips}, {further.credits:,} credits)"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
