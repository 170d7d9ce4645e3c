"""The clips of tasks: decides how each one looks, renders it when it is first requested, and caches the file.

Clips without a user's picture or text are cached in a folder that all worlds of this user share, as they depend on nothing
private; all others stay beside the world's file. One worker thread renders, so that status reads stay fast.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import textwrap
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rivya_core.api.catalogue import ModelSpec, model_spec
from rivya_core.api.contract import REFERENCE_KEY
from rivya_core.private_files import make_file, make_folder
from rivya_core.simulator.state.prices import clip_duration_s
from rivya_core.simulator.state.task import Task
from rivya_core.simulator.state.world import World
from rivya_core.simulator.video.recipe import Recipe

LONG_SIDE_PX = 640
KEPT_BYTES = 300_000_000
"""Size of the shared cache beyond which its oldest clips are deleted; they are rendered again when requested."""

_WORDS = {"landscape": (16, 9), "portrait": (9, 16)}
_WIDEST = 21 / 9


class ClipMaker:
    """Render and cache the clips of a world. Thread-safe; close it to stop its worker."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._workers: ThreadPoolExecutor | None = None

    async def clip(self, task: Task) -> Path:
        """Return the path of a task's clip: the recorded one, or an MP4 that is rendered if it is not cached."""
        recorded = self._world.recorded_clip(task)
        if recorded is not None:
            return recorded
        recipe = self.recipe(task)
        shared = recipe.image is None and not recipe.text
        path = (shared_folder() if shared else self._world.media_dir / "clips") / f"{recipe.digest}.mp4"
        if not path.exists():
            # shield: a client that hangs up must not cancel a rendering that others wait for.
            await asyncio.shield(asyncio.wrap_future(self._queued(recipe, path, shared=shared)))
        return path

    def close(self) -> None:
        """Drop queued renderings and wait for the one that runs."""
        with self._lock:
            if self._workers is not None:
                self._workers.shutdown(cancel_futures=True)  # waits for the running one: at most 1.5 s
                self._workers = None

    def _queued(self, recipe: Recipe, path: Path, *, shared: bool) -> Future[None]:
        with self._lock:
            if self._workers is None:
                self._workers = ThreadPoolExecutor(1, thread_name_prefix="rivya-clip")
            return self._workers.submit(_make, recipe, path, shared=shared)

    def recipe(self, task: Task) -> Recipe:
        """Return everything that the clip of a task depends on."""
        world, spec = self._world, model_spec(task.model)
        stored = world.files.get(task.file_id) if task.file_id else None
        image = world.files.path(stored.sha256) if stored is not None else None
        width, height = clip_size(spec, task.params, image)
        return Recipe(
            prompt=task.prompt,
            width=width,
            height=height,
            seconds=clip_duration_s(spec, task.params),
            motion=motion(task.params.get("cfg_scale", 0.5), world.behaviour.cfg_effect),
            variant=clip_seed(task) % world.behaviour.clip_variants,
            text=_overlay(task) if world.behaviour.overlay else "",
            image=image,
        )


def _make(recipe: Recipe, path: Path, *, shared: bool) -> None:
    if path.exists():
        return
    from rivya_core.simulator.video.render import render  # noqa: PLC0415 - loads numpy, Pillow and PyAV

    make_folder(path.parent)
    # Several processes may render the same clip; whichever renames last replaces an equal file.
    part = make_file(path.with_suffix(f".{os.getpid()}.part"))
    render(recipe, part)
    part.replace(path)
    if shared:
        _delete_oldest(path.parent)


def clip_seed(task: Task) -> int:
    """Return the random seed of a task's clip: it differs between takes of a request, and between requests.

    Requests need seeds of their own because Rivya has none to set: with a common one, two settings that have no effect would
    give identical clips, and an evaluation would look more certain than it can be.
    """
    return task.take + int(task.request_sha256[:8], 16)


def motion(cfg_scale: float, effect: str) -> float:
    """Return how much a clip moves, 1 = normal. Higher ``cfg_scale`` moves less; ``effect`` (strong, weak, inert) says how much less."""
    # Rounded to the documented step of 0.05, so that clips of equal settings are shared.
    steps = round(cfg_scale * 20) / 20
    span = {"strong": 1.5, "weak": 0.3, "inert": 0.0}[effect]
    return round(1.0 + span * (0.5 - steps), 3)


def clip_size(spec: ModelSpec, params: Mapping[str, Any], image: Path | None) -> tuple[int, int]:
    """Return width and height in pixels, both even: of the requested ratio or, when none is set, of the image's own (16:9 without)."""
    known = spec.aspect_param
    asked = str(params.get(known.key, known.default) if known else "")
    wide, _, high = asked.partition(":")
    if wide.isdecimal() and high.isdecimal():
        ratio = int(wide) / int(high)
    elif asked in _WORDS:
        ratio = _WORDS[asked][0] / _WORDS[asked][1]
    else:
        ratio = _picture_ratio(image) if image is not None else 16 / 9
    ratio = min(max(ratio, 1 / _WIDEST), _WIDEST)
    short = round(LONG_SIDE_PX * min(ratio, 1 / ratio) / 2) * 2
    return (LONG_SIDE_PX, short) if ratio >= 1 else (short, LONG_SIDE_PX)


def _picture_ratio(image: Path) -> float:
    from PIL import Image  # noqa: PLC0415 - the server starts without it

    try:
        with Image.open(image) as opened:
            turned = opened.getexif().get(0x0112, 1) in {5, 6, 7, 8}
            return opened.height / opened.width if turned else opened.width / opened.height
    except (OSError, ValueError, SyntaxError):
        return 16 / 9


def _overlay(task: Task) -> str:
    shown = {name: value for name, value in task.params.items() if name != REFERENCE_KEY}
    lines = textwrap.wrap(task.prompt, 90)[:3]
    return "\n".join([*lines, *textwrap.wrap(", ".join(f"{name} {value}" for name, value in shown.items()), 90)[:2]])


def shared_folder() -> Path:
    """Return the cache folder that all worlds of this user share, in the system's temporary folder.

    A folder of this name that belongs to somebody else is not used: whoever made it could read or replace the clips.
    """
    owner = getattr(os, "getuid", lambda: "user")()
    folder = Path(tempfile.gettempdir()) / f"rivya-simulator-clips-{owner}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        return Path(tempfile.mkdtemp(prefix="rivya-simulator-clips-"))
    return folder


def _delete_oldest(folder: Path) -> None:
    clips = sorted((item.stat().st_mtime, item.stat().st_size, item) for item in folder.glob("*.mp4"))
    size = sum(entry[1] for entry in clips)
    for _, taken, clip in clips:
        if size <= KEPT_BYTES:
            return
        clip.unlink(missing_ok=True)
        size -= taken
