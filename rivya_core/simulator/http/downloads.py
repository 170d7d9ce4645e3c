"""Send clips and uploaded files, with ranges, and with the faults that can break a download."""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

from rivya_core.simulator.http.request_pipeline import HTML, Answer, Exchange
from rivya_core.simulator.state.faults import Fault
from rivya_core.simulator.state.refusal import RefusedError

CHUNK_BYTES = 64 * 1024
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


class UnsatisfiableRangeError(ValueError):
    """The requested range lies outside the file."""


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first and last byte of a ``Range`` header; None for the whole file, also when the header is malformed.

    Source: RFC 9110, section 14.2; of several ranges none is served, which the section allows.

    Raises:
        UnsatisfiableRangeError: the range lies outside the file.
    """
    found = _RANGE.match((header or "").strip().lower())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        if int(last) == 0 or size == 0:
            raise UnsatisfiableRangeError
        return max(0, size - int(last)), size - 1
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if start >= size:
        raise UnsatisfiableRangeError
    return None if last and int(last) < start else (start, end)


async def send_file(
    exchange: Exchange, path: Path, media_type: str, etag: str, fault: Fault | None = None
) -> Answer | None:
    """Send a file or the requested range of it and return None; or return an answer without content (304, 416) to send."""
    size = path.stat().st_size  # noqa: ASYNC240 - a local file, microseconds
    headers = {"accept-ranges": "bytes", "etag": f'"{etag}"', "cache-control": "private, max-age=3600"}
    if exchange.headers.get("if-none-match") == headers["etag"]:
        return Answer(304, b"", headers)
    wanted = exchange.headers.get("range")
    if exchange.headers.get("if-range", headers["etag"]) != headers["etag"]:
        wanted = None  # RFC 9110, section 13.1.5: another version, so the whole file
    try:
        part = asked_range(wanted, size)
    except UnsatisfiableRangeError:
        return Answer(416, b"", {**headers, "content-range": f"bytes */{size}"})
    first, last = part or (0, size - 1)
    headers |= {"content-type": media_type, "content-length": str(last - first + 1)}
    if part is not None:
        headers["content-range"] = f"bytes {first}-{last}/{size}"
    exchange.record.status = 206 if part else 200
    await exchange.start(exchange.record.status, headers)
    await _send_bytes(exchange, path, first, last + 1, fault)
    return None


async def _send_bytes(exchange: Exchange, path: Path, first: int, end: int, fault: Fault | None) -> None:
    stall_at = first + fault.detail["after_bytes"] if fault is not None and fault.kind == "stall_media" else end
    cut_at = first + (end - first) // 2 if fault is not None and fault.kind == "broken_download" else end
    # HEAD has the headers of GET and no body (RFC 9110, section 9.3.2).
    if exchange.scope["method"] == "HEAD":
        first = end
    with path.open("rb") as file:
        file.seek(first)
        while first < cut_at:
            stop = min(first + CHUNK_BYTES, cut_at)
            if first < stall_at < stop:
                stop = stall_at
            chunk = file.read(stop - first)
            first = stop
            await exchange.send({"type": "http.response.body", "body": chunk, "more_body": True})
            if first == stall_at < end and fault is not None:
                await asyncio.sleep(fault.detail["delay_s"])
    # Content-Length promised more bytes, so the connection has to break.
    if first < end:
        await exchange.drop(flush=True)
        return
    await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})


def broken_answer(mode: str, path: Path) -> Answer:
    """Return the whole answer of a broken download that is not a real clip.

    Raises:
        RefusedError: mode 404.
    """
    if mode == "404":
        raise RefusedError("not_found", "There is nothing at this address.")
    if mode == "html":
        return Answer(200, HTML, media_type="text/html; charset=utf-8")
    size = path.stat().st_size
    if mode == "garbage":
        return Answer(200, random.Random(size).randbytes(size), media_type="video/mp4")
    return Answer(200, b"" if mode == "empty" else path.read_bytes()[: size // 2], media_type="video/mp4")
