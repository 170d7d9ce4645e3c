"""How a world behaves where the public documentation is silent: settings, so that tests can cover each plausible variant.

Nothing here decides what is *valid*: that is ``http/validation.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

PositiveNumber = Annotated[float, Field(gt=0)]  # a divisor
Number = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class Behaviour(BaseModel):
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

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    speed: PositiveNumber = 1.0
    failure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    cfg_effect: Literal["strong", "weak", "inert"] = "weak"
    overlay: bool = False
    create_status: Literal[200, 201, 202] = 200
    upload_status: Literal[200, 201, 202] = 200
    insufficient_status: Annotated[int, Field(ge=400, le=599)] = 402
    insufficient_leaves_task: bool = False
    idempotency: Literal["replay", "conflict_in_flight", "conflict"] = "replay"
    merges_equal_bodies: bool = False
    in_flight_s: Number = 3.0
    file_shape: Literal["full", "minimal", "file_id", "wrapped"] = "full"
    settle_delay_s: Number = 0.0
    result_ttl_s: Number | None = 86_400.0
    expired_status: Literal[401, 403, 404, 410] = 403
    price_10s: Count | None = None
    rate_limit: Count | None = None
    rate_window_s: PositiveNumber = 60.0
    rate_retry_after: Literal["seconds", "date", "none"] = "seconds"
    require_known_files: bool = True
    api_disabled: bool = False
    queue_min_s: Number = 1.0
    queue_max_s: Number = 2.0
    work_min_s: Number = 4.0
    work_max_s: Number = 10.0
    prompt_unit: Literal["characters", "utf16"] = "characters"
    clip_variants: Annotated[int, Field(ge=1)] = 64

    @model_validator(mode="after")
    def _ranges_are_ranges(self) -> Self:
        if self.queue_max_s < self.queue_min_s or self.work_max_s < self.work_min_s:
            raise ValueError("the longest waiting time must not be shorter than the shortest")
        return self

    def changed(self, changes: Mapping[str, Any]) -> Behaviour:
        """Return a copy with some settings changed.

        Raises:
            ValueError: a name is unknown or a value is outside its range; the sentence names it.
        """
        try:
            return Behaviour.model_validate({**self.as_dict(), **changes})
        except ValidationError as error:
            raise ValueError("; ".join(map(_sentence, error.errors()))) from error

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-safe values."""
        return self.model_dump()


def _sentence(error: Any) -> str:
    """Return a sentence on one fault that pydantic found: the setting and the rule."""
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{name} is not a setting of the simulator"
    return f"{name}: {error['msg']}" if name else str(error["msg"]).removeprefix("Value error, ")
