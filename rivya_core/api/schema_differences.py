"""Compare a server's OpenAPI document with what this library sends and reads.

The real document could not be read, so every form is accepted: paths with or without the prefix, one schema for all models or one
each, references of any depth. Only what is stated is compared. Never raises, whatever the JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rivya_core.api.catalogue import packaged_models
from rivya_core.api.contract import API_PREFIX, REFERENCE_KEY, TaskStatus
from rivya_core.api.differences import REFERENCE_IMAGE, Difference, code_differences, entry_differences, listed, word
from rivya_core.api.probes import ProbeResult

Schema = Mapping[str, Any]

USED: Final[dict[tuple[str, str], str]] = {
    ("get", "/credits"): "The balance cannot be read; set a daily cap, which holds all the same.",
    ("get", "/models"): "Nothing is lost: the packaged catalogue is used.",
    ("post", "/generations"): "Generations may not be possible at this address.",
    (
        "get",
        "/generations/{}",
    ): "Tasks may not be readable, so clips would not be found. Do not generate before this is clear.",
    ("post", "/files"): "Reference images may not be possible.",
}
"""The operations that are used, and the consequence when the schema lacks one."""

ANSWER_FIELDS: Final = {
    "id": "A paid task might not be found again. Do not generate before this is clear.",
    "status": "Whether a clip is ready might not be told.",
    "result": "The address of a clip might not be found.",
    "reserved_credits": "What a clip reserves is not told; prices are those of the catalogue.",
    "final_credits": "What a clip cost in the end is not told; it is counted as reserved.",
    "error": "Why a generation failed might not be told.",
}
SENT: Final = frozenset({"model", "prompt", "params", "client_request_id"})
KNOWN_FIELDS: Final = frozenset({*ANSWER_FIELDS, "model", "created_at", "updated_at", "object", "client_request_id"})
_OTHERS: Final = ("/chat", "/webhook", "/openapi.json", "/files/{}")
_DEPTH_MAX = 12
_VARIANTS_MAX = 200


def schema_differences(result: ProbeResult) -> Iterator[Difference]:
    """Compare the answer of ``GET /openapi.json``."""
    if result.trouble:
        return
    document = result.value
    paths = operations(document)
    if not isinstance(document, dict) or not paths:
        yield Difference(
            "openapi", "GET /openapi.json is no OpenAPI document with paths.", "Nothing could be compared with it."
        )
        return
    for (method, path), meaning in USED.items():
        if (method, path) not in paths:
            setting = REFERENCE_IMAGE if path == "/files" else ""
            yield Difference("openapi", f"The schema has no {method.upper()} {path}.", meaning, param=setting)
    news = sorted(
        f"{method.upper()} {path}"
        for method, path in paths
        if (method, path) not in USED and not path.startswith(_OTHERS)
    )
    if news:
        yield Difference("openapi", f"Also offered: {listed(news)}.", "It is not used here yet.", matters=False)
    yield from _create_differences(document, paths.get(("post", "/generations"), {}))
    yield from _answer_differences(document, paths)
    codes = error_codes(document)
    if codes:
        yield from code_differences(codes)


def operations(document: object) -> dict[tuple[str, str], Schema]:
    """Return the operations by method and path, without the prefix and with variables as ``{}``."""
    paths = document.get("paths") if isinstance(document, dict) else None
    return {
        (method, _plain(path)): operation
        for path, item in (paths.items() if isinstance(paths, dict) else ())
        if isinstance(path, str) and isinstance(item, dict)
        for method, operation in item.items()
        if method in {"get", "post", "patch", "delete", "put"} and isinstance(operation, dict)
    }


def _plain(path: str) -> str:
    bare = re.sub(r"\{[^}]*\}", "{}", path).rstrip("/")
    return bare.removeprefix(API_PREFIX) or "/"


def variants(document: Schema, schema: object, depth: int = 0) -> list[Schema]:
    """Return the alternatives of a schema, with references resolved and ``allOf`` merged; limited, as references may be circular."""
    if not isinstance(schema, dict) or depth > _DEPTH_MAX:
        return []
    if isinstance(schema.get("$ref"), str):
        return variants(document, _at(document, schema["$ref"]), depth + 1)
    alternatives: list[Schema] = [schema]
    for key in ("oneOf", "anyOf"):
        if isinstance(schema.get(key), list):
            alternatives = [one for part in schema[key][:_VARIANTS_MAX] for one in variants(document, part, depth + 1)]
            break
    for part in schema["allOf"][:_DEPTH_MAX] if isinstance(schema.get("allOf"), list) else ():
        other = next(iter(variants(document, part, depth + 1)), {})
        alternatives = [_joined(one, other) for one in alternatives]
    return alternatives[:_VARIANTS_MAX]


def _joined(one: Schema, other: Schema) -> Schema:
    return {**other, **one, "properties": {**_properties(other), **_properties(one)}}


def _at(document: Schema, reference: str) -> object:
    place: object = document
    for part in reference.removeprefix("#/").split("/"):
        place = place.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(place, dict) else None
    return place


def _properties(schema: Schema) -> dict[str, Any]:
    properties = schema.get("properties")
    return (
        {key: value for key, value in properties.items() if isinstance(key, str)}
        if isinstance(properties, dict)
        else {}
    )


def _words(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _values(document: Schema, schema: object) -> list[str]:
    """Return the texts that a schema allows or gives as examples."""
    values: list[str] = []
    for one in variants(document, schema):
        if isinstance(one.get("const"), str):
            values.append(one["const"])
        values += _words(one.get("enum")) or _words(one.get("examples"))
    return values


def _json_schema(holder: object) -> object:
    content = holder.get("content") if isinstance(holder, dict) else None
    media = (
        next((item for key, item in content.items() if "json" in str(key)), None) if isinstance(content, dict) else None
    )
    return media.get("schema") if isinstance(media, dict) else None


def _create_differences(document: Schema, operation: Schema) -> Iterator[Difference]:
    bodies = [one for one in variants(document, _json_schema(operation.get("requestBody"))) if _properties(one)]
    demanded = sorted({name for one in bodies for name in _words(one.get("required"))} - SENT)
    if demanded:
        yield Difference(
            "openapi",
            f"A generation demands {listed(demanded)}, which is not sent.",
            "Generations may be refused; nothing is charged then.",
        )
    closed = [one for one in bodies if one.get("additionalProperties") is False]
    unknown = sorted({name for one in closed for name in SENT if name not in _properties(one)})
    if unknown:
        yield Difference(
            "openapi",
            f"A generation does not take {listed(unknown)}, which is sent.",
            "Generations may be refused; nothing is charged then.",
        )
    by_model = {name: one for one in bodies for name in _values(document, _properties(one).get("model"))}
    for name, spec in packaged_models().items():
        if name in by_model:
            item = _entry(document, name, by_model[name], alone=len(bodies) > 1)
            yield from entry_differences("openapi", item, spec)


def _entry(document: Schema, name: str, body: Schema, *, alone: bool) -> dict[str, object]:
    """Convert a request schema to an entry of the models list; a schema shared by all models gives only the id."""
    if not alone:
        return {"id": name}
    prompt = next(iter(variants(document, _properties(body).get("prompt"))), {})
    holder = next(iter(variants(document, _properties(body).get("params"))), {})
    required = _words(holder.get("required"))
    params = []
    for key, schema in _properties(holder).items():
        one = next((item for item in variants(document, schema) if item.get("type") != "null"), {})
        if key != REFERENCE_KEY:
            limits = {"min": one.get("minimum"), "max": one.get("maximum"), "step": one.get("multipleOf")}
            params.append(
                {
                    "key": key,
                    "type": one.get("type"),
                    "options": one.get("enum"),
                    "default": one.get("default"),
                    "required": key in required,
                    **limits,
                }
            )
    return {"id": name, "max_prompt_length": prompt.get("maxLength"), "params": params}


def success(operation: Schema) -> dict[str, Any]:
    """Return the success responses of an operation by status."""
    responses = operation.get("responses")
    items = responses.items() if isinstance(responses, dict) else ()
    return {str(status): answer for status, answer in items if str(status).startswith("2")}


def answer_fields(document: Schema, operation: Schema) -> dict[str, Any]:
    """Return the fields of the success response of an operation, also from inside an envelope named ``data``."""
    for answer in success(operation).values():
        for one in variants(document, _json_schema(answer)):
            fields = _properties(one)
            inner = variants(document, fields.get("data")) if "data" in fields else []
            nested = _properties(inner[0]) if inner and _properties(inner[0]) else fields
            if nested:
                return nested
    return {}


def _answer_differences(document: Schema, paths: Mapping[tuple[str, str], Schema]) -> Iterator[Difference]:
    task = answer_fields(document, paths.get(("get", "/generations/{}"), {}))
    if task:
        for name, meaning in ANSWER_FIELDS.items():
            if name not in task:
                yield Difference("openapi", f"A task has no field {name} any more.", meaning)
        if news := sorted(set(task) - KNOWN_FIELDS):
            yield Difference(
                "openapi",
                f"A task also has {listed(news)}.",
                "It is kept with the answer, not shown yet.",
                matters=False,
            )
        yield from _status_differences(_values(document, task.get("status")))
    wallet = answer_fields(document, paths.get(("get", "/credits"), {}))
    if wallet and "current_credits" not in wallet:
        yield Difference(
            "openapi",
            f"The wallet has no field current_credits; it has {listed(sorted(wallet))}.",
            USED["get", "/credits"],
        )
    upload = answer_fields(document, paths.get(("post", "/files"), {}))
    if upload and not {"url", "file_url"} & set(upload):
        yield Difference(
            "openapi", "An uploaded file has no field url any more.", "Reference images may not be possible.",
            param=REFERENCE_IMAGE,
        )  # fmt: skip


def _status_differences(words: list[str]) -> Iterator[Difference]:
    documented = {status.value for status in TaskStatus}
    if not words:
        return
    if news := sorted(set(words) - documented):
        yield Difference(
            "openapi", f"A task may also be {listed(news)}.", "Such a task is taken as still running.", matters=False
        )
    if removed := sorted(documented - set(words)):
        yield Difference(
            "openapi", f"A task is never {word(listed(removed))} any more.", "How a task ends might not be understood."
        )


def error_codes(document: object) -> set[str]:
    """Return the error codes in the schemas of the error responses."""
    codes: set[str] = set()
    if not isinstance(document, dict):
        return codes
    for operation in operations(document).values():
        responses = operation.get("responses")
        for status, answer in responses.items() if isinstance(responses, dict) else ():
            if not str(status).startswith("2"):
                for one in variants(document, _json_schema(answer)):
                    for error in variants(document, _properties(one).get("error")):
                        codes |= set(_values(document, _properties(error).get("code")))
    return codes
