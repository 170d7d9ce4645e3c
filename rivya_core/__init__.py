"""Rivya Lab's core: talk to Rivya Public API v1, run and remember generations, pretend to be Rivya.

Public names are loaded when first used (PEP 562), so that ``import rivya_core.api`` loads neither database nor engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rivya_core.version import VERSION

if TYPE_CHECKING:
    from rivya_core.api import AsyncRivya, GenerationRequest, Rivya
    from rivya_core.api.errors import RivyaError
    from rivya_core.lab.experiments.axes import Labelled
    from rivya_core.lab.experiments.plan import Sweep
    from rivya_core.lab.lab import Lab
    from rivya_core.lab.records import GenerationRecord, HistoryFilter
    from rivya_core.lab.shows.show import Show
    from rivya_core.lab.states import State
    from rivya_core.services import open_lab, shared_lab
    from rivya_core.settings import Settings

__version__ = VERSION

__all__ = [
    "AsyncRivya",
    "GenerationRecord",
    "GenerationRequest",
    "HistoryFilter",
    "Lab",
    "Labelled",
    "Rivya",
    "RivyaError",
    "Settings",
    "Show",
    "State",
    "Sweep",
    "open_lab",
    "shared_lab",
]

_HOMES = {
    "AsyncRivya": "rivya_core.api",
    "GenerationRecord": "rivya_core.lab.records",
    "GenerationRequest": "rivya_core.api",
    "HistoryFilter": "rivya_core.lab.records",
    "Lab": "rivya_core.lab.lab",
    "Labelled": "rivya_core.lab.experiments.axes",
    "Rivya": "rivya_core.api",
    "RivyaError": "rivya_core.api.errors",
    "Settings": "rivya_core.settings",
    "Show": "rivya_core.lab.shows.show",
    "State": "rivya_core.lab.states",
    "Sweep": "rivya_core.lab.experiments.plan",
    "open_lab": "rivya_core.services",
    "shared_lab": "rivya_core.services",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
