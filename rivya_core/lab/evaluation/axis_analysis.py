"""From clips to verdicts: the axes of an experiment, the position of each clip on them, the price of more takes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rivya_core.lab.evaluation.features import BY_KEY, FEATURES, Feature
from rivya_core.lab.evaluation.observations import Cell, Observation, Observed
from rivya_core.lab.evaluation.votes.questions import named_first, variables

if TYPE_CHECKING:
    from rivya_core.lab.evaluation.significance import Effect, Finding


@dataclass(frozen=True, slots=True)
class Point:
    """One clip on an axis. ``level``: the number of its value; ``place``: names of its values, and its take.

    ``block``: the number of its combination of the other axes.
    """

    generation_id: str
    level: int
    place: str
    figures: Mapping[str, float]
    block: int = 0


@dataclass(frozen=True, slots=True)
class Further:
    """Takes that would suffice: how many per cell, how many clips more than the present ones, and their price in credits."""

    takes: int
    clips: int
    credits: int


@dataclass(frozen=True, slots=True)
class AxisVerdict:
    """Verdict on one axis.

    ``axis``: its name; several names when values changed together only. ``levels``: names of its values, in order.
    ``left_out``: features that not every clip has. ``to_clear``: what a clear verdict would take; None where the finding names
    no number.
    """

    axis: str
    levels: tuple[str, ...]
    finding: Finding
    points: tuple[Point, ...]
    left_out: tuple[str, ...]
    to_clear: Further | None

    @property
    def lead(self) -> Effect | None:
        """The effect with the strongest evidence."""
        return self.finding.effects[0] if self.finding.effects else None

    def feature(self, effect: Effect) -> Feature:
        """What an effect is about."""
        return BY_KEY[effect.key]


def appraise(observed: Observed) -> tuple[AxisVerdict, ...]:
    """Judge every axis that has at least two values with clips; axes that only change together are judged as one.

    The axis that the question asks about comes first, see ``asked_first``; the others keep their order.
    """
    cells = {cell.number: cell for cell in observed.cells}
    takes = observed.measured
    judged = variables([cells[take.cell].labels for take in takes])
    names = observed.cells[0].labels if observed.cells else ()
    varied = [name for name in names if any(name in axes for axes in judged)]
    verdicts = [_judge(axes, varied, observed, cells) for axes in judged]
    return tuple(asked_first(verdicts, observed.question, observed.name))


def asked_first(verdicts: Sequence[AxisVerdict], *texts: str) -> list[AxisVerdict]:
    """Put the axis first that a text names first: by its own name, else by one of its values. Earlier texts outrank later ones."""
    for names_of in (_own_names, lambda verdict: verdict.levels):
        at = named_first([names_of(verdict) for verdict in verdicts], *texts)
        if at is not None:
            return [verdicts[at], *verdicts[:at], *verdicts[at + 1 :]]
    return list(verdicts)


def _own_names(verdict: AxisVerdict) -> Sequence[str]:
    return verdict.axis.split(" + ")


def _others(labels: Mapping[str, str], varied: Sequence[str], axes: Sequence[str]) -> tuple[str, ...]:
    return tuple(labels[name] for name in varied if name not in axes)


def _judge(axes: tuple[str, ...], varied: Sequence[str], observed: Observed, cells: Mapping[int, Cell]) -> AxisVerdict:
    from rivya_core.lab.evaluation.significance import find  # noqa: PLC0415 - loads scipy: only who computes a verdict pays for it

    takes = observed.measured
    values = [" · ".join(cells[take.cell].labels[name] for name in axes) for take in takes]
    here = set(values)
    order = dict.fromkeys(" · ".join(cell.labels[name] for name in axes) for cell in observed.cells)
    levels = [level for level in order if level in here]
    blocks = [_others(cells[take.cell].labels, varied, axes) for take in takes]
    numbers = {block: number for number, block in enumerate(dict.fromkeys(blocks))}
    groups = [levels.index(value) for value in values]
    whole = [
        feature.key for feature in FEATURES if all((take.figures or {}).get(feature.key) is not None for take in takes)
    ]
    figures = {key: [float((take.figures or {})[key] or 0.0) for take in takes] for key in whole}
    finding = find(groups, [numbers[block] for block in blocks], figures)
    points = tuple(
        Point(
            generation_id=take.generation_id or "",
            level=group,
            place=f"{' · '.join(cells[take.cell].labels[name] for name in varied)}, take {take.take}",
            figures={key: values[index] for key, values in figures.items()},
            block=numbers[blocks[index]],
        )
        for index, (take, group) in enumerate(zip(takes, groups, strict=True))
    )
    return AxisVerdict(
        axis=" + ".join(axes),
        levels=tuple(levels),
        finding=finding,
        points=points,
        left_out=tuple(_left_out(takes, whole)),
        to_clear=_further(observed, finding.takes_clear),
    )


def _left_out(takes: Sequence[Observation], whole: Sequence[str]) -> Iterable[str]:
    """Return features that some clips have and others lack; those that no clip has are not reported."""
    for feature in FEATURES:
        having = sum((take.figures or {}).get(feature.key) is not None for take in takes)
        if feature.key not in whole and having:
            yield f"{feature.label} (measured on {having} of {len(takes)} clips)"


def _further(observed: Observed, takes: int | None) -> Further | None:
    if takes is None:
        return None
    here: dict[int, int] = {}
    for take in observed.measured:
        here[take.cell] = here.get(take.cell, 0) + 1
    missing = {cell.number: max(0, takes - here.get(cell.number, 0)) for cell in observed.cells}
    price = sum(missing[cell.number] * cell.expected_credits for cell in observed.cells)
    return Further(takes, sum(missing.values()), price)
