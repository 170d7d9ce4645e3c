"""The support bundle: one ZIP with requests, answers, times, versions and settings.

Everything in it must go through ``redaction``. It contains ids (generation, idempotency key, Rivya's request ids) but never
API keys, local paths or query strings; prompts, negative prompts and image names only if the person opted in. Without that,
messages of Rivya's are kept only as far as they cannot quote a prompt.
"""

from __future__ import annotations

import io
import json
import platform
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from rivya_core.api.catalogue import packaged_models
from rivya_core.api.contract import API_PREFIX, PATH_GENERATIONS, REFERENCE_KEY
from rivya_core.api.specs import ModelSpec
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.observations.redaction import LEFT_OUT, Redactor, address
from rivya_core.lab.ledger.records import EventRecord, GenerationRecord
from rivya_core.lab.ledger.schema import events
from rivya_core.lab.ledger.unexpected_errors import UnexpectedErrors
from rivya_core.mode_words import mode_word
from rivya_core.settings import Settings
from rivya_core.version import VERSION

if TYPE_CHECKING:
    from rivya_core.lab.server.knowledge import Server

GENERATIONS_MAX: Final = 200
PACKAGES: Final = ("streamlit", "httpx", "httpx-aiohttp", "aiohttp", "dbos", "SQLAlchemy", "pydantic", "av", "Pillow")
HIDDEN_SETTINGS: Final = frozenset({"api_key", "data_dir", "base_url", "allowed_hosts", "allowed_origins"})

ABOUT: Final = """Support bundle of Rivya Lab {version}

{what}
API keys, local paths and the paths and queries of addresses are never in it.
{prompts}
Files: about.json (versions, settings, health), contract.json (the last check), observations.json (what was seen of the
server), generations/001.json ... (request, answers, timeline, credits).
"""


FIGURES: Final = (
    "id", "intent_id", "take", "parent_id", "experiment_id", "source", "mode", "idempotency_key", "task_id", "duplicate_of",
    "body_sha256", "attempts", "open_attempts", "settlement", "expected_credits", "reserved_credits", "final_credits",
    "held_credits", "cap_day", "asset_sha256", "clip_sha256", "clip_bytes", "clip_width_px", "clip_height_px",
    "clip_duration_s", "clip_fps", "clip_check",
)  # fmt: skip
TIMES: Final = (
    "created_at", "first_attempt_at", "submitted_at", "processing_at", "ready_at", "finished_at", "unwatched_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SupportSource:
    """What a support bundle is read from; ``simulator``: the embedded one, or None."""

    settings: Settings
    ledger: Ledger
    simulator: Any
    unexpected: UnexpectedErrors
    now: Callable[[], datetime]


def bundle(source: SupportSource, server: Server, generation_id: str | None, *, hours: float, prompts: bool) -> bytes:
    """Write the ZIP; see ``Lab.support_bundle``."""
    rows = [source.ledger.get(generation_id)] if generation_id is not None else _lately(source, hours)
    hidden = None if prompts else [text for row in rows for text in private(source, row)]
    redact = Redactor(_keys(source), hidden)
    what = "One generation." if generation_id else f"{len(rows)} generations of the last {hours:g} hours."
    summary = (
        "Prompts are in it, as was ticked."
        if prompts
        else "Prompts, names of images and words that may quote them are left out."
    )
    files: dict[str, object] = {
        "about.json": _about(source, redact),
        "contract.json": _contract(server, redact),
        "observations.json": [asdict(one) | {"answer": redact.seen(one.answer)} for one in server.observations()],
    }
    for place, row in enumerate(rows, 1):
        files[f"generations/{place:03}.json"] = _generation(source, row, redact)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", ABOUT.format(version=VERSION, what=what, prompts=summary))
        for name, value in files.items():
            archive.writestr(name, json.dumps(value, ensure_ascii=False, indent=1, default=str))
    return buffer.getvalue()


def private(source: SupportSource, row: GenerationRecord) -> Iterable[str]:
    """Return the private texts of a generation: prompts, free-text parameters, the image's name, the user's trace id."""
    spec = packaged_models().get(row.model)
    yield row.prompt
    yield row.negative_prompt
    yield row.client_request_id or ""
    yield from (str(value) for key, value in row.params.items() if not _is_public(spec, key, value))
    if row.asset_sha256 is not None:
        asset = source.ledger.assets.find(row.asset_sha256)
        yield "" if asset is None else asset.name
    image = row.request.get("reference_image")
    yield str(image.get("name", "")) if isinstance(image, Mapping) else ""


def _is_public(spec: ModelSpec | None, key: str, value: object) -> bool:
    """True for a parameter that cannot contain private text: a number, or one of the documented options."""
    if isinstance(value, (bool, int, float)):
        return True
    param = None if spec is None else spec.param(key)
    return param is not None and value in param.options


def _keys(source: SupportSource) -> list[str]:
    key = source.settings.api_key
    own = [] if key is None else [key.get_secret_value()]
    return own + ([str(source.simulator.api_key)] if source.simulator is not None else [])


def _lately(source: SupportSource, hours: float) -> list[GenerationRecord]:
    """Return the generations with an event in the last hours, latest first."""
    since = source.now() - timedelta(hours=hours)
    query = (
        sa.select(events.c.generation_id)
        .where(events.c.at >= since)
        .group_by(events.c.generation_id)
        .order_by(sa.func.max(events.c.id).desc())
        .limit(GENERATIONS_MAX)
    )
    with source.ledger.reading() as connection:
        ids = list(connection.execute(query).scalars())
    return [source.ledger.get(generation_id) for generation_id in ids]


def _about(source: SupportSource, redact: Redactor) -> dict[str, object]:
    settings = source.settings
    shown_settings = {
        name: value
        for name, value in settings.model_dump(mode="json").items()
        if name not in HIDDEN_SETTINGS and isinstance(value, (bool, int, float, list, type(None)))
    }
    return {
        "versions": {"rivya_lab": VERSION, "python": platform.python_version(), "system": platform.system()}
        | {name: package_version for name in PACKAGES if (package_version := _version(name))},
        "settings": shown_settings
        | {
            "api_key": "set" if settings.api_key is not None else "not set",
            "base_url": address(settings.base_url) if settings.base_url else "",
            "connection": redact.plain(settings.connection),
            "mode": mode_word(settings.mode, settings.connection),
        },
        "at": source.now().isoformat(),
        "queue": _pause(source, redact),
        "unexpected_errors": [redact.text(str(one)) for one in source.unexpected.all()],
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _pause(source: SupportSource, redact: Redactor) -> object:
    pause = source.ledger.key_value.pause(source.settings.connection)
    return "running" if pause is None else redact.anything({"paused": pause.effect, "card": asdict(pause.card)})


def _contract(server: Server, redact: Redactor) -> object:
    report = server.contract()
    if report is None:
        return "never checked"
    return redact.anything(asdict(report) | {"checked_at": None}) | {"checked_at": report.checked_at.isoformat()}


def _generation(source: SupportSource, row: GenerationRecord, redact: Redactor) -> dict[str, object]:
    """Return everything known about a generation, redacted."""
    figures: dict[str, object] = {name: _opaque(getattr(row, name), redact) for name in FIGURES}
    figures |= {name: None if (at := getattr(row, name)) is None else at.isoformat() for name in TIMES}
    figures["mode"] = row.mode_word
    figures["state"] = str(row.state)
    figures["model"] = redact.text(row.model)
    figures["connection"] = redact.plain(row.connection)
    figures["request_id"] = _opaque(row.request_id, redact)
    figures["task_status"] = redact.anything(row.task_status)
    figures["sent_client_request_id"] = (
        row.id if row.sent_trace_id == row.id else redact.prompt(row.sent_trace_id or "")
    )
    figures["result_address"] = None if row.result_url is None else address(row.result_url)
    figures["request"] = _request(row, redact)
    figures["error"] = (
        None
        if row.error is None
        else redact.anything(asdict(row.error)) | {"request_id": _opaque(row.error.request_id, redact)}
    )
    figures["timeline"] = [_event(event, redact) for event in source.ledger.rows.events(row.id)]
    figures["credits"] = [
        {"at": one.at.isoformat(), "kind": one.kind, "credits": one.credits, "provisional": one.provisional}
        for one in source.ledger.rows.movements(row.id)
    ]
    return figures


def _opaque(value: object, redact: Redactor) -> object:
    """Keep an id or a figure if it looks like one, since support searches by it."""
    if not isinstance(value, str):
        return value
    looks_like_one = value.isascii() and all(sign.isalnum() or sign in "-_.:" for sign in value)
    return redact.plain(value) if looks_like_one and not redact.quotes(value) else redact.text(value)


def _request(row: GenerationRecord, redact: Redactor) -> dict[str, object]:
    """The POST as it was sent, or as it would be: the body by its documented fields."""
    spec = packaged_models().get(row.model)
    try:
        body = json.loads(row.body) if row.body else row.request
    except ValueError:
        body = row.request
    params = body.get("params") if isinstance(body, dict) else None
    fields: dict[str, Any] = {}
    for key, value in params.items() if isinstance(params, dict) else ():
        if key == REFERENCE_KEY:
            fields[key] = [_reference(item, redact) for item in value if isinstance(item, dict)]
        elif _is_public(spec, key, value):
            fields[redact.text(key)] = value
        else:
            fields[redact.text(key)] = redact.prompt(str(value))
    return {
        "sent": row.body is not None,
        "line": f"POST {API_PREFIX}{PATH_GENERATIONS}",
        "headers": {"Authorization": "[key]", "Idempotency-Key": _opaque(row.idempotency_key, redact)},
        "body": {"model": redact.text(row.model), "prompt": redact.prompt(row.prompt), "params": fields},
    }


def _reference(item: Mapping[str, Any], redact: Redactor) -> dict[str, object]:
    url, name, mime = item.get("url"), item.get("name"), item.get("mimeType")
    return {
        "url": address(url) if isinstance(url, str) else LEFT_OUT,
        "kind": redact.anything(item.get("kind")),
        "name": redact.prompt(name) if isinstance(name, str) else None,
        "mimeType": mime if mime in {"image/jpeg", "image/png", "image/webp"} else redact.anything(mime),
    }


def _event(event: EventRecord, redact: Redactor) -> dict[str, object]:
    detail = {name: value for name, value in event.detail.items() if name not in {*_IDS, "person"}}
    ids = {name: _opaque(event.detail[name], redact) for name in _IDS if name in event.detail}
    return {"at": event.at.isoformat(), "kind": event.kind, **redact.anything(detail), **ids}


_IDS: Final = ("task_id", "request_id", "body_sha256", "duplicate_of")
