"""Components with a folder of their own, and the one loader that registers them.

A folder holds ``__init__.py`` (the typed call; docstrings say what goes in and what comes out), ``component.js``,
``component.css``, perhaps ``component.html`` (a frame that the script fills) and, where one file would be too long, parts: a
script and perhaps a style of one name. Streamlit takes the text of all. A component's script is one module, so what it shares
(``dom.js``, and what else stands beside it here) is put before its own text; shared scripts declare functions and export
nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.addresses import BELOW
from pages._ui.direction import COMPONENT_CSS

FOLDER = Path(__file__).parent
_SERVED_BELOW = "%served below%"  # in addresses.js


def component(name: str, *, shared: tuple[str, ...] = (), isolated: bool = True) -> Callable[..., Any]:
    """Register the component of the folder ``name``; ``shared`` names scripts of this folder that its own one uses.

    Args:
        name: The folder's name; Streamlit knows the component as ``rivya_<name>``.
        shared: File names without ``.js``, in the order they are put; a style of the same name comes with the script.
        isolated: In a shadow root of its own. Otherwise its styles hold for the whole page and need names of their own.
    """
    folder = FOLDER / name
    frame = folder / "component.html"
    styles = (folder / "component.css", *(style for style in _files(shared, "css") if style.exists()))
    return st.components.v2.component(
        f"rivya_{name}",
        html=_text(frame) if frame.exists() else "",
        css=(COMPONENT_CSS if isolated else "") + "".join(map(_text, styles)),
        js="\n".join(map(_text, (*_files(shared, "js"), folder / "component.js"))),
        isolate_styles=isolated,
    )


def seal(text: str) -> int:
    """A number by which a browser tells whether a text area still holds the text that the page was drawn with; see ``seal.js``."""
    return zlib.adler32(text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "surrogatepass"))


def _files(names: tuple[str, ...], kind: str) -> list[Path]:
    return [FOLDER / f"{name}.{kind}" for name in names]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace(_SERVED_BELOW, BELOW)
