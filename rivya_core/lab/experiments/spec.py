"""Serialize a sweep to the JSON stored with its experiment, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rivya_core.api import GenerationRequest, ReferenceImage
from rivya_core.api.texts import one_line
from rivya_core.lab.experiments.axes import Labelled
from rivya_core.lab.experiments.records import ExperimentRecord
from rivya_core.lab.experiments.sweep import Sweep

LoadImage = Callable[[str], ReferenceImage]


def to_spec(sweep: Sweep) -> dict[str, Any]:
    """Write base, axes and pairing; images by their hash."""
    return {
        "base": sweep.base.canonical(),
        "paired": sweep.paired,
        "axes": [
            {
                "name": plan.name,
                "target": plan.target,
                "labels": list(plan.labels),
                "values": [_written(value) for value in plan.values],
            }
            for plan in sweep.plans
        ],
    }


def to_sweep(record: ExperimentRecord, load_image: LoadImage) -> Sweep:
    """Rebuild the sweep of an experiment, validated like a new one.

    Raises:
        InvalidRequestError: the catalogue no longer allows it. StorageError: an image is missing.
    """
    base, axes = read_spec(record.spec, load_image)
    return Sweep(
        one_line(record.name),
        one_line(record.question),
        base,
        axes,
        record.takes,
        record.cap_credits,
        paired=bool(record.spec["paired"]),
        kind=record.kind,
        parent_id=record.parent_id,
    )


def read_spec(spec: Mapping[str, Any], load_image: LoadImage) -> tuple[GenerationRequest, dict[str, list[Labelled]]]:
    """Read base and axes back from what :func:`to_spec` wrote. Raises as :func:`to_sweep` does."""
    recorded = spec["base"].get("reference_image")
    image = load_image(recorded["sha256"]) if recorded else None
    axes = {
        axis["name"]: [
            Labelled(_read(value, load_image), one_line(label))
            for value, label in zip(axis["values"], axis["labels"], strict=True)
        ]
        for axis in spec["axes"]
        if axis["target"] != "choice"
    }
    return GenerationRequest.from_canonical(spec["base"], image), axes


def images_of(sweep: Sweep) -> Iterator[ReferenceImage]:
    """Return every image of the base and the axes, once per content, including those that no cell uses, for ``to_sweep``."""
    values = [sweep.base.image, *(value for plan in sweep.plans for value in plan.values)]
    yield from {value.sha256: value for value in values if isinstance(value, ReferenceImage)}.values()


def _written(value: Any) -> Any:
    if isinstance(value, ReferenceImage):
        return {"image": {"sha256": value.sha256, "name": value.original_name or value.name}}
    return value


def _read(value: Any, load_image: LoadImage) -> Any:
    return load_image(value["image"]["sha256"]) if isinstance(value, Mapping) else value
