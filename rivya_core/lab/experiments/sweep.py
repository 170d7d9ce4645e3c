"""A sweep as requested, expanded into cells that are valid requests. Pure: nothing is stored, priced or sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, get_args

from rivya_core.api import GenerationRequest
from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.params import check_text, invalid
from rivya_core.api.texts import name_trouble, shows_nothing
from rivya_core.lab.experiments.axes import AxisPlan, Labelled, Target, checked_axis, choice_axes, named
from rivya_core.lab.experiments.records import Axis, Kind
from rivya_core.lab.experiments.templates import Template, parse
from rivya_core.lab.ledger.cap_log import MAX_CAP_CREDITS

MAX_CELLS: Final = 1000
MAX_TAKES: Final = 20
MAX_GENERATIONS: Final = 2000  # as many as the engine runs at once
NAME_MAX: Final = 120
QUESTION_MAX: Final = 1000
NEGATIVE: Final = "negative_prompt"
KINDS: Final = get_args(Kind)


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One combination of values as the request it stands for. ``labels``: axis name to the name of its value."""

    cell: int
    labels: Mapping[str, str]
    request: GenerationRequest = field(repr=False)
    request_sha256: str
    reuse_sha256: str

    @property
    def title(self) -> str:
        """The names of the cell's values, in the order of the axes."""
        return " · ".join(self.labels.values())


@dataclass(frozen=True)
class Sweep:
    """Ask one question with many clips; immutable, and valid once it exists.

    name, question: shown to people. base: the request that every cell changes; its prompt and negative prompt may hold
    ``{{variable}}`` and ``{a|b|c}``. axes: lists of values, plain or ``Labelled``, by a parameter of the model, "prompt",
    "negative_prompt", "reference_image", "model", or a variable of the texts; alternatives become axes of their own. All
    combinations are made, or with ``paired`` the first values together, the second together and so on. takes: clips a
    cell, 1 to 20. cap_credits: the most that this experiment may spend. parent_id: the experiment that it extends.

    Raises:
        InvalidRequestError: a value, or a combination, is not allowed; ``field`` names the axis or input and the sentence
            the value and the rule. No other error leaves the constructor.
    """

    name: str
    question: str
    base: GenerationRequest
    axes: Mapping[str, Any] = field(default_factory=dict)
    takes: int = 1
    cap_credits: int | None = None
    paired: bool = field(default=False, kw_only=True)
    kind: Kind = field(default="sweep", kw_only=True)
    parent_id: str | None = field(default=None, kw_only=True)
    plans: tuple[AxisPlan, ...] = field(init=False, repr=False, compare=False)
    cells: tuple[PlannedCell, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_texts(self)
        _check_numbers(self)
        if not isinstance(self.base, GenerationRequest):
            raise invalid("base", "must be a GenerationRequest")
        if not isinstance(self.axes, Mapping):
            raise invalid("axes", "must map names to lists of values")
        for name in self.axes:
            _one_line("axes", check_text("axes", name).strip())
        put = object.__setattr__
        put(self, "axes", {name: _copied(values) for name, values in self.axes.items()})
        expansion = _Expansion(self.base, self.axes)
        put(self, "plans", expansion.axes)
        put(self, "cells", tuple(expansion.cells(paired=self.paired)))
        take_count = len(self.cells) * self.takes
        if take_count > MAX_GENERATIONS:
            raise invalid(
                "takes",
                f"{len(self.cells)} combinations of {self.takes} takes are {take_count} generations, and at most "
                f"{MAX_GENERATIONS} are taken",
                "Take fewer takes or values",
            )

    @property
    def axis_names(self) -> tuple[Axis, ...]:
        """The axes with the names of their values, in order."""
        return tuple(Axis(plan.name, plan.labels) for plan in self.plans)


def _copied(values: Any) -> Any:
    """Copy a list of values, so that the caller cannot change it later; anything else is refused by its axis."""
    return tuple(values) if isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping)) else values


def check_name(name: str) -> str:
    """Return the name of a sweep as it is kept. Raises InvalidRequestError: it is empty, too long, or no name."""
    _check_length("name", name, NAME_MAX)
    if shows_nothing(name):
        raise invalid("name", "must not be empty", "Name the sweep")
    return _one_line("name", name.strip())


def _one_line(field: str, text: str) -> str:
    trouble = name_trouble(text)
    if trouble is not None:
        raise invalid(field, *trouble)
    return text


def _check_length(name: str, text: str, longest: int) -> None:
    if len(check_text(name, text)) > longest:
        raise invalid(name, f"has {len(text)} characters, and at most {longest} are taken")


def _check_texts(sweep: Sweep) -> None:
    check_name(sweep.name)
    _check_length("question", sweep.question, QUESTION_MAX)
    _one_line("question", sweep.question.strip())
    if sweep.kind not in KINDS:
        raise invalid("kind", f"must be one of {', '.join(KINDS)}")
    if sweep.parent_id is not None:
        check_text("parent_id", sweep.parent_id)


def _check_numbers(sweep: Sweep) -> None:
    takes, cap = sweep.takes, sweep.cap_credits
    if isinstance(takes, bool) or not isinstance(takes, int) or not 1 <= takes <= MAX_TAKES:
        raise invalid("takes", f"must be a whole number from 1 to {MAX_TAKES}, not {takes!r}")
    if cap is not None and (isinstance(cap, bool) or not isinstance(cap, int) or not 0 <= cap <= MAX_CAP_CREDITS):
        raise invalid("cap_credits", f"must be a whole number of credits from 0 to {MAX_CAP_CREDITS:,}, or none")


class _Expansion:
    """The axes of a sweep and the cells they span."""

    def __init__(self, base: GenerationRequest, axes: Mapping[str, Any]) -> None:
        self._base = base
        self._texts = {"prompt": parse(base.prompt, "prompt")}
        negative = base.params.get(NEGATIVE)
        if isinstance(negative, str):
            self._texts[NEGATIVE] = parse(negative, NEGATIVE)
        named_values = {
            name.strip().removeprefix("{{").removesuffix("}}").strip(): values for name, values in axes.items()
        }
        if len(named_values) < len(axes):
            raise invalid("axes", "hold one name twice")
        explicit = [
            checked_axis(name, self._target(name, named_values), values, base) for name, values in named_values.items()
        ]
        self._replaced = {axis.name: self._parsed(axis) for axis in explicit if axis.name in {"prompt", NEGATIVE}}
        self._check_variables(explicit)
        self.axes = tuple(explicit)
        for name, template in self._texts.items():
            if name not in self._replaced:
                self.axes += tuple(choice_axes(template, [axis.name for axis in self.axes]))

    # -- axes ------------------------------------------------------------------------------------------------------

    def _target(self, name: str, named_values: Mapping[str, Any]) -> Target:
        """Return what an axis of this name replaces in the request."""
        spec = self._base.spec
        variables = {one for text in self._texts.values() for one in text.variables}
        if name in {"prompt", NEGATIVE}:
            variables = set()
        for other in ("prompt", NEGATIVE):
            variables |= {
                one for text in _texts_of(named_values.get(other, ())) for one in parse(text, other).variables
            }
        target: Target | None = None
        if name in {"prompt", "reference_image", "model"}:
            target = name  # type: ignore[assignment]  # the three names are targets
        elif spec.param(name) is not None:
            target = "param"
        if target is not None and name in variables:
            raise invalid(
                name, "is a variable of the prompt and an input of the request", "Give the variable another name"
            )
        if target is not None:
            return target
        if name in variables:
            return "variable"
        inputs = ", ".join(["prompt", *(param.key for param in spec.params), "reference_image", "model"])
        raise invalid(
            name[:80] or "axes",
            f"is no input of {spec.id} and no variable of the prompt",
            f"Vary one of {inputs}, or write {{{{{name[:40]}}}}} into the prompt",
        )

    def _parsed(self, axis: AxisPlan) -> tuple[Template, ...]:
        templates = tuple(parse("" if value is None else str(value), axis.name) for value in axis.values)
        for template, label in zip(templates, axis.labels, strict=True):
            if template.choices:
                rule = f"{label!r} holds alternatives {{a|b}}, which only the base's text may"
                raise invalid(axis.name, rule, "List the values, or use a {{variable}}")
        return templates

    def _check_variables(self, explicit: Sequence[AxisPlan]) -> None:
        """Every variable needs a list, and every list must reach every text of at least one input."""
        listed = {axis.name for axis in explicit if axis.target == "variable"}
        everywhere: set[str] = set()
        for name, text in self._texts.items():
            templates = self._replaced.get(name, (text,))
            used = [set(template.variables) for template in templates]
            for missing in sorted(set().union(*used) - listed):
                rule = f"stands in the {name.replace('_', ' ')} as {{{{{missing}}}}} and has no list of values"
                raise invalid(missing, rule, f"Give {missing} values, or fill it in")
            everywhere |= set.intersection(*used)
        if NEGATIVE in self._replaced and NEGATIVE not in self._texts:
            used = [set(template.variables) for template in self._replaced[NEGATIVE]]
            for missing in sorted(set().union(*used) - listed):
                raise invalid(missing, f"stands in the negative prompt as {{{{{missing}}}}} and has no list of values")
            everywhere |= set.intersection(*used)
        for unused in sorted(listed - everywhere):
            raise invalid(unused, f"is not used by every text: {{{{{unused}}}}} must stand in each of them")

    # -- cells -----------------------------------------------------------------------------------------------------

    def cells(self, *, paired: bool) -> Iterator[PlannedCell]:
        """All cells in grid order, the last axis turning fastest; each another request."""
        by_hash: dict[str, PlannedCell] = {}
        for number, places in enumerate(self._places(paired=paired)):
            labels = {axis.name: axis.labels[place] for axis, place in zip(self.axes, places, strict=True)}
            request = self._request(places, labels)
            cell = PlannedCell(number, labels, request, request.sha256, request.reuse_sha256)
            twin = by_hash.setdefault(cell.reuse_sha256, cell)
            if twin is not cell:
                raise self._twins(twin, cell)
            yield cell

    def _places(self, *, paired: bool) -> Iterator[tuple[int, ...]]:
        lengths = [len(axis.values) for axis in self.axes]
        if not paired:
            count = 1
            for axis in self.axes:
                count *= len(axis.values)
                if count > MAX_CELLS:
                    raise invalid(
                        axis.name,
                        f"makes more than {MAX_CELLS} combinations",
                        "Take fewer values, or pair the variables",
                    )
            return product(*(range(length) for length in lengths))
        for axis in self.axes:
            if len(axis.values) != lengths[0]:
                rule = f"has {len(axis.values)} values and {self.axes[0].name} has {lengths[0]}"
                raise invalid(axis.name, rule, "Paired variables need lists of the same length")
        return iter([(place,) * len(lengths) for place in range(lengths[0] if lengths else 1)])

    def _request(self, places: tuple[int, ...], labels: Mapping[str, str]) -> GenerationRequest:
        chosen = dict(zip((axis.name for axis in self.axes), places, strict=True))
        values = {axis.name: axis.values[place] for axis, place in zip(self.axes, places, strict=True)}
        target = {axis.name: axis.target for axis in self.axes}
        words = {name: value for name, value in values.items() if target[name] == "variable"}
        params: dict[str, Any] = dict(self._base.params)
        params |= {name: value for name, value in values.items() if target[name] == "param"}
        texts = {name: self._text(name, chosen, words) for name in {*self._texts, *self._replaced}}
        if NEGATIVE in texts:
            params[NEGATIVE] = texts[NEGATIVE]
        changes: dict[str, Any] = {name: values[name] for name in ("reference_image", "model") if name in values}
        try:
            return self._built(texts["prompt"], params, changes)
        except InvalidRequestError as error:
            raise self._blamed(error, labels, target) from error

    def _built(self, prompt: str, params: Mapping[str, Any], changes: Mapping[str, Any]) -> GenerationRequest:
        base = self._base
        model = changes.get("model", base.model)
        if model != base.model:
            spec = GenerationRequest(prompt="?", model=model).spec
            varied = {axis.name for axis in self.axes}
            params = {key: value for key, value in params.items() if key in varied or spec.param(key) is not None}
        return GenerationRequest(
            prompt=prompt,
            model=model,
            params=params,
            reference_image=changes.get("reference_image", base.image),
            client_request_id=base.client_request_id,
            send_original=base.send_original,
        )

    def _text(self, name: str, chosen: Mapping[str, int], words: Mapping[str, str]) -> str:
        if name in self._replaced:
            return self._replaced[name][chosen[name]].fill(words, ())
        picks = [axis.values[chosen[axis.name]] for axis in self.axes if axis.place[0] == name]
        return self._texts[name].fill(words, picks)

    def _blamed(
        self, error: InvalidRequestError, labels: Mapping[str, str], target: Mapping[str, Target]
    ) -> InvalidRequestError:
        """Rephrase the refusal of a cell in terms of its axes."""
        culprit = error.field or ""
        if culprit not in labels:
            into = [axis.name for axis in self.axes if target[axis.name] in {"variable", "choice"}]
            if culprit in {"prompt", NEGATIVE} and into:
                culprit = into[0]
            elif "model" in labels:
                culprit = "model"
        if culprit in labels:
            return named(culprit, labels[culprit], error)
        return error

    def _twins(self, one: PlannedCell, other: PlannedCell) -> InvalidRequestError:
        differing = [name for name in one.labels if one.labels[name] != other.labels[name]]
        name = differing[0] if differing else "axes"
        rule = f"“{one.title}” and “{other.title}” would send the same request"
        if one.request_sha256 != other.request_sha256:
            rule = f"“{one.title}” and “{other.title}” differ only in line breaks, blanks at the ends or Unicode form"
        return invalid(name, rule, "Remove one of them; takes repeat a combination")


def _texts_of(values: object) -> list[str]:
    if isinstance(values, (str, bytes)) or not isinstance(values, (list, tuple)):
        return []
    plain = [value.value if isinstance(value, Labelled) else value for value in values]
    return [value for value in plain if isinstance(value, str)]
