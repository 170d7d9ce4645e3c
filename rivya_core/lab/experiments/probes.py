"""Ready-made sweeps that test whether a parameter has any effect: its two extreme values, takes of each, all else equal.

The *hint* (2 + 2 takes) is half the price and can never say *clear*: with so few takes the smallest possible p-value of a
permutation test is 1/3. The *verdict* (4 + 4) is the smallest design that can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from rivya_core.api import GenerationRequest, ParamSpec, model_spec
from rivya_core.api.errors import InvalidRequestError
from rivya_core.lab.experiments.records import Kind
from rivya_core.lab.experiments.sweep import Sweep

if TYPE_CHECKING:
    from rivya_core.lab.lab import Lab

ProbeKind = Literal["hint", "verdict"]

TAKES: Final[dict[ProbeKind, int]] = {"hint": 2, "verdict": 4}
PROMISES: Final[dict[ProbeKind, str]] = {
    "hint": "Shows which way it leans, never clearly: with 2 + 2 takes, chance alone gives any difference once in three.",
    "verdict": "4 + 4 takes are the fewest that can tell a difference from take-to-take variation at an error rate of 5 %.",
}
PROMPT: Final = "A paper boat drifts along a rain gutter, leaves spin past, the camera follows close to the water"
"""Asks for motion of subject and camera, so that a parameter that affects either has something to change."""

ENDS: Final = 2


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """A probe, ready to be quoted and started. ``credits``: for all its clips, if none can be reused."""

    kind: ProbeKind
    sweep: Sweep
    clips: int
    credits: int
    promise: str


def plans(
    lab: Lab, model: str, param: str = "cfg_scale", base: GenerationRequest | None = None
) -> tuple[ProbePlan, ProbePlan]:
    """Plan a hint and a verdict for a parameter of a model.

    Args:
        lab: estimates the price of a clip.
        model: id of the model.
        param: a number with a documented range, or a choice; its first and last value are compared.
        base: the request that both ends change; without one, a prompt that asks for motion, all else at its default.

    Raises:
        InvalidRequestError: the model has no such parameter, or it has no two ends.
    """
    param_spec = model_spec(model).param(param)
    ends = [] if param_spec is None else _ends(param_spec)
    if len(ends) != ENDS:
        raise InvalidRequestError(
            "This cannot be probed",
            f"{param} of {model} has no two ends to compare.",
            "Probe a number with a range, or a choice.",
            field=param,
        )
    request = base if base is not None else GenerationRequest(prompt=PROMPT, model=model)
    return _plan(lab, "hint", request, param, ends), _plan(lab, "verdict", request, param, ends)


def kind_of(requested: Kind, sweep: Sweep) -> Kind:
    """Return the kind of an extended probe: still a probe while a single parameter varies, and which one by its takes."""
    probes = [plan for plan in sweep.plans if plan.target == "param" and len(plan.values) >= ENDS]
    if requested == "sweep" or len(probes) != 1 or len(sweep.plans) != 1 or sweep.takes < TAKES["hint"]:
        return "sweep"
    return "verdict" if sweep.takes >= TAKES["verdict"] else "hint"


def _plan(lab: Lab, kind: ProbeKind, base: GenerationRequest, param: str, ends: list[Any]) -> ProbePlan:
    takes = TAKES[kind]
    words = "A quick test whether" if kind == "hint" else "Whether"
    sweep = Sweep(
        f"Probe: {param}, {takes} + {takes} takes",
        f"{words} {param} does anything on {base.spec.display_name}",
        base,
        {param: ends},
        takes,
        kind=kind,
    )
    credits = takes * sum(lab.expected(cell.request) for cell in sweep.cells)  # noqa: A001 - Rivya's word
    return ProbePlan(kind, sweep, takes * len(sweep.cells), credits, PROMISES[kind])


def _ends(param: ParamSpec) -> list[Any]:
    if param.type == "number" and param.minimum is not None and param.maximum is not None:
        return [param.minimum, param.maximum]
    if param.type == "select" and len(param.options) >= ENDS:
        return [param.options[0], param.options[-1]]
    return []
