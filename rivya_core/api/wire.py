"""Send one call and return its answer. Besides the clients, this is the only module that has the key in plain text.

The key is sent to the base URL only: redirects are not followed, cookies are not kept. Exceptions of libraries become
:class:`TransportError`. The key is redacted from every answer before it is read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

import h11
import httpx
from pydantic import SecretStr

from rivya_core.api.answers import ANSWER_MAX_BYTES, RawAnswer, charge_of
from rivya_core.api.blocking_transport import TIMEOUTS, TRANSPORT_FAULTS, BlockingTransport, ending_within
from rivya_core.api.content_coding import PackingError, unpacker
from rivya_core.api.contract import HEADER_IDEMPOTENCY_KEY, HEADER_SIMULATOR, KEY_PREFIX
from rivya_core.api.endpoints import Call, T, Upload
from rivya_core.api.errors import TransportError, UnreadableAnswerError
from rivya_core.api.network import NetworkRoute, read_network
from rivya_core.api.retry import Phase
from rivya_core.settings.base_url import read_base_url

LIBRARY_FAULTS: tuple[type[Exception], ...] = (
    *TRANSPORT_FAULTS,
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    h11.ProtocolError,
    OSError,
    EOFError,
    ValueError,
)
"""Everything that the libraries raise while sending a request, TLS errors and malformed bytes included."""

_RATE_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")  # not documented, kept if sent
_USED_HEADERS = ("content-type", "date", "retry-after", "x-request-id", HEADER_SIMULATOR.lower(), *_RATE_HEADERS)
_REDACTED = "[key]"
_SHOWN_KEY_CHARACTERS = len(KEY_PREFIX) + 4
_URLS_MAX = 4096
UPLOAD_BYTES_PER_S = 10_000
"""Our lowest accepted rate of an upload; see :meth:`Address.whole_s`."""
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "rivya-lab"}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of one exchange in seconds. pool_s: to get a free connection."""

    connect_s: float
    read_s: float
    write_s: float
    pool_s: float = 60.0

    def for_request(self, within_s: float | None) -> dict[str, float]:
        """Return the timeouts as httpx's request extension, each at most ``within_s``."""
        limit_s = float("inf") if within_s is None else max(within_s, 0.05)
        return {
            "connect": min(self.connect_s, limit_s),
            "read": min(self.read_s, limit_s),
            "write": min(self.write_s, limit_s),
            "pool": min(self.pool_s, limit_s),
        }

    def whole_s(self, within_s: float | None) -> float:
        """Return the limit of one whole exchange, from the first byte sent to the last one received.

        Timeouts per read do not end an answer that trickles: headers, 1xx responses, chunk lines or the body.
        """
        longest = self.pool_s + self.connect_s + self.write_s + 2 * self.read_s
        return longest if within_s is None else min(longest, within_s)


class Address:
    """The base URL with its network route, timeouts and key; one per client.

    Raises:
        ConfigurationError: a proxy or TLS variable is unusable; the sentence names it.
    """

    def __init__(self, base_url: str, key: SecretStr, timeouts: Timeouts) -> None:
        self.base_url = base_url
        self.timeouts = timeouts
        self.network = read_network()
        self._url = read_base_url(base_url)
        self.route = self.network.route_to(self._url)
        # A task is read about five times, and parsing a URL is slow.
        self._url_of = lru_cache(_URLS_MAX)(self._build_url)
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

    def whole_s(self, call: Call[Any], within_s: float | None) -> float:
        """Return the limit of one exchange of this call in seconds; for an upload it grows with the size."""
        whole_s = self.timeouts.whole_s(within_s)
        return whole_s if call.upload is None else whole_s + call.upload.size_bytes / UPLOAD_BYTES_PER_S

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> RawAnswer:
        """Return the parts of an answer that are used, with the key redacted."""
        # Some servers and proxies echo request headers in error pages.
        if self._key_bytes in body:
            body = body.replace(self._key_bytes, _REDACTED.encode())
        used = {name: self.redact(headers[name]) for name in _USED_HEADERS if name in headers}
        return RawAnswer(status, used, body)

    def redact(self, text: str) -> str:
        """Return the text with the key replaced."""
        return text.replace(self._key.get_secret_value(), _REDACTED)

    def fault(self, call: Call[Any], error: Exception) -> TransportError:
        """Convert an exception of a library. Its class says nothing about the outcome; see ``retry``."""
        reason = self.redact(" ".join(str(error).split()))[:200]
        kind = kind_of(error)
        under_way = ", and the request may have been accepted" if call.phase == "create" else ""
        return TransportError(
            "No usable answer arrived from Rivya",
            f"The connection to {self._url.host}{through(self.route)} failed, broke or timed out "
            f"({kind}{': ' if reason else ''}{reason}){under_way}",
            _HINTS.get(call.phase, "Check the network; asking again is safe"),
            charged=charge_of(call.phase, outcome_known=call.phase != "create"),
            retryable=True,
        )

    def __repr__(self) -> str:
        return f"{self.base_url}, key {mask_key(self._key)}"


_HINTS: dict[Phase, str] = {"create": "Ask again with the same idempotency key; no second task is made then"}


def mask_key(key: SecretStr | str | None) -> str:
    """Return the first characters of a key for display, at most a third of it."""
    text = key.get_secret_value() if isinstance(key, SecretStr) else key or ""
    return f"{text[: min(_SHOWN_KEY_CHARACTERS, len(text) // 3)]}…" if text else "none"


def kind_of(error: Exception) -> str:
    """Return the class name of the underlying exception, which a search engine or a support person knows."""
    cause = error.__cause__
    return type(
        cause if isinstance(cause, Exception) else error
    ).__name__  # asyncio.timeout raises TimeoutError from a CancelledError, which is no Exception


def through(route: NetworkRoute) -> str:
    """Return words that name the proxy of a route, or an empty text."""
    return f", through the proxy of {route.proxy.variable}," if route.proxy else ""


class Wire:
    """Sends calls and reads their answers, blocking. Thread-safe."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._transport = BlockingTransport()

    def exchange(self, call: Call[T], within_s: float | None = None) -> T:
        """Send one call once and return its typed answer.

        Raises:
            RivyaError: for every failure, those of the libraries included.
        """
        request = self.address.request(call, within_s)
        try:
            with _sendable(request, call) as sendable, ending_within(self.address.whole_s(call, within_s)):
                response = self._transport.send(sendable, self.address.route)
                try:
                    body = AnswerBody(call, response)
                    with body.keep_partial_error(LIBRARY_FAULTS):
                        for chunk in response.iter_raw():
                            body.take(chunk)
                finally:
                    response.close()
        except LIBRARY_FAULTS as error:
            raise self.address.fault(call, error) from error
        return call.answer(self.address.answer(response.status_code, response.headers, body.whole()))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class AnswerBody:
    """Collects and decompresses the body of an answer, limited to ``ANSWER_MAX_BYTES`` compressed and decompressed."""

    def __init__(self, call: Call[Any], response: httpx.Response) -> None:
        self._call = call
        self._status = response.status_code
        self._parts: list[bytes] = []
        self._size_bytes = self._packed_bytes = 0
        self._is_cut = False
        try:
            self._unpacker = unpacker(response.headers.get_list("content-encoding"))
        except PackingError as error:
            raise self._unreadable(str(error)) from error

    def take(self, chunk: bytes) -> None:
        """Add a received chunk.

        Raises:
            UnreadableAnswerError: the answer is too long or cannot be decompressed; on a create the outcome is unknown.
        """
        self._packed_bytes += len(chunk)
        try:
            for part in self._unpacker.feed(chunk):
                self._size_bytes += len(part)
                if max(self._size_bytes, self._packed_bytes) > ANSWER_MAX_BYTES:
                    raise self._unreadable(f"it is longer than {ANSWER_MAX_BYTES} bytes")
                self._parts.append(part)
        except PackingError as error:
            raise self._unreadable(str(error)) from error
        if self._packed_bytes > ANSWER_MAX_BYTES:
            raise self._unreadable(f"it is longer than {ANSWER_MAX_BYTES} bytes")

    @contextmanager
    def keep_partial_error(self, faults: tuple[type[Exception], ...]) -> Iterator[None]:
        """Accept an error answer by its status although the connection breaks while its body is read.

        A server that refuses a request early closes the connection (RFC 9112, section 9.6), which may cut its own answer.
        """
        try:
            yield
        except faults as error:
            timed_out = isinstance(error.__cause__ or error, TIMEOUTS)
            # A success without its whole body is no success, and a time-out says nothing about the end of the body.
            if timed_out or self._status < httpx.codes.MULTIPLE_CHOICES:
                raise
            self._is_cut = True

    def whole(self) -> bytes:
        """Return the body after its end."""
        try:
            if not self._is_cut:
                self._unpacker.end()
        except PackingError as error:
            raise self._unreadable(str(error)) from error
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def _unreadable(self, why: str) -> UnreadableAnswerError:
        phase = self._call.phase
        return UnreadableAnswerError(
            "Rivya's answer could not be read",
            f"An answer with status {self._status} came, but {why}",
            _HINTS.get(phase, ""),
            charged=charge_of(phase, outcome_known=phase != "create"),
            retryable=True,
            http_status=self._status,
        )


@contextmanager
def _sendable(request: httpx.Request, call: Call[Any]) -> Iterator[httpx.Request]:
    if call.upload is None:
        yield request
    else:
        with open_upload(call.upload) as file:
            yield with_form(request, call.upload, file)


def with_form(request: httpx.Request, upload: Upload, file: BinaryIO) -> httpx.Request:
    """Return the request with a multipart body that streams the file."""
    headers = request.headers.copy()
    headers.pop("content-length", None)  # was computed for the empty body
    return httpx.Request(
        request.method,
        request.url,
        headers=headers,
        data=dict(upload.fields),
        files={"file": (upload.name, file, upload.mime_type)},
        extensions=request.extensions,
    )


def open_upload(upload: Upload) -> BinaryIO:
    """Open the file to send; bytes are not copied."""
    return io.BytesIO(upload.source) if isinstance(upload.source, bytes) else upload.source.open("rb")
