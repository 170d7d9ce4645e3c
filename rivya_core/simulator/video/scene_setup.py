"""The parameters of a scene, and the interface that every scene has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from rivya_core.simulator.video.painting import Palette


@dataclass(frozen=True)
class SceneSetup:
    """Parameters of a scene: size in pixels, the last moment that is asked for, palette, random generator."""

    width: int
    height: int
    moments: float
    palette: Palette
    rng: np.random.Generator

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
        """Return the RGB picture of a moment; the next call may overwrite it."""
