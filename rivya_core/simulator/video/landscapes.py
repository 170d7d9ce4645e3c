"""Scenes of the day: hills in mist, the open sea, a forest. Painted once, then moved; see ``scene_setup.py``."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from rivya_core.simulator.video.painting import (
    Field,
    Layer,
    enlarged,
    glow,
    gradient,
    mix,
    noise,
    noise_line,
    picture,
    ridge,
    sampled,
    sky,
    smooth,
)
from rivya_core.simulator.video.scene_setup import SceneSetup


class Hills:
    """Layers of hills in mist under a low sun."""

    def __init__(self, setup: SceneSetup) -> None:
        self._setup, rng, palette = setup, setup.rng, setup.palette
        width, height = setup.size
        self._sun_at = (width * rng.uniform(0.2, 0.8), height * rng.uniform(0.34, 0.5))
        self._canvas = Image.new("RGB", setup.size)
        self._back = sky(palette, height, width, self._sun_at, rng, 0.62)
        self._layers: list[tuple[Layer, float, int]] = []
        count = 5
        for number in range(count):
            near = number / (count - 1)
            speed = 0.004 + 0.034 * near**1.6
            wide = setup.travel(speed)
            rise = height * (0.16 + 0.10 * near) * rng.uniform(0.8, 1.2)
            rough = noise_line(rng, wide, 1.9 - 0.35 * near, max(1, round(1.5 * wide / width)))
            top = mix(mix(palette.far, palette.horizon, 0.45), palette.near, near**0.8)
            foot = mix(top, palette.horizon, 0.55 * (1 - near) + 0.08)
            base = height * (0.58 + 0.36 * near**1.15)
            tall = min(height, round(rise + height - base + height * 0.12))
            line = rise * rough + (tall - rise) * 0.96
            layer = ridge(line, tall, top, foot, rng)
            self._layers.append((layer, speed, height - tall))
        self._mist = noise(rng, 48, 256, 1.6)
        self._haze = Image.new("RGB", (width, height // 3), mix(palette.horizon, palette.light, 0.35))

    def frame(self, moment: float) -> Image.Image:
        """Return the picture of a moment."""
        setup, canvas = self._setup, self._canvas
        canvas.paste(self._back)
        for number, (layer, speed, y) in enumerate(self._layers):
            layer.paste(canvas, setup.shift(speed, moment), y)
            if number in {1, 2}:
                self._add_mist(canvas, moment, number)
        return canvas

    def _add_mist(self, canvas: Image.Image, moment: float, number: int) -> None:
        drift = moment * (3.0 + 2.0 * number) + 90 * number
        left = int(drift)
        part = np.take(self._mist, np.arange(left, left + 65), axis=1, mode="wrap")
        share = drift - left
        part = part[:, :-1] * (1 - share) + part[:, 1:] * share
        band = np.sin(np.linspace(0.01, math.pi - 0.01, part.shape[0], dtype=np.float32))[:, None] ** 1.5
        cover = enlarged(smooth(part * 1.5 - 0.35) * band * 0.5, self._haze.size)
        y = round(canvas.height * (0.5 + 0.1 * number))
        canvas.paste(self._haze, (0, y), cover)


class Ocean:
    """Open water with a path of light under the sun."""

    def __init__(self, setup: SceneSetup) -> None:
        self._setup, rng, palette = setup, setup.rng, setup.palette
        width, height = setup.size
        self._line = round(height * rng.uniform(0.44, 0.54))
        sun_x = width * rng.uniform(0.28, 0.72)
        self._sky = sky(palette, self._line, width, (sun_x, self._line * rng.uniform(0.62, 0.86)), rng, 1.0)
        deep = height - self._line
        self._low = (width // 2, deep // 2)
        rows = (np.arange(self._low[1], dtype=np.float32) + 1.5) / self._low[1]
        far = 1.0 / (rows + 0.045)
        columns = (np.arange(self._low[0], dtype=np.float32) / self._low[0] - sun_x / width) * width / height
        self._x = columns[None, :] * far[:, None] * 26
        self._z = far[:, None] * 70
        self._waves = noise(rng, 256, 256, 1.15)
        body = gradient(
            [
                (0, mix(palette.horizon, palette.middle, 0.45)),
                (0.25, palette.middle),
                (1, mix(palette.zenith, palette.near, 0.55)),
            ],
            self._low[1],
        )
        self._body = body[:, None, :]
        spread = 0.05 + 0.42 * rows[:, None]
        self._path = np.exp(-((columns[None, :] / spread) ** 2)) * (0.95 - 0.35 * rows[:, None])
        self._light = np.asarray(palette.light, np.float32)
        self._clouds = self._cloud_layer(setup)
        self._canvas = Image.new("RGB", setup.size)
        self._wind = rng.choice([-1.0, 1.0])

    def _cloud_layer(self, setup: SceneSetup) -> Layer:
        wide = setup.travel(0.008)
        texture = np.asarray(enlarged(noise(setup.rng, 32, 64, 1.5), (wide, self._line)), np.float32) / 255
        height = np.linspace(0.01, 0.99, self._line, dtype=np.float32)[:, None]
        cover = smooth(texture * 2.2 - 0.95) * np.sin(height * math.pi) ** 0.8 * 0.55
        colour = np.asarray(mix(setup.palette.light, setup.palette.horizon, 0.4), np.float32)
        return Layer(np.broadcast_to(colour, (*cover.shape, 3)).astype(np.float32), cover, setup.rng)

    def frame(self, moment: float) -> Image.Image:
        """Return the picture of a moment."""
        canvas = self._canvas
        canvas.paste(self._sky, (0, 0))
        self._clouds.paste(canvas, self._setup.shift(0.008, moment), 0)
        canvas.paste(self._sea(moment), (0, self._line))
        return canvas

    def _sea(self, moment: float) -> Image.Image:
        first = sampled(self._waves, self._x + moment * 2.4 * self._wind, self._z + moment * 7.0)
        second = sampled(self._waves, self._x * 1.7 - moment * 3.1, self._z * 1.6 + moment * 4.2)
        swell = first + second - 1.0
        glints = smooth(swell * 3.2 - 0.12) * self._path
        colours = self._body * (1.0 + 0.42 * swell[..., None])
        colours = colours + (self._light - colours) * np.clip(glints + 0.34 * self._path, 0, 1)[..., None]
        image = Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8), "RGB")
        return image.resize((self._setup.width, self._setup.height - self._line), Image.Resampling.BILINEAR)


class Forest:
    """Trunks in fog with shafts of light."""

    def __init__(self, setup: SceneSetup) -> None:
        self._setup, rng, palette = setup, setup.rng, setup.palette
        width, height = setup.size
        light = (width * rng.uniform(0.3, 0.7), height * 0.18)
        bright = mix(palette.light, palette.horizon, 0.75)
        stops = [
            (0.0, mix(palette.middle, palette.horizon, 0.4)),
            (0.5, bright),
            (1.0, mix(palette.far, palette.middle, 0.5)),
        ]
        colours = np.repeat(gradient(stops, height)[:, None, :], width, axis=1)
        share = glow(height, width, *light, max(setup.size) * 0.4)[..., None] * 0.85
        self._back = picture(colours + (np.asarray(palette.light, np.float32) - colours) * share, rng)
        self._trees = [(self._trunks(speed, near), speed) for speed, near in ((0.008, 0.1), (0.02, 0.55), (0.045, 1.0))]
        self._canvas = Image.new("RGB", setup.size)
        self._rays = self._shafts(light)
        self._motes = self._dust()

    def _trunks(self, speed: float, near: float) -> Layer:
        setup, rng, palette = self._setup, self._setup.rng, self._setup.palette
        wide, height, long = setup.travel(speed), setup.height, max(setup.size)
        opaque = np.zeros((height, wide), np.float32)
        rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        columns = np.arange(wide, dtype=np.float32)[None, :]
        x = rng.uniform(0, 0.08) * long
        while x < wide:
            half = long * (0.004 + 0.019 * near**1.4) * rng.uniform(0.7, 1.4)
            lean, bend = rng.normal(0, 0.02) * long, rng.normal(0, 0.008) * long
            middle = x + lean * (rows - 0.5) + bend * np.sin(rows * 5)
            thick = half * (0.8 + 0.25 * rows + 0.5 * np.clip(rows - 0.86, 0, 1) / 0.14)
            left, right = max(0, int(x - 6 * half - long * 0.06)), min(wide, int(x + 6 * half + long * 0.06))
            trunk = np.clip(thick - np.abs(columns[:, left:right] - middle) + 0.5, 0, 1)
            opaque[:, left:right] = np.maximum(opaque[:, left:right], trunk)
            x += long * (0.035 + 0.11 * near) * rng.uniform(0.6, 1.7)
        floor = height * (0.12 + 0.1 * near) * (0.6 + 0.4 * noise_line(rng, wide, 2.1, 3))
        ground = np.clip(
            np.arange(height, dtype=np.float32)[:, None] - (height - floor[None, :] * (0.35 + 0.65 * near)), 0, 1
        )
        opaque = np.maximum(opaque, ground)
        body = mix(mix(palette.far, palette.horizon, 0.45), palette.near, near**0.7)
        stops = [
            (0.0, mix(body, palette.horizon, 0.25 * (1 - near))),
            (0.6, body),
            (1.0, mix(body, palette.far, 0.3 * (1 - near))),
        ]
        colours = np.repeat(gradient(stops, height)[:, None, :], wide, axis=1)
        return Layer(colours, opaque, rng)

    def _shafts(self, light: tuple[float, float]) -> Field:
        small = 96
        wide, tall = small, max(32, round(small * self._setup.height / self._setup.width))
        scale = small / self._setup.width
        ys, xs = np.mgrid[0:tall, 0:wide].astype(np.float32)
        angle = np.arctan2(xs - light[0] * scale, ys - (light[1] - self._setup.height * 0.45) * scale)
        self._angle = angle
        self._fall = np.clip(1.05 - ys / tall, 0, 1) ** 0.7
        return noise_line(self._setup.rng, 256, 0.8, 4)

    def _dust(self) -> Layer:
        setup, rng = self._setup, self._setup.rng
        wide = setup.travel(0.03)
        colours = np.zeros((setup.height, wide, 3), np.float32)
        for _ in range(round(70 * wide / setup.width)):
            radius = rng.uniform(0.8, 2.6)
            x, y = int(rng.uniform(4, wide - 5)), int(rng.uniform(4, setup.height - 5))
            ys, xs = np.ogrid[-4:5, -4:5]
            dot = np.exp(-(ys * ys + xs * xs) / radius**2)
            colours[y - 4 : y + 5, x - 4 : x + 5] += (
                dot[..., None] * np.asarray(setup.palette.light) * rng.uniform(0.1, 0.5)
            )
        return Layer.of_light(colours, rng)

    def frame(self, moment: float) -> Image.Image:
        """Return the picture of a moment."""
        setup, canvas = self._setup, self._canvas
        canvas.paste(self._back)
        for number, (layer, speed) in enumerate(self._trees):
            layer.paste(canvas, setup.shift(speed, moment), 0)
            if number == 1:
                canvas.paste(setup.palette.light, (0, 0, *setup.size), self._beams(moment))
        self._motes.paste(canvas, setup.shift(0.03, moment), 0)
        return canvas

    def _beams(self, moment: float) -> Image.Image:
        at = (self._angle * 34 + moment * 0.9 + 100) % 255
        whole = at.astype(np.int32)
        beam = self._rays[whole] * (1 - at + whole) + self._rays[(whole + 1) % 256] * (at - whole)
        return enlarged(smooth(beam * 2.0 - 0.75) * self._fall * 0.42, self._setup.size)
