"""Read and write JSON columns; an invalid value is reported, never replaced by a default."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from rivya_core.api.errors import DamagedValueError

_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""U+0000 as JSON writes it; behind an even number of backslashes, so that it is not a text about it."""


def read_json(text: str | bytes) -> object:
    """Read a stored JSON value.

    Raises:
        DamagedValueError: guessing might lift a cap or a pause.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise DamagedValueError from error


def write_json(value: Any) -> str:
    """Write a value as PostgreSQL can take it apart: it refuses U+0000 and half a surrogate pair, see ``any_text``.

    Numbers that JSON does not know (NaN, infinity) are written as null.
    """
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        written = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    text = _NUL.sub(r"\1\\ufffd", written)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value
