"""Validate texts and parameter values against a model's page, and convert them to their form in the request.

Values of selects are sent as strings, durations and booleans too; numbers are JSON numbers (docs/api/models). Each error names
the parameter by the API's own key and states the rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from rivya_core.api.contract import REFERENCE_KEY
from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.specs import ModelSpec, ParamSpec
from rivya_core.api.texts import cannot_be_kept, shows_nothing

_STEP_TOLERANCE = 1e-9


def invalid(field: str, rule: str, hint: str = "") -> InvalidRequestError:
    """Build the error of an input. field: its name in the API. rule: continues the name as a sentence."""
    return InvalidRequestError("The request cannot be sent as it is", f"{field}: {rule}", hint, field=field)


def check_text(field: str, value: object) -> str:
    """Return the text, or raise InvalidRequestError when it cannot be sent in JSON as UTF-8."""
    if not isinstance(value, str):
        raise invalid(field, f"must be text, not {_kind(value)}")
    trouble = cannot_be_kept(value)
    if trouble is not None:
        raise invalid(field, f"holds {trouble}, which cannot be sent", "Type that character again, or remove it")
    return value


def check_values(spec: ModelSpec, params: object) -> dict[str, str | float]:
    """Return all parameters as they are sent, in the model's order, with the documented defaults filled in.

    Selects and numbers are always sent, so that the record is complete even if a default changes; empty texts are left out.
    A value of None counts as absent.

    Raises:
        InvalidRequestError: ``field`` is the key of the parameter, or "params".
    """
    if not isinstance(params, Mapping):
        raise invalid("params", f"must map the model's keys to values, not {_kind(params)}")
    for key in params:
        _check_key(spec, key)
    wire: dict[str, str | float] = {}
    for param in spec.params:
        given = params.get(param.key)
        value = param.default if given is None else _value(param, given)
        if isinstance(value, str) and shows_nothing(value):
            value = None
        if value is not None:
            wire[param.key] = value
        elif param.required:
            raise invalid(param.key, f"is required by {spec.id}")
    return wire


def _check_key(spec: ModelSpec, key: object) -> None:
    if key == REFERENCE_KEY:
        raise invalid(REFERENCE_KEY, "is filled in from the uploaded file", "Give the image as reference_image")
    if isinstance(key, str) and spec.param(key) is not None:
        return
    name = key[:80] if isinstance(key, str) else _kind(key)
    name = name.encode("utf-8", "replace").decode()
    documented = ", ".join(param.key for param in spec.params)
    if not name.strip():
        raise invalid(
            "params", f"holds an empty name, which is not a parameter of {spec.id}", f"It takes: {documented}"
        )
    raise invalid(name, f"is not a parameter of {spec.id}", f"It takes: {documented}")


def _value(param: ParamSpec, value: object) -> str | float | None:
    if param.type == "select":
        return _option(param, value)
    if param.type == "number":
        return _number(param, value)
    return check_text(param.key, value)


def _option(param: ParamSpec, given: object) -> str:
    whole = isinstance(given, int) and not isinstance(given, bool) and abs(given) < 2**53
    value = str(given) if whole else given
    if not isinstance(value, str) or value not in param.options:
        options = ", ".join(f'"{option}"' for option in param.options)
        raise invalid(param.key, f"must be one of {options}, not {_shown(given)}")
    return value


def _number(param: ParamSpec, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise invalid(param.key, f"must be a number, not {_shown(given)}")
    if isinstance(given, float) and not math.isfinite(given):
        raise invalid(param.key, "must be a finite number, not NaN or infinity")
    low, high = param.minimum, param.maximum
    if (low is not None and given < low) or (high is not None and given > high):
        raise invalid(param.key, f"must be {_range(low, high)}, not {_shown(given)}")
    value = float(given)
    if param.step is not None:
        steps = (value - (low or 0.0)) / param.step
        if abs(steps - round(steps)) > _STEP_TOLERANCE:
            raise invalid(param.key, f"must go in steps of {param.step:g} from {low or 0:g}, not {_shown(given)}")
    return int(value) if value.is_integer() else value


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return f"{low} or more" if low is not None else f"{high} or less"


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:40]}…")  # noqa: PLR2004 - fits one line
    if isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 10**20):
        return str(value)
    return _kind(value)


def _kind(value: object) -> str:
    return {bool: "true or false", int: "a number", float: "a number", dict: "a mapping", list: "a list"}.get(
        type(value), "nothing" if value is None else f"a {type(value).__name__}"
    )
