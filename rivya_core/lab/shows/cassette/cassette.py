"""The cassette format: finished work as one file, which a lab without key and network can replay.

``cassette.json`` contains requests, times, credits, errors and the hashes of the clips; the clips are beside it, named by
their hashes. It must contain no key, host, path, balance, or id of Rivya's. ``export`` writes it, ``reader`` reads it.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rivya_core.api.media_rules import MEDIA_MAX_BYTES
from rivya_core.lab.experiments.axes import LABEL_MAX, MAX_VALUES, Target
from rivya_core.lab.experiments.records import Kind
from rivya_core.lab.experiments.sweep import MAX_GENERATIONS, MAX_TAKES, NAME_MAX, QUESTION_MAX
from rivya_core.settings import Mode

FORMAT: Final = "rivya-cassette/1"
INDEX_NAME: Final = "cassette.json"
CLIPS: Final = "clips/"
IMAGES: Final = "images/"

ENTRIES_MAX: Final = MAX_GENERATIONS
IMAGES_MAX: Final = 200
SWEEPS_MAX: Final = 50
FILE_MAX_BYTES: Final = 2_000_000_000  # beyond this a ZIP needs the ZIP64 format
INDEX_MAX_BYTES: Final = 8_000_000

_TEXT_MAX: Final = 20_000
_CREDITS_MAX: Final = 10**9
_SECONDS_MAX: Final = 10.0**8
_AXES_MAX: Final = 20
_TAKE_MAX: Final = 999  # as ids of generations have it

Recorded = Literal["live", "simulated", "mixed"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Credits = Annotated[int, Field(ge=0, le=_CREDITS_MAX)]
Seconds = Annotated[float, Field(ge=0, le=_SECONDS_MAX)]
Number = Annotated[int, Field(ge=-(10**9), le=10**9)] | Annotated[float, Field(ge=-1e9, le=1e9)]
Value = Annotated[str, Field(max_length=_TEXT_MAX)] | Number
Params = Annotated[dict[Annotated[str, Field(max_length=100)], Value], Field(max_length=64)]


class _Part(BaseModel):
    """A part of the file: strict and without extra fields, since the file is untrusted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class Piece(_Part):
    """A clip or an image, which stands in the file under its hash."""

    sha256: Sha256
    size_bytes: int = Field(ge=1, le=MEDIA_MAX_BYTES)


class Failure(_Part):
    """Why a generation failed, in Rivya's words. ``is_refused``: the request was refused, so that no task came of it."""

    code: str | None = Field(default=None, max_length=100)
    message: str = Field(default="", max_length=1000)
    is_refused: bool = False


class Entry(_Part):
    """One generation: what was asked for and what became of it.

    ``take``: which of its like it is, from 1. ``image``: the hash of its reference image. Seconds: ``after_s`` since the
    first one was asked for; ``queued_s`` and ``work_s`` from its submission to its start and to its end at Rivya; None where
    nobody saw it. ``clip``: None exactly when it failed.
    """

    mode: Mode
    model: str = Field(min_length=1, max_length=100)
    prompt: str = Field(min_length=1, max_length=_TEXT_MAX)
    params: Params
    image: Sha256 | None = None
    take: int = Field(ge=1, le=_TAKE_MAX)
    after_s: Seconds
    queued_s: Seconds | None = None
    work_s: Seconds | None = None
    reserved_credits: Credits
    final_credits: Credits
    failure: Failure | None = None
    clip: Piece | None = None

    def canonical(self) -> dict[str, Any]:
        """Return the request as ``GenerationRequest.from_canonical`` takes it."""
        image = None if self.image is None else {"sha256": self.image}
        return {"model": self.model, "prompt": self.prompt, "params": dict(self.params), "reference_image": image}


class ImageHash(_Part):
    """A reference image by its hash."""

    sha256: Sha256


class ImageValue(_Part):
    """A value of a variable that is an image."""

    image: ImageHash


class Axis(_Part):
    """A variable of a sweep, as an experiment keeps it."""

    name: str = Field(min_length=1, max_length=100)
    target: Target
    labels: list[Annotated[str, Field(max_length=LABEL_MAX)]] = Field(max_length=MAX_VALUES)
    values: list[Value | ImageValue | None] = Field(max_length=MAX_VALUES)

    @model_validator(mode="after")
    def _every_value_has_a_name(self) -> Axis:
        if len(self.labels) != len(self.values):
            raise ValueError("as many labels as values are needed")
        return self


class Base(_Part):
    """The request that every combination of a sweep changes."""

    model: str = Field(min_length=1, max_length=100)
    prompt: str = Field(min_length=1, max_length=_TEXT_MAX)
    params: Params
    reference_image: ImageHash | None = None


class Spec(_Part):
    """What a sweep varies, and what it starts from."""

    base: Base
    axes: list[Axis] = Field(max_length=_AXES_MAX)
    paired: bool

    @property
    def images(self) -> set[str]:
        """The hashes of the reference images that it is made with."""
        values = [value.image for axis in self.axes for value in axis.values if isinstance(value, ImageValue)]
        return {image.sha256 for image in (self.base.reference_image, *values) if image is not None}


class RecordedSweep(_Part):
    """A sweep whose takes are among the entries."""

    name: str = Field(min_length=1, max_length=NAME_MAX)
    question: str = Field(max_length=QUESTION_MAX)
    kind: Kind
    takes: int = Field(ge=1, le=MAX_TAKES)
    spec: Spec


class Cassette(_Part):
    """What stands in ``cassette.json``.

    ``recorded_on``: the day in UTC on which the last of it ended. ``left_out``: generations of the selection that had not
    ended, or whose clip is gone. ``images``: the reference images that are in the file, perhaps none.
    """

    format: Literal["rivya-cassette/1"] = FORMAT
    recorded_on: date
    left_out: int = Field(ge=0, le=10**6)
    sweeps: list[RecordedSweep] = Field(max_length=SWEEPS_MAX)
    entries: list[Entry] = Field(min_length=1, max_length=ENTRIES_MAX)
    images: list[Piece] = Field(max_length=IMAGES_MAX)

    @property
    def mode(self) -> Recorded:
        """Whether the work was live, simulated, or both; what was refused counts only where there is nothing else."""
        tasks = [entry for entry in self.entries if entry.failure is None or not entry.failure.is_refused]
        modes = {entry.mode for entry in tasks or self.entries}
        return next(mode for mode in get_args(Mode) if mode in modes) if len(modes) == 1 else "mixed"

    @property
    def clips(self) -> list[Piece]:
        """Every clip once, in the order of their hashes."""
        return _once([entry.clip for entry in self.entries if entry.clip is not None])

    @property
    def credits(self) -> int:
        """What playing all of it once holds at most, in credits."""
        return sum(max(entry.reserved_credits, entry.final_credits) for entry in self.entries)

    def members(self) -> dict[str, Piece]:
        """Every file that stands beside ``cassette.json``, by its name."""
        return {
            **{f"{CLIPS}{piece.sha256}": piece for piece in self.clips},
            **{f"{IMAGES}{piece.sha256}": piece for piece in _once(self.images)},
        }


def identity(index: bytes) -> str:
    """Name a cassette by the bytes of its ``cassette.json``, which hold the hashes of all the rest."""
    return hashlib.sha256(index).hexdigest()


def _once(pieces: list[Piece]) -> list[Piece]:
    return [unique for _, unique in sorted({piece.sha256: piece for piece in pieces}.items())]
