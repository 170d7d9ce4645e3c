"""The landscapes and lights that stand in for generated clips; each is different for every prompt and every take.

A scene is set up once and asked for frames by ``moment``: seconds of the clip times the amount of motion. The prompt chooses scene and
palette, the take its composition. :data:`SCENES` names them with the words of a prompt that ask for them.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from rivya_core.simulator.painting import (
    PALETTES,
    Field,
    Layer,
    Palette,
    enlarged,
    glow,
    gradient,
    mix,
    noise,
    noise_line,
    picture,
    ridge,
    sky,
    smooth,
)


@dataclass(frozen=True)
class Stage:
    """What a scene is set up for: the size in pixels, how far its moments run, palette and dice."""

    width: int
    height: int
    moments: float
    palette: Palette
    dice: np.random.Generator

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    def travel(self, speed: float) -> int:
        """Return the width of a layer that slides ``speed`` shares of the long side per moment."""
        return self.width + math.ceil(speed * max(self.size) * self.moments) + 4

    def shift(self, speed: float, moment: float) -> float:
        """Return how far such a layer has slid, in pixels."""
        return speed * max(self.size) * moment


class Scene(Protocol):
    """A picture that moves."""

    def frame(self, moment: float) -> Image.Image:
        """Return the RGB picture of a moment; it is painted over by the next call."""


class Hills:
    """Layers of hills in mist under a low sun."""

    def __init__(self, stage: Stage) -> None:
        self._stage, dice, palette = stage, stage.dice, stage.palette
        width, height = stage.size
        self._sun_at = (width * dice.uniform(0.2, 0.8), height * dice.uniform(0.34, 0.5))
        self._canvas = Image.new("RGB", stage.size)
        self._back = sky(palette, height, width, self._sun_at, dice, 0.62)
        self._layers: list[tuple[Layer, float, int]] = []
        count = 5
        for number in range(count):
            near = number / (count - 1)
            speed = 0.004 + 0.034 * near**1.6
            wide = stage.travel(speed)
            rise = height * (0.16 + 0.10 * near) * dice.uniform(0.8, 1.2)
            rough = noise_line(dice, wide, 1.9 - 0.35 * near, max(1, round(1.5 * wide / width)))
            top = mix(mix(palette.far, palette.horizon, 0.45), palette.near, near**0.8)
            foot = mix(top, palette.horizon, 0.55 * (1 - near) + 0.08)
            base = height * (0.58 + 0.36 * near**1.15)
            tall = min(height, round(rise + height - base + height * 0.12))
            line = rise * rough + (tall - rise) * 0.96
            layer = ridge(line, tall, top, foot, dice)
            self._layers.append((layer, speed, height - tall))
        self._mist = noise(dice, 48, 256, 1.6)
        self._haze = Image.new("RGB", (width, height // 3), mix(palette.horizon, palette.light, 0.35))

    def frame(self, moment: float) -> Image.Image:
        stage, canvas = self._stage, self._canvas
        canvas.paste(self._back)
        for number, (layer, speed, y) in enumerate(self._layers):
            layer.paste(canvas, stage.shift(speed, moment), y)
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


class Aurora:
    """Northern lights over mountains and still water."""

    def __init__(self, stage: Stage) -> None:
        self._stage, dice = stage, stage.dice
        width, height = stage.size
        self._shore = round(height * 0.7)
        night = [(0.0, (6, 10, 28)), (0.6, mix((12, 28, 58), stage.palette.zenith, 0.4)), (1.0, (30, 62, 84))]
        colours = np.repeat(gradient(night, self._shore)[:, None, :], width, axis=1)
        stars = dice.random((self._shore, width)) > 0.9985
        colours[stars] += dice.uniform(40, 190, (int(stars.sum()), 1))
        self._sky = picture(colours, dice)
        self._low = (96, max(24, round(96 * self._shore / width)))
        self._curtains = [(dice.uniform(0.35, 0.75), dice.random() * 9, dice.uniform(0.6, 1.3)) for _ in range(3)]
        self._rays = noise_line(dice, 512, 0.9, 6)
        green, violet = np.asarray((64, 255, 170)), np.asarray((170, 70, 255))
        warm = np.asarray(stage.palette.light)
        down = np.linspace(0, 1, self._shore, dtype=np.float32)[:, None, None]
        tint = violet + (green * 0.88 + warm * 0.12 - violet) * np.clip(down * 1.9, 0, 1) ** 0.9
        self._tint = picture(np.repeat(tint, width, axis=1).astype(np.float32), dice)
        self._canvas = Image.new("RGB", stage.size)
        self._peaks = []
        for speed, tall, dark in ((0.006, 0.26, 0.55), (0.014, 0.15, 0.9)):
            wide = stage.travel(speed)
            line = height * (0.03 + tall * noise_line(dice, wide, 1.75, max(1, round(2 * wide / width))))
            top = mix((70, 104, 132), (6, 13, 24), dark)
            layer = ridge(line, round(height * (tall + 0.05)), top, mix(top, (4, 10, 20), 0.6), dice)
            self._peaks.append((layer, speed))
        shade = gradient([(0, (196, 208, 220)), (1, (84, 102, 124))], height - self._shore)
        self._water = Image.fromarray(np.repeat(shade[:, None, :], width, axis=1).astype(np.uint8), "RGB")

    def frame(self, moment: float) -> Image.Image:
        stage, shore = self._stage, self._shore
        canvas = self._canvas
        canvas.paste(self._sky, (0, 0))
        canvas.paste(self._tint, (0, 0), enlarged(self._light(moment), self._sky.size))
        for layer, speed in self._peaks:
            layer.paste(canvas, stage.shift(speed, moment), shore - layer.height)
        depth = stage.height - shore
        seen = canvas.crop((0, shore - min(shore, depth * 2), stage.width, shore)).transpose(
            Image.Transpose.FLIP_TOP_BOTTOM
        )
        seen = seen.resize((stage.width // 4, depth // 5 or 1), Image.Resampling.BILINEAR)
        rows = np.asarray(seen).copy()
        for row in range(rows.shape[0]):
            rows[row] = np.roll(rows[row], round(1.6 * math.sin(row * 1.1 + moment * 2.2)), axis=0)
        seen = Image.fromarray(rows).resize((stage.width, depth), Image.Resampling.BICUBIC)
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
        return np.clip(total * 0.86, 0, 0.92).astype(np.float32)


class Ocean:
    """Open water with a path of light under the sun."""

    def __init__(self, stage: Stage) -> None:
        self._stage, dice, palette = stage, stage.dice, stage.palette
        width, height = stage.size
        self._line = round(height * dice.uniform(0.44, 0.54))
        sun_x = width * dice.uniform(0.28, 0.72)
        self._sky = sky(palette, self._line, width, (sun_x, self._line * dice.uniform(0.62, 0.86)), dice, 1.0)
        deep = height - self._line
        self._low = (width // 2, deep // 2)
        rows = (np.arange(self._low[1], dtype=np.float32) + 1.5) / self._low[1]
        far = 1.0 / (rows + 0.045)
        columns = (np.arange(self._low[0], dtype=np.float32) / self._low[0] - sun_x / width) * width / height
        self._x = columns[None, :] * far[:, None] * 26
        self._z = far[:, None] * 70
        self._waves = noise(dice, 256, 256, 1.15)
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
        self._clouds = self._cloud_layer(stage)
        self._canvas = Image.new("RGB", stage.size)
        self._wind = dice.choice([-1.0, 1.0])

    def _cloud_layer(self, stage: Stage) -> Layer:
        wide = stage.travel(0.008)
        texture = np.asarray(enlarged(noise(stage.dice, 32, 64, 1.5), (wide, self._line)), np.float32) / 255
        height = np.linspace(0.01, 0.99, self._line, dtype=np.float32)[:, None]
        cover = smooth(texture * 2.2 - 0.95) * np.sin(height * math.pi) ** 0.8 * 0.55
        colour = np.asarray(mix(stage.palette.light, stage.palette.horizon, 0.4), np.float32)
        return Layer(np.broadcast_to(colour, (*cover.shape, 3)).astype(np.float32), cover, stage.dice)

    def frame(self, moment: float) -> Image.Image:
        canvas = self._canvas
        canvas.paste(self._sky, (0, 0))
        self._clouds.paste(canvas, self._stage.shift(0.008, moment), 0)
        canvas.paste(self._sea(moment), (0, self._line))
        return canvas

    def _sea(self, moment: float) -> Image.Image:
        first = self._sample(self._x + moment * 2.4 * self._wind, self._z + moment * 7.0)
        second = self._sample(self._x * 1.7 - moment * 3.1, self._z * 1.6 + moment * 4.2)
        swell = first + second - 1.0
        glints = smooth(swell * 3.2 - 0.12) * self._path
        colours = self._body * (1.0 + 0.42 * swell[..., None])
        colours = colours + (self._light - colours) * np.clip(glints + 0.34 * self._path, 0, 1)[..., None]
        image = Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8), "RGB")
        return image.resize((self._stage.width, self._stage.height - self._line), Image.Resampling.BILINEAR)

    def _sample(self, x: Field, z: Field) -> Field:
        place = (z.astype(np.int32) & 255) * 256 + (x.astype(np.int32) & 255)
        return self._waves.ravel()[place]


class City:
    """A skyline at night behind drifting, unfocused lights."""

    def __init__(self, stage: Stage) -> None:
        self._stage, dice, palette = stage, stage.dice, stage.palette
        width, height = stage.size
        self._street = round(height * 0.72)
        dark = mix(palette.near, (6, 8, 18), 0.5)
        stops = [
            (0.0, dark),
            (0.55, mix(palette.zenith, dark, 0.25)),
            (1.0, mix(palette.horizon, palette.middle, 0.45)),
        ]
        colours = np.repeat(gradient(stops, self._street)[:, None, :], width, axis=1)
        self._sky = picture(colours, dice)
        self._blocks = [
            (self._skyline(speed, tall, blur, near), speed)
            for speed, tall, blur, near in ((0.005, 0.46, 1.0, 0.2), (0.012, 0.36, 0.6, 0.6), (0.022, 0.24, 0.3, 0.95))
        ]
        self._lights = [
            (self._bokeh(speed, count, size), speed) for speed, count, size in ((0.018, 24, 0.018), (0.045, 11, 0.05))
        ]
        self._canvas = Image.new("RGB", stage.size)
        shade = gradient([(0, (235, 235, 240)), (1, (110, 112, 130))], height - self._street)
        self._wet = Image.fromarray(np.repeat(shade[:, None, :], width, axis=1).astype(np.uint8), "RGB")

    def _skyline(self, speed: float, tall: float, blur: float, near: float) -> Layer:
        stage, dice, palette = self._stage, self._stage.dice, self._stage.palette
        wide, high = stage.travel(speed), round(self._street * (tall * 1.6))
        body = mix(mix(palette.middle, palette.horizon, 0.2), mix(palette.near, (5, 7, 15), 0.6), 0.35 + 0.65 * near)
        colours = np.empty((high, wide, 3), np.float32)
        colours[:] = body
        opaque = np.zeros((high, wide), np.float32)
        x = 0
        while x < wide:
            span = int(dice.uniform(0.045, 0.11) * max(stage.size))
            top = int(high * (1 - dice.uniform(0.35, 1.0)))
            opaque[top:, x : x + span] = 1.0
            self._windows(colours, top, x, span, dim=0.45 + 0.5 * near)
            x += span + int(dice.uniform(0, 0.02) * max(stage.size))
        if blur:
            radius = ImageFilter.GaussianBlur(blur)
            colours = np.asarray(
                Image.fromarray(colours.clip(0, 255).astype(np.uint8), "RGB").filter(radius), np.float32
            )
            opaque = np.asarray(Image.fromarray((opaque * 255).astype(np.uint8), "L").filter(radius), np.float32) / 255
        return Layer(colours, opaque, dice)

    def _windows(self, colours: Field, top: int, x: int, span: int, dim: float) -> None:
        dice = self._stage.dice
        warm = np.asarray(((255, 214, 150), (255, 190, 120), (210, 230, 255), self._stage.palette.light), np.float32)
        for row in range(top + 5, colours.shape[0] - 2, 6):
            for column in range(x + 3, x + span - 4, 5):
                if dice.random() < 0.36:
                    colours[row : row + 3, column : column + 2] = warm[dice.integers(4)] * dim * dice.uniform(0.5, 1.0)

    def _bokeh(self, speed: float, count: int, size: float) -> Layer:
        stage, dice, palette = self._stage, self._stage.dice, self._stage.palette
        wide, long = stage.travel(speed), max(stage.size)
        colours = np.zeros((stage.height, wide, 3), np.float32)
        tints = [(255, 170, 90), (255, 96, 84), palette.light, (90, 190, 255), (150, 120, 255)]
        for _ in range(round(count * wide / stage.width)):
            radius = long * size * dice.uniform(0.5, 1.15)
            x, y = dice.uniform(0, wide), stage.height * dice.normal(0.74, 0.08)
            left, top, reach = int(x - radius - 3), int(y - radius - 3), int(2 * radius + 6)
            rows = slice(max(0, top), max(0, min(stage.height, top + reach)))
            columns = slice(max(0, left), max(0, min(wide, left + reach)))
            ys, xs = np.ogrid[rows, columns]
            away = np.hypot(ys - y, xs - x) / radius
            disc = smooth(((1 - away) * radius / 5.0).astype(np.float32)) * (0.8 + 0.2 * np.clip(away, 0, 1) ** 3)
            tint = np.asarray(tints[dice.integers(len(tints))], np.float32) * dice.uniform(0.16, 0.42)
            colours[rows, columns] = colours[rows, columns] + disc[..., None] * tint
        return Layer.of_light(colours, dice)

    def frame(self, moment: float) -> Image.Image:
        stage, street, canvas = self._stage, self._street, self._canvas
        canvas.paste(self._sky, (0, 0))
        for layer, speed in self._blocks:
            layer.paste(canvas, stage.shift(speed, moment), street - layer.height)
        depth = stage.height - street
        seen = canvas.crop((0, street - min(street, 2 * depth), stage.width, street)).transpose(
            Image.Transpose.FLIP_TOP_BOTTOM
        )
        seen = seen.resize((stage.width // 3, max(1, depth // 10))).resize(
            (stage.width, depth), Image.Resampling.BICUBIC
        )
        canvas.paste(ImageChops.multiply(seen, self._wet), (0, street))
        for layer, speed in self._lights:
            layer.paste(canvas, stage.shift(speed, moment), 0)
        return canvas


class Silk:
    """Folds of light that flow through one another."""

    def __init__(self, stage: Stage) -> None:
        self._stage, dice, palette = stage, stage.dice, stage.palette
        short = 108 if stage.width == stage.height else 96
        scale = short / min(stage.size)
        self._low = (round(stage.width * scale), round(stage.height * scale))
        across = np.linspace(0, stage.width / min(stage.size), self._low[0], dtype=np.float32)[None, :]
        down = np.linspace(0, stage.height / min(stage.size), self._low[1], dtype=np.float32)[:, None]
        turn = dice.uniform(-0.9, 0.9)
        self._x = across * math.cos(turn) - down * math.sin(turn)
        self._y = across * math.sin(turn) + down * math.cos(turn)
        self._start = dice.uniform(0, 20, 5).tolist()
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
        return enlarged(self._colours[index], self._stage.size)


class Forest:
    """Trunks in fog with shafts of light."""

    def __init__(self, stage: Stage) -> None:
        self._stage, dice, palette = stage, stage.dice, stage.palette
        width, height = stage.size
        light = (width * dice.uniform(0.3, 0.7), height * 0.18)
        bright = mix(palette.light, palette.horizon, 0.75)
        stops = [
            (0.0, mix(palette.middle, palette.horizon, 0.4)),
            (0.5, bright),
            (1.0, mix(palette.far, palette.middle, 0.5)),
        ]
        colours = np.repeat(gradient(stops, height)[:, None, :], width, axis=1)
        share = glow(height, width, *light, max(stage.size) * 0.4)[..., None] * 0.85
        self._back = picture(colours + (np.asarray(palette.light, np.float32) - colours) * share, dice)
        self._trees = [(self._trunks(speed, near), speed) for speed, near in ((0.008, 0.1), (0.02, 0.55), (0.045, 1.0))]
        self._canvas = Image.new("RGB", stage.size)
        self._rays = self._shafts(light)
        self._motes = self._dust()

    def _trunks(self, speed: float, near: float) -> Layer:
        stage, dice, palette = self._stage, self._stage.dice, self._stage.palette
        wide, height, long = stage.travel(speed), stage.height, max(stage.size)
        opaque = np.zeros((height, wide), np.float32)
        rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        columns = np.arange(wide, dtype=np.float32)[None, :]
        x = dice.uniform(0, 0.08) * long
        while x < wide:
            half = long * (0.004 + 0.019 * near**1.4) * dice.uniform(0.7, 1.4)
            lean, bend = dice.normal(0, 0.02) * long, dice.normal(0, 0.008) * long
            middle = x + lean * (rows - 0.5) + bend * np.sin(rows * 5)
            thick = half * (0.8 + 0.25 * rows + 0.5 * np.clip(rows - 0.86, 0, 1) / 0.14)
            left, right = max(0, int(x - 6 * half - long * 0.06)), min(wide, int(x + 6 * half + long * 0.06))
            trunk = np.clip(thick - np.abs(columns[:, left:right] - middle) + 0.5, 0, 1)
            opaque[:, left:right] = np.maximum(opaque[:, left:right], trunk)
            x += long * (0.035 + 0.11 * near) * dice.uniform(0.6, 1.7)
        floor = height * (0.12 + 0.1 * near) * (0.6 + 0.4 * noise_line(dice, wide, 2.1, 3))
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
        return Layer(colours, opaque, dice)

    def _shafts(self, light: tuple[float, float]) -> Field:
        small = 96
        wide, tall = small, max(32, round(small * self._stage.height / self._stage.width))
        scale = small / self._stage.width
        ys, xs = np.mgrid[0:tall, 0:wide].astype(np.float32)
        angle = np.arctan2(xs - light[0] * scale, ys - (light[1] - self._stage.height * 0.45) * scale)
        self._angle = angle
        self._fall = np.clip(1.05 - ys / tall, 0, 1) ** 0.7
        return noise_line(self._stage.dice, 256, 0.8, 4)

    def _dust(self) -> Layer:
        stage, dice = self._stage, self._stage.dice
        wide = stage.travel(0.03)
        colours = np.zeros((stage.height, wide, 3), np.float32)
        for _ in range(round(70 * wide / stage.width)):
            radius = dice.uniform(0.8, 2.6)
            x, y = int(dice.uniform(4, wide - 5)), int(dice.uniform(4, stage.height - 5))
            ys, xs = np.ogrid[-4:5, -4:5]
            dot = np.exp(-(ys * ys + xs * xs) / radius**2)
            colours[y - 4 : y + 5, x - 4 : x + 5] += (
                dot[..., None] * np.asarray(stage.palette.light) * dice.uniform(0.1, 0.5)
            )
        return Layer.of_light(colours, dice)

    def frame(self, moment: float) -> Image.Image:
        stage, canvas = self._stage, self._canvas
        canvas.paste(self._back)
        for number, (layer, speed) in enumerate(self._trees):
            layer.paste(canvas, stage.shift(speed, moment), 0)
            if number == 1:
                canvas.paste(stage.palette.light, (0, 0, *stage.size), self._beams(moment))
        self._motes.paste(canvas, stage.shift(0.03, moment), 0)
        return canvas

    def _beams(self, moment: float) -> Image.Image:
        at = (self._angle * 34 + moment * 0.9 + 100) % 255
        whole = at.astype(np.int32)
        beam = self._rays[whole] * (1 - at + whole) + self._rays[(whole + 1) % 256] * (at - whole)
        return enlarged(smooth(beam * 2.0 - 0.75) * self._fall * 0.42, self._stage.size)


class Nebula:
    """Clouds of gas among stars."""

    def __init__(self, stage: Stage) -> None:
        self._stage, dice, palette = stage, stage.dice, stage.palette
        self._low = (max(48, stage.width // 5), max(48, stage.height // 5))
        self._first, self._second = noise(dice, 256, 256, 1.75), noise(dice, 256, 256, 1.5)
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
        self._core = (dice.uniform(0.3, 0.7), dice.uniform(0.35, 0.65))
        self._start = dice.uniform(0, 200, 4).tolist()

    def _star_layer(self, speed: float, share: float) -> Layer:
        stage, dice = self._stage, self._stage.dice
        wide = stage.travel(speed)
        colours = np.zeros((stage.height, wide, 3), np.float32)
        spread = np.asarray([[0.15, 0.35, 0.15], [0.35, 1.0, 0.35], [0.15, 0.35, 0.15]], np.float32)[..., None]
        for _ in range(round(stage.height * wide * share)):
            x, y = int(dice.integers(1, wide - 2)), int(dice.integers(1, stage.height - 2))
            tint = np.asarray((255, 244, 230) if dice.random() < 0.6 else (190, 215, 255), np.float32)
            colours[y - 1 : y + 2, x - 1 : x + 2] += spread * tint * dice.uniform(0.15, 0.95) ** 2
        return Layer.of_light(colours, dice)

    def frame(self, moment: float) -> Image.Image:
        wide, tall = self._low
        ys = np.linspace(-1, 1, tall, dtype=np.float32)[:, None] * stage_ratio(tall, wide)
        xs = np.linspace(-1, 1, wide, dtype=np.float32)[None, :] * stage_ratio(wide, tall)
        zoom = 1.0 - 0.028 * moment
        turn = 0.035 * moment
        x = (xs * math.cos(turn) - ys * math.sin(turn)) * zoom
        y = (xs * math.sin(turn) + ys * math.cos(turn)) * zoom
        warp = sampled(self._second, x * 36 + self._start[0] + moment * 1.5, y * 36 + self._start[1])
        gas = sampled(self._first, x * 60 + self._start[2] + 38 * warp, y * 60 + self._start[3] + 38 * warp - moment)
        core = np.exp(-((xs - (self._core[0] * 2 - 1)) ** 2 + (ys - (self._core[1] * 2 - 1)) ** 2) * 1.3)
        tone = smooth(gas * 1.7 - 0.45) * (0.34 + 0.56 * core) + 0.14 * core
        canvas = enlarged(self._colours[(np.clip(tone, 0, 1) * 511).astype(np.int32)], self._stage.size)
        for layer, speed in self._stars:
            layer.paste(canvas, self._stage.shift(speed, moment), 0)
        return canvas


def stage_ratio(long: int, short: int) -> float:
    """Return how much longer one side is than the other, at least 1."""
    return max(1.0, long / short)


def sampled(texture: Field, x: Field, y: Field) -> Field:
    """Return a tiling texture at fractional places, softly."""
    rows, columns = texture.shape
    left, top = np.floor(x), np.floor(y)
    right_share, low_share = (x - left).astype(np.float32), (y - top).astype(np.float32)
    x0, y0 = left.astype(np.int32) % columns, top.astype(np.int32) % rows
    x1, y1 = (x0 + 1) % columns, (y0 + 1) % rows
    upper = texture[y0, x0] * (1 - right_share) + texture[y0, x1] * right_share
    lower = texture[y1, x0] * (1 - right_share) + texture[y1, x1] * right_share
    return (upper * (1 - low_share) + lower * low_share).astype(np.float32)


SCENES: Mapping[str, tuple[type[Scene], str]] = {
    "hills": (Hills, "hill field meadow desert dune valley canyon sunrise sunset road plain fox horse farm"),
    "aurora": (Aurora, "aurora snow ice frozen arctic winter mountain lake glacier polar cold"),
    "ocean": (Ocean, "ocean sea wave beach coast boat ship island sail surf harbour harbor water whale"),
    "city": (City, "city street neon night rain car tokyo building skyline traffic subway window library"),
    "silk": (Silk, "silk fabric smoke liquid abstract product perfume macro ink paint flow logo glass"),
    "forest": (Forest, "forest tree wood jungle fog garden bird deer leaf autumn hummingbird temple"),
    "nebula": (Nebula, "space galaxy nebula star planet astronaut cosmic rocket universe dream magic"),
}


def scene_for(prompt: str) -> tuple[str, int]:
    """Return the name of the scene and the number of the palette that a prompt gets."""
    digest = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()
    words = re.findall(r"[a-z]+", prompt.lower())
    names = list(SCENES)
    for word in words:
        for name, (_, asked) in SCENES.items():
            if word in asked.split() or word.removesuffix("s") in asked.split():
                return name, digest[1] % len(PALETTES)
    return names[digest[0] % len(names)], digest[1] % len(PALETTES)
