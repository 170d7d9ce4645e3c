"""Parameters that may have no effect on a model: conflicting documentation, and what was measured here.

A sweep over such a parameter can be pure noise at the full price, so people are warned before they buy it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from rivya_core.lab.experiments.sweep import Sweep
from rivya_core.settings import Mode

ReadNote = Callable[[str], Any]

IN_DOUBT: Final[dict[tuple[str, str], str]] = {
    ("kling-v2-1-master", "cfg_scale"): (
        "cfg_scale may do nothing on this model: copies of Kling's own reference say that v2.x models do not support it, "
        "while Rivya's page offers it with a default of 0.5. Nobody was found who measured it; a quick test can."
    ),
}
"""By model and parameter. Sources: docs/api/models/kling-v2-1-master (Rivya), and published copies of Kling's reference."""

SHAPE: Final = (
    "{param} may do nothing with a reference image: Rivya's table lists it for this model, while a public reference of a "
    "sibling model says that the image decides the shape once one is given. Nobody was found who measured it; a quick test can."
)


def note_name(mode: Mode, model: str, param: str) -> str:
    """Return the key under which a probe's result is stored: ``{"verdict", "words", "experiment_id", "at"}``."""
    return f"knob:{mode}:{model}:{param}"


def doubt(model: str, param: str, mode: Mode, read_note: ReadNote) -> str:
    """Return the doubt about a parameter: the measured verdict if there is one, else the conflict in the docs, else ""."""
    measured = read_note(note_name(mode, model, param))
    if isinstance(measured, dict) and measured.get("words"):
        where = "in the simulator" if mode == "simulated" else "live"
        day = str(measured.get("at", ""))[:10]
        return f"{param} was measured on {model} {where}{f' on {day}' if day else ''}: {measured['words']}"
    return IN_DOUBT.get((model, param), "")


def warnings(sweep: Sweep, mode: Mode, read_note: ReadNote) -> tuple[str, ...]:
    """Return warnings, each once, about parameters of a sweep that may not do what is asked."""
    return tuple(dict.fromkeys(_warnings(sweep, mode, read_note)))


def _warnings(sweep: Sweep, mode: Mode, read_note: ReadNote) -> Iterator[str]:
    varied = [plan.name for plan in sweep.plans if plan.target == "param" and len(plan.values) > 1]
    models = dict.fromkeys(cell.request.model for cell in sweep.cells)
    pictured = any(cell.request.image is not None for cell in sweep.cells)
    aspect = sweep.base.spec.aspect_param
    for param in varied:
        shaped = aspect is not None and param == aspect.key and pictured
        for model in models:
            words = doubt(model, param, mode, read_note)
            if words:
                yield words
            elif shaped:
                yield SHAPE.format(param=param)
    for model in models:
        spec = next(cell.request.spec for cell in sweep.cells if cell.request.model == model)
        dropped = [key for key in sweep.base.params if spec.param(key) is None]
        if dropped:
            yield f"{model} takes no {', '.join(dropped)}, so it is left out of its combinations."
    for cell in sweep.cells:
        yield from (
            words for words in cell.request.warnings if aspect is None or not words.startswith(f"{aspect.key}:")
        )
