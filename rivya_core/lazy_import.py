"""What a start does not need is imported at its first use: the names of a package, or a library that takes a second.

A package lists its public names once, as imports that only type checkers follow, and hands them out when they are asked for
(PEP 562)::

    if TYPE_CHECKING:
        from rivya_core.api.client import Rivya as Rivya
    else:
        __getattr__, __dir__, __all__ = lazy_names(__name__)

A module asks for a heavy library like this, so that type checkers see the real thing::

    if TYPE_CHECKING:
        import numpy as np
    else:
        np = lazily("numpy")
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from inspect import getsource
from types import ModuleType
from typing import Any, Final

OURS: Final = "rivya_core"
OF_THE_LAB: Final = "dbos"
"""A library that is installed where the extra ``lab`` is."""


def lazy_names(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package, from the imports under its ``if TYPE_CHECKING``."""
    module = sys.modules[package]
    homes = dict(_imports(getsource(module)))

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            value = getattr(import_module(homes[name]), name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == OURS:
                raise
            raise lab_is_missing(f"{package}.{name}", error.name) from None
        setattr(module, name, value)
        return value

    return load, lambda: sorted({*vars(module), *homes}), sorted(homes)


def lab_is_missing(what: str, module: str | None) -> ImportError:
    """Build the refusal of what was not installed; ``module``: the library that is not there."""
    return ImportError(f"{what} needs {module}, which comes with the lab: pip install 'rivya-lab[lab]'", name=module)


def require_lab(room: str) -> None:
    """Refuse to import a room of the lab where only the base of the package is installed. Raises ImportError."""
    if find_spec(OF_THE_LAB) is None:
        raise lab_is_missing(room, OF_THE_LAB)


def _imports(source: str) -> Iterator[tuple[str, str]]:
    """Each name that is imported for type checkers, with the module that has it."""
    for block in ast.parse(source).body:
        if isinstance(block, ast.If):
            for line in block.body:
                if isinstance(line, ast.ImportFrom):
                    yield from ((name.name, line.module or "") for name in line.names)


class _Lazy(ModuleType):
    """Stands for a module; the first name that is looked up in it imports it, under Python's own import lock."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        self.__dict__[name] = value
        return value


def lazily(name: str) -> Any:
    """Return a stand-in for the module ``name``, which is imported when something in it is used."""
    return _Lazy(name)
