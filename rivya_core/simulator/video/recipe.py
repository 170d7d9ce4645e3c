"""Everything a clip depends on: scene, size, length, motion and take.

Separate from the rendering, so that a cached clip is served without loading numpy, Pillow and PyAV.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RENDERER = 2
"""Version of the renderer, part of the cache key: raise it when the same recipe no longer gives the same clip."""

PALETTE_COUNT = 8
COMPOSITIONS = 16
"""Number of compositions of a scene; few, so that tasks with different prompts can share cached clips."""

SCENE_WORDS: Mapping[str, str] = {
    "hills": "hill field meadow desert dune valley canyon sunrise sunset road plain fox horse farm",
    "aurora": "aurora snow ice frozen arctic winter mountain lake glacier polar cold",
    "ocean": "ocean sea wave beach coast boat ship island sail surf harbour harbor water whale",
    "city": "city street neon night rain car tokyo building skyline traffic subway window library",
    "silk": "silk fabric smoke liquid abstract product perfume macro ink paint flow logo glass",
    "forest": "forest tree wood jungle fog garden bird deer leaf autumn hummingbird temple",
    "nebula": "space galaxy nebula star planet astronaut cosmic rocket universe dream magic",
}
"""The scenes, and the words of a prompt that ask for each."""


@dataclass(frozen=True)
class Recipe:
    """Everything a clip depends on. width and height in pixels, motion 1 = usual, variant = which take, text = overlay or ""."""

    prompt: str
    width: int
    height: int
    seconds: float
    motion: float
    variant: int
    text: str = ""
    image: Path | None = None

    @property
    def digest(self) -> str:
        """The cache key, in hex: equal for recipes that give the same clip."""
        # The prompt counts only by its look: prompts with the same look share a clip.
        subject = str(look_of(self.prompt)) if self.image is None else f"image {self.image.name}"
        parts = (RENDERER, subject, self.width, self.height, self.seconds, self.motion, self.variant, self.text)
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).hexdigest()[:32]


@dataclass(frozen=True)
class Look:
    """What a prompt decides: the name of its scene, the number of its palette and of its composition."""

    scene: str
    palette: int
    composition: int


def look_of(prompt: str) -> Look:
    """Return the look of a prompt: by the first word that names a scene, otherwise by the hash of the prompt."""
    digest = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()
    names = list(SCENE_WORDS)
    asked = (_scene_of(word) for word in re.findall(r"[a-z]+", prompt.lower()))
    scene = next((name for name in asked if name is not None), names[digest[0] % len(names)])
    return Look(scene, digest[1] % PALETTE_COUNT, digest[2] % COMPOSITIONS)


def _scene_of(word: str) -> str | None:
    for name, words in SCENE_WORDS.items():
        if {word, word.removesuffix("s")} & set(words.split()):
            return name
    return None
