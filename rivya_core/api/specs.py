"""What is known of one model: its parameters, its price, its limits, its reference rule.

Only the forms of the facts stand here; the facts themselves are in ``models.json`` (see ``catalogue``) and in what
``GET /models`` answers (see ``listing``).
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
    """One parameter of a model, as its page's table states it.

    ``default`` None means that nothing is sent unless the caller says so. ``minimum``, ``maximum`` and ``step`` concern
    numbers; a ``step`` is set only where the page states one.
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
    """How many files of one kind a request may refer to, how large each may be, and of which MIME types."""

    max_count: int | None
    max_bytes: int
    mime_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReferenceRule:
    """Which reference files a model takes.

    ``max_images_with_video`` lowers the number of images beside a video (happyhorse-1-0); None means no such rule.
    """

    max_items: int
    kinds: Mapping[str, KindLimit]
    note: str = ""
    max_images_with_video: int | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model. ``base_credits`` is a lower bound of the price; ``max_prompt_length`` None means no documented limit."""

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
        """True unless the models list says that the API does not take this model (docs/api-models: ``api_status``)."""
        return self.api_status == "available"

    def param(self, key: str) -> ParamSpec | None:
        """Return the parameter of this key, or None."""
        return next((param for param in self.params if param.key == key), None)

    def defaults(self) -> dict[str, str | float]:
        """Return the documented defaults by key; parameters without one are left out."""
        return {param.key: param.default for param in self.params if param.default is not None}

    @property
    def duration_param(self) -> ParamSpec | None:
        """The parameter that sets the length of the clip, whatever the model calls it."""
        return next((param for param in self.params if param.key in DURATION_KEYS), None)

    @property
    def aspect_param(self) -> ParamSpec | None:
        """The parameter that sets the shape of the picture, whatever the model calls it."""
        return next((param for param in self.params if param.key in ASPECT_KEYS), None)
