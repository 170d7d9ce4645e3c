"""Components with a folder of their own: ``__init__.py`` (the typed call), ``component.js`` and ``component.css``.

Streamlit takes the text of both. A component's script is one module, so what components share (``dom.js``, and what else
stands beside it here) is put before its own text; shared scripts declare functions and export nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui.direction import COMPONENT_CSS

FOLDER = Path(__file__).parent


def component(name: str, *, html: str = "", shared: tuple[str, ...] = ()) -> Callable[..., Any]:
    """Register the component of the folder ``name``; ``shared`` names scripts of this folder that its own one uses.

    Args:
        name: The folder's name; Streamlit knows the component as ``rivya_<name>``.
        html: At most a frame; the script fills it.
        shared: File names without ``.js``, in the order they are put.
    """
    return st.components.v2.component(
        f"rivya_{name}",
        html=html,
        css=COMPONENT_CSS + _text(FOLDER / name / "component.css"),
        js=shared_scripts(*shared) + _text(FOLDER / name / "component.js"),
    )


def seal(text: str) -> int:
    """A number by which a browser tells whether a text area still holds the text that the page was drawn with; see ``seal.js``."""
    return zlib.adler32(text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "surrogatepass"))


def shared_scripts(*names: str) -> str:
    """The text of shared scripts, each named without ``.js``, for the head of a component's own script."""
    return "".join(f"{_text(FOLDER / f'{name}.js')}\n" for name in names)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
