"""How a world behaves where the public documentation is silent: settings, so that tests can cover each plausible variant.

Nothing here decides what is *valid*: that is ``http/validation.py``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHOICES: dict[str, tuple[object, ...]] = {
    "cfg_effect": ("strong", "weak", "inert"),
    "create_status": (200, 201, 202),
    "upload_status": (200, 201, 202),
    "idempotency": ("replay", "conflict_in_flight", "conflict"),
    "file_shape": ("full", "minimal", "file_id", "wrapped"),
    "expired_status": (401, 403, 404, 410),
    "prompt_unit": ("characters", "utf16"),
    "rate_retry_after": ("seconds", "date", "none"),
}
OPTIONAL = frozenset({"result_ttl_s", "price_10s", "rate_limit"})


@dataclass(frozen=True)
class Behaviour:
    """The settings of a world. Seconds are seconds of its clock, credits are whole numbers.

    speed: divides the times of new tasks. failure_rate: share of tasks that fail, 0-1. cfg_effect: how much ``cfg_scale``
    changes the motion of a clip. overlay: write prompt and parameters into the picture. price_10s: credits of a 10 s clip of
    the default model, other models in proportion; None = same as 5 s. settle_delay_s: how long a finished task shows
    ``final_credits`` 0. result_ttl_s: lifetime of a clip URL; None = for ever. rate_limit: API requests per ``rate_window_s``
    and key; None = no limit. in_flight_s: how long ``conflict_in_flight`` answers 409 before it replays.
    merges_equal_bodies: answer a request that this account sent before with its first task, whatever its key and its own id.
    queue_*_s, work_*_s: range of the two waiting times of a task at speed 1. clip_variants: different takes per request
    before clips repeat.
    """

    speed: float = 1.0
    failure_rate: float = 0.0
    cfg_effect: str = "weak"
    overlay: bool = False
    create_status: int = 200
    upload_status: int = 200
    insufficient_status: int = 402
    insufficient_leaves_task: bool = False
    idempotency: str = "replay"
    merges_equal_bodies: bool = False
    in_flight_s: float = 3.0
    file_shape: str = "full"
    settle_delay_s: float = 0.0
    result_ttl_s: float | None = 86_400.0
    expired_status: int = 403
    price_10s: int | None = None
    rate_limit: int | None = None
    rate_window_s: float = 60.0
    rate_retry_after: str = "seconds"
    require_known_files: bool = True
    api_disabled: bool = False
    queue_min_s: float = 1.0
    queue_max_s: float = 2.0
    work_min_s: float = 4.0
    work_max_s: float = 10.0
    prompt_unit: str = "characters"
    clip_variants: int = 64

    def changed(self, changes: Mapping[str, Any]) -> Behaviour:
        """Return a copy with some settings changed.

        Raises:
            ValueError: a name is unknown or a value is outside its range; the sentence names it.
        """
        clean = {name: _checked(name, value) for name, value in changes.items()}
        after = dataclasses.replace(self, **clean)
        if after.queue_max_s < after.queue_min_s or after.work_max_s < after.work_min_s:
            raise ValueError("the longest waiting time must not be shorter than the shortest")
        return after

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-safe values."""
        return dataclasses.asdict(self)


_TYPES = {field.name: type(field.default) for field in dataclasses.fields(Behaviour)}
_TYPES |= {"result_ttl_s": float, "price_10s": int, "rate_limit": int}
# Zero is excluded where it is a divisor.
_LEAST_ABOVE_ZERO = 1e-6
_RANGES: dict[str, tuple[float, float]] = {
    "speed": (_LEAST_ABOVE_ZERO, math.inf),
    "rate_window_s": (_LEAST_ABOVE_ZERO, math.inf),
    "failure_rate": (0, 1),
    "clip_variants": (1, math.inf),
    "insufficient_status": (400, 599),
}


def _checked(name: str, value: Any) -> Any:
    if name not in _TYPES:
        raise ValueError(f"{name} is not a setting of the simulator")
    if value is None and name in OPTIONAL:
        return None
    wanted = _TYPES[name]
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not wanted:
        raise ValueError(f"{name} must be {wanted.__name__}, not {value!r}")
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{name} must be one of {', '.join(map(str, CHOICES[name]))}")
    low, high = _RANGES.get(name, (0, math.inf))
    if isinstance(value, (int, float)) and not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}")
    return value
