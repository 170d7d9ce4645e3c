"""Modules that a start does not need, imported at their first use: the judging's and the media's libraries take over a second.

A module asks for one like this, so that type checkers see the real thing::

    if TYPE_CHECKING:
        import numpy as np
    else:
        np = lazily("numpy")
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    """Stands for a module; the first name that is looked up in it imports it, under Python's own import lock."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        self.__dict__[name] = value
        return value


def lazily(name: str) -> Any:
    """Return a stand-in for the module ``name``, which is imported when something in it is used."""
    return _Lazy(name)
