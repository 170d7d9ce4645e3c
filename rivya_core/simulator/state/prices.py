"""What a request costs and how long its clip lasts, by the model's own parameters (docs/api/models)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rivya_core.api.catalogue import ModelSpec, packaged_models
from rivya_core.api.contract import DEFAULT_MODEL

_LONG_CLIP_S = 10


def clip_duration_s(spec: ModelSpec, params: Mapping[str, Any]) -> float:
    """Return how long the clip of a request lasts: its duration parameter, however the model names it, or 5 s."""
    known = spec.duration_param
    value = params.get(known.key, known.default) if known else None
    return 5.0 if value is None else float(value)


def price_of(spec: ModelSpec, params: Mapping[str, Any], price_10s: int | None) -> int:
    """Return the credits of a request. ``price_10s`` is that of the default model from 10 s up; others in proportion."""
    if price_10s is None or clip_duration_s(spec, params) < _LONG_CLIP_S:
        return spec.base_credits
    return round(spec.base_credits * price_10s / packaged_models()[DEFAULT_MODEL].base_credits)
