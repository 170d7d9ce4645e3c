"""The answer of ``GET /models``, in the field names of the documentation (docs/api-models)."""

from __future__ import annotations

from functools import cache
from typing import Any

from rivya_core.api.catalogue import ModelSpec, ParamSpec, packaged_models


@cache
def models_answer() -> dict[str, Any]:
    """Return the body of ``GET /models``. The names inside ``params`` and ``reference_media`` are not documented: these are guesses."""
    return {"object": "list", "data": [_model(spec) for spec in packaged_models().values()]}


def _model(spec: ModelSpec) -> dict[str, Any]:
    rule = spec.reference
    kinds = list(rule.kinds) if rule else []
    modes = list(spec.supported_modes) or (
        ["text-to-video", "image-to-video"] if "image" in kinds else ["text-to-video"]
    )
    return {
        "id": spec.id,
        "display_name": spec.display_name,
        "category": spec.category,
        "runtime": "async_task",
        "base_credits": spec.base_credits,
        "billing_type": spec.billing_type,
        "supported_modes": modes,
        "max_prompt_length": spec.max_prompt_length,
        "reference_media": _references(spec),
        "params": [_param(param) for param in spec.params],
        "api_status": spec.api_status,
        "api_input_status": "partial_requires_files" if kinds else "available_text",
        "supported_api_inputs": ["text", "file"] if kinds else ["text"],
        "requires_files_api": bool(kinds),
        "requires_upload_for_modes": [mode for mode in modes if not mode.startswith("text-")],
        "url_input_supported": False,
        "file_kinds": kinds,
        "chat_capabilities": None,
        "notices": list(spec.notices),
    }


def _references(spec: ModelSpec) -> dict[str, Any] | None:
    rule = spec.reference
    if rule is None:
        return None
    kinds = {
        kind: {"max_files": limit.max_count, "max_size": limit.max_bytes, "mime_types": list(limit.mime_types)}
        for kind, limit in rule.kinds.items()
    }
    return {"max_files": rule.max_items, "kinds": kinds, "note": rule.note}


def _param(param: ParamSpec) -> dict[str, Any]:
    return {
        "key": param.key,
        "type": param.type,
        "label": param.label,
        "required": param.required,
        "default": param.default,
        "options": list(param.options),
        "min": param.minimum,
        "max": param.maximum,
        "step": param.step,
        "description": param.description,
    }
