"""Every endpoint that is used, described once: what is sent and how the answer is read.

Pure: a :class:`Call` is data. The blocking and the async client send the same calls. Sources:
docs/api-generations, docs/api-generation-status, docs/api-files, docs/api-credits, docs/api-models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import quote

from rivya_core.api.answers import (
    RawAnswer,
    classified,
    error_of,
    is_error_in_disguise,
    read_anything,
    read_balance,
    read_file,
    read_generation,
)
from rivya_core.api.catalogue import packaged_models, parse_models
from rivya_core.api.contract import (
    API_PREFIX,
    CLIENT_REQUEST_ID_MAX,
    PATH_CREDITS,
    PATH_FILES,
    PATH_GENERATIONS,
    PATH_MODELS,
    UPLOAD_KINDS,
    Balance,
    Generation,
    UploadedFile,
    Verb,
)
from rivya_core.api.errors import UnreadableAnswerError
from rivya_core.api.image_rules import megabytes
from rivya_core.api.images import ReferenceImage, plain_name
from rivya_core.api.params import check_text, invalid
from rivya_core.api.retry import Phase
from rivya_core.api.signatures import HEAD_BYTES, sniff
from rivya_core.api.specs import KindLimit, ModelSpec

T = TypeVar("T")

UploadSource = Path | str | bytes | ReferenceImage

_SEGMENT_MAX = 60_000  # of a quoted id; httpx accepts URLs of at most 65,536 characters
_KEY_MAX = 255  # ours; the limit of an Idempotency-Key is not documented


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to upload. source: its bytes, or a path that is streamed from disk. fields: the other fields of the form."""

    source: bytes | Path
    name: str
    mime_type: str
    fields: tuple[tuple[str, str], ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request. phase: its column in the retry table. read: turns a success into the typed answer."""

    phase: Phase
    method: Verb
    path: str
    read: Callable[[RawAnswer], T]
    body: bytes | None = None
    idempotency_key: str | None = None
    upload: Upload | None = None

    def answer(self, raw: RawAnswer) -> T:
        """Return the typed answer.

        Raises:
            RivyaError: the answer is an error, or cannot be read; charged and retryable are set for this call's phase.
        """
        if not raw.is_success:
            raise error_of(raw, self.phase)
        try:
            return self.read(raw)
        except UnreadableAnswerError as error:
            raise (error_of(raw, self.phase) if is_error_in_disguise(raw) else classified(error, self.phase)) from None


def list_models() -> Call[list[ModelSpec]]:
    """``GET /models`` (docs/api-models). It is public; the key is sent anyway, as the scope models:read exists."""
    return Call("read", "GET", API_PREFIX + PATH_MODELS, _read_models)


def create_generation(body: bytes, idempotency_key: str) -> Call[Generation]:
    """``POST /generations`` with exactly these bytes and this idempotency key (docs/api-generations)."""
    key = check_idempotency_key(idempotency_key)
    return Call("create", "POST", API_PREFIX + PATH_GENERATIONS, read_generation, body=body, idempotency_key=key)


def retrieve_generation(task_id: str) -> Call[Generation]:
    """``GET /generations/{taskId}`` (docs/api-generation-status)."""
    path = f"{API_PREFIX}{PATH_GENERATIONS}/{_segment('task_id', task_id)}"
    return Call("poll", "GET", path, partial(read_generation, task_id=task_id))


def create_file(upload: Upload) -> Call[UploadedFile]:
    """``POST /files``, multipart (docs/api-files)."""
    return Call("upload", "POST", API_PREFIX + PATH_FILES, read_file, upload=upload)


def retrieve_file(file_id: str) -> Call[UploadedFile]:
    """``GET /files/{fileId}`` (docs/api-files)."""
    return Call("read", "GET", f"{API_PREFIX}{PATH_FILES}/{_segment('file_id', file_id)}", read_file)


def read_credits() -> Call[Balance]:
    """``GET /credits`` (docs/api-credits)."""
    return Call("read", "GET", API_PREFIX + PATH_CREDITS, read_balance)


def check_idempotency_key(key: object) -> str:
    """Return the key if it can be sent in a header: 1 to 255 visible ASCII characters.

    Raises:
        InvalidRequestError: it cannot be sent; ``field`` is "idempotency_key".
    """
    if (
        not isinstance(key, str)
        or not 1 <= len(key) <= _KEY_MAX
        or any(not "!" <= character <= "~" for character in key)
    ):
        raise invalid("idempotency_key", f"must be 1 to {_KEY_MAX} visible ASCII characters without spaces")
    return key


def plan_upload(
    source: UploadSource,
    *,
    kind: str = "image",
    name: str | None = None,
    mime_type: str | None = None,
    model: str | None = None,
    client_request_id: str | None = None,
) -> Upload:
    """Check a file against the documented limits (docs/api-files) and describe its upload. The bytes are sent unchanged.

    kind: "image", "video" or "audio". name, mime_type: default those of the source. model: use this model's limits.

    Raises:
        InvalidRequestError: kind, size or content are not allowed, or the file cannot be read.
    """
    limit = _limit(kind, model)
    data, head, size, own_name = _look_at(source)
    if not 0 < size <= limit.max_bytes:
        rule = "is empty" if size == 0 else f"has {megabytes(size)}, and at most {megabytes(limit.max_bytes)} are taken"
        raise invalid("file", rule)
    mime = _mime(head, kind, mime_type, limit)
    fields = [("kind", kind)]
    if model is not None:
        fields.append(("model", check_text("model", model)))
    if client_request_id is not None:
        if len(check_text("client_request_id", client_request_id)) > CLIENT_REQUEST_ID_MAX:
            raise invalid("client_request_id", f"takes at most {CLIENT_REQUEST_ID_MAX} characters")
        fields.append(("client_request_id", client_request_id))
    return Upload(data, plain_name(name or own_name), mime, tuple(fields), size)


def _read_models(raw: RawAnswer) -> list[ModelSpec]:
    return parse_models(read_anything(raw))


def _segment(field: str, value: object) -> str:
    """Quote an id as one path segment. Ids are opaque, so every text that a server could have sent is accepted."""
    if not isinstance(value, str) or not value:
        raise invalid(field, "must be an id of at least one character")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise invalid(field, "holds half of a character (a lone surrogate), which cannot be sent")
    segment = quote(value, safe="")
    if len(segment) > _SEGMENT_MAX:
        raise invalid(field, f"is longer than an address can be: {len(segment):,} of {_SEGMENT_MAX:,} characters")
    # RFC 3986, section 5.2.4: clients and proxies remove the segments "." and ".."
    return segment.replace(".", "%2E") if value in {".", ".."} else segment


def _limit(kind: str, model: str | None) -> KindLimit:
    if kind not in UPLOAD_KINDS:
        raise invalid("kind", f"must be one of {', '.join(UPLOAD_KINDS)}")
    spec = packaged_models().get(model) if isinstance(model, str) else None
    if spec is None or spec.reference is None:
        largest, types = UPLOAD_KINDS[kind]
        return KindLimit(None, largest, types)
    limit = spec.reference.kinds.get(kind)
    if limit is None:
        raise invalid("kind", f"{kind} is not taken by {spec.id}")
    return limit


def _look_at(source: UploadSource) -> tuple[bytes | Path, bytes, int, str]:
    if isinstance(source, ReferenceImage):
        return source.data, source.data[:HEAD_BYTES], len(source.data), source.name
    if isinstance(source, (bytes, bytearray)):
        data = bytes(source)
        return data, data[:HEAD_BYTES], len(data), "upload"
    if not isinstance(source, (str, Path)):
        raise invalid("file", "must be a path, bytes or a checked image")
    path = Path(source)
    try:
        with path.open("rb") as file:
            return path, file.read(HEAD_BYTES), path.stat().st_size, path.name
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "its path is not usable"
        raise invalid("file", f"cannot be read: {reason}") from error


_ALIASES = {"audio/x-wav": "audio/wav", "audio/mp4": "video/mp4", "video/quicktime": "video/mp4"}


def _mime(head: bytes, kind: str, declared: str | None, limit: KindLimit) -> str:
    """Return the MIME type to declare: the caller's, if the content agrees; without one, that of the content."""
    proven = sniff(head)
    mime = declared or proven
    accepted = ", ".join(limit.mime_types)
    if proven is None:
        raise invalid("file", f"is not recognisable by its first bytes; for kind {kind} {accepted} are taken")
    if mime not in limit.mime_types:
        raise invalid("file", f"is {mime}; for kind {kind} {accepted} are taken")
    # First bytes cannot tell audio from video in an MP4, nor older names of a type from its current one.
    if _ALIASES.get(str(mime), mime) != _ALIASES.get(proven, proven):
        raise invalid("mime_type", f"says {mime}, but the file's first bytes say {proven}")
    return str(mime)
