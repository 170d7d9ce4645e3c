"""Check that every coded picture of a clip is intact, cheaply, by its bytes and without decoding it.

In MP4 and Matroska a coded picture of H.264 or HEVC is a run of NAL units, each behind its length. The lengths must fill
the picture exactly, each unit must have a valid header, and no unit may contain a start code
(ISO 14496-10, 7.4.1; 23008-2, 7.4.2).
Runs of zeros and missing or shifted bytes are always found; random noise only where it hits a length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_NEVER_INSIDE: Final = (b"\0\0\0", b"\0\0\1", b"\0\0\2")
_PADDING_MAX: Final = 16  # zeros that some encoders append to a unit
_DENSE: Final = {"vp8", "vp9", "av1"}
_WIPED: Final = bytes(64)
_FIRST_HEVC_TABLE: Final = 32
_HEVC_TABLES: Final = {32, 33, 34}
_FORBIDDEN_BIT: Final = 0x80


@dataclass(frozen=True, slots=True)
class Layout:
    """Framing of the pictures of one clip: bytes of a length field, bytes of a header, valid headers."""

    length_bytes: int
    head_bytes: int
    is_possible: Callable[[bytes], bool]
    is_picture: Callable[[bytes], bool]
    is_needed: Callable[[bytes], bool]


def layout_of(codec: str, extradata: bytes | None) -> Layout | None:
    """Read the framing from the decoder configuration; None when the units have no length fields."""
    if not extradata or extradata[0] != 1:
        return None
    if codec == "h264" and len(extradata) > 4:  # noqa: PLR2004 - ISO 14496-15, 5.3.3.1
        valid = {1, 2, 3, 4, 5, 7, 8, 10, 11, 13}
        return Layout(
            (extradata[4] & 3) + 1,
            1,
            _is_possible_h264,
            is_picture=lambda head: head[0] & 31 in {1, 2, 3, 4, 5},
            is_needed=lambda head: head[0] & 31 in valid,
        )
    if codec == "hevc" and len(extradata) > 22:  # noqa: PLR2004 - ISO 14496-15, 8.3.3.1
        valid = {*range(32), *_HEVC_TABLES, 36, 37}
        return Layout(
            (extradata[21] & 3) + 1,
            2,
            _is_possible_hevc,
            is_picture=lambda head: _kind_hevc(head) < _FIRST_HEVC_TABLE,
            is_needed=lambda head: _kind_hevc(head) in valid,
        )
    return None


def is_whole(picture: bytes, layout: Layout) -> bool:
    """Return whether a coded picture consists of valid units that fill it exactly, at least one of them a picture."""
    at, size, pictures = 0, len(picture), 0
    while at < size:
        start = at + layout.length_bytes
        end = start + int.from_bytes(picture[at:start], "big")
        head = picture[start : start + layout.head_bytes]
        if end > size or end - start < layout.head_bytes or not layout.is_possible(head):
            return False
        last = _without_padding(picture, start, end)
        if any(picture.find(mark, start, last) >= 0 for mark in _NEVER_INSIDE):
            return False
        pictures += layout.is_picture(head)
        at = end
    return pictures > 0


def only_pictures(picture: bytes, layout: Layout) -> bytes:
    """Return the coded picture without the units that no decoder needs: SEI messages, ids, encoder settings, padding."""
    units, at = [], 0
    while at < len(picture):
        start = at + layout.length_bytes
        end = start + int.from_bytes(picture[at:start], "big")
        head = picture[start : start + layout.head_bytes]
        if len(head) == layout.head_bytes and layout.is_needed(head):
            units.append(picture[at:end])
        at = end
    return b"".join(units)


def only_tables(codec: str, extradata: bytes) -> bytes:
    """Return the decoder configuration without SEI messages: HEVC's may contain any units, H.264's only parameter sets."""
    if codec != "hevc" or layout_of(codec, extradata) is None:
        return extradata
    arrays, at = [], 23
    for _ in range(extradata[22]):
        start, kind = at, extradata[at] & 63
        units = int.from_bytes(extradata[at + 1 : at + 3], "big")
        at += 3
        for _ in range(units):
            at += 2 + int.from_bytes(extradata[at : at + 2], "big")
        if kind in _HEVC_TABLES:
            arrays.append(extradata[start:at])
    return extradata[:22] + bytes([len(arrays)]) + b"".join(arrays)


def is_wiped(picture: bytes, codec: str) -> bool:
    """Return whether a coded picture contains a run of zeros that its entropy-coded codec never produces."""
    return codec in _DENSE and _WIPED in picture


def _without_padding(picture: bytes, start: int, end: int) -> int:
    least = max(start, end - _PADDING_MAX)
    while end > least and picture[end - 1] == 0:
        end -= 1
    return end


def _is_possible_h264(head: bytes) -> bool:
    kind, importance = head[0] & 31, head[0] & 0x60
    if head[0] & _FORBIDDEN_BIT or kind == 0:
        return False
    if kind in {5, 7, 8}:  # nal_ref_idc of IDR slices and parameter sets is never 0
        return importance != 0
    return importance == 0 if kind in {6, 9, 10, 11, 12} else True


def _kind_hevc(head: bytes) -> int:
    return (head[0] >> 1) & 63


def _is_possible_hevc(head: bytes) -> bool:
    return not head[0] & _FORBIDDEN_BIT and head[1] & 7 != 0
