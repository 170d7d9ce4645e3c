"""Read JSON columns: a value that is no JSON is reported instead of guessed at."""

from __future__ import annotations

import json

from rivya_core.api.errors import DamagedValueError


def read_json(text: str | bytes) -> object:
    """Read a stored JSON value.

    Raises:
        DamagedValueError: guessing might lift a cap or a pause.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise DamagedValueError from error
