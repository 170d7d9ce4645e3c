"""The draft of a request: the content of the form, and the intent that deduplicates double clicks.

One draft per person, without sign-in one for all; the last writer wins. A reference image is archived as soon as it is
chosen, so a draft survives a reload and a restart with its image.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from rivya_core.api import (
    DEFAULT_MODEL,
    GenerationRequest,
    ModelSpec,
    ReferenceImage,
    check_image,
    model_spec,
    packaged_models,
    shrink_image,
)
from rivya_core.api.errors import InvalidRequestError, RivyaError
from rivya_core.api.images import thumbnail
from rivya_core.api.params import check_values, invalid
from rivya_core.api.texts import reuse_hash
from rivya_core.lab.experiments.reuse import Existing
from rivya_core.lab.jobs.submission import MAX_TAKES
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.assets import small_key
from rivya_core.lab.ledger.ledger import new_intent_id
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.media.image_variants import DraftImage, Fit, Variant, read_image, read_variant

__all__ = [
    "Draft",
    "DraftImage",
    "Fit",
    "Intent",
    "Variant",
    "attach_image",
    "attach_shrunk",
    "existing",
    "full_request",
    "intent_for",
    "is_here",
    "keep",
    "load_image",
    "parts_of",
    "repeat_request",
    "submit",
    "with_part",
]

log = logging.getLogger("rivya.drafts")

REUSE_INTENT_S = 2.0
"""A second submit of the same form within this time after the first counts as a double click: the same intent."""

PROMPT, IMAGE = "prompt", "image"
"""Names of the parts of a generation that can be copied besides its parameters; see ``parts_of``."""

ID_MAX = 64


@dataclass(frozen=True, slots=True)
class Intent:
    """One intent to generate, the key of deduplication. ``accepted_at``: when its submit was accepted, aware UTC, or None."""

    id: str
    fingerprint: str
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of the form. ``values``: the model's parameters by the API's own keys.

    ``parent_id``: the generation whose settings were copied into the form; what is made from it is recorded as its child.
    """

    model: str = DEFAULT_MODEL
    prompt: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    takes: int = 1
    image: DraftImage | None = None
    intent: Intent | None = None
    parent_id: str | None = None

    @classmethod
    def of_record(cls, record: GenerationRecord) -> Draft:
        """Build a draft with the same request as a generation, as its child."""
        return replace(cls.of_request(record.request), parent_id=record.id)

    @classmethod
    def of_request(cls, canonical: Mapping[str, Any]) -> Draft:
        """Build a draft of a recorded request; facts about its image that were not recorded are missing."""
        image = canonical.get("reference_image")
        return cls(
            model=str(canonical["model"]),
            prompt=str(canonical["prompt"]),
            values=dict(canonical.get("params") or {}),
            image=None if not isinstance(image, Mapping) else DraftImage(read_variant({"size_bytes": 0, **image})),
        )

    @property
    def spec(self) -> ModelSpec:
        """The model's entry in the catalogue. Raises InvalidRequestError when it has none; see ``in_catalogue``."""
        return model_spec(self.model)

    def in_catalogue(self) -> Draft:
        """Return the same draft if its model is still in the catalogue, else one for the default model with the values it supports."""
        if self.model in packaged_models():
            return self
        spec = model_spec(DEFAULT_MODEL)
        values = {key: value for key, value in self.values.items() if _takes(spec, key, value)}
        return replace(self, model=spec.id, values=values)

    def params(self) -> dict[str, Any]:
        """The parameters that this model knows and that have a value."""
        param_names = {param.key for param in self.spec.params}
        return {key: value for key, value in self.values.items() if key in param_names and value not in (None, "")}

    def same_form(self, other: Draft) -> bool:
        """Return whether two drafts make the same request; the intent does not count."""
        return replace(self, intent=None) == replace(other, intent=None)

    def to_mapping(self) -> dict[str, Any]:
        """Write the draft as JSON-safe data."""
        data = asdict(self)
        if self.intent is not None and self.intent.accepted_at is not None:
            data["intent"]["accepted_at"] = self.intent.accepted_at.isoformat()
        return data

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any] | None) -> Draft:
        """Read a stored draft; unusable values are replaced by defaults, so that an old draft never breaks a page."""
        if not data:
            return cls()
        model = data.get("model")
        takes = data.get("takes")
        values = data.get("values")
        try:
            return cls(
                model=model if isinstance(model, str) and model in packaged_models() else DEFAULT_MODEL,
                prompt=str(data.get("prompt") or ""),
                values=dict(values) if isinstance(values, Mapping) else {},
                takes=takes if isinstance(takes, int) and 1 <= takes <= MAX_TAKES else 1,
                image=read_image(data.get("image")),
                intent=_intent(data.get("intent")),
                parent_id=_id(data.get("parent_id")),
            )
        except (KeyError, TypeError, ValueError):
            return cls()


def parts_of(record: GenerationRecord) -> tuple[str, ...]:
    """Return the parts of a generation that can be copied alone: ``prompt``, its parameters by the API's own keys, ``image``."""
    image = (IMAGE,) if record.request.get("reference_image") else ()
    return (PROMPT, *(key for key, value in record.params.items() if isinstance(value, str | int | float)), *image)


def with_part(draft: Draft, record: GenerationRecord, part: str) -> Draft:
    """Copy one part of a generation into a draft and leave the rest unchanged; the draft becomes its child.

    Raises:
        InvalidRequestError: the generation has no such part, or the draft's model does not support it.
    """
    theirs = Draft.of_record(record)
    spec = draft.spec
    if part not in parts_of(record):
        raise invalid(part, "is not part of this generation")
    if part == PROMPT:
        return replace(draft, prompt=theirs.prompt, parent_id=record.id)
    if part == IMAGE:
        if spec.reference is None or "image" not in spec.reference.kinds:
            raise invalid(IMAGE, f"is not taken by {spec.display_name}", "Choose another model")
        return replace(draft, image=theirs.image, parent_id=record.id)
    if not _takes(spec, part, theirs.values[part]):
        raise invalid(part, f"{theirs.values[part]} is not taken by {spec.display_name}", "Choose another model")
    return replace(draft, values={**draft.values, part: theirs.values[part]}, parent_id=record.id)


def full_request(draft: Draft, lab: Lab) -> GenerationRequest:
    """Build the request as it will be sent, with its image from the archive.

    Raises:
        InvalidRequestError: a field breaks a rule; ``field`` names it.
        StorageError: the image is no longer in the archive.
    """
    image = None
    if draft.image is not None and draft.spec.reference is not None:
        aspect = draft.spec.aspect_param
        if aspect is not None and not draft.image.follows(ratio := draft.values.get(aspect.key)):
            raise invalid(
                "reference_image", f"is fitted to {draft.image.ratio}, not to {ratio}", "Choose its fit again"
            )
        image = load_image(lab, draft.image.sent)
    return GenerationRequest(prompt=draft.prompt, model=draft.model, params=draft.params(), reference_image=image)


def existing(lab: Lab, draft: Draft) -> Existing:
    """Return the existing generations of exactly this request; none while the draft is incomplete. Does not read its image."""
    try:
        request = GenerationRequest(prompt=draft.prompt, model=draft.model, params=draft.params())
    except InvalidRequestError:
        return Existing()
    canonical = request.canonical()
    if draft.image is not None and draft.spec.reference is not None:
        to_send = draft.image.sent
        shape = {"width_px": to_send.width_px, "height_px": to_send.height_px}
        canonical["reference_image"] = {"sha256": to_send.sha256, "mime": to_send.mime, "name": to_send.name, **shape}
    return lab.existing(reuse_hash(canonical))


def submit(lab: Lab, draft: Draft, now: datetime, *, unseen: bool = False) -> tuple[list[GenerationRecord], bool]:
    """Submit the draft once: a second click within two seconds returns the rows of the first.

    ``unseen``: the result of the first click cannot have been visible yet, however long ago it was.

    Returns:
        The rows, and whether they existed already.

    Raises:
        InvalidRequestError, BudgetError, StorageError: nothing was stored or sent.
    """
    request = full_request(draft, lab)
    settled: list[Intent] = []

    def with_intent(kept: Mapping[str, Any] | None) -> Mapping[str, Any]:
        last = Draft.from_mapping(kept).intent
        settled.append(intent_for(last, f"{request.reuse_sha256}x{draft.takes}", now, unseen=unseen))
        return replace(draft, intent=settled[-1]).to_mapping()

    # Read and stored under one lock and before the submit: the click of another tab at the same moment finds this intent,
    # and so does the next click if this run is killed in between.
    lab.change_draft(with_intent)
    intent = settled[-1]
    repeated = intent.accepted_at is not None
    rows = lab.submit_takes(request, draft.takes, intent_id=intent.id, parent_id=draft.parent_id)
    if not repeated:
        try:
            lab.change_draft(lambda kept: _accepted(Draft.from_mapping(kept), draft, intent, now).to_mapping())
        except RivyaError as error:  # the rows are stored; reporting a failure here would invite a second click
            log.warning("draft not saved after its submit: %s", error.title)
    return rows, repeated


def _accepted(current: Draft, draft: Draft, intent: Intent, now: datetime) -> Draft:
    """The draft with its intent accepted, unless a newer click has put another intent there meanwhile."""
    if current.intent is not None and current.intent.id != intent.id:
        return current
    return replace(draft, intent=replace(intent, accepted_at=now))


def intent_for(last: Intent | None, fingerprint: str, now: datetime, *, unseen: bool = False) -> Intent:
    """Return the last intent while it counts as the same click, else a new one.

    The same click: the form is unchanged, and the intent was not accepted, was accepted under two seconds ago, or is
    ``unseen``.
    """
    if last is not None and last.fingerprint == fingerprint:
        age_s = 0.0 if last.accepted_at is None else abs((now - last.accepted_at).total_seconds())
        if unseen or age_s <= REUSE_INTENT_S:
            return last
    return Intent(id=new_intent_id(), fingerprint=fingerprint)


def attach_image(lab: Lab, data: bytes, name: str) -> DraftImage:
    """Validate a chosen file and archive it at once, prepared for sending and, if allowed, unchanged.

    Raises:
        InvalidRequestError: the file cannot be used; ``code`` ``too_big`` may be shrunk with :func:`attach_shrunk`.
    """
    prepared = keep(lab, check_image(data, name))
    original = None
    if prepared.sha256 != prepared.original_sha256:
        try:
            original = keep(lab, check_image(data, name, send_original=True))
        except InvalidRequestError:
            original = None
    return DraftImage(prepared, original)


def attach_shrunk(lab: Lab, data: bytes, name: str) -> DraftImage:
    """Shrink an image that is too big, and archive the result."""
    return DraftImage(keep(lab, shrink_image(data, name)))


def load_image(lab: Lab, variant: Variant) -> ReferenceImage:
    """Load archived image bytes as they will be sent."""
    data = lab.image(variant.sha256).read_bytes()
    return ReferenceImage(
        data=data,
        sha256=variant.sha256,
        mime=variant.mime,
        name=variant.name,
        width_px=variant.width_px,
        height_px=variant.height_px,
        original_bytes=variant.original_bytes or len(data),
        original_name=variant.original_name or variant.name,
        changes=variant.changes,
        original_sha256=variant.original_sha256,
    )


def repeat_request(lab: Lab, record: GenerationRecord) -> GenerationRequest:
    """Rebuild the request of a generation byte for byte, image included.

    Raises:
        StorageError: the image is no longer in the archive.
    """
    image = None if record.asset_sha256 is None else lab.ledger.assets.load(record.asset_sha256, lab.archive)
    return GenerationRequest.from_canonical(record.request, image)


def is_here(lab: Lab, image: DraftImage) -> bool:
    """Return whether the image of a draft is still in the archive."""
    try:
        return lab.archive.may_exist(lab.ledger.assets.key(image.sent.sha256))
    except RivyaError:
        return False


def keep(lab: Lab, image: ReferenceImage) -> Variant:
    """Archive a validated image."""
    lab.ledger.assets.store(image, lab.archive)
    if not lab.archive.exists(small_key(image.sha256)):
        lab.archive.put_bytes(small_key(image.sha256), thumbnail(image))
    return Variant(
        sha256=image.sha256,
        mime=image.mime,
        name=image.name,
        width_px=image.width_px,
        height_px=image.height_px,
        size_bytes=len(image.data),
        changes=tuple(image.changes),
        original_name=image.original_name,
        original_sha256=image.original_sha256,
        original_bytes=image.original_bytes,
    )


def _takes(spec: ModelSpec, key: str, value: object) -> bool:
    try:
        check_values(spec, {key: value})
    except InvalidRequestError:
        return False
    return True


def _id(data: object) -> str | None:
    return data if isinstance(data, str) and 0 < len(data) <= ID_MAX and data.isascii() else None


def _intent(data: object) -> Intent | None:
    if not isinstance(data, Mapping):
        return None
    accepted = data.get("accepted_at")
    moment = datetime.fromisoformat(accepted) if isinstance(accepted, str) else None
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return Intent(id=str(data["id"]), fingerprint=str(data["fingerprint"]), accepted_at=moment)
