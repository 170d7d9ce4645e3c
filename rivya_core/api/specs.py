"""Data types for models: parameters, price, limits, rule for reference files.

The values are in ``models.json`` (see ``catalogue``) and in the answer of ``GET /models`` (see ``listing``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ParamType = Literal["select", "text", "number"]

DURATION_KEYS = ("duration", "n_frames")  # sora-2 calls its duration n_frames
ASPECT_KEYS = ("aspect_ratio", "aspectRatio")  # runway, veo and seedance-1-5-pro use camel case


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One parameter of a model, as in the table of its page (docs/api/models/{id}).

    default: None when nothing is sent unless the caller sets it. minimum, maximum, step: of numbers; None when not documented.
    """

    key: str
    type: ParamType
    required: bool = False
    default: str | float | None = None
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    label: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class KindLimit:
    """Limits of reference files of one kind: number per request (None: no limit), size of each, MIME types."""

    max_count: int | None
    max_bytes: int
    mime_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReferenceRule:
    """The reference files that a model accepts.

    max_images_with_video: the number of images beside a video (happyhorse-1-0); None: no such rule.
    """

    max_items: int
    kinds: Mapping[str, KindLimit]
    note: str = ""
    max_images_with_video: int | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model. base_credits: a lower bound of the price. max_prompt_length: in characters; None when not documented."""

    id: str
    display_name: str
    category: str
    base_credits: int
    billing_type: str
    max_prompt_length: int | None
    params: tuple[ParamSpec, ...]
    reference: ReferenceRule | None
    supported_modes: tuple[str, ...] = ()
    api_status: str = "available"
    notices: tuple[str, ...] = ()
    source: str = ""

    @property
    def is_callable(self) -> bool:
        """Whether the API accepts this model, by ``api_status`` of the models list (docs/api-models)."""
        return self.api_status == "available"

    def param(self, key: str) -> ParamSpec | None:
        """Return the parameter of this key, or None."""
        return next((param for param in self.params if param.key == key), None)

    def defaults(self) -> dict[str, str | float]:
        """Return the documented defaults by key; parameters without one are left out."""
        return {param.key: param.default for param in self.params if param.default is not None}

    @property
    def duration_param(self) -> ParamSpec | None:
        """The parameter for the length of the clip; its key differs between models."""
        return next((param for param in self.params if param.key in DURATION_KEYS), None)

    @property
    def aspect_param(self) -> ParamSpec | None:
        """The parameter for the aspect ratio; its key differs between models."""
        return next((param for param in self.params if param.key in ASPECT_KEYS), None)
