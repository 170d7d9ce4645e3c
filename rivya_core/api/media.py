"""Download clips without credentials: streamed to a file, checked, hashed.

These clients never have the API key, so no URL in an answer can obtain it. The rules are in ``media_rules``; the blocking client
here and the async one in ``async_media`` differ only in ``await``.
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
from rivya_core.api.network import NetworkRoute, read_network
from rivya_core.api.signatures import HEAD_BYTES
from rivya_core.api.wire import LIBRARY_FAULTS, Timeouts, kind_of, through
from rivya_core.settings.base_url import read_base_url

Resolver = Callable[[str, int], Sequence[str]]

DEFAULT_TIMEOUTS = Timeouts(connect_s=10.0, read_s=60.0, write_s=10.0)
WHOLE_S = 1800.0
"""Our limit of the time of one download."""
BYTES_PER_S = 10_000
"""Our lowest accepted rate of a download; see :func:`allowed_s`."""
_BLOCK_BYTES = 1_048_576
_ADDRESSES_TRIED = 3


@dataclass(frozen=True, slots=True)
class Fetched:
    """A downloaded clip: size in bytes, declared MIME type, SHA-256 in hex."""

    size_bytes: int
    content_type: str
    sha256: str


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host in the order of the system's resolver. Raises OSError when there is none."""
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def allowed_s(timeouts: Timeouts, size_bytes: int) -> float:
    """Return how many seconds a download may take in all, redirects included, once ``size_bytes`` have arrived.

    Until the first byte it is the limit of one exchange; from then on it grows with ``BYTES_PER_S``, up to ``WHOLE_S``. So a slow
    connection is fine, and one that only trickles is not.
    """
    return min(WHOLE_S, timeouts.whole_s(None) + size_bytes / BYTES_PER_S)


class Sink:
    """The temporary file of a download: decompresses, hashes, limits the size, and writes in large blocks."""

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
        """Create the file. Raises StorageError."""
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise storage_fault(self._path, error) from error

    def take(self, chunk: bytes) -> Iterator[bool]:
        """Add a received chunk; yields after each piece whether the block is full, and the caller then calls :meth:`flush`.

        Writing is left to the caller, as the async client does it in a worker thread.
        """
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
        """Write the block to the file. Raises StorageError."""
        self._hash.update(self._block)
        try:
            if self._file is not None:
                self._file.write(self._block)
        except OSError as error:
            raise storage_fault(self._path, error) from error
        self._block.clear()

    def finish(self, announced_bytes: int | None, content_type: str) -> Fetched:
        """Check the download, write the rest and sync the file.

        Raises:
            DownloadError: it is incomplete or not a video. StorageError: it cannot be written.
        """
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
        """Close the file, and delete it unless ``keep``."""
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
    """Return a unique temporary name beside the target, on the same file system, so that renaming is atomic."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")


def put_in_place(part: Path, path: Path) -> None:
    """Rename a finished temporary file to its name and sync the folder. Raises StorageError and deletes the file on failure."""
    try:
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise storage_fault(path, error) from error


class MediaRules:
    """Base of both clients: base URL, network routes, time limits.

    Raises:
        ConfigurationError: a proxy or TLS variable for the base URL is unusable; the sentence names it.
    """

    def __init__(self, base_url: str, timeouts: Timeouts = DEFAULT_TIMEOUTS, resolver: Resolver = resolve) -> None:
        url = read_base_url(base_url)
        self._base_url = base_url
        self._base_is_loopback = is_loopback(url.host)
        self._timeouts = timeouts
        self._resolver = resolver
        self._network = read_network()
        self._network.route_to(url)

    def _target(self, url: str) -> tuple[Target, NetworkRoute]:
        """Check one URL, the first or that of a redirect, and return it with its network route."""
        target = rules.check_address(rules.joined(self._base_url, url), base_is_loopback=self._base_is_loopback)
        try:
            route = self._network.route_to(target.url)
        except ConfigurationError as error:
            raise rules.download_error(error.detail, error.hint, retryable=True) from error
        if route.proxy is not None and target.must_resolve_public:
            rules.check_proxied(target)
            target = replace(target, must_resolve_public=False)
        return target, route

    def _request(self, target: Target, address: str | None) -> httpx.Request:
        return rules.request_for(target, address, self._timeouts.for_request(None))

    def _addresses(self, target: Target) -> list[str | None]:
        """Return the IP addresses to connect to, all of them checked; ``[None]`` to connect by name.

        Connecting to the checked address, not to the name, keeps a second DNS answer from differing (DNS rebinding).
        """
        if not target.must_resolve_public:
            return [None]
        try:
            addresses = self._resolver(target.url.host, target.url.port or 443)
        except (OSError, ValueError) as error:  # ValueError: the name cannot be encoded for DNS
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
    """Download clips, blocking. base_url: of the API; private addresses are allowed only if it is on this machine."""

    def __init__(self, base_url: str, timeouts: Timeouts = DEFAULT_TIMEOUTS, resolver: Resolver = resolve) -> None:
        super().__init__(base_url, timeouts, resolver)
        self._transport = BlockingTransport()

    def fetch(self, url: str, path: Path, *, max_bytes: int = MEDIA_MAX_BYTES) -> Fetched:
        """Stream the clip at ``url`` to ``path``, a temporary name chosen by the caller, and check it; on failure no file is left.

        Raises:
            DownloadError: ``retryable`` says whether the same address may work later; ``http_status`` 401, 403, 404 and
                410 mean that it has expired.
            StorageError: the file cannot be written.
        """
        with ending_within(allowed_s(self._timeouts, 0)) as deadline:
            for _ in range(rules.REDIRECTS_MAX + 1):
                target, route = self._target(url)
                response = self._connect(target, route)
                try:
                    following = rules.redirect_of(target, response)
                    if following is None:
                        sink = Sink(path, max_bytes, self._unpacker(response))
                        return self._receive(target, response, sink, deadline, rules.check_head(response, max_bytes))
                finally:
                    response.close()
                url = following
        raise rules.too_many_redirects()

    def _connect(self, target: Target, route: NetworkRoute) -> httpx.Response:
        fault: Exception | None = None
        for address in self._addresses(target):
            try:
                return self._transport.send(self._request(target, address), route)
            except LIBRARY_FAULTS as error:
                fault = error
        raise rules.network_fault(target, kind_of(fault or OSError()), through(route)) from fault

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
                # Each received byte extends the time, so that a slow connection can finish.
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
