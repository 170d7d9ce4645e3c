"""Parse descriptions of models in any plausible shape.

docs/api-models names the fields of an entry, but not the shape of ``params`` items and of ``reference_media``; the model pages
show what they contain. So several spellings are accepted, and unreadable values count as absent. The same parser reads the
packaged rows and the server's list.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from rivya_core.api.contract import UPLOAD_KINDS
from rivya_core.api.specs import KindLimit, ModelSpec, ParamSpec, ParamType, ReferenceRule

_LIST_KEYS = ("data", "models", "items", "results")
_ENVELOPES_MAX = 3
_CREDITS_MAX = 10**9
_TYPES: dict[str, ParamType] = {
    "select": "select", "enum": "select", "text": "text", "string": "text",
    "number": "number", "integer": "number", "float": "number",
}  # fmt: skip
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def entries(raw: object, depth: int = 0) -> Iterator[Mapping[str, object]]:
    """Yield the entries of a list of models: a plain list, one in an envelope, or an object keyed by model id."""
    if isinstance(raw, list):
        yield from (item if isinstance(item, dict) else {"id": item} for item in raw)
    elif isinstance(raw, dict) and depth < _ENVELOPES_MAX:
        inner = next((raw[key] for key in _LIST_KEYS if isinstance(raw.get(key), (list, dict))), None)
        if inner is not None:
            yield from entries(inner, depth + 1)
        elif isinstance(raw.get("id"), str):
            yield raw
        else:
            yield from ({"id": key, **value} for key, value in raw.items() if isinstance(value, dict))


def read_model(item: Mapping[str, object], packaged: ModelSpec | None) -> ModelSpec | None:
    """Parse one entry; None when it has no id. packaged: supplies what the entry leaves out."""
    model_id = text(item.get("id"))
    if not model_id:
        return None
    price = whole(item.get("base_credits"))
    cap = whole(item.get("max_prompt_length"))
    params = tuple(_params(item.get("params")))
    return ModelSpec(
        id=model_id,
        display_name=text(item.get("display_name")) or (packaged.display_name if packaged else model_id),
        category=text(item.get("category")) or (packaged.category if packaged else ""),
        base_credits=price if price is not None else (packaged.base_credits if packaged else 0),
        billing_type=text(item.get("billing_type")) or (packaged.billing_type if packaged else ""),
        max_prompt_length=cap or (packaged.max_prompt_length if packaged else None),
        params=params or (packaged.params if packaged else ()),
        reference=_reference(item.get("reference_media")) or (packaged.reference if packaged else None),
        supported_modes=tuple(_texts(item.get("supported_modes"))) or (packaged.supported_modes if packaged else ()),
        api_status=text(item.get("api_status")) or "available",
        notices=tuple(_notices(item.get("notices"))) or (packaged.notices if packaged else ()),
        source=packaged.source if packaged else "GET /models",
    )


def text(value: object) -> str:
    """Return the text without surrounding space, or "" for anything that is not text."""
    return value.strip() if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """Return a whole number from 0 to 10^9, or None for anything else."""
    number = _number(value)
    return round(number) if number is not None and 0 <= number <= _CREDITS_MAX else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        yield from (item.strip() for item in value if isinstance(item, str) and item.strip())


def _notices(value: object) -> Iterator[str]:
    if isinstance(value, str):
        value = [value]
    for item in value if isinstance(value, list) else ():
        words = (
            item if isinstance(item, str) else item.get("message") or item.get("text") if isinstance(item, dict) else ""
        )
        if text(words):
            yield text(words)


def _params(value: object) -> Iterator[ParamSpec]:
    if isinstance(value, dict):
        value = [{"key": key, **item} for key, item in value.items() if isinstance(item, dict)]
    for item in value if isinstance(value, list) else ():
        spec = _param(item) if isinstance(item, dict) else None
        if spec is not None:
            yield spec


def _param(item: Mapping[str, object]) -> ParamSpec | None:
    key = text(item.get("key")) or text(item.get("name"))
    options = tuple(_options(item.get("options")))
    kind = "select" if options else _TYPES.get(text(item.get("type")).lower())
    if not key or kind is None or (kind == "select" and not options):
        return None
    default = item.get("default")
    return ParamSpec(
        key=key,
        type=kind,
        required=item.get("required") is True,
        default=_number(default) if kind == "number" else _option(default),
        options=options,
        minimum=_number(_first(item, "min", "minimum")),
        maximum=_number(_first(item, "max", "maximum")),
        step=_number(item.get("step")),
        label=text(item.get("label")) or key,
        description=text(item.get("description")),
    )


def _first(item: Mapping[str, object], *keys: str) -> object:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _options(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else ():
        option = _option(item.get("value") if isinstance(item, dict) else item)
        if option is not None:
            yield option


def _option(value: object) -> str | None:
    """Return an option as it is sent: values of selects are always strings (docs/api/models)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(number) if (number := _number(value)) is not None else None
    return value if isinstance(value, str) and value else None


def _reference(value: object) -> ReferenceRule | None:
    if not isinstance(value, dict):
        return None
    max_count = whole(_first(value, "max_items", "max_files", "maxFiles"))
    kinds = dict(_kinds(value))
    if not max_count or not kinds:
        return None
    return ReferenceRule(
        max_items=max_count,
        kinds=kinds,
        note=text(value.get("note")) or text(value.get("label")),
        max_images_with_video=whole(value.get("max_images_with_video")),
    )


def _kinds(rule: Mapping[str, object]) -> Iterator[tuple[str, KindLimit]]:
    listed = rule.get("kinds")
    if isinstance(listed, list):
        listed = {
            text(
                item if isinstance(item, str) else _first(item, "kind", "type") if isinstance(item, dict) else None
            ): item
            for item in listed
        }
    for kind, item in listed.items() if isinstance(listed, dict) else ():
        if kind not in UPLOAD_KINDS:
            continue
        default_bytes, default_types = UPLOAD_KINDS[kind]
        own = item if isinstance(item, dict) else rule
        yield (
            kind,
            KindLimit(
                max_count=whole(_first(own, "max_count", "max_files")) or None,
                max_bytes=_size(_first(own, "max_bytes", "max_size", "maxSize")) or default_bytes,
                mime_types=tuple(_texts(_first(own, "mime_types", "mimeTypes"))) or default_types,
            ),
        )


def _size(value: object) -> int | None:
    """Parse a size in bytes from a number or a text such as "10 MB"."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([kmg]?i?b?)\s*", value.lower())
        unit = _UNITS.get(
            match[2] if match and match[2].endswith("b") else f"{match[2]}b" if match and match[2] else ""
        )
        return int(float(match[1]) * unit) if match and unit else None
    return whole(value) or None
