"""The scenes by name; which one stands in for a prompt is decided in ``recipe.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rivya_core.simulator.video.landscapes import Forest, Hills, Ocean
from rivya_core.simulator.video.nightscapes import Aurora, City, Nebula, Silk
from rivya_core.simulator.video.scene_setup import Scene, SceneSetup

SCENES: Mapping[str, Callable[[SceneSetup], Scene]] = {
    "hills": Hills,
    "aurora": Aurora,
    "ocean": Ocean,
    "city": City,
    "silk": Silk,
    "forest": Forest,
    "nebula": Nebula,
}
