"""Validate a create request, strictly. No check is shared with the clients, so that their faults are found here.

Every refusal is ``validation_failed`` with a sentence that names the field (docs/api-errors-and-limits). Limits come from the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

from rivya_core.api.catalogue import ModelSpec, ParamSpec, packaged_models
from rivya_core.api.contract import CLIENT_REQUEST_ID_MAX, REFERENCE_KEY
from rivya_core.simulator.http.file_types import plain_mime
from rivya_core.simulator.state.files import StoredFile
from rivya_core.simulator.state.refusal import RefusedError

MAX_BODY_BYTES = 1_000_000
MAX_IDEMPOTENCY_KEY = 255  # not documented
_BODY_FIELDS = frozenset({"model", "prompt", "params", "client_request_id"})
_ITEM_FIELDS = frozenset({"url", "kind", "name", "mimeType", "durationSeconds", "durationToken"})
_LARGEST_NUMBER = 1e300
_ROUNDING = 1e-6  # of a value against its step: 0.1 + 0.2 is no exact multiple of 0.1


@dataclass(frozen=True)
class CheckedRequest:
    """A create request that passed every check. ``file`` is the first reference image, when it is one of ours."""

    model: ModelSpec
    prompt: str
    params: Mapping[str, Any]
    client_request_id: str | None
    file: StoredFile | None


@dataclass(frozen=True)
class Checker:
    """Check create requests of one account. ``file_of`` finds an uploaded file by URL; None = not one of ours."""

    file_of: Callable[[str], StoredFile | None]
    require_known_files: bool
    prompt_unit: str

    def read(self, body: bytes, content_type: str | None, idempotency_key: str | None) -> CheckedRequest:
        """Validate the body and the headers of a create request.

        Raises:
            RefusedError: ``validation_failed``.
        """
        if plain_mime(content_type or "") != "application/json":
            refuse("Content-Type", "must be application/json")
        if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY:
            refuse("Idempotency-Key", f"must have 1 to {MAX_IDEMPOTENCY_KEY} characters")
        sent = _json_object(body)
        if "files" in sent:
            refuse("files", f"is not accepted at the top level; use params.{REFERENCE_KEY}")
        for name in sorted(set(sent) - _BODY_FIELDS):
            refuse(name[:80], "is not a field of this request")
        spec = _model(sent.get("model"))
        prompt = self._prompt(spec, sent.get("prompt"))
        params = sent.get("params", {})
        if not isinstance(params, dict):
            refuse("params", "must be an object")
        trace = sent.get("client_request_id")
        if trace is not None and (not isinstance(trace, str) or not 1 <= len(trace) <= CLIENT_REQUEST_ID_MAX):
            refuse("client_request_id", f"must be a string of 1 to {CLIENT_REQUEST_ID_MAX} characters")
        return CheckedRequest(spec, prompt, params, trace, self._params(spec, params))

    def _prompt(self, spec: ModelSpec, prompt: object) -> str:
        if not isinstance(prompt, str) or not prompt.strip():
            refuse("prompt", "is required")
        length = len(prompt.encode("utf-16-le")) // 2 if self.prompt_unit == "utf16" else len(prompt)
        if spec.max_prompt_length is not None and length > spec.max_prompt_length:
            refuse("prompt", f"has {length} characters; {spec.id} takes {spec.max_prompt_length}")
        return prompt

    def _params(self, spec: ModelSpec, params: Mapping[str, Any]) -> StoredFile | None:
        for key, value in params.items():
            if key == REFERENCE_KEY:
                continue
            known = spec.param(key)
            if known is None:
                refuse(f"params.{key[:80]}", f"is not a parameter of {spec.id}")
            _param(known, value)
        for known in spec.params:
            if known.required and known.key not in params:
                refuse(f"params.{known.key}", "is required")
        return self._references(spec, params[REFERENCE_KEY]) if REFERENCE_KEY in params else None

    def _references(self, spec: ModelSpec, items: object) -> StoredFile | None:
        where = f"params.{REFERENCE_KEY}"
        rule = spec.reference
        if not isinstance(items, list):
            refuse(where, "must be a list")
        if items and rule is None:
            refuse(where, f"{spec.id} takes no reference files")
        if rule is not None and len(items) > rule.max_items:
            refuse(where, f"holds {len(items)} files; {spec.id} takes {rule.max_items}")
        images: list[StoredFile | None] = []
        kinds: list[str] = []
        for number, item in enumerate(items):
            kind, stored = self._item(spec, item, f"{where}[{number}]")
            kinds.append(kind)
            if kind == "image":
                images.append(stored)
        for kind in set(kinds):
            most = rule.kinds[kind].max_count if rule else None
            if kind == "image" and "video" in kinds and rule and rule.max_images_with_video is not None:
                most = rule.max_images_with_video
            if most is not None and kinds.count(kind) > most:
                refuse(where, f"holds {kinds.count(kind)} of kind {kind}; {spec.id} takes {most}")
        return images[0] if images else None

    def _item(self, spec: ModelSpec, item: object, where: str) -> tuple[str, StoredFile | None]:
        if not isinstance(item, dict):
            refuse(where, "must be an object")
        for name in sorted(set(item) - _ITEM_FIELDS):
            refuse(f"{where}.{name[:80]}", "is not a field of a reference item")
        kind, url = item.get("kind"), item.get("url")
        limits = spec.reference.kinds if spec.reference else {}
        if not isinstance(kind, str) or kind not in limits:
            refuse(f"{where}.kind", f"must be one of {', '.join(limits)}")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            refuse(f"{where}.url", "must be the URL that the Files API returned")
        for name in ("name", "mimeType", "durationToken"):
            if name in item and (not isinstance(item[name], str) or not item[name]):
                refuse(f"{where}.{name}", "must be a string")
        seconds = item.get("durationSeconds", 0)
        if not _is_number(seconds) or seconds < 0:
            refuse(f"{where}.durationSeconds", "must be a number of seconds")
        mime = plain_mime(item.get("mimeType", ""))
        if mime and mime not in limits[kind].mime_types:
            refuse(f"{where}.mimeType", f"{spec.id} takes {', '.join(limits[kind].mime_types)}")
        return kind, self._file(item, kind, mime, limits[kind].max_bytes, where)

    def _file(self, item: Mapping[str, Any], kind: str, mime: str, most: int, where: str) -> StoredFile | None:
        stored = self.file_of(item["url"])
        if stored is None:
            if self.require_known_files:
                refuse(f"{where}.url", "is not the URL of a file this account uploaded")
            return None
        if stored.kind != kind:
            refuse(f"{where}.kind", f"the uploaded file is of kind {stored.kind}")
        if mime and mime != stored.mime_type:
            refuse(f"{where}.mimeType", f"the uploaded file is {stored.mime_type}")
        if stored.size > most:
            refuse(where, f"has {stored.size} bytes; {most} are allowed")
        if kind != "image" and item.get("durationToken") != stored.duration_token:
            refuse(f"{where}.durationToken", "must be the duration_token that the Files API returned")
        return stored


def refuse(field: str, rule: str) -> NoReturn:
    """Raise ``validation_failed`` with the field and the rule that it breaks."""
    raise RefusedError("validation_failed", f"{field}: {rule}.")


def _model(model: object) -> ModelSpec:
    spec = packaged_models().get(model) if isinstance(model, str) else None
    if spec is None:
        refuse("model", "is not the id of a model")
    if spec.api_status != "available":
        refuse("model", f"{spec.id} cannot be called through the API")
    return spec


def _param(known: ParamSpec, value: object) -> None:
    where = f"params.{known.key}"
    if known.type == "number":
        if not _is_number(value):
            refuse(where, "must be a number")
        low, high = known.minimum, known.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            refuse(where, f"must be between {low:g} and {high:g}")
        steps = (value - (low or 0)) / known.step if known.step else 0.0
        if abs(steps - round(steps)) > _ROUNDING:
            refuse(where, f"must be a multiple of {known.step:g}")
        return
    if not isinstance(value, str):
        refuse(where, "must be a string")
    if known.type == "select" and value not in known.options:
        refuse(where, f"must be one of {', '.join(known.options)}")


def _is_number(value: object) -> TypeGuard[float]:
    # bool is a subclass of int.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < _LARGEST_NUMBER


def _json_object(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        refuse("body", f"is larger than {MAX_BODY_BYTES} bytes")
    try:
        # Python accepts NaN and Infinity, which are not JSON (RFC 8259, section 6).
        sent = json.loads(body, parse_constant=lambda word: refuse("body", f"{word} is not JSON"))
        # Fails for lone surrogates, which JSON escapes can smuggle in and UTF-8 cannot hold.
        json.dumps(sent, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        refuse("body", "is not readable JSON in UTF-8")
    if not isinstance(sent, dict):
        refuse("body", "must be a JSON object")
    return sent
