"""The video models: parameters, limits, prices, rules for reference files.

The facts are data (``models.json``): forms, checks and prices are built from them, and no other module knows a model. Source of
every row: docs/api/models/{id}, read 2026-05-11. Requests are checked against the packaged rows. :func:`parse_models` reads an
answer of ``GET /models`` in any plausible shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.listing import entries, read_model
from rivya_core.api.specs import KindLimit, ModelSpec, ParamSpec, ReferenceRule

__all__ = [
    "KindLimit",
    "ModelSpec",
    "ParamSpec",
    "ReferenceRule",
    "model_spec",
    "packaged_models",
    "parse_models",
    "price_credits",
]


@cache
def packaged_models() -> Mapping[str, ModelSpec]:
    """Return the packaged video models by id, in the order of the documentation; read once, on first use."""
    raw = json.loads(files("rivya_core.api").joinpath("models.json").read_text("utf-8"))
    specs = [spec for item in raw["models"] if (spec := read_model({"category": "video", **item}, None)) is not None]
    return MappingProxyType(
        {spec.id: replace(spec, source=f"docs/api/models/{spec.id}") for spec in map(_with_modes, specs)}
    )


def _with_modes(spec: ModelSpec) -> ModelSpec:
    """Set the modes by the reference rule. Their names are guessed from ``text-to-image`` in docs/api-models."""
    images = spec.reference is not None and "image" in spec.reference.kinds
    return replace(spec, supported_modes=("text-to-video", "image-to-video") if images else ("text-to-video",))


def model_spec(model_id: str) -> ModelSpec:
    """Return the packaged model of this id.

    Raises:
        InvalidRequestError: no such video model; ``field`` is "model".
    """
    spec = packaged_models().get(model_id) if isinstance(model_id, str) else None
    if spec is None:
        shown = repr(model_id[:80]) if isinstance(model_id, str) else f"a {type(model_id).__name__}"
        raise InvalidRequestError(
            "Unknown model",
            f"model: {shown} is not the id of a video model in the catalogue",
            f"Use one of: {', '.join(packaged_models())}",
            field="model",
        )
    return spec


def price_credits(spec: ModelSpec, params: Mapping[str, object]) -> int:  # noqa: ARG001 - no price per setting is documented
    """Return the documented price in whole credits: the model's base credits.

    It is a lower bound. Whether 10 s, a larger picture or sound cost more is not documented (docs/quality-duration-
    aspect-ratio says that such settings can change the cost); ``reserved_credits`` of the create answer is the truth.
    """
    return spec.base_credits


def parse_models(raw: object) -> list[ModelSpec]:
    """Read an answer of ``GET /models`` in any plausible shape; entries that cannot be read are left out.

    For a packaged model, whatever the list leaves out, or states in a form that cannot be read, is taken from the
    packaged row: the documented example itself shows ``params: []`` for a model that has parameters. Never raises.
    """
    packaged = packaged_models()
    parsed: dict[str, ModelSpec] = {}
    for item in entries(raw):
        name = item.get("id")
        spec = read_model(item, packaged.get(name) if isinstance(name, str) else None)
        if spec is not None:
            parsed.setdefault(spec.id, spec)
    return list(parsed.values())
