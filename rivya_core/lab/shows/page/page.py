"""Render a show as one HTML page that is report, slide show and print view at once.

The page is a pure function of the show's data, so the same data gives the same bytes. Text from people or the API may enter
only through Jinja2's autoescape and, for the data block, through ``escaped_json``. The page runs only our own scripts: its
Content Security Policy lists them by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from rivya_core.lab.shows.page.view import LONG_CHARS, Media, view_of

__all__ = ["Media", "ServedMedia", "escaped_json", "headers", "policy", "render", "render_missing"]

FOLDER: Final = Path(__file__).parent
FONTS: Final = Path(__file__).parents[3] / "assets" / "fonts"

_STYLES: Final = ("page.css", "presenter.css")
_SCRIPTS: Final = ("clock.js", "slides.js", "prefetch.js", "deck.js", "presenter.js", "page.js")
_UNSAFE_IN_SCRIPT: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
_ORIGINS: Final = {
    "file": "Plays without a network.",
    "served": "Page and clips come from the computer at this address; nobody else is asked for anything.",
    "shared": "Page and clips come over plain http from a computer in this network, for as long as it shares them; nobody else "
    "is asked for anything.",
}
_ONLY_OURS: Final = "base-uri 'none'; form-action 'none'"
_LOADS: Final = {
    True: "img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; font-src data:",
    # Beside the page lie its clips: Chromium knows them as 'self', others as file:. A static host serves the same folder.
    False: "img-src 'self' file: data:; media-src 'self' file: data: blob:; connect-src 'self'; font-src data:",
}


@dataclass(frozen=True, slots=True)
class ServedMedia:
    """Media URLs relative to the page's own URL."""

    base: str

    def clip(self, key: str) -> str:
        """The clip's address on this server."""
        return f"{self.base}/clips/{key}.mp4"

    def poster(self, key: str) -> str:
        """The poster's address on this server."""
        return f"{self.base}/posters/{key}.jpg"


def render(
    data: Mapping[str, Any],
    media: Media,
    *,
    served: bool,
    shared: bool = False,
    note: str = "",
    ballot: str | None = None,
) -> str:
    """Render the page of a show.

    Args:
        data: What ``lab.shows.data`` returns.
        media: Where the clips of ``data`` are.
        served: Whether a server hands the page out; a page for a file also accepts media inside and beside it.
        shared: Whether the page is served to others in the network, for a while.
        note: What is to know of the clips in this page, in a sentence.
        ballot: The address of a ballot that the page leads to, or None.
    """
    view = view_of(data, media)
    return _template("template.html.jinja").render(
        show=view,
        note=note,
        served=served,
        long_chars=LONG_CHARS,
        origin=_ORIGINS["shared" if shared else "served" if served else "file"],
        policy=policy(served=served),
        styles=[Markup(text) for text in _texts(_STYLES)],  # noqa: S704 - our own files
        scripts=[Markup(text) for text in _texts(_SCRIPTS)],  # noqa: S704 - our own files
        data=escaped_json({**data, "mark": view.mark}),
        ballot_page=ballot,
    )


def render_missing(title: str = "No such show", why: str = "") -> str:
    """Render the page for a missing show, or one that cannot be shown; ``why``: sentences."""
    return _template("missing.html.jinja").render(
        title=title,
        why=why or "It was deleted, or the address is not complete. Ask whoever sent it for the link again.",
        policy=policy(served=True),
        styles=[Markup(text) for text in _texts(_STYLES[:1])],  # noqa: S704 - our own files
    )


def policy(*, served: bool) -> str:
    """Return the Content Security Policy of a page, for its ``meta`` element."""
    scripts = " ".join(source_hash(text) for text in _texts(_SCRIPTS))
    styles = " ".join(source_hash(text) for text in _texts(_STYLES))
    return f"default-src 'none'; script-src {scripts}; style-src {styles}; {_LOADS[served]}; {_ONLY_OURS}"


def headers() -> dict[str, str]:
    """Return the headers of a served page, including the directives that a ``meta`` element does not support."""
    return {
        "Content-Security-Policy": f"{policy(served=True)}; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def escaped_json(data: Mapping[str, Any]) -> Markup:
    """Serialize data as JSON that cannot close the script element that contains it."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Markup(text.translate(_UNSAFE_IN_SCRIPT))  # noqa: S704 - no character is left that HTML reads


def source_hash(text: str) -> str:
    """Return the Content Security Policy hash source of an inline script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@lru_cache
def _texts(names: tuple[str, ...]) -> list[str]:
    """Return the texts of our own files, with the fonts of a style sheet inlined."""
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in names]
    for font in FONTS.glob("*-latin-wght-normal.woff2"):
        if any(font.name in text for text in texts):
            inside = f"data:font/woff2;base64,{base64.b64encode(font.read_bytes()).decode()}"
            texts = [text.replace(font.name, inside) for text in texts]
    return texts


@lru_cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _template(name: str) -> Template:
    return _environment().get_template(name)
