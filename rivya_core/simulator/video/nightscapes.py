"""Scenes of the night, and folds of light: northern lights, a city, a nebula, silk. See ``scene_setup.py``."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from rivya_core.simulator.video.painting import (
    Field,
    Layer,
    enlarged,
    gradient,
    mix,
    noise,
    noise_line,
    picture,
    ridge,
    sampled,
    smooth,
)
from rivya_core.simulator.video.scene_setup import SceneSetup


class Aurora:
    """Northern lights over mountains and still water."""

    def __init__(self, setup: SceneSetup) -> None:
        self._setup, rng = setup, setup.rng
        width, height = setup.size
        self._shore = round(height * 0.7)
        night = [(0.0, (6, 10, 28)), (0.6, mix((12, 28, 58), setup.palette.zenith, 0.4)), (1.0, (30, 62, 84))]
        colours = np.repeat(gradient(night, self._shore)[:, None, :], width, axis=1)
        stars = rng.random((self._shore, width)) > 0.9985  # noqa: PLR2004 - so few
        colours[stars] += rng.uniform(40, 190, (int(stars.sum()), 1))
        self._sky = picture(colours, rng)
        self._low = (96, max(24, round(96 * self._shore / width)))
        self._curtains = [(rng.uniform(0.35, 0.75), rng.random() * 9, rng.uniform(0.6, 1.3)) for _ in range(3)]
        self._rays = noise_line(rng, 512, 0.9, 6)
        green, violet = np.asarray((64, 255, 170)), np.asarray((170, 70, 255))
        warm = np.asarray(setup.palette.light)
        down = np.linspace(0, 1, self._shore, dtype=np.float32)[:, None, None]
        tint = violet + (green * 0.88 + warm * 0.12 - violet) * np.clip(down * 1.9, 0, 1) ** 0.9
        self._tint = picture(np.repeat(tint, width, axis=1).astype(np.float32), rng)
        self._canvas = Image.new("RGB", setup.size)
        self._peaks = []
        for speed, tall, dark in ((0.006, 0.26, 0.55), (0.014, 0.15, 0.9)):
            wide = setup.travel(speed)
            line = height * (0.03 + tall * noise_line(rng, wide, 1.75, max(1, round(2 * wide / width))))
            top = mix((70, 104, 132), (6, 13, 24), dark)
            layer = ridge(line, round(height * (tall + 0.05)), top, mix(top, (4, 10, 20), 0.6), rng)
            self._peaks.append((layer, speed))
        shade = gradient([(0, (196, 208, 220)), (1, (84, 102, 124))], height - self._shore)
        self._water = Image.fromarray(np.repeat(shade[:, None, :], width, axis=1).astype(np.uint8), "RGB")

    def frame(self, moment: float) -> Image.Image:
        """Return the picture of a moment."""
        setup, shore = self._setup, self._shore
        canvas = self._canvas
        canvas.paste(self._sky, (0, 0))
        canvas.paste(self._tint, (0, 0), enlarged(self._light(moment), self._sky.size))
        for layer, speed in self._peaks:
            layer.paste(canvas, setup.shift(speed, moment), shore - layer.height)
        depth = setup.height - shore
        seen = canvas.crop((0, shore - min(shore, depth * 2), setup.width, shore)).transpose(
            Image.Transpose.FLIP_TOP_BOTTOM
        )
        seen = seen.resize((setup.width // 4, depth // 5 or 1), Image.Resampling.BILINEAR)
        rows = np.asarray(seen).copy()
        for row in range(rows.shape[0]):
            rows[row] = np.roll(rows[row], round(1.6 * math.sin(row * 1.1 + moment * 2.2)), axis=0)
        seen = Image.fromarray(rows).resize((setup.width, depth), Image.Resampling.BICUBIC)
        canvas.paste(ImageChops.multiply(seen, self._water), (0, shore))
        return canvas

    def _light(self, moment: float) -> Field:
        wide, tall = self._low
        x = np.linspace(0, 1, wide, dtype=np.float32)
        y = np.linspace(0, 1, tall, dtype=np.float32)[:, None]
        total = np.zeros((tall, wide), np.float32)
        for number, (base, start, reach) in enumerate(self._curtains):
            wave = 0.09 * np.sin(5 * x * reach + start + moment * 0.45) + 0.05 * np.sin(
                11 * x + start * 2 - moment * 0.7
            )
            foot = base + wave
            at = (x * 90 + start * 50 + moment * (5 + 3 * number) + 14 * np.sin(x * 6 + moment * 0.5)) % 511
            rays = self._rays[at.astype(int)] * (1 - at % 1) + self._rays[at.astype(int) + 1] * (at % 1)
            above = foot[None, :] - y
            body = np.where(above >= 0, np.exp(-above * 3.4 / reach), np.exp(above * 26))
            total += body * (0.25 + 0.75 * rays[None, :]) * (0.75 + 0.25 * math.sin(moment * 0.9 + start))
        strength: Field = np.clip(total * 0.86, 0, 0.92).astype(np.float32)
        return strength


class City:
    """A skyline at night behind drifting, unfocused lights."""

    def __init__(self, setup: SceneSetup) -> None:
        self._setup, rng, palette = setup, setup.rng, setup.palette
        width, height = setup.size
        self._street = round(height * 0.72)
        dark = mix(palette.near, (6, 8, 18), 0.5)
        stops = [
            (0.0, dark),
            (0.55, mix(palette.zenith, dark, 0.25)),
            (1.0, mix(palette.horizon, palette.middle, 0.45)),
        ]
        colours = np.repeat(gradient(stops, self._street)[:, None, :], width, axis=1)
        self._sky = picture(colours, rng)
        self._blocks = [
            (self._skyline(speed, tall, blur, near), speed)
            for speed, tall, blur, near in ((0.005, 0.46, 1.0, 0.2), (0.012, 0.36, 0.6, 0.6), (0.022, 0.24, 0.3, 0.95))
        ]
        self._lights = [
            (self._bokeh(speed, count, size), speed) for speed, count, size in ((0.018, 24, 0.018), (0.045, 11, 0.05))
        ]
        self._canvas = Image.new("RGB", setup.size)
        shade = gradient([(0, (235, 235, 240)), (1, (110, 112, 130))], height - self._street)
        self._wet = Image.fromarray(np.repeat(shade[:, None, :], width, axis=1).astype(np.uint8), "RGB")

    def _skyline(self, speed: float, tall: float, blur: float, near: float) -> Layer:
        setup, rng, palette = self._setup, self._setup.rng, self._setup.palette
        wide, high = setup.travel(speed), round(self._street * (tall * 1.6))
        body = mix(mix(palette.middle, palette.horizon, 0.2), mix(palette.near, (5, 7, 15), 0.6), 0.35 + 0.65 * near)
        colours: Field = np.empty((high, wide, 3), np.float32)
        colours[:] = body
        opaque: Field = np.zeros((high, wide), np.float32)
        x = 0
        while x < wide:
            span = int(rng.uniform(0.045, 0.11) * max(setup.size))
            top = int(high * (1 - rng.uniform(0.35, 1.0)))
            opaque[top:, x : x + span] = 1.0
            self._windows(colours, top, x, span, dim=0.45 + 0.5 * near)
            x += span + int(rng.uniform(0, 0.02) * max(setup.size))
        if blur:
            radius = ImageFilter.GaussianBlur(blur)
            colours = np.asarray(
                Image.fromarray(colours.clip(0, 255).astype(np.uint8), "RGB").filter(radius), np.float32
            )
            opaque = np.asarray(Image.fromarray((opaque * 255).astype(np.uint8), "L").filter(radius), np.float32) / 255
        return Layer(colours, opaque, rng)

    def _windows(self, colours: Field, top: int, x: int, span: int, dim: float) -> None:
        rng = self._setup.rng
        warm = np.asarray(((255, 214, 150), (255, 190, 120), (210, 230, 255), self._setup.palette.light), np.float32)
        for row in range(top + 5, colours.shape[0] - 2, 6):
            for column in range(x + 3, x + span - 4, 5):
                if rng.random() < 0.36:  # noqa: PLR2004 - so many are lit
                    colours[row : row + 3, column : column + 2] = warm[rng.integers(4)] * dim * rng.uniform(0.5, 1.0)

    def _bokeh(self, speed: float, count: int, size: float) -> Layer:
        setup, rng, palette = self._setup, self._setup.rng, self._setup.palette
        wide, long = setup.travel(speed), max(setup.size)
        colours = np.zeros((setup.height, wide, 3), np.float32)
        tints = [(255, 170, 90), (255, 96, 84), palette.light, (90, 190, 255), (150, 120, 255)]
        for _ in range(round(count * wide / setup.width)):
            radius = long * size * rng.uniform(0.5, 1.15)
            x, y = rng.uniform(0, wide), setup.height * rng.normal(0.74, 0.08)
            left, top, reach = int(x - radius - 3), int(y - radius - 3), int(2 * radius + 6)
            rows = slice(max(0, top), max(0, min(setup.height, top + reach)))
            columns = slice(max(0, left), max(0, min(wide, left + reach)))
            ys, xs = np.ogrid[rows, columns]
            away = np.hypot(ys - y, xs - x) / radius
            disc = smooth(((1 - away) * radius / 5.0).astype(np.float32)) * (0.8 + 0.2 * np.clip(away, 0, 1) ** 3)
            tint = np.asarray(tints[rng.integers(len(tints))], np.float32) * rng.uniform(0.16, 0.42)
            colours[rows, columns] = colours[rows, columns] + disc[..., None] * tint
        return Layer.of_light(colours, rng)

    def frame(self, moment: float) -> Image.Image:
        """Return the picture of a moment."""
        setup, street, canvas = self._setup, self._street, self._canvas
        canvas.paste(self._sky, (0, 0))
        for layer, speed in self._blocks:
            layer.paste(canvas, setup.shift(speed, moment), street - layer.height)
        depth = setup.height - street
        seen = canvas.crop((0, street - min(street, 2 * depth), setup.width, street)).transpose(
            Image.Transpose.FLIP_TOP_BOTTOM
        )
        seen = seen.resize((setup.width // 3, max(1, depth // 10))).resize(
            (setup.width, depth), Image.Resampling.BICUBIC
        )
        canvas.paste(ImageChops.multiply(seen, self._wet), (0, street))
        for layer, speed in self._lights:
            layer.paste(canvas, setup.shift(speed, moment), 0)
        return canvas


class Nebula:
    """Clouds of gas among stars."""

    def __init__(self, setup: SceneSetup) -> None:
        self._setup, rng, palette = setup, setup.rng, setup.palette
        self._low = (max(48, setup.width // 5), max(48, setup.height // 5))
        self._first, self._second = noise(rng, 256, 256, 1.75), noise(rng, 256, 256, 1.5)
        black = (5, 6, 16)
        stops = [
            (0.0, black),
            (0.35, mix(palette.zenith, black, 0.45)),
            (0.6, palette.middle),
            (0.82, palette.horizon),
            (1.0, palette.light),
        ]
        self._colours = gradient(stops, 512)
        self._stars = [(self._star_layer(speed, share), speed) for speed, share in ((0.006, 0.0016), (0.02, 0.0004))]
        self._core = (rng.uniform(0.3, 0.7), rng.uniform(0.35, 0.65))
        self._start = rng.uniform(0, 200, 4).tolist()
        self._gain = 1.0
        self._gain = 0.85 / max(0.2, float(np.quantile(self._tone(0.0), 0.985)))

    def _star_layer(self, speed: float, share: float) -> Layer:
        setup, rng = self._setup, self._setup.rng
        wide = setup.travel(speed)
        colours = np.zeros((setup.height, wide, 3), np.float32)
        spread = np.asarray([[0.15, 0.35, 0.15], [0.35, 1.0, 0.35], [0.15, 0.35, 0.15]], np.float32)[..., None]
        for _ in range(round(setup.height * wide * share)):
            x, y = int(rng.integers(1, wide - 2)), int(rng.integers(1, setup.height - 2))
            tint = np.asarray(((255, 244, 230), (190, 215, 255))[rng.integers(2)], np.float32)
            colours[y - 1 : y + 2, x - 1 : x + 2] += spread * tint * rng.uniform(0.15, 0.95) ** 2
        return Layer.of_light(colours, rng)

    def frame(self, moment: float) -> Image.Image:
        """Return the picture of a moment."""
        tone = np.clip(self._tone(moment) * self._gain, 0, 1)
        canvas = enlarged(self._colours[(tone * 511).astype(np.int32)], self._setup.size)
        for layer, speed in self._stars:
            layer.paste(canvas, self._setup.shift(speed, moment), 0)
        return canvas

    def _tone(self, moment: float) -> Field:
        wide, tall = self._low
        ys = np.linspace(-1, 1, tall, dtype=np.float32)[:, None] * max(1.0, tall / wide)
        xs = np.linspace(-1, 1, wide, dtype=np.float32)[None, :] * max(1.0, wide / tall)
        zoom = 1.0 - 0.028 * moment
        turn = 0.035 * moment
        x = (xs * math.cos(turn) - ys * math.sin(turn)) * zoom
        y = (xs * math.sin(turn) + ys * math.cos(turn)) * zoom
        warp = sampled(self._second, x * 36 + self._start[0] + moment * 1.5, y * 36 + self._start[1])
        gas = sampled(self._first, x * 60 + self._start[2] + 38 * warp, y * 60 + self._start[3] + 38 * warp - moment)
        core = np.exp(-((xs - (self._core[0] * 2 - 1)) ** 2 + (ys - (self._core[1] * 2 - 1)) ** 2) * 1.3)
        tone: Field = smooth(gas * 1.7 - 0.45) * (0.34 + 0.56 * core) + 0.14 * core
        return tone


class Silk:
    """Folds of light that flow through one another."""

    def __init__(self, setup: SceneSetup) -> None:
        self._setup, rng, palette = setup, setup.rng, setup.palette
        short = 108 if setup.width == setup.height else 96
        scale = short / min(setup.size)
        self._low = (round(setup.width * scale), round(setup.height * scale))
        across = np.linspace(0, setup.width / min(setup.size), self._low[0], dtype=np.float32)[None, :]
        down = np.linspace(0, setup.height / min(setup.size), self._low[1], dtype=np.float32)[:, None]
        turn = rng.uniform(-0.9, 0.9)
        self._x = across * math.cos(turn) - down * math.sin(turn)
        self._y = across * math.sin(turn) + down * math.cos(turn)
        self._start = rng.uniform(0, 20, 5).tolist()
        deep = mix(palette.near, palette.zenith, 0.35)
        stops = [
            (0.0, deep),
            (0.3, palette.zenith),
            (0.55, palette.middle),
            (0.8, palette.horizon),
            (1.0, palette.light),
        ]
        self._colours = gradient(stops, 512)

    def frame(self, moment: float) -> Image.Image:
        """Return the picture of a moment."""
        x, y, start = self._x, self._y, self._start
        first = 0.6 * np.sin(2.6 * y + start[0] + 0.42 * moment) + 0.35 * np.sin(
            4.4 * x - 1.7 * y + start[1] - 0.31 * moment
        )
        second = 0.55 * np.sin(3.0 * x + 1.6 * first + start[2] - 0.37 * moment)
        folds = np.sin(5.4 * (y + 0.62 * second) + 2.2 * first + start[3] + 0.3 * moment)
        fine = np.sin(15.0 * (y + 0.5 * second + 0.28 * first) + start[4] + 0.7 * moment)
        height = 0.84 * folds + 0.16 * fine
        slope = np.gradient(height, axis=0) * self._low[1] / 13
        tone = 0.47 + 0.2 * height + 0.36 * np.clip(slope, -1, 1)
        sheen = np.clip(slope - 0.25, 0, 1) ** 2 * 0.8
        index = (np.clip(tone + sheen, 0, 1) * 511).astype(np.int32)
        return enlarged(self._colours[index], self._setup.size)
