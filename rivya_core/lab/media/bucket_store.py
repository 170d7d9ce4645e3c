"""The archive's files in a bucket of an object store that speaks S3, through ``obstore``.

Only blocking calls are used, on worker threads: with ``put_async`` processes aborted as they ended. The store's address, region
and key are its usual variables (``AWS_...``), which ``obstore`` reads itself.
"""

from __future__ import annotations

import hashlib
import logging
import mimetypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rivya_core.api.errors import StorageError
from rivya_core.lab.media import bucket_words
from rivya_core.lab.media.disk_words import telling
from rivya_core.lab.media.file_cache import FileCache
from rivya_core.lab.media.parts import Parts
from rivya_core.lab.media.stored import Facts, StoredObject
from rivya_core.lazy_import import lazily
from rivya_core.settings import may_use_http

if TYPE_CHECKING:
    import obstore
    import obstore.exceptions
    import obstore.store
else:
    obstore = lazily("obstore")

Answer = TypeVar("Answer")
log = logging.getLogger("rivya.archive")

PIECE_BYTES: Final = 5 * 2**20
"""Larger files are sent in pieces of this size, and all are read so: no request outlasts its deadline because of its size."""

UNCHANGING: Final = ("images/", "shows/")
"""Below these a key contains the hash of what it names."""

REMEMBERED_MAX: Final = 20_000
ABSENT_FOR_S: Final = 30.0
"""So long what was not there, below ``UNCHANGING``, is not asked for again, unless it was stored here: pages ask in every run."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Deadlines of requests in seconds: to connect, of one without a body, and of one that carries a piece of a file.

    ``again_s``: so often a store that failed is asked again, by one thread, until it answers. All others are refused at once
    meanwhile, and wait for nothing.
    """

    connect_s: float = 3.0
    quick_s: float = 10.0
    piece_s: float = 30.0
    again_s: float = 2.0


@dataclass(frozen=True, slots=True)
class _Head:
    size_bytes: int
    etag: str
    modified_s: float


class BucketStore:
    """Objects below a prefix of a bucket; see ``Store``. ``url``: ``s3://bucket/prefix``."""

    def __init__(
        self,
        url: str,
        parts: Parts,
        cache: FileCache,
        *,
        patience: Patience = Patience(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._parts = parts
        self._cache = cache
        self._clock = clock
        self._pieces = _connect(url, patience.connect_s, patience.piece_s)
        self._quick = _connect(url, patience.connect_s, patience.quick_s)
        self._heads: dict[str, _Head] = {}
        self._missing: set[str] = set()
        self._absent_until_s: dict[str, float] = {}
        self._has_answered = False
        self._trouble: StorageError | None = None
        self._again_s = patience.again_s
        self._probe: threading.Thread | None = None
        self._guard = threading.Lock()
        self._closed = threading.Event()

    # -- writing -----------------------------------------------------------------------------------------------------

    def put(self, part: Path, key: str) -> Path:
        """Send a finished part file, have it checked, and keep it as the local copy."""
        return self._cache.add(part, _name(key, self.send(part, key)))

    def send(self, part: Path, key: str) -> str:
        """Store the bytes of a local file under a key, and have them checked; return the object's ETag.

        The store's own checksum of what it holds is compared with ours; where it has another kind, the object is read back.
        """
        with telling(part):
            sha256, checksum = _digests(part)
            size_bytes = part.stat().st_size
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        answer = self._ask(
            lambda: obstore.put(
                self._pieces,
                key,
                part,
                attributes={"Content-Type": kind, "sha256": sha256},
                use_multipart=size_bytes > PIECE_BYTES,
                chunk_size=PIECE_BYTES,
                max_concurrency=2,
            )
        )
        self._forget(key)
        etag = answer["e_tag"] or ""
        if etag.strip('"') != checksum:
            head = self._must_find(key)
            if head.size_bytes != size_bytes or self._sha256(key, head) != sha256:
                raise bucket_words.other_bytes(key, self._url)
            etag = head.etag
        return etag

    def holds(self, key: str, path: Path) -> bool:
        """Return whether the object of a key has the bytes of a local file, by size and checksum or SHA-256."""
        head = self._head(key)
        if head is None or head.size_bytes != path.stat().st_size:
            return False
        sha256, checksum = _digests(path)
        return head.etag.strip('"') == checksum or self._sha256(key, head) == sha256

    def refuse_unusable(self) -> None:
        """Raise StorageError when the bucket is not there, or does not answer."""
        self._look()

    def delete(self, key: str) -> bool:
        """Remove an object; False when there was none."""
        is_there = self._head(key) is not None
        if is_there:
            self._ask(lambda: obstore.delete(self._quick, key))
        self._forget(key)
        return is_there

    # -- reading -----------------------------------------------------------------------------------------------------

    def facts(self, key: str) -> Facts | None:
        """Size and time of an object; None when there is none."""
        head = self._head(key)
        return None if head is None else Facts(head.size_bytes, int(head.modified_s * 1e9))

    def may_exist(self, key: str) -> bool:
        """Return False when it was asked for and not found."""
        return key not in self._missing

    def gone(self, key: str) -> StorageError:
        """Say that an object is missing."""
        return bucket_words.gone(key, self._url)

    def local(self, key: str) -> Path:
        """Return the path of a local copy, fetched unless it is here. Raises StorageError when the object is missing."""
        head = self._must_find(key)
        name = _name(key, head.etag)
        cached = self._cache.find(name)
        return self._fetch(key, head, name) if cached is None else cached

    def copy(self, key: str, part: Path) -> None:
        """Write the bytes of an object into a part file."""
        source = self.local(key)
        with telling(source), source.open("rb") as read, part.open("wb") as written:
            while piece := read.read(PIECE_BYTES):
                written.write(piece)

    def serve(self, key: str) -> StoredObject:
        """Return the object to be streamed piece by piece. Raises StorageError when it is missing."""
        head = self._must_find(key)
        name = _name(key, head.etag)

        def read(start: int, end: int) -> bytes:
            copy = self._cache.find(name)
            if copy is None:
                return self._read(key, head, start, end)
            with telling(copy), copy.open("rb") as file:
                file.seek(start)
                return file.read(end - start)

        return StoredObject(Path(key).name, head.size_bytes, head.etag, head.modified_s, read)

    def _fetch(self, key: str, head: _Head, name: str) -> Path:
        part = self._parts.new(Path(key).name)
        try:
            with telling(part), part.open("wb") as file:
                for start in range(0, head.size_bytes, PIECE_BYTES):
                    file.write(self._read(key, head, start, min(start + PIECE_BYTES, head.size_bytes)))
            return self._cache.add(part, name)
        finally:
            part.unlink(missing_ok=True)

    def _sha256(self, key: str, head: _Head) -> str:
        digest = hashlib.sha256()
        for start in range(0, head.size_bytes, PIECE_BYTES):
            digest.update(self._read(key, head, start, min(start + PIECE_BYTES, head.size_bytes)))
        return digest.hexdigest()

    def _read(self, key: str, head: _Head, start: int, end: int) -> bytes:
        """Read bytes of exactly the object that ``head`` describes."""
        if end <= start:
            return b""
        self._refuse_while_down()

        def get() -> bytes:
            options: Any = {"range": (start, end), "if_match": head.etag}
            return bytes(obstore.get(self._pieces, key, options=options).bytes())

        try:
            data = self._ask(get)
        except FileNotFoundError:
            raise self._lost_error(key) from None
        if len(data) != end - start:
            raise bucket_words.replaced(key)
        return data

    def _must_find(self, key: str) -> _Head:
        head = self._head(key)
        if head is None:
            raise self._lost_error(key)
        return head

    def _lost_error(self, key: str) -> StorageError:
        self._forget(key)
        self._missing.add(key)
        return self.gone(key)

    def _head(self, key: str) -> _Head | None:
        if (cached := self._heads.get(key)) is not None:
            return cached
        if self._absent_until_s.get(key, float("-inf")) > self._clock():
            return None
        self._refuse_while_down()
        try:
            answer = self._ask(lambda: obstore.head(self._quick, key))
        except FileNotFoundError:
            if not self._has_answered:  # the answer does not tell a missing bucket from a missing object
                self._look()
            if key.startswith(UNCHANGING):
                _remember(self._absent_until_s, key, self._clock() + ABSENT_FOR_S)
            return None
        self._has_answered = True
        self._missing.discard(key)
        head = _Head(answer["size"], answer["e_tag"] or "", answer["last_modified"].timestamp())
        if key.startswith(UNCHANGING):
            _remember(self._heads, key, head)
        return head

    def _forget(self, key: str) -> None:
        self._heads.pop(key, None)
        self._absent_until_s.pop(key, None)
        self._missing.discard(key)

    # -- trouble -----------------------------------------------------------------------------------------------------

    def condition(self) -> str | None:
        """Return what is wrong in words, as of the last question; None when nothing is known to be."""
        trouble = self._trouble
        return None if trouble is None else str(trouble)

    def probe(self) -> None:
        """Ask the store in the background, again and again while it does not answer; returns at once."""
        with self._guard:
            if self._closed.is_set() or (self._probe is not None and self._probe.is_alive()):
                return
            # No daemon: the library's own threads must not outlive the interpreter.
            probe = threading.Thread(target=self._look_until_well, name="rivya-archive-probe")
            try:
                probe.start()
            except RuntimeError as error:  # the system refuses more threads: whoever is refused next tries again
                log.warning("The archive's store is not asked again for now: %s", error)
                return
            self._probe = probe

    def close(self) -> None:
        """Wait for the question in the background, if there is one."""
        self._closed.set()
        with self._guard:
            probe = self._probe
        if probe is not None:
            probe.join()

    def _look_until_well(self) -> None:
        while True:
            if self._trouble is not None:
                self._closed.wait(self._again_s)
            if self._closed.is_set() or not threading.main_thread().is_alive():
                return  # a process that ends without closing the store waits for its threads, so for this one
            try:
                self._look()
            except StorageError:  # it is remembered, and told when somebody asks
                pass
            except Exception as error:  # noqa: BLE001 - the outer edge of the thread: all others wait for its next question
                log.warning("The archive's store could not be asked: %s", type(error).__name__)
            with self._guard:
                if self._trouble is None:
                    self._probe = None
                    return

    def _look(self) -> None:
        """Read an object that is not there: the answer tells whether the bucket is."""
        try:
            self._ask(lambda: obstore.get(self._quick, "probe"))
        except FileNotFoundError:
            self._has_answered = True

    def _refuse_while_down(self) -> None:
        trouble = self._trouble
        if trouble is not None:
            self.probe()  # else nobody would ask any more, if the thread could not be started
            raise trouble

    def _ask(self, act: Callable[[], Answer]) -> Answer:
        """Call the store; remember whether it answered.

        Raises:
            StorageError: it did not, or refused. FileNotFoundError: there is no such object.
        """
        try:
            answer = act()
        except FileNotFoundError as error:
            if bucket_words.is_missing_bucket(error):
                raise self._in_trouble(error) from None
            self._trouble = None
            raise
        except obstore.exceptions.PreconditionError:
            self._trouble = None
            raise bucket_words.replaced("An object") from None
        except (obstore.exceptions.BaseError, OSError) as error:
            raise self._in_trouble(error) from None
        self._trouble = None
        return answer

    def _in_trouble(self, error: Exception) -> StorageError:
        fault = bucket_words.fault_of(error, self._url)
        self._trouble = fault
        self.probe()
        return fault


def _remember(cache: dict[str, Answer], key: str, value: Answer) -> None:
    if len(cache) >= REMEMBERED_MAX:
        cache.clear()
    cache[key] = value


def _connect(url: str, connect_s: float, request_s: float) -> obstore.store.S3Store:
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return obstore.store.S3Store(
        bucket,
        prefix=prefix or None,
        checksum_algorithm="SHA256",
        client_options={
            "connect_timeout": timedelta(seconds=connect_s),
            "timeout": timedelta(seconds=request_s),
            "allow_http": may_use_http(),
        },
        # A quick refusal is tried once more; after a silence nobody waits a second time, as callers have schedules of their own.
        retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=request_s / 2)},
    )


def _name(key: str, etag: str) -> str:
    """Name the local copy of these bytes of an object; it keeps the suffix, which tells the container."""
    return hashlib.sha256(f"{key}\n{etag}".encode()).hexdigest()[:40] + Path(key).suffix


def _digests(part: Path) -> tuple[str, str]:
    """SHA-256 of a file, and the checksum that S3 gives an object sent in one piece or in pieces of ``PIECE_BYTES``."""
    whole, of_pieces = hashlib.sha256(), []
    with part.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            whole.update(piece)
            of_pieces.append(hashlib.md5(piece, usedforsecurity=False))
    if len(of_pieces) <= 1:
        only = of_pieces[0] if of_pieces else hashlib.md5(usedforsecurity=False)
        return whole.hexdigest(), only.hexdigest()
    joined = hashlib.md5(b"".join(one.digest() for one in of_pieces), usedforsecurity=False)
    return whole.hexdigest(), f"{joined.hexdigest()}-{len(of_pieces)}"
