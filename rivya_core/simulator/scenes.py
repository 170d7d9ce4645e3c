"""Which scene stands in for a prompt: the words that ask for each, and the choice when none does.

The prompt chooses scene and palette, the take its composition.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

from rivya_core.simulator.landscapes import Forest, Hills, Ocean
from rivya_core.simulator.nightscapes import Aurora, City, Nebula, Silk
from rivya_core.simulator.painting import PALETTES
from rivya_core.simulator.stage import Scene, Stage

SCENES: Mapping[str, tuple[Callable[[Stage], Scene], str]] = {
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
