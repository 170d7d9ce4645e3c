"""Receive a multipart upload: streamed to disk up to a limit, then checked by its content (docs/api-files)."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import BinaryIO

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from rivya_core.api.catalogue import packaged_models
from rivya_core.api.contract import CLIENT_REQUEST_ID_MAX, UPLOAD_KINDS
from rivya_core.private_files import make_file, make_folder
from rivya_core.simulator.http.file_types import (
    SNIFFED_BYTES,
    measured_duration_s,
    plain_mime,
    refuse_unknown_bytes,
)
from rivya_core.simulator.http.request_pipeline import Exchange
from rivya_core.simulator.http.validation import refuse
from rivya_core.simulator.state.files import NewFile, StoredFile

_FIELDS = frozenset({"file", "kind", "model", "client_request_id"})
_FORM_BYTES = 64 * 1024
_COPY_BYTES = 256 * 1024
MOST_BYTES = 100_000_000
"""A little more than the largest upload that any model takes (95 MB). A longer one is read to its end and then refused, so that the client gets an answer."""


async def receive_upload(exchange: Exchange) -> StoredFile:
    """Return the stored file of an upload request.

    Raises:
        RefusedError: ``validation_failed``.
    """
    if plain_mime(exchange.headers.get("content-type", "")) != "multipart/form-data":
        refuse("Content-Type", "must be multipart/form-data")
    body = _Body(exchange)
    try:
        form = await MultiPartParser(Headers(scope=exchange.scope), body.chunks(), max_files=1, max_fields=8).parse()
    except (MultiPartException, KeyError, ValueError, UnicodeDecodeError):
        await body.drain()
        if body.size > MOST_BYTES:
            refuse("file", f"is larger than {MOST_BYTES} bytes")
        refuse("body", "is not readable multipart/form-data")
    try:
        return await _store(exchange, form)
    finally:
        await form.close()


class _Body:
    """The request body as chunks. Beyond the limit it raises ValueError, which ends the parser; ``drain`` discards the rest."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._more = True
        self.size = 0

    async def _next(self) -> bytes:
        message = await self._exchange.receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        self._more = message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        self.size += len(chunk)
        return chunk

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        while self._more:
            chunk = await self._next()
            if self.size > MOST_BYTES + _FORM_BYTES:
                raise ValueError("too large")
            yield chunk

    async def drain(self) -> None:
        while self._more:
            await self._next()


async def _store(exchange: Exchange, form: FormData) -> StoredFile:
    for name in sorted(set(form) - _FIELDS):
        refuse(name[:80], "is not a field of this request")
    file, kind = form.get("file"), form.get("kind")
    trace, model = form.get("client_request_id"), form.get("model")
    if not isinstance(file, UploadFile):
        refuse("file", "is required")
    if not isinstance(kind, str) or kind not in UPLOAD_KINDS:
        refuse("kind", f"must be one of {', '.join(UPLOAD_KINDS)}")
    if trace is not None and (not isinstance(trace, str) or not 1 <= len(trace) <= CLIENT_REQUEST_ID_MAX):
        refuse("client_request_id", f"must be a string of 1 to {CLIENT_REQUEST_ID_MAX} characters")
    most, types = _limits(kind, model)
    size = file.size or 0
    if not size:
        refuse("file", "is empty")
    if size > most:
        refuse("file", f"has {size} bytes; {most} are allowed")
    # The declared type is only compared with the content, never trusted.
    head = await file.read(SNIFFED_BYTES)
    await file.seek(0)
    mime = refuse_unknown_bytes(kind, file.content_type or "", head)
    if mime not in types:
        refuse("file", f"the content is {mime}; allowed are {', '.join(types)}")
    files = exchange.world.files
    part = files.incoming / secrets.token_hex(8)
    sha256, seconds = await asyncio.to_thread(_keep, file.file, part, timed=kind != "image")
    exchange.record.body_sha256 = sha256
    account = exchange.key.account if exchange.key else ""
    name = Path((file.filename or "").replace("\\", "/")).name[:255] or "upload"
    return files.add(NewFile(account, part, size, sha256, kind, mime, name, trace, seconds))


def _limits(kind: str, model: object) -> tuple[int, tuple[str, ...]]:
    if model is None:
        return UPLOAD_KINDS[kind]
    spec = packaged_models().get(model) if isinstance(model, str) else None
    if spec is None:
        refuse("model", "is not the id of a model")
    limit = spec.reference.kinds.get(kind) if spec.reference else None
    if limit is None:
        refuse("kind", f"{spec.id} takes no file of kind {kind}")
    return limit.max_bytes, limit.mime_types


def _keep(source: BinaryIO, part: Path, *, timed: bool) -> tuple[str, float | None]:
    make_folder(part.parent)
    make_file(part)
    digest = hashlib.sha256()
    with part.open("wb") as target:
        while chunk := source.read(_COPY_BYTES):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest(), measured_duration_s(part) if timed else None
