"""What measuring a clip costs, beside merely decoding it, and how much it holds up everybody else in the process."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import av

from rivya_core.lab.evaluation import features
from rivya_core.lab.media.thread_priority import step_back
from rivya_core.simulator.video.recipe import Recipe
from rivya_core.simulator.video.render import render
from tests.bench.figures import Figure, median, percentile

SECONDS = 5.0
SIZES = {"640 x 360": (640, 360), "1920 x 1080": (1920, 1080)}
ROUNDS = 3
LOOKS = 400


def decode(path: Path) -> None:
    """Decode all frames on one thread and look at none."""
    with av.open(str(path), format="mp4") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def cpu_s(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """CPU seconds of the calling thread for one call, the median of the rounds."""
    spent = []
    for _ in range(rounds):
        began = time.thread_time()
        act()
        spent.append(time.thread_time() - began)
    return median(spent)


def late_ms() -> float:
    """How late a sleep of 2 ms ends, at the 95th percentile: what a poll or a tick of a page feels."""
    late = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        time.sleep(0.002)
        late.append((time.perf_counter() - began - 0.002) * 1000)
    return percentile(late, 0.95)


def beside(path: Path) -> float:
    """The same while another thread measures one clip after the other, as the lab's does but without its pauses."""
    stop = threading.Event()

    def work() -> None:
        step_back()
        while not stop.is_set():
            features.measure(path)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.2)
    try:
        return late_ms()
    finally:
        stop.set()
        thread.join()


def figures() -> Iterator[Figure]:
    """Measure both sizes, taking turns with the baseline."""
    with tempfile.TemporaryDirectory() as folder:
        for name, (width, height) in SIZES.items():
            clip = Path(folder) / f"{width}.mp4"
            render(Recipe("a harbour at dawn", width, height, SECONDS, 1.0, 0), clip)
            plain = cpu_s(partial(decode, clip)) / SECONDS
            spent = cpu_s(partial(features.measure, clip)) / SECONDS
            what = f"features of one clip, {name}: CPU s per clip s"
            yield Figure("features", what, spent, "", "at most", 0.25, f"{plain:.3f} merely decoded")
        quiet = late_ms()
        late = beside(clip)
    what = "a 2 ms sleep ends late beside the measuring thread (p95)"
    yield Figure("features", what, late, "ms", "at most", 10, f"{quiet:.2f} ms without it")
