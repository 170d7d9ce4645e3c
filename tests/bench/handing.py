"""Handing a show over: a ZIP of half a gigabyte written, one file for mail, and a folder of sixty clips opened in Chromium.

The clips are one clip of five seconds in 1920 x 1080, hard to code, each with a box of its own at its end, so that all hashes
differ. Small copies are of one of them: what counts is their size.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Request, sync_playwright

from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.video_probe import poster_jpeg
from rivya_core.lab.shows import export, previews
from rivya_core.lab.shows.export import Material
from tests.bench import fresh
from tests.bench.features import cpu_s
from tests.bench.figures import Figure
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.lab.shows.showing import show_data
from tests.lab.video_files import make_clip

CLIPS = 60
BYTES = 8_400_000
SIZE = (1920, 1080)
FRAMES = 120
OPENINGS = 3


def write_clips(folder: Path) -> None:
    """Sixty clips of 8.4 MB, and a poster for all."""
    clip = make_clip(folder / "clip.mp4", frames=FRAMES, size=SIZE, options={"crf": "18"})
    poster_jpeg(clip, folder / "poster.jpg")
    start = clip.read_bytes()
    room = max(16, BYTES - len(start))
    (folder / "clips").mkdir()
    for number in range(CLIPS):
        whole = start + room.to_bytes(4, "big") + b"free" + number.to_bytes(8, "big") + bytes(room - 16)
        (folder / "clips" / f"{hashlib.sha256(whole).hexdigest()}.mp4").write_bytes(whole)


def show_of(folder: Path) -> Material:
    """A show of these clips: all in a grid, then each on a slide."""
    data = show_data()
    facts = next(iter(data["clips"].values())) | {"width_px": SIZE[0], "height_px": SIZE[1], "size_bytes": BYTES}
    clips = {path.stem: path for path in sorted((folder / "clips").iterdir())}
    keys = list(clips)
    told = {key: facts | {"sha256": key, "label": f"Clip {number}"} for number, key in enumerate(keys)}
    across, down = range(6), range(CLIPS // 6)
    cells = [[[keys[6 * row + column]] for column in across] for row in down]
    grid = {"columns": [str(one) for one in across], "rows": [str(one) for one in down], "cells": cells}
    slides = [{"layout": "grid", "heading": "All", "caption": "", "clips": keys, "text": []}]
    slides += [{"layout": "clip", "heading": "", "caption": "", "clips": [key], "text": []} for key in keys]
    data |= {"votes": None, "decision": None, "findings": [], "grid": grid, "slides": slides, "clips": told}
    return Material(data, clips, dict.fromkeys(clips, folder / "poster.jpg"))


def packing(folder: str) -> dict[str, float]:
    """Write the ZIP, and a plain copy of the same clips; then once more while memory is counted, which takes longer."""
    material, place = show_of(Path(folder)), Path(folder)
    began = time.perf_counter()
    written = export.write_file(export.zip_file(material), place / "show.zip", material.size_bytes)
    took_s, began = time.perf_counter() - began, time.perf_counter()
    shutil.copytree(place / "clips", place / "plain")
    found = {"s": took_s, "plain_s": time.perf_counter() - began, "mb": written.stat().st_size / 1e6}
    written.unlink()
    shutil.rmtree(place / "plain")
    tracemalloc.start()
    for _ in export.zip_file(material):
        pass
    return {**found, "peak_mb": tracemalloc.get_traced_memory()[1] / 1e6}


def one_file(material: Material, folder: Path) -> tuple[list[Figure], Path]:
    """Write one file with small copies; what it and one copy cost."""
    archive, key = Archive(folder / "archive"), "0" * 64
    clip, poster = next(iter(material.clips.values())), folder / "poster.jpg"
    spent_s = cpu_s(lambda: previews.make(archive, key, clip, poster), rounds=1)
    copy, picture = archive.path(previews.clip_key(key)), archive.path(previews.poster_key(key))
    small = Material(material.data, dict.fromkeys(material.clips, copy), dict.fromkeys(material.clips, picture))
    page = export.write_file(export.one_file(small, are_originals=False), folder / "small.html", 0)
    words = f"a small copy {copy.stat().st_size / 1e3:,.0f} kB of {BYTES / 1e6:.1f} MB"
    return [
        Figure("handing", f"one file of {CLIPS} clips", page.stat().st_size / 1e6, "MB", "at most", 25, words),
        Figure("handing", "one small copy of 5 s of 1920 x 1080: CPU", spent_s, "s"),
    ], page


def openings(page: Path) -> tuple[float, int]:
    """Open a page from the disk without a network, some times; the median seconds to its load event, and requests of one opening."""
    took: list[float] = []
    asked: list[Request] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for _ in range(OPENINGS):
            context = chromium.new_context(offline=True)
            tab = context.new_page()
            asked.clear()
            tab.on("request", lambda one: asked.append(one))  # noqa: PLW0108 - Playwright marks the function it is given
            began = time.perf_counter()
            tab.goto(page.as_uri())
            took.append(time.perf_counter() - began)
            tab.wait_for_timeout(500)
            context.close()
        chromium.close()
    return sorted(took)[OPENINGS // 2], sum(not one.url.startswith("data:") for one in asked)


def figures() -> Iterator[Figure]:
    """Pack in a process of its own, then hand over what opens in a browser."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_clips(folder)
        packed: dict[str, float] = fresh.run("tests.bench.handing:packing", folder=name)
        words = f"{packed['plain_s']:.1f} s the same clips merely copied; {packed['mb']:,.0f} MB"
        yield Figure("handing", f"ZIP of {CLIPS} clips, their hashes compared", packed["s"], "s", baseline=words)
        yield Figure("handing", "memory that it needs", packed["peak_mb"], "MB", "at most", 20)
        material = show_of(folder)
        mailed, small = one_file(material, folder)
        yield from mailed
        beside = export.write_folder(material, folder / "show")
        took_s, requests = openings(beside / export.PAGE)
        what = f"folder of {CLIPS} clips opens in Chromium, offline, p50"
        yield Figure("handing", what, took_s, "s", "at most", 2)
        yield Figure("handing", "requests before a clip is played", requests, "", "at most", 1)
        took_s, _ = openings(small)
        yield Figure("handing", f"one file of {CLIPS} clips opens, p50", took_s, "s")
