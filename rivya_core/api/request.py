"""The request for one generation, validated against its model before anything is stored or sent.

Strict: the constructor refuses whatever the documentation does not allow. Parameters are checked in ``params``, the image in
``images``, uploaded references in ``references``.
Sources: docs/api-generations and the model's page, docs/api/models/{id}.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from rivya_core.api.catalogue import model_spec, price_credits
from rivya_core.api.contract import CLIENT_REQUEST_ID_MAX, DEFAULT_MODEL, REFERENCE_KEY
from rivya_core.api.images import ReferenceImage, check_image, read_image_file, verify_image
from rivya_core.api.params import check_text, check_values, invalid
from rivya_core.api.references import check_reference_items, reference_item
from rivya_core.api.specs import ModelSpec
from rivya_core.api.texts import reuse_hash, shows_nothing

__all__ = ["GenerationRequest", "check_reference_items", "prompt_counts", "reference_item"]

ImageSource = ReferenceImage | Path | str | bytes


class GenerationRequest(BaseModel):
    """A request for one clip; immutable and always valid.

    prompt: what to show, not empty; the model's limit counts characters as Python does. model: id of a video model.
    params: the model's own keys; an integer for a select becomes a string, and missing ones get the documented
    default. reference_image: a path (``str`` or ``Path``), the bytes, or a checked image.
    client_request_id: your trace id, at most 128 characters. send_original: keep the image's bytes and metadata.

    Raises:
        InvalidRequestError: something is not allowed; ``field`` is its name in the API ("prompt", "duration",
            "cfg_scale", "reference_image" ...) and the detail states the rule. No other error leaves the constructor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    prompt: str = Field(repr=False)
    model: str
    params: dict[str, Any]
    reference_image: Any = Field(default=None, repr=False)
    client_request_id: str | None = None
    send_original: bool = False

    _spec: ModelSpec = PrivateAttr()
    _wire: dict[str, str | float] = PrivateAttr()

    def __init__(
        self,
        *,
        prompt: str = "",
        model: str = DEFAULT_MODEL,
        params: Mapping[str, object] | None = None,
        reference_image: ImageSource | None = None,
        client_request_id: str | None = None,
        send_original: bool = False,
        **unknown: object,
    ) -> None:
        if unknown:
            name = next(iter(unknown))
            raise invalid(name, "is not a field of a request", f"Fields: {', '.join(type(self).model_fields)}")
        spec = model_spec(model)
        _check_prompt(prompt, spec)
        wire = check_values(spec, {} if params is None else params)
        _check_client_request_id(client_request_id)
        if not isinstance(send_original, bool):
            raise invalid("send_original", "must be true or false")
        super().__init__(
            prompt=prompt,
            model=spec.id,
            params=dict(wire),
            reference_image=_take_image(reference_image, spec, send_original=send_original),
            client_request_id=client_request_id or None,
            send_original=send_original,
        )
        self._spec = spec
        self._wire = wire

    @property
    def spec(self) -> ModelSpec:
        """The model's limits and parameters."""
        return self._spec

    @property
    def image(self) -> ReferenceImage | None:
        """The reference image as it will be sent, or None."""
        return self.reference_image if isinstance(self.reference_image, ReferenceImage) else None

    @property
    def expected_credits(self) -> int:
        """The documented price in credits, a lower bound (see ``price_credits``)."""
        return price_credits(self._spec, self._wire)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what may turn out differently from the request; none of them stops it."""
        return tuple(_warnings(self))

    def wire_params(self) -> dict[str, str | float]:
        """Return ``params`` as they are sent, without the reference items: defaults filled in, empty texts left out."""
        return dict(self._wire)

    def canonical(self) -> dict[str, Any]:
        """Return the request as plain JSON values, for records, exports and snippets; the image by its hash."""
        image = self.image
        return {
            "model": self.model,
            "prompt": self.prompt,
            "params": self.wire_params(),
            "reference_image": None
            if image is None
            else {
                "sha256": image.sha256,
                "mime": image.mime,
                "name": image.name,
                "width_px": image.width_px,
                "height_px": image.height_px,
            },
            "client_request_id": self.client_request_id,
        }

    @property
    def sha256(self) -> str:
        """Hash of the request in hex, without trace id and image name."""
        canonical = self.canonical()
        del canonical["client_request_id"]
        if canonical["reference_image"]:
            del canonical["reference_image"]["name"]
        return hashlib.sha256(_json(canonical, sort_keys=True)).hexdigest()

    @property
    def reuse_sha256(self) -> str:
        """Hash in hex that is equal for requests whose texts differ only in line breaks, Unicode form or surrounding blanks."""
        return reuse_hash(self.canonical())

    def body(self, items: Sequence[Mapping[str, Any]] = (), *, trace_id: str | None = None) -> bytes:
        """Return the body of ``POST /generations``: the same bytes for the same request, items and trace id.

        items: the reference items of the uploaded image (see ``reference_item``); required exactly when the
        request has an image, as a body without it would buy a clip made from text alone. trace_id: sent as ``client_request_id``
        when the request has none of its own; not part of the request, so a repeat has another one.

        Raises:
            InvalidRequestError: the items break the model's reference rule, or do not belong to the request.
        """
        # A body without the image would be valid, and would buy another clip than the one that was asked for.
        if self.image is not None and not items:
            raise invalid("reference_image", "must be uploaded before the request is sent")
        check_reference_items(self._spec, items)
        params: dict[str, Any] = self.wire_params()
        if items:
            params[REFERENCE_KEY] = [dict(item) for item in items]
        body: dict[str, Any] = {"model": self.model, "prompt": self.prompt, "params": params}
        trace = self.client_request_id or trace_id
        if trace is not None:
            body["client_request_id"] = trace
        return _json(body)

    @classmethod
    def from_canonical(cls, canonical: Mapping[str, Any], image: ReferenceImage | None = None) -> Self:
        """Rebuild a request from :meth:`canonical` and its image, with all checks.

        Raises:
            InvalidRequestError: also when the image is not the recorded one, which would give a different clip.
        """
        recorded = canonical.get("reference_image")
        recorded_sha256 = recorded.get("sha256") if isinstance(recorded, Mapping) else None
        if recorded_sha256 != (image.sha256 if image else None):
            raise invalid("reference_image", "is not the image of the recorded request", "Choose the image again")
        return cls(
            prompt=canonical.get("prompt", ""),
            model=canonical.get("model", DEFAULT_MODEL),
            params=canonical.get("params"),
            reference_image=image,
            client_request_id=canonical.get("client_request_id"),
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002
        """Return a copy with some fields changed, with all checks; pydantic's own copy has none."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        if update and "model" in update and "params" not in update:
            fields["params"] = None  # parameter keys differ between models
        return type(self)(**{**fields, **(update or {})})


def prompt_counts(prompt: str) -> tuple[int, int]:
    """Return the length of a prompt in code points, and in UTF-16 units.

    Which of the two Rivya counts is not documented. They differ for emoji and other characters beyond U+FFFF.
    """
    return len(prompt), len(prompt.encode("utf-16-le", "surrogatepass")) // 2


def _check_prompt(prompt: object, spec: ModelSpec) -> None:
    text = check_text("prompt", prompt)
    if shows_nothing(text):
        raise invalid("prompt", "must not be empty", "Describe what the clip should show")
    limit = spec.max_prompt_length
    if limit is not None and len(text) > limit:
        raise invalid(
            "prompt", f"has {len(text)} characters, and {spec.id} takes at most {limit}", "Shorten the prompt"
        )


def _check_client_request_id(value: object) -> None:
    if value is None:
        return
    text = check_text("client_request_id", value)
    if len(text) > CLIENT_REQUEST_ID_MAX:
        raise invalid("client_request_id", f"has {len(text)} characters, and at most {CLIENT_REQUEST_ID_MAX} are taken")


def _take_image(source: object, spec: ModelSpec, *, send_original: bool) -> ReferenceImage | None:
    if source is None:
        return None
    if spec.reference is None or "image" not in spec.reference.kinds:
        raise invalid("reference_image", f"is not taken by {spec.id}", "Remove the image or choose another model")
    if isinstance(source, ReferenceImage):
        verify_image(source)
        return source
    if isinstance(source, (bytes, bytearray)):
        return check_image(bytes(source), send_original=send_original)
    if isinstance(source, (str, Path)):
        path = Path(source)
        return check_image(read_image_file(path), path.name, send_original=send_original)
    raise invalid("reference_image", "must be a path, the bytes of an image or a checked image")


def _warnings(request: GenerationRequest) -> Iterator[str]:
    limit = request.spec.max_prompt_length
    units = prompt_counts(request.prompt)[1]
    if limit is not None and units > limit:
        yield (
            f"prompt: {units} UTF-16 units, and the limit of {limit} may be counted in them; "
            "Rivya may refuse the prompt or cut it"
        )
    aspect, image = request.spec.aspect_param, request.image
    if aspect is not None and image is not None:
        yield (
            f"{aspect.key}: may be ignored with a reference image; "
            f"the clip may take the image's shape, {image.width_px}x{image.height_px} pixels"
        )


def _json(value: object, *, sort_keys: bool = False) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys)
    return text.encode()
