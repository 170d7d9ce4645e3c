"""The clips themselves: real video of the right length and shape, different where they should be, and nothing else in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from rivya_core.api.catalogue import model_spec
from rivya_core.simulator import SimulatorServer, World
from rivya_core.simulator.video.clips import clip_size, motion
from rivya_core.simulator.video.painting import PALETTES
from rivya_core.simulator.video.recipe import PALETTE_COUNT, SCENE_WORDS, Recipe, look_of
from rivya_core.simulator.video.render import render
from rivya_core.simulator.video.scenes import SCENES
from tests.simulator.conftest import png, upload

Finished = Callable[..., dict[str, Any]]
Frame = npt.NDArray[np.float32]


def frames(path: Path, keep: Iterable[int] | None = None) -> list[Frame]:
    """Decode a clip; ``keep`` names the frames to return, None = all."""
    wanted = None if keep is None else set(keep)
    with av.open(str(path)) as file:
        return [
            frame.to_ndarray(format="rgb24").astype(np.float32)
            for number, frame in enumerate(file.decode(video=0))
            if wanted is None or number in wanted
        ]


def moved(path: Path) -> float:
    """Return the mean absolute difference of neighbouring frames."""
    seen = frames(path)
    return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(seen)]))


@pytest.fixture
def fetch(finished: Finished, tmp_path: Path) -> Callable[..., Path]:
    """Create, finish and download a clip."""

    def get(**fields: Any) -> Path:
        answer = finished(**fields)
        path = tmp_path / f"{answer['id']}.mp4"
        path.write_bytes(httpx.get(answer["result"]["primary_url"], timeout=60).content)
        return path

    return get


@pytest.mark.parametrize(
    ("ratio", "duration", "size"),
    [("16:9", "5", (640, 360)), ("9:16", "5", (360, 640)), ("1:1", "5", (640, 640)), ("16:9", "10", (640, 360))],
)
def test_a_clip_is_real_video(fetch: Callable[..., Path], ratio: str, duration: str, size: tuple[int, int]) -> None:
    """H.264 in yuv420p at 24 frames a second, really as long and as shaped as asked, playable from its first bytes."""
    path = fetch(params={"aspect_ratio": ratio, "duration": duration})
    with av.open(str(path)) as file:
        (stream,) = file.streams
        assert isinstance(stream, av.VideoStream)
        assert (stream.width, stream.height) == size
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate or 0) == 24
        assert sum(1 for _ in file.decode(video=0)) == 24 * int(duration)
        assert file.duration == pytest.approx(int(duration) * 1_000_000, abs=50_000)
        assert file.metadata.keys() <= {"major_brand", "minor_version", "compatible_brands"}
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"red fox" not in data  # three letters alone turn up in compressed pictures by chance
    assert b"Lavf" not in data


def test_takes_and_prompts_differ(fetch: Callable[..., Path]) -> None:
    """Two takes of one request, and two prompts, show clearly different pictures."""
    first, second = fetch(prompt="rolling hills"), fetch(prompt="rolling hills")
    other = fetch(prompt="the open sea")
    middle = [frames(path, [60])[0] for path in (first, second, other)]
    assert np.abs(middle[0] - middle[1]).mean() > 4
    assert np.abs(middle[0] - middle[2]).mean() > 10


def test_the_same_take_in_two_worlds_is_the_same_clip(tmp_path: Path) -> None:
    """Clips are a function of the request alone, so they can be shared."""
    recipe = Recipe("a fox", 160, 90, 1.0, 1.0, 0)
    for name in ("a.mp4", "b.mp4"):
        render(recipe, tmp_path / name)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("scene", SCENE_WORDS)
def test_each_scene_moves_and_each_frame_is_a_picture(scene: str, tmp_path: Path) -> None:
    """No scene is a flat or frozen test pattern, and none costs more than it may (printed)."""
    prompt = SCENE_WORDS[scene].split()[0]
    assert look_of(prompt).scene == scene
    began = time.process_time()
    render(Recipe(prompt, 640, 360, 5.0, 1.0, 0), tmp_path / "clip.mp4")
    print(f"{scene}: {time.process_time() - began:.2f} s of CPU for 5 s")
    first, last = frames(tmp_path / "clip.mp4", [0, 119])
    assert first.std() > 12
    assert np.abs(first - last).mean() > 1.5


def test_each_prompt_has_a_look() -> None:
    """Scenes asked for in words exist, and prompts without such words are spread over all scenes and palettes."""
    assert set(SCENE_WORDS) == set(SCENES)
    assert len(PALETTES) == PALETTE_COUNT
    looks = [look_of(f"no word of theirs {number}") for number in range(400)]
    assert {look.scene for look in looks} == set(SCENES)
    assert {look.palette for look in looks} == set(range(PALETTE_COUNT))
    assert look_of("Two FOXES on a frozen lake") == look_of("Two FOXES on a frozen lake")


def test_a_ten_second_clip_is_affordable(tmp_path: Path) -> None:
    """Ten seconds at the largest shape cost little more than a second of CPU (printed, asserted loosely)."""
    began = time.process_time()
    render(Recipe("a forest", 640, 640, 10.0, 1.0, 0), tmp_path / "clip.mp4")
    spent = time.process_time() - began
    print(f"{spent:.2f} s of CPU for 10 s at 640x640")
    assert spent < 6


@pytest.mark.parametrize("prompt", ["rolling hills", "the open sea", "folds of silk", "a city street"])
def test_cfg_scale_changes_motion_as_much_as_the_world_says(prompt: str, tmp_path: Path) -> None:
    """strong: far less motion at 1 than at 0. weak: a little less. inert: the very same clip."""

    def motion_of(effect: str, cfg_scale: float) -> float:
        path = tmp_path / f"{effect}{cfg_scale}.mp4"
        render(Recipe(prompt, 320, 180, 5.0, motion(cfg_scale, effect), 0), path)
        return moved(path)

    strong = motion_of("strong", 1.0) / motion_of("strong", 0.0)
    weak = motion_of("weak", 1.0) / motion_of("weak", 0.0)
    assert strong < 0.65
    assert strong < weak < 0.99
    assert motion(0.0, "inert") == motion(1.0, "inert") == 1.0


def test_an_inert_world_gives_the_same_clip_for_every_cfg_scale(fetch: Callable[..., Path], world: World) -> None:
    """With the effect switched off, only the roll of the dice sets requests that differ in cfg_scale alone apart."""
    world.configure(cfg_effect="inert", clip_variants=1)
    clips = [fetch(params={"cfg_scale": value}).read_bytes() for value in (0, 1)]
    assert clips[0] == clips[1]
    world.configure(cfg_effect="strong")
    assert fetch(params={"cfg_scale": 0.9}).read_bytes() != clips[0]


def test_a_clip_starts_on_the_uploaded_picture(http: httpx.Client, fetch: Callable[..., Path]) -> None:
    """The first frame is the picture, cropped to fill the asked shape; then the camera moves."""
    url = upload(http, png(800, 800)).json()["url"]
    references = [{"url": url, "kind": "image"}]
    path = fetch(params={"aspect_ratio": "16:9", "referenceMediaItems": references})
    first, last = frames(path, [0, 119])
    assert first.shape == (360, 640, 3)
    assert np.abs(first[180, 80] - (200, 30, 40)).max() < 12
    assert np.abs(first[180, 560] - (30, 50, 190)).max() < 12
    assert np.abs(first - last).mean() > 2


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n" + bytes(100), png(2, 2)], ids=["broken", "tiny"])
def test_an_odd_picture_still_gives_a_clip(http: httpx.Client, fetch: Callable[..., Path], data: bytes) -> None:
    """A picture that cannot be decoded, or is tiny, never breaks the server."""
    url = upload(http, data).json()["url"]
    path = fetch(params={"referenceMediaItems": [{"url": url, "kind": "image"}]})
    assert len(frames(path, [0])) == 1


@pytest.mark.parametrize(
    ("model", "params", "image", "size"),
    [
        ("kling-v2-1-master", {}, None, (640, 360)),
        ("sora-2", {"aspect_ratio": "portrait"}, None, (360, 640)),
        ("seedance-1-0-pro", {"aspect_ratio": "21:9"}, None, (640, 274)),
        ("veo3-1-fast", {"aspectRatio": "Auto"}, (400, 400), (640, 640)),
        ("wan-2-6", {}, (300, 600), (320, 640)),
        ("wan-2-6", {}, (3000, 10), (640, 274)),
        ("kling-2-6", {}, None, (640, 640)),
    ],
)
def test_the_shape_follows_the_request_or_the_picture(
    tmp_path: Path, model: str, params: dict[str, str], image: tuple[int, int] | None, size: tuple[int, int]
) -> None:
    """The asked ratio holds; where the model or the request leaves it open the picture's own does; sides are even."""
    path = None
    if image is not None:
        path = tmp_path / "a.png"
        Image.new("RGB", image).save(path)
    assert clip_size(model_spec(model), params, path) == size


def test_the_mark_is_there_and_the_overlay_is_a_setting(fetch: Callable[..., Path], world: World) -> None:
    """Every clip says SIMULATED in a corner; prompt and parameters show only when asked for."""
    world.configure(clip_variants=1)
    plain = frames(fetch(prompt="folds of silk"), [30])[0]
    world.configure(overlay=True)
    written = frames(fetch(prompt="folds of silk"), [30])[0]
    corner = plain[:40, -140:]
    assert (corner.min(axis=2) > 185).sum() > 40
    assert np.abs(plain[-60:] - written[-60:]).mean() > 8
    assert np.abs(plain[100:200] - written[100:200]).mean() < 4


def test_rendering_does_not_hold_up_status_reads(
    server: SimulatorServer, http: httpx.Client, finished: Finished, world: World
) -> None:
    """While a clip is being made, other requests are answered at once."""
    world.configure(overlay=True)
    url = finished(params={"duration": "10"}, prompt=f"a forest {time.time()}")["result"]["primary_url"]
    with httpx.stream("GET", url, timeout=60) as clip:
        began = time.perf_counter()
        http.get("/api/v1/credits")
        assert time.perf_counter() - began < 1.0
        clip.read()
    assert server.api_key not in url
