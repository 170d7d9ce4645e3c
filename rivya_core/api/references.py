"""The reference items of a request body: built from uploaded files, checked against the model's rule.

Source: docs/api-openapi-schema and docs/api-generations. Their keys are in camel case, unlike the rest of the API.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rivya_core.api.contract import REFERENCE_KEY, UploadedFile
from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.images import ReferenceImage
from rivya_core.api.params import check_text, invalid
from rivya_core.api.specs import KindLimit, ModelSpec, ReferenceRule

_ITEM_KEYS = {"url", "kind", "name", "mimeType", "durationSeconds", "durationToken"}
_TIMED_KINDS = {"video", "audio"}


def reference_item(uploaded: UploadedFile, image: ReferenceImage) -> dict[str, Any]:
    """Return the item that refers to an uploaded image."""
    item: dict[str, Any] = {"url": uploaded.url, "kind": "image", "name": image.name, "mimeType": image.mime}
    if uploaded.duration_token:
        item["durationToken"] = uploaded.duration_token
    return item


def check_reference_items(
    spec: ModelSpec, items: Sequence[Mapping[str, Any]], sizes_bytes: Sequence[int | None] = ()
) -> None:
    """Check reference items against the model's rule: count, kind, MIME type, size where known, duration token.

    sizes_bytes: size of each item's file, in the order of ``items``; None where unknown.

    Raises:
        InvalidRequestError: ``field`` is "referenceMediaItems".
    """
    if not items:
        return
    rule = spec.reference
    if rule is None:
        raise _refuse(f"{spec.id} takes no reference files")
    if len(items) > rule.max_items:
        raise _refuse(f"{spec.id} takes at most {rule.max_items}, not {len(items)}")
    for number, item in enumerate(items):
        limit = _check_item(item, rule, spec.id)
        size = sizes_bytes[number] if number < len(sizes_bytes) else None
        if size is not None and not 0 < size <= limit.max_bytes:
            raise _refuse(f"item {number + 1} has {size} bytes, and {spec.id} takes 1 to {limit.max_bytes}")
    _check_counts(Counter(str(item["kind"]) for item in items), rule, spec.id)


def _check_item(item: Mapping[str, Any], rule: ReferenceRule, model_id: str) -> KindLimit:
    if not isinstance(item, Mapping) or set(item) - _ITEM_KEYS:
        raise _refuse(f"an item may hold only {', '.join(sorted(_ITEM_KEYS))}")
    kind = item.get("kind")
    limit = rule.kinds.get(kind) if isinstance(kind, str) else None
    if limit is None:
        raise _refuse(f"kind must be {' or '.join(rule.kinds)} for {model_id}")
    for key in ("url", "name", "mimeType", "durationToken"):
        if item.get(key) is not None:
            check_text(REFERENCE_KEY, item[key])
    if not str(item.get("url") or "").strip():
        raise _refuse("every item needs the url that the Files API returned")
    mime = item.get("mimeType")
    if mime is not None and mime not in limit.mime_types:
        raise _refuse(f"mimeType must be one of {', '.join(limit.mime_types)}")
    seconds = item.get("durationSeconds")
    if seconds is not None and not (type(seconds) in {int, float} and math.isfinite(seconds) and seconds > 0):
        raise _refuse("durationSeconds must be a positive number")
    if kind in _TIMED_KINDS and not item.get("durationToken"):
        raise _refuse(f"a reference of kind {kind} needs the durationToken that the Files API returned")
    return limit


def _check_counts(counts: Counter[str], rule: ReferenceRule, model_id: str) -> None:
    for kind, count in counts.items():
        max_count = rule.kinds[kind].max_count
        if max_count is not None and count > max_count:
            raise _refuse(f"{model_id} takes at most {max_count} of kind {kind}, not {count}")
    beside = rule.max_images_with_video
    if beside is not None and counts["video"] and counts["image"] > beside:
        raise _refuse(f"{model_id} takes at most {beside} images beside a video, not {counts['image']}")


def _refuse(rule: str) -> InvalidRequestError:
    return invalid(REFERENCE_KEY, rule)
