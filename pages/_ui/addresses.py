"""Addresses of the dashboard's pages and of the routes beside them: the one place that knows below which path it is served.

That path is Streamlit's ``server.baseUrlPath``. An address that is written by hand anywhere else in ``pages/`` works at the root
of a host and leads astray behind a proxy; ``tests/house/test_addresses.py`` finds it, in scripts and styles too. Scripts
get the path by ``components/addresses.js``.
"""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from rivya_core import web

BELOW: Final = quote(web.served_below(st.get_option("server.baseUrlPath")))
"""The path that all addresses begin with, such as "/lab"; "" at the root of the host."""

_HERE: Final = "http://127.0.0.1:8501"
"""Where ``make run`` serves, while nobody knows by which host the page was reached."""

_KEEPING_QUERY: Final = re.compile(r"/[a-z]*|/show/[\w-]+", re.ASCII)
_SHOWING: Final = re.compile(rf"{_KEEPING_QUERY.pattern}|/(clips|posters|images)/[\w-]+(\.\w+)?", re.ASCII)


def page(name: str, **query: str) -> str:
    """A page by its name in the navigation, with its query parameters; commas in them stay commas."""
    asked = urlencode(query, safe=",", quote_via=quote)
    return f"{BELOW}/{name}" + (f"?{asked}" if asked else "")


def clip(generation_id: str, *, download: Literal["", "1", "settings"] = "") -> str:
    """An archived clip; ``download``: as a file, as it is or with its settings inside."""
    return f"{BELOW}/clips/{generation_id}.mp4" + (f"?download={download}" if download else "")


def poster(generation_id: str) -> str:
    """The poster of an archived clip."""
    return f"{BELOW}/posters/{generation_id}.jpg"


def image(sha256: str, *, small: bool = False) -> str:
    """A reference image, or its thumbnail."""
    return f"{BELOW}/images/{sha256}" + ("?small=1" if small else "")


def ballot_clip(token: str) -> str:
    """One clip of a pair in a blind vote."""
    return f"{BELOW}/ballots/{token}.mp4"


def ballot_file(ballot_id: str) -> str:
    """A ballot to hand out."""
    return f"{BELOW}/ballots/{ballot_id}.html"


def export(name: str, query: str = "") -> str:
    """A file that is made when it is asked for, such as ``history.csv``; ``query`` is encoded already."""
    return f"{BELOW}/exports/{name}" + (f"?{query}" if query else "")


def show(show_id: str, file: str = "") -> str:
    """The page of a show, or one of its files, such as ``show.zip``."""
    return f"{BELOW}/show/{quote(show_id, safe='')}" + (f"/{file}" if file else "")


def simulator() -> str:
    """The built-in simulator, as a program on another machine reaches it: on the host by which this page was reached."""
    return f"{_host() or _HERE}{BELOW}/simulator"


def absolute(address: str) -> str:
    """An address with the host by which this page was reached, to be kept or sent; as it is while that is not known."""
    return f"{_host()}{address}"


def own(address: str) -> str | None:
    """An address as one of this dashboard's that show something, without its host; None for every other one.

    Whatever its host is, the path has to be a page's, a show's, or that of a clip or picture, which come without their query:
    with it they may be a download. For addresses that come from outside, to which nobody may be led elsewhere.
    """
    try:
        asked = urlsplit(address)
    except ValueError:
        return None
    path = asked.path.removeprefix(BELOW)
    if not asked.path.startswith(f"{BELOW}/") or not _SHOWING.fullmatch(path):
        return None
    query = quote(asked.query, safe="!$&'()*+,;=:@/?%") if _KEEPING_QUERY.fullmatch(path) else ""
    return f"{BELOW}{path}" + (f"?{query}" if query else "")


def _host() -> str:
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}" if here.netloc else ""
