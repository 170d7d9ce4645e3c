"""Embed the settings of a clip ("recipe") as text in the comment of its MP4, and read them back.

Written into a copy, without re-encoding: the archive keeps the file as received, with any provenance metadata in it.
A recipe names what was asked for, whether the clip is live, simulated or replayed, and our version; never a key, id, price, file name or path.
What is read is untrusted: the file is parsed by plain bounded reads, no demuxer opens it, and its request is validated like a
new one. Chat apps and editors remove comments, so History is where settings are kept.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, get_args

import av
from av.error import FFmpegError

from rivya_core.api.errors import InvalidRequestError, LabError, StorageError
from rivya_core.api.request import GenerationRequest
from rivya_core.api.signatures import HEAD_BYTES, sniff
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.media.containers import MP4, container_of
from rivya_core.lab.media.video_limits import opened
from rivya_core.mode_words import ModeWord
from rivya_core.version import VERSION

FORMAT: Final = "rivya-recipe/1"
COMMENT_MAX_BYTES: Final = 65_536
"""Twice what the longest prompts need in the widest characters."""

_FAMILY: Final = "rivya-recipe/"
_BOXES_MAX: Final = 1_000  # looked at in one box; a real clip has a dozen
_WHERE: Final = (b"moov", b"udta", b"meta", b"ilst", b"\xa9cmt", b"data")  # QuickTime File Format, metadata
_HEADS: Final = {b"meta": 4, b"data": 8}  # version and flags; kind and locale
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ASK: Final = "Ask for the clip as it was downloaded with its settings."


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a clip says it was made with. ``request`` is without the reference image, of which only the hash is told."""

    request: GenerationRequest
    image_sha256: str | None
    mode: ModeWord
    version: str


def recipe_text(record: GenerationRecord) -> str:
    """Write the recipe of a generation: one line of JSON, the same for the same request."""
    request = record.request
    image = request.get("reference_image")
    data = {
        "format": FORMAT,
        "made_by": f"Rivya Lab {VERSION}",
        "mode": record.mode_word,
        "request": {
            "model": request["model"],
            "prompt": request["prompt"],
            "params": dict(record.params),
            "reference_image": {"sha256": image["sha256"]} if isinstance(image, Mapping) else None,
        },
    }
    return json.dumps(data, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def write_recipe(clip: Path, target: Path, text: str) -> None:
    """Copy a clip with a recipe in its comment: the same coded pictures and sound, the same bytes each time.

    Raises:
        LabError: the clip is no MP4, or cannot be read. StorageError: the copy cannot be written.
    """
    try:
        if container_of(clip) is not MP4:
            raise _plain_only("It is no MP4 file.")
        _copy(clip, target, text)
    except OSError as error:
        why = f"{error.strerror or type(error).__name__}."
        raise StorageError("A copy of this clip cannot be written", why, "Free some space on the disk.") from error
    except (FFmpegError, ValueError, EOFError) as error:
        raise _plain_only("Its pictures cannot be copied.") from error


def _plain_only(detail: str) -> LabError:
    return LabError("This clip cannot carry its settings", detail, "Download it as delivered.", field="clip")


def _copy(clip: Path, target: Path, text: str) -> None:
    options = {"movflags": "faststart", "fflags": "+bitexact"}
    with opened(clip) as (whole, _), av.open(str(target), "w", format=MP4.muxer, options=options) as copy:
        streams = {}
        for track in (*whole.streams.video, *whole.streams.audio):
            streams[track.index] = stream = copy.add_stream_from_template(track, opaque=True)
            stream.metadata.clear()
        copy.metadata["comment"] = text
        for packet in whole.demux(*(whole.streams[index] for index in streams)):
            if packet.dts is None:
                continue  # the end of a track
            packet.stream = streams[packet.stream.index]
            copy.mux(packet)


def read_recipe(clip: bytes | Path) -> Recipe:
    """Read the recipe that a clip carries; at most 0.1 s, whatever the file is.

    Raises:
        LabError: it carries none, or none that can be used; the detail says why in a sentence.
    """
    if isinstance(clip, Path):
        with clip.open("rb") as file:
            return _parsed(_comment(file))
    return _parsed(_comment(io.BytesIO(clip)))


def _comment(file: BinaryIO) -> bytes:
    """The comment of an MP4, found by walking down to it."""
    if sniff(file.read(HEAD_BYTES)) != MP4.media_type:
        raise _refused("This is not an MP4 clip.")
    at, end = 0, file.seek(0, io.SEEK_END)
    for kind in _WHERE:
        span = _find(file, at, end, kind)
        if span is None:
            raise _refused("This clip carries no settings. Chat apps, editors and websites remove them.")
        at, end = span[0] + _HEADS.get(kind, 0), span[1]
    if end - at > COMMENT_MAX_BYTES:
        raise _refused("Its comment is far longer than any settings.")
    file.seek(at)
    return file.read(max(0, end - at))


def _find(file: BinaryIO, at: int, end: int, box_type: bytes) -> tuple[int, int] | None:
    """Where the contents of the first box of a kind begin and end, among those between two places."""
    for _ in range(_BOXES_MAX):
        if at + 8 > end:
            return None
        file.seek(at)
        head = file.read(16)
        length, kind, wide = int.from_bytes(head[:4], "big"), head[4:8], 8
        if length == 1:
            length, wide = int.from_bytes(head[8:16], "big"), 16
        length = length or end - at
        if length < wide or at + length > end:
            raise _refused("This clip is cut off or damaged.")
        if kind == box_type:
            return at + wide, at + length
        at += length
    raise _refused("This clip is made of too many parts.")


def _parsed(comment: bytes) -> Recipe:
    try:
        data = json.loads(comment)
    except (ValueError, RecursionError) as error:
        ours = _FAMILY.encode() in comment
        raise _refused("Its settings are damaged." if ours else "Its comment comes from another tool.") from error
    form = data.get("format") if isinstance(data, dict) else None
    if not isinstance(form, str) or not form.startswith(_FAMILY):
        raise _refused("Its comment comes from another tool.")
    if form != FORMAT:
        raise _refused("Its settings were written by another version of Rivya Lab.", "Update Rivya Lab.")
    mode, request, version = data.get("mode"), data.get("request"), data.get("made_by")
    if mode not in get_args(ModeWord) or not isinstance(request, dict) or not isinstance(version, str):
        raise _refused("Its settings are damaged.")
    return Recipe(_request(request), _image(request.get("reference_image")), mode, version.removeprefix("Rivya Lab "))


def _request(data: Mapping[str, Any]) -> GenerationRequest:
    model, prompt, params = (data.get(name) for name in ("model", "prompt", "params"))
    if not isinstance(model, str) or not isinstance(prompt, str) or not isinstance(params, dict):
        raise _refused("Its settings are damaged.")
    try:
        return GenerationRequest(model=model, prompt=prompt, params=params)
    except InvalidRequestError as error:
        detail = f"Its settings cannot be used here: {error.detail or error.title}".rstrip(".") + "."
        raise _refused(detail, "Write them into the form by hand.") from error


def _image(data: object) -> str | None:
    if data is None:
        return None
    sha256 = data.get("sha256") if isinstance(data, dict) else None
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise _refused("Its settings are damaged.")
    return sha256


def _refused(detail: str, hint: str = _ASK) -> LabError:
    return LabError("The settings of this clip cannot be read", detail, hint, field="clip")
