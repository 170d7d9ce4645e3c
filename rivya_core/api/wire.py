"""Send one call and bring back the raw answer: the only modules that hold the key in the clear are this and the clients.

The key goes to the base URL and nowhere else: redirects are not followed, cookies are not kept. Whatever a library raises
becomes a :class:`TransportError` here. An echo of the key is struck out of every answer before anybody reads it.
"""

from __future__ import annotations

import io
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, BinaryIO

import h11
import httpx
from pydantic import SecretStr

from rivya_core.api.answers import ANSWER_MAX_BYTES, RawAnswer, charge_of
from rivya_core.api.base_url import LOOPBACK_HOSTS
from rivya_core.api.contract import HEADER_IDEMPOTENCY_KEY, HEADER_SIMULATOR, KEY_PREFIX
from rivya_core.api.endpoints import Call, T, Upload
from rivya_core.api.errors import TransportError, UnreadableAnswerError
from rivya_core.api.retry import Phase

LIBRARY_FAULTS: tuple[type[Exception], ...] = (
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    h11.ProtocolError,
    OSError,
    EOFError,
    ValueError,
)
"""Everything that sending a request can raise in the libraries below, TLS faults and bad bytes included."""

_KEPT_HEADERS = ("content-type", "date", "retry-after", "x-request-id", HEADER_SIMULATOR.lower())
_STRUCK_OUT = "[key]"
_SHOWN_KEY_CHARACTERS = len(KEY_PREFIX) + 4
_URLS_KEPT = 4096
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "rivya-lab"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for each phase of one exchange. ``pool_s`` is the wait for a free connection."""

    connect_s: float
    read_s: float
    write_s: float
    pool_s: float = 60.0

    def for_request(self, within_s: float | None) -> dict[str, float]:
        """Return them in the form of httpx's request extension, none longer than ``within_s``."""
        most = float("inf") if within_s is None else max(within_s, 0.05)
        return {
            "connect": min(self.connect_s, most),
            "read": min(self.read_s, most),
            "write": min(self.write_s, most),
            "pool": min(self.pool_s, most),
        }

    def whole_s(self, within_s: float | None) -> float:
        """Return the longest that one exchange may take, so that an answer in drips ends too."""
        longest = self.pool_s + self.connect_s + self.write_s + 2 * self.read_s
        return longest if within_s is None else min(longest, within_s)


class Address:
    """Where calls go, and the key that goes with them; built once a client."""

    def __init__(self, base_url: str, key: SecretStr, timeouts: Timeouts) -> None:
        self.base_url = base_url
        self.timeouts = timeouts
        self._url = httpx.URL(base_url)
        self._url_of = lru_cache(_URLS_KEPT)(self._build_url)  # a task is read some five times at the same address
        self._key = key
        self._key_bytes = key.get_secret_value().encode()

    def request(self, call: Call[Any], within_s: float | None) -> httpx.Request:
        """Build the HTTP request of a call, without a body when it is an upload."""
        headers = {**_HEADERS, "Authorization": f"Bearer {self._key.get_secret_value()}"}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.idempotency_key is not None:
            headers[HEADER_IDEMPOTENCY_KEY] = call.idempotency_key
        extensions = {"timeout": self.timeouts.for_request(within_s)}
        url = self._url_of(call.path)
        return httpx.Request(call.method, url, headers=headers, content=call.body, extensions=extensions)

    def _build_url(self, path: str) -> httpx.URL:
        return self._url.copy_with(raw_path=self._url.raw_path.rstrip(b"/") + path.encode())

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> RawAnswer:
        """Keep what matters of an answer, with every echo of the key struck out."""
        if self._key_bytes in body:
            body = body.replace(self._key_bytes, _STRUCK_OUT.encode())
        kept = {name: self.strike_out(headers[name]) for name in _KEPT_HEADERS if name in headers}
        return RawAnswer(status, kept, body)

    def strike_out(self, text: str) -> str:
        """Return the text without the key."""
        return text.replace(self._key.get_secret_value(), _STRUCK_OUT)

    def fault(self, call: Call[Any], error: Exception) -> TransportError:
        """Turn what a library raised into our error. Its class tells nothing about the outcome; see ``retry``."""
        reason = self.strike_out(" ".join(str(error).split()))[:200]
        kind = type(error.__cause__ or error).__name__
        under_way = ", and the request may have been accepted" if call.phase == "create" else ""
        return TransportError(
            "No usable answer arrived from Rivya",
            f"The connection to {self._url.host} failed, broke or timed out ({kind}{': ' if reason else ''}{reason}){under_way}",
            _HINTS.get(call.phase, "Check the network; asking again is safe"),
            charged=charge_of(call.phase, outcome_known=call.phase != "create"),
            retryable=True,
        )

    def __repr__(self) -> str:
        return f"{self.base_url}, key {mask_key(self._key)}"


_HINTS: dict[Phase, str] = {"create": "Ask again with the same idempotency key; no second task is made then"}


def mask_key(key: SecretStr | str | None) -> str:
    """Return the first characters of a key for display, never more than a third of it."""
    text = key.get_secret_value() if isinstance(key, SecretStr) else key or ""
    return f"{text[: min(_SHOWN_KEY_CHARACTERS, len(text) // 3)]}…" if text else "none"


class Wire:
    """Exchange calls over one pool of connections, blocking. Safe to share between threads."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client = blocking_client(address.base_url)

    def exchange(self, call: Call[T], within_s: float | None = None) -> T:
        """Send one call once and return its typed answer.

        Raises:
            RivyaError: one of our tree, whatever happened.
        """
        request = self.address.request(call, within_s)
        ends = time.monotonic() + self.address.timeouts.whole_s(within_s)
        try:
            with _sendable(request, call) as sendable:
                response = self._client.send(sendable, stream=True)
                try:
                    body = _gather(response.iter_bytes(), call, ends)
                finally:
                    response.close()
        except LIBRARY_FAULTS as error:
            raise self.address.fault(call, error) from error
        return call.answer(self.address.answer(response.status_code, response.headers, body))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@cache
def tls_context() -> ssl.SSLContext:
    """Return the one TLS context of the process; loading the certificates takes longer than a request."""
    return httpx.create_ssl_context()


def blocking_client(base_url: str) -> httpx.Client:
    """Return a client that follows no redirect and takes a proxy from the environment only for other machines."""
    return httpx.Client(verify=tls_context(), follow_redirects=False, trust_env=trusts_environment(base_url))


def trusts_environment(base_url: str) -> bool:
    """True when proxy settings of the environment count: for every address but this machine's own."""
    return httpx.URL(base_url).host not in LOOPBACK_HOSTS


def _gather(chunks: Iterable[bytes], call: Call[Any], ends: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        check_progress(size, call, ends)
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def check_progress(size_bytes: int, call: Call[Any], ends: float) -> None:
    """Stop an answer that is too long or takes too long."""
    if size_bytes > ANSWER_MAX_BYTES:
        raise UnreadableAnswerError(
            "Rivya's answer could not be read",
            f"It is longer than {ANSWER_MAX_BYTES} bytes",
            _HINTS.get(call.phase, ""),
            charged=charge_of(call.phase, outcome_known=call.phase != "create"),
            retryable=True,
        )
    if time.monotonic() > ends:
        raise httpx.ReadTimeout("the answer took too long as a whole")


@contextmanager
def _sendable(request: httpx.Request, call: Call[Any]) -> Iterator[httpx.Request]:
    if call.upload is None:
        yield request
    else:
        with open_upload(call.upload) as file:
            yield with_form(request, call.upload, file)


def with_form(request: httpx.Request, upload: Upload, file: BinaryIO) -> httpx.Request:
    """Return the request with a multipart body that reads the file piece by piece while it is sent."""
    headers = request.headers.copy()
    headers.pop("content-length", None)  # that of the empty body
    return httpx.Request(
        request.method,
        request.url,
        headers=headers,
        data=dict(upload.fields),
        files={"file": (upload.name, file, upload.mime_type)},
        extensions=request.extensions,
    )


def open_upload(upload: Upload) -> BinaryIO:
    """Open the file to send; bytes are read in place, without a copy."""
    return io.BytesIO(upload.source) if isinstance(upload.source, bytes) else upload.source.open("rb")
