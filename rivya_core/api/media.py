"""Fetch clips without credentials: streamed to a file, checked, hashed.

These clients never hold the key, so no address in an answer can be given it. The rules are in ``media_rules``; the sync
client here and the async one of ``async_media`` differ only in ``await``.
"""

from __future__ import annotations

import hashlib
import socket
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import httpx

from rivya_core.api import media_rules as rules
from rivya_core.api.addresses import is_loopback
from rivya_core.api.blocking_transport import BlockingTransport, Deadline, ending_within
from rivya_core.api.content_coding import PackingError, Unpacker, unpacker
from rivya_core.api.durable import sync_file, sync_folder
from rivya_core.api.errors import ConfigurationError, StorageError
from rivya_core.api.media_rules import MEDIA_MAX_BYTES, Target
from rivya_core.api.network import Way, read_network
from rivya_core.api.signatures import HEAD_BYTES
from rivya_core.api.wire import LIBRARY_FAULTS, Timeouts, kind_of, through
from rivya_core.settings.base_url import read_base_url

Resolver = Callable[[str, int], Sequence[str]]

DEFAULT_TIMEOUTS = Timeouts(connect_s=10.0, read_s=60.0, write_s=10.0)
WHOLE_S = 1800.0
"""Ours: the longest that one fetch may take."""
BYTES_PER_S = 10_000
"""Ours: the slowest that a clip may arrive; see :func:`allowed_s`."""
_BLOCK_BYTES = 1_048_576
_ADDRESSES_TRIED = 3


@dataclass(frozen=True, slots=True)
class Fetched:
    """A clip on disk: its size in bytes, the declared type, the SHA-256 of its bytes in hex."""

    size_bytes: int
    content_type: str
    sha256: str


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system's resolver orders them."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def allowed_s(timeouts: Timeouts, size_bytes: int) -> float:
    """Return the longest that a fetch may take, from its start, redirects included, after so many bytes of the clip.

    Until the first byte that is one exchange's whole time, whatever keeps the connection busy; with the clip it grows, up
    to half an hour.
    """
    return min(WHOLE_S, timeouts.whole_s(None) + size_bytes / BYTES_PER_S)


class Sink:
    """A part file that is written in large blocks, unpacked, with its hash, its head and its size limit."""

    def __init__(self, path: Path, max_bytes: int, unpacked: Unpacker) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._unpacked = unpacked
        self._packed_bytes = 0
        self._hash = hashlib.sha256()
        self._block = bytearray()
        self._file: BinaryIO | None = None
        self.head = b""
        self.size_bytes = 0

    def open(self) -> None:
        """Create the part file."""
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise storage_fault(self._path, error) from error

    def take(self, chunk: bytes) -> Iterator[bool]:
        """Take what arrived, piece by piece; True when a block is ready to be written, before the next piece."""
        self._packed_bytes += len(chunk)
        rules.check_growth(self._packed_bytes, self._max_bytes)
        try:
            for piece in self._unpacked.feed(chunk):
                self.size_bytes += len(piece)
                rules.check_growth(self.size_bytes, self._max_bytes)
                if len(self.head) < HEAD_BYTES:
                    self.head += piece[: HEAD_BYTES - len(self.head)]
                self._block += piece
                yield len(self._block) >= _BLOCK_BYTES
        except PackingError as error:
            raise rules.packing_fault(error) from error

    def flush(self) -> None:
        """Write the block."""
        self._hash.update(self._block)
        try:
            if self._file is not None:
                self._file.write(self._block)
        except OSError as error:
            raise storage_fault(self._path, error) from error
        self._block.clear()

    def finish(self, announced_bytes: int | None, content_type: str) -> Fetched:
        """Write the rest to disk for good, and check what arrived."""
        self.flush()
        try:
            self._unpacked.end()
        except PackingError as error:
            raise rules.packing_fault(error) from error
        rules.check_body(self.head, self.size_bytes, announced_bytes)
        try:
            if self._file is not None:
                self._file.flush()
                sync_file(self._file.fileno())
        except OSError as error:
            raise storage_fault(self._path, error) from error
        return Fetched(self.size_bytes, content_type, self._hash.hexdigest())

    def close(self, *, keep: bool) -> None:
        """Close the file; remove it unless it is to be kept."""
        if self._file is not None:
            self._file.close()
            if not keep:
                self._path.unlink(missing_ok=True)


def storage_fault(path: Path, error: OSError) -> StorageError:
    """Build the error of a file that cannot be written."""
    return StorageError(
        "The clip cannot be stored",
        f"{path}: {error.strerror or type(error).__name__}",
        "Make room or choose another folder, then fetch it again; that costs nothing",
        charged="yes",
        retryable=True,
    )


def part_name(path: Path) -> Path:
    """Return a name beside the target to write to until the clip is whole and checked."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")


def put_in_place(part: Path, path: Path) -> None:
    """Rename a finished part file to its name, and make the rename last (the folder is synced)."""
    try:
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise storage_fault(path, error) from error


class MediaRules:
    """What both clients know: which base URL the API has, how others are reached, how long things may take.

    Raises:
        ConfigurationError: the way to the base URL is set up wrongly; the sentence names the variable.
    """

    def __init__(self, base_url: str, timeouts: Timeouts = DEFAULT_TIMEOUTS, resolver: Resolver = resolve) -> None:
        url = read_base_url(base_url)
        self._base_url = base_url
        self._base_is_loopback = is_loopback(url.host)
        self._timeouts = timeouts
        self._resolver = resolver
        self._network = read_network()
        self._network.way_to(url)

    def _target(self, url: str) -> tuple[Target, Way]:
        """Decide about one address, each redirect anew: whether it may be fetched, and how it is reached."""
        target = rules.check_address(rules.joined(self._base_url, url), base_is_loopback=self._base_is_loopback)
        try:
            way = self._network.way_to(target.url)
        except ConfigurationError as error:
            raise rules.download_error(error.detail, error.hint, retryable=True) from error
        if way.proxy is not None and target.must_resolve_public:
            rules.check_proxied(target)
            target = replace(target, must_resolve_public=False)
        return target, way

    def _request(self, target: Target, address: str | None) -> httpx.Request:
        return rules.request_for(target, address, self._timeouts.for_request(None))

    def _addresses(self, target: Target) -> list[str | None]:
        """Return the checked addresses to connect to; None stands for the name itself."""
        if not target.must_resolve_public:
            return [None]
        try:
            addresses = self._resolver(target.url.host, target.url.port or 443)
        except (OSError, ValueError) as error:  # ValueError: a name that no resolver takes
            raise rules.network_fault(target, kind_of(error)) from error
        rules.check_resolved(target, addresses)
        return list(addresses[:_ADDRESSES_TRIED])

    @staticmethod
    def _unpacker(response: httpx.Response) -> Unpacker:
        try:
            return unpacker(response.headers.get_list("content-encoding"))
        except PackingError as error:
            raise rules.packing_fault(error) from error


class MediaClient(MediaRules):
    """Fetch clips, blocking. ``base_url`` is the API's: only if it is this machine may clips come from private addresses."""

    def __init__(self, base_url: str, timeouts: Timeouts = DEFAULT_TIMEOUTS, resolver: Resolver = resolve) -> None:
        super().__init__(base_url, timeouts, resolver)
        self._transport = BlockingTransport()

    def fetch(self, url: str, path: Path, *, max_bytes: int = MEDIA_MAX_BYTES) -> Fetched:
        """Stream the clip at ``url`` to ``path`` (a part name of the caller's) and check it; nothing is left on failure.

        Raises:
            DownloadError: ``retryable`` says whether the same address may work later; ``http_status`` 401, 403, 404 and
                410 mean that it has expired.
            StorageError: the file cannot be written.
        """
        with ending_within(allowed_s(self._timeouts, 0)) as deadline:
            for _ in range(rules.REDIRECTS_MAX + 1):
                target, way = self._target(url)
                response = self._connect(target, way)
                try:
                    following = rules.redirect_of(target, response)
                    if following is None:
                        sink = Sink(path, max_bytes, self._unpacker(response))
                        return self._receive(target, response, sink, deadline, rules.check_head(response, max_bytes))
                finally:
                    response.close()
                url = following
        raise rules.too_many_redirects()

    def _connect(self, target: Target, way: Way) -> httpx.Response:
        fault: Exception | None = None
        for address in self._addresses(target):
            try:
                return self._transport.send(self._request(target, address), way)
            except LIBRARY_FAULTS as error:
                fault = error
        raise rules.network_fault(target, kind_of(fault or OSError()), through(way)) from fault

    def _receive(
        self, target: Target, response: httpx.Response, sink: Sink, deadline: Deadline, announced: int | None
    ) -> Fetched:
        fetched = None
        sink.open()
        try:
            for chunk in _chunks(response, target):
                for is_full in sink.take(chunk):
                    if is_full:
                        sink.flush()
                deadline.seconds = allowed_s(self._timeouts, sink.size_bytes)
            fetched = sink.finish(announced, rules.content_type_of(response))
        finally:
            sink.close(keep=fetched is not None)
        return fetched

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _chunks(response: httpx.Response, target: Target) -> Iterator[bytes]:
    try:
        yield from response.iter_raw()
    except LIBRARY_FAULTS as error:
        raise rules.network_fault(target, kind_of(error)) from error
