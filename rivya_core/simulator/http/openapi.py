"""The schema of the simulated API as an OpenAPI 3.1 document, built from the contract and the catalogue.

The real document could not be read. This one describes what the simulator accepts and answers, and tests compare both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rivya_core.api.catalogue import ModelSpec, ParamSpec, packaged_models
from rivya_core.api.contract import (
    API_PREFIX,
    CLIENT_REQUEST_ID_MAX,
    ERROR_CODES,
    HEADER_IDEMPOTENCY_KEY,
    PATH_CREDITS,
    PATH_FILES,
    PATH_GENERATIONS,
    PATH_MODELS,
    PATH_OPENAPI,
    REFERENCE_KEY,
    UPLOAD_KINDS,
    TaskStatus,
)
from rivya_core.simulator.http.validation import MAX_IDEMPOTENCY_KEY

Schema = dict[str, Any]
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}


def openapi_document(base_url: str) -> Schema:
    """Return the document. base_url: the address that the client used."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rivya Public API v1 (simulated)",
            "version": "2026-05-11",
            "description": "What the Rivya Lab simulator takes and answers. It spends no real credits.",
        },
        "servers": [{"url": base_url + API_PREFIX}],
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "description": "rvya_sk_..."}},
        },
        "security": [{"apiKey": []}],
    }


def _paths() -> Schema:
    return {
        PATH_MODELS: {"get": {**_operation("listModels", "List the models", "ModelList"), "security": []}},
        PATH_GENERATIONS: {"post": _create_operation()},
        f"{PATH_GENERATIONS}/{{taskId}}": {
            "get": _operation("retrieveGeneration", "Read one generation", "Generation", "taskId")
        },
        PATH_FILES: {"post": _upload_operation()},
        f"{PATH_FILES}/{{fileId}}": {"get": _operation("retrieveFile", "Read one uploaded file", "File", "fileId")},
        PATH_CREDITS: {"get": _operation("getCredits", "Read the wallet", "Credits")},
        PATH_OPENAPI: {
            "get": {
                "operationId": "getSchema",
                "summary": "Read this document",
                "security": [],
                "responses": {"200": {"description": "This document", "content": _json({"type": "object"})}},
            }
        },
    }


def _operation(name: str, summary: str, answer: str, variable: str | None = None) -> Schema:
    operation: Schema = {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "Success", "content": _json(_ref(answer))},
            "default": {"description": "Refused; branch on the code", "content": _json(_ref("Error"))},
        },
    }
    if variable is not None:
        operation["parameters"] = [{"name": variable, "in": "path", "required": True, "schema": _TEXT}]
    return operation


def _create_operation() -> Schema:
    key = {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY}
    return {
        **_operation("createGeneration", "Create a generation", "Generation"),
        "parameters": [{"name": HEADER_IDEMPOTENCY_KEY, "in": "header", "required": False, "schema": key}],
        "requestBody": {"required": True, "content": _json(_ref("GenerationRequest"))},
    }


def _upload_operation() -> Schema:
    form = {
        "type": "object",
        "required": ["file", "kind"],
        "additionalProperties": False,
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "kind": {"enum": list(UPLOAD_KINDS)},
            "model": _TEXT,
            "client_request_id": {"type": "string", "minLength": 1, "maxLength": CLIENT_REQUEST_ID_MAX},
        },
    }
    body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return {**_operation("uploadFile", "Upload a reference file", "File"), "requestBody": body}


def _schemas() -> Schema:
    models = packaged_models()
    return {
        "Error": _object(
            {"error": _object({"code": {**_TEXT, "examples": list(ERROR_CODES)}, "message": _TEXT, "requestId": _TEXT})}
        ),
        "TaskError": _object({"code": _TEXT, "message": _TEXT}),
        "TaskResult": _object({"primary_url": _TEXT, "urls": {"type": "array", "items": _TEXT}}),
        "Generation": _object(
            {
                "id": _TEXT,
                "status": {"enum": [status.value for status in TaskStatus]},
                "model": _TEXT,
                "reserved_credits": _WHOLE,
                "final_credits": _WHOLE,
                "created_at": _MOMENT,
                "updated_at": _MOMENT,
                "result": _or_null(_ref("TaskResult")),
                "error": _or_null(_ref("TaskError")),
            }
        ),
        "GenerationRequest": {"oneOf": [_ref(_request_name(model)) for model in models]},
        **{_request_name(name): _request(spec) for name, spec in models.items()},
        "Credits": _object({"current_credits": _WHOLE}),
        "File": _file(),
        "ModelList": _object({"object": {"const": "list"}, "data": {"type": "array", "items": _ref("Model")}}),
        "Model": _model(),
    }


def _request_name(model: str) -> str:
    return "Request." + model


def _request(spec: ModelSpec) -> Schema:
    prompt: Schema = {"type": "string", "minLength": 1}
    if spec.max_prompt_length is not None:
        prompt["maxLength"] = spec.max_prompt_length
    params: Schema = {param.key: _param(param) for param in spec.params}
    if spec.reference is not None:
        params[REFERENCE_KEY] = {"type": "array", "maxItems": spec.reference.max_items, "items": _item(spec)}
    trace = {"type": "string", "minLength": 1, "maxLength": CLIENT_REQUEST_ID_MAX}
    return {
        "type": "object",
        "title": spec.display_name,
        "required": ["model", "prompt"],
        "additionalProperties": False,
        "properties": {
            "model": {"const": spec.id},
            "prompt": prompt,
            "params": {"type": "object", "additionalProperties": False, "properties": params},
            "client_request_id": trace,
        },
    }


def _param(param: ParamSpec) -> Schema:
    limits: Mapping[str, object | None] = {
        "title": param.label or None,
        "description": param.description or None,
        "default": param.default,
        "minimum": param.minimum,
        "maximum": param.maximum,
        "multipleOf": param.step,
    }
    schema: Schema = {"type": "number" if param.type == "number" else "string"}
    if param.type == "select":
        schema["enum"] = list(param.options)
    return schema | {name: value for name, value in limits.items() if value is not None}


def _item(spec: ModelSpec) -> Schema:
    kinds = list(spec.reference.kinds) if spec.reference else []
    return {
        "type": "object",
        "required": ["url", "kind"],
        "additionalProperties": False,
        "properties": {
            "url": _TEXT,
            "kind": {"enum": kinds},
            "name": _TEXT,
            "mimeType": _TEXT,
            "durationSeconds": {"type": "number", "minimum": 0},
            "durationToken": _TEXT,
        },
    }


def _file() -> Schema:
    return {
        "type": "object",
        "required": ["url"],
        "properties": {
            "id": _TEXT,
            "object": _TEXT,
            "url": _TEXT,
            "kind": {"enum": list(UPLOAD_KINDS)},
            "name": _TEXT,
            "mime_type": _TEXT,
            "size": _WHOLE,
            "duration_seconds": _or_null({"type": "number"}),
            "duration_token": _or_null(_TEXT),
            "client_request_id": _or_null(_TEXT),
            "created_at": _MOMENT,
        },
    }


def _model() -> Schema:
    return {
        "type": "object",
        "required": ["id", "display_name", "category", "base_credits", "billing_type", "params", "api_status"],
        "properties": {
            "id": _TEXT,
            "display_name": _TEXT,
            "category": _TEXT,
            "base_credits": _WHOLE,
            "billing_type": {"enum": ["FIXED", "METERED"]},
            "max_prompt_length": _or_null(_WHOLE),
            "reference_media": _or_null({"type": "object"}),
            "params": {"type": "array", "items": {"type": "object", "required": ["key", "type"]}},
            "api_status": {"enum": ["available", "coming_soon", "studio_only"]},
        },
    }


def _object(properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
