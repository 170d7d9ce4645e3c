"""The parameters that History is filtered by, as they stand in columns of their own beside the request.

A filter that read them out of the request would open every row; the columns are answered from indexes. They are written once,
when a row is stored: a request never changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rivya_core.api.specs import ASPECT_KEYS, DURATION_KEYS

PARAM_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "cfg_scale": ("cfg_scale",),
    "duration": DURATION_KEYS,
    "aspect_ratio": ASPECT_KEYS,
}
"""The parameters that can be filtered by, each with the names that models use for it."""

VALUE_MAX: Final = 64
"""Characters of a value that are kept: more say nothing to a person, and an index refuses very long ones."""


def column_name(parameter: str) -> str:
    """Return the name of a parameter's column."""
    return f"param_{parameter}"


def param_columns(params: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the columns of a request's parameters; null for one that it does not have."""
    return {column_name(name): _first(params, keys) for name, keys in PARAM_KEYS.items()}


def plain(value: str) -> str:
    """Format a value for people and for its column: the number 1.0 as 1, anything else unchanged."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value[:VALUE_MAX]


def _first(params: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    found = next((params[key] for key in keys if params.get(key) is not None), None)
    return plain(str(found)) if isinstance(found, str | int | float) else None
