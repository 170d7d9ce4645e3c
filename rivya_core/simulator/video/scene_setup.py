"""What every scene of the clip maker is set up with, and what it must be able to do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from rivya_core.simulator.video.painting import Palette


@dataclass(frozen=True)
class SceneSetup:
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
