"""Axes of a sweep: their values, validated, and the names they are shown under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from rivya_core.api import GenerationRequest, ReferenceImage, packaged_models
from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.params import invalid
from rivya_core.api.texts import name_trouble, one_line, shows_nothing
from rivya_core.lab.experiments.templates import Template

Target = Literal["param", "prompt", "reference_image", "model", "variable", "choice"]

MAX_VALUES: Final = 200
LABEL_MAX: Final = 60  # characters of a name somebody gives
SHORT: Final = 32  # characters of a name made from a value
NONE_LABEL: Final = "(none)"
DEFAULT_LABEL: Final = "default"

INPUTS: Final = {
    "prompt": "Prompt",
    "negative_prompt": "Negative prompt",
    "reference_image": "Reference image",
    "model": "Model",
}
"""What can be varied besides a model's parameters, by its name on the screens."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value with the name it is shown under, at most 60 characters in one line."""

    value: Any
    label: str


@dataclass(frozen=True, slots=True)
class AxisPlan:
    """One axis, ready to be expanded. ``target``: what its values replace; ``place``: which list of alternatives."""

    name: str
    target: Target
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    place: tuple[str, int] = ("", 0)


def variable_name(name: str) -> str:
    """Name a variable as people read it: a parameter by the label that its model's page gives it."""
    return INPUTS.get(name) or _param_labels().get(name, name)


@cache
def _param_labels() -> dict[str, str]:
    return {param.key: param.label for spec in packaged_models().values() for param in spec.params if param.label}


def checked_axis(name: str, target: Target, raw_values: Iterable[Any], base: GenerationRequest) -> AxisPlan:
    """Check one axis as somebody gave it.

    Raises:
        InvalidRequestError: the list is empty, too long, or holds a value or a name twice; ``field`` is the axis.
    """
    if isinstance(raw_values, (str, bytes, Mapping)) or not isinstance(raw_values, Iterable):
        raise invalid(name, "needs a list of values", "Give it as [value, value, ...]")
    items = [item if isinstance(item, Labelled) else Labelled(item, "") for item in raw_values]
    if not items:
        raise invalid(name, "has no values", "Give at least one, or remove the variable")
    if len(items) > MAX_VALUES:
        raise invalid(name, f"has {len(items)} values, and at most {MAX_VALUES} are taken")
    values = tuple(_value(name, target, item.value, base) for item in items)
    for place, value in enumerate(values):
        if any(_same(value, other) for other in values[:place]):
            raise invalid(name, f"holds the value {_label(value)!r} twice", "Remove one; takes repeat a combination")
    if target == "param":
        items = [Labelled(None, item.label or DEFAULT_LABEL) if item.value is None else item for item in items]
    return AxisPlan(name, target, values, _labels(name, items, values))


def choice_axes(template: Template, taken: Sequence[str]) -> list[AxisPlan]:
    """An axis for each list of alternatives of a text, called after its first texts.

    Raises:
        InvalidRequestError: a list holds a text twice.
    """
    axes: list[AxisPlan] = []
    for place, choice in enumerate(template.choices):
        name = " / ".join(
            NONE_LABEL if shows_nothing(option) else _shortened(one_line(option.strip()), 12)
            for option in choice.options[:3]
        )
        if len(choice.options) > 3:  # noqa: PLR2004 - the first three tell enough
            name += " / …"
        if template.field != "prompt":
            name = f"negative: {name}"
        name = _unique(_shortened(name, LABEL_MAX - 4), [*taken, *(axis.name for axis in axes)])
        for option in choice.options:
            if choice.options.count(option) > 1:
                raise invalid(template.field, f"the alternatives {name!r} hold {option!r} twice", "Remove one")
        items = [Labelled(option, "") for option in choice.options]
        labels = _labels(name, items, choice.options)
        axes.append(AxisPlan(name, "choice", choice.options, labels, (template.field, place)))
    return axes


def _value(name: str, target: Target, value: Any, base: GenerationRequest) -> Any:
    if target == "reference_image":
        return _image(value, base)
    if target == "model" and isinstance(value, str):
        return value
    if target in {"variable", "prompt", "model"} and not isinstance(value, str):
        raise invalid(name, f"must be text, not {_label(value)}")
    return value


def _image(value: Any, base: GenerationRequest) -> ReferenceImage | None:
    """Check an image once, so that all cells share its bytes."""
    if value is None:
        return None
    built = GenerationRequest(
        prompt="?", model=base.model, reference_image=value, params=base.params, send_original=base.send_original
    )
    return built.image


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, ReferenceImage) and isinstance(other, ReferenceImage):
        return one.sha256 == other.sha256
    return type(one) is type(other) and bool(one == other)


def _labels(name: str, items: Sequence[Labelled], values: Sequence[Any]) -> tuple[str, ...]:
    labels: list[str] = []
    if not all(isinstance(item.label, str) for item in items):
        raise invalid(name, "the name of a value must be text", "Leave it out to have one made")
    own = ["" if shows_nothing(item.label) else item.label.strip() for item in items]
    for label in own:
        if len(label) > LABEL_MAX or name_trouble(label):
            why, hint = name_trouble(label) or (f"has {len(label):,} characters of at most {LABEL_MAX}", "Shorten it")
            raise invalid(name, f"the name {_shortened(label, SHORT)!r} {why}", hint)
        if label and own.count(label) > 1:
            raise invalid(name, f"the name {label!r} is given twice", "Give each value a name of its own")
    for label, value in zip(own, values, strict=True):
        labels.append(label or _unique(_label(value), [*labels, *own]))
    return tuple(labels)


def _label(value: Any) -> str:
    if isinstance(value, ReferenceImage):
        return _shortened(value.original_name or value.name, SHORT) or "image"
    if value is None:
        return NONE_LABEL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return NONE_LABEL if shows_nothing(text) else _shortened(one_line(" ".join(text.split())), SHORT)


def _shortened(text: str, length: int) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _unique(label: str, taken: Sequence[str]) -> str:
    if label not in taken:
        return label
    number = 2
    while f"{label} ({number})" in taken:
        number += 1
    return f"{label} ({number})"


def named(axis: str, label: str, error: InvalidRequestError) -> InvalidRequestError:
    """Return the same refusal, naming the axis and the value at fault."""
    rule = (error.detail or error.title).removeprefix(f"{error.field}: ")
    return InvalidRequestError(
        "A value of a variable is not allowed",
        f"{axis}: {label!r} {rule}" if rule.startswith(("must", "has", "is")) else f"{axis}: {label!r}: {rule}",
        error.hint,
        code=error.code,
        field=axis,
    )
