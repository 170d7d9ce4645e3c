"""Rows out of the pages of a SQLite file that SQLite itself cannot read any more. Reads bytes, never opens a database.

A table's rows stand in leaf pages that can be understood alone, so neither the header, the schema, the pages above them nor
a whole write-ahead log is needed. What is found may be old: freed pages keep the rows they held. The format is described in
https://www.sqlite.org/fileformat2.html (sections 1.5, 1.6, 2.1 and 4.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

Value = int | float | str | bytes | None

DEFAULT_PAGE_BYTES: Final = 4096
FILE_HEADER_BYTES: Final = 100
LOG_HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
LEAF: Final = 0x0D
PAYLOAD_MAX_BYTES: Final = 4_000_000
_PAGE_SIZES: Final = frozenset(1 << power for power in range(9, 17))
_INTEGER_BYTES: Final = (0, 1, 2, 3, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class Row:
    """A row as far as it can be read: its rowid, its declared number of columns, and the leading values."""

    rowid: int
    columns: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """The frames of a write-ahead log, and how far SQLite would replay them.

    ``pages``: the newest page of each number. ``commits``: finished transactions. ``readable_commits``: those before the first
    frame whose checksum is wrong; SQLite drops the others without a word.
    """

    pages: Mapping[int, bytes] = field(default_factory=dict)
    commits: int = 0
    readable_commits: int = 0


def rows(database: Path) -> Iterator[Row]:
    """Yield every readable row of every table, from the file and its write-ahead log; unordered, with duplicates."""
    data = _read(database)
    size = page_bytes(data)
    main = {number + 1: data[at : at + size] for number, at in enumerate(range(0, len(data), size))}
    newest = read_log(log_path(database), size).pages
    both = {**main, **newest}
    for number, page in newest.items():
        yield from _leaf(number, page, both, size)
    for number, page in main.items():
        yield from _leaf(number, page, main, size)


def log_path(database: Path) -> Path:
    """Return the path of a database's write-ahead log."""
    return database.with_name(f"{database.name}-wal")


def page_bytes(data: bytes) -> int:
    """Return the page size that a file's header declares, or SQLite's default."""
    declared = int.from_bytes(data[16:18], "big")
    declared = 65536 if declared == 1 else declared  # the field has two bytes (section 1.3.2)
    return declared if declared in _PAGE_SIZES else DEFAULT_PAGE_BYTES


def read_log(path: Path, size: int) -> Log:
    """Read the frames of a write-ahead log written since its last reset, with right and wrong checksums."""
    data = _read(path)
    step = FRAME_HEADER_BYTES + size
    if len(data) < LOG_HEADER_BYTES + step:
        return Log()
    order = ">" if data[3] & 1 else "<"
    intact = _checksum(data[:24], (0, 0), order) == struct.unpack(">II", data[24:32])
    # Frames of an earlier round stay in the file; they carry other salts. A torn header says nothing: trust the first frame.
    salts = data[16:24] if intact else data[LOG_HEADER_BYTES + 8 : LOG_HEADER_BYTES + 16]
    running = struct.unpack(">II", data[24:32])
    pages: dict[int, bytes] = {}
    commits = readable = 0
    for at in range(LOG_HEADER_BYTES, len(data) - step + 1, step):
        head, page = data[at : at + FRAME_HEADER_BYTES], data[at + FRAME_HEADER_BYTES : at + step]
        number, pages_after = struct.unpack(">II", head[:8])
        ours = head[8:16] == salts
        if intact:
            running = _checksum(page, _checksum(head[:8], running, order), order)
            intact = ours and running == struct.unpack(">II", head[16:24])
        if ours:
            pages[number] = page
            commits += pages_after > 0
            readable += intact and pages_after > 0
    return Log(pages, commits, readable)


def _checksum(data: bytes, start: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _leaf(number: int, page: bytes, pages: Mapping[int, bytes], usable: int) -> Iterator[Row]:
    at = FILE_HEADER_BYTES if number == 1 else 0
    if len(page) < at + 8 or page[at] != LEAF:
        return
    count = int.from_bytes(page[at + 3 : at + 5], "big")
    for cell in range(count):
        start = at + 8 + 2 * cell
        try:
            yield _row(page, int.from_bytes(page[start : start + 2], "big"), pages, usable)
        except (ValueError, IndexError, struct.error):
            continue


def _row(page: bytes, at: int, pages: Mapping[int, bytes], usable: int) -> Row:
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if not 0 < length <= PAYLOAD_MAX_BYTES:
        raise ValueError(length)
    payload = _payload(page, at, length, pages, usable)
    header, place = _varint(payload, 0)
    if not place <= header <= len(payload):
        raise ValueError(header)
    types: list[int] = []
    while place < header:
        kind, place = _varint(payload, place)
        types.append(kind)
    return Row(rowid, len(types), tuple(_values(payload, header, types)))


def _payload(page: bytes, at: int, length: int, pages: Mapping[int, bytes], usable: int) -> bytes:
    """Return the bytes of a row: those in its page, then those in its overflow pages, as many as are readable."""
    local_max = usable - 35
    if length <= local_max:
        return page[at : at + length]
    least = (usable - 12) * 32 // 255 - 23
    local = least + (length - least) % (usable - 4)
    local = local if local <= local_max else least
    pieces, have = [page[at : at + local]], local
    following = int.from_bytes(page[at + local : at + local + 4], "big")
    while have < length and following in pages:
        further = pages[following]
        following = int.from_bytes(further[:4], "big")
        pieces.append(further[4 : 4 + min(usable - 4, length - have)])
        have += usable - 4
    return b"".join(pieces)


def _values(payload: bytes, at: int, types: list[int]) -> Iterator[Value]:
    for kind in types:
        length = _length(kind)
        if at + length > len(payload):
            return
        yield _value(kind, payload[at : at + length])
        at += length


def _length(kind: int) -> int:
    if kind >= 12:  # noqa: PLR2004 - blobs and texts, by the file format
        return (kind - 12) // 2
    return 8 if kind == 7 else _INTEGER_BYTES[kind] if kind < len(_INTEGER_BYTES) else 0  # noqa: PLR2004 - a float


def _value(kind: int, data: bytes) -> Value:
    if kind >= 12:  # noqa: PLR2004 - as above
        return data if kind % 2 == 0 else data.decode("utf-8", "replace")
    if kind == 7:  # noqa: PLR2004 - a float
        return float(struct.unpack(">d", data)[0])
    if kind in {8, 9}:
        return kind - 8
    return int.from_bytes(data, "big", signed=True) if data else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
            return value, at + place + 1
    return value << 8 | data[at + 8], at + 9
