"""What ``pages/_ui/addresses.py`` promises: each address leads to a page or a route of ours, also below a path of the host."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from starlette.routing import Match

from pages._ui import addresses
from pages._ui.app_shell.navigation import PAGES
from rivya_core import web

ID = "g" + 20 * "a"
SHA256 = 64 * "a"

ROUTES: dict[str, Callable[[], list[str]]] = {
    "clip": lambda: [addresses.clip(ID), addresses.clip(ID, download="1"), addresses.clip(ID, download="settings")],
    "poster": lambda: [addresses.poster(ID)],
    "image": lambda: [addresses.image(SHA256), addresses.image(SHA256, small=True)],
    "ballot_clip": lambda: [addresses.ballot_clip(ID)],
    "ballot_file": lambda: [addresses.ballot_file(ID)],
    "export": lambda: [addresses.export("history.csv", "q=fox"), addresses.export("clips.zip")],
    "show": lambda: [addresses.show(ID), addresses.show(ID, "show.zip"), addresses.show(ID, f"posters/{SHA256}.jpg")],
    "simulator": lambda: [addresses.simulator() + "/api/v1/models"],
}


def _answered(base_url_path: str, address: str) -> bool:
    """Tell whether one of our routes takes an address."""
    scope = {"type": "http", "method": "GET", "path": urlsplit(address).path, "root_path": ""}
    return any(route.matches(dict(scope))[0] is Match.FULL for route in web.routes(base_url_path))


@pytest.mark.parametrize(
    ("base_url_path", "below"),
    [("", ""), ("/", ""), ("lab", "/lab"), ("/lab/", "/lab"), ("a/b", "/a/b"), ("user/x@y.example/proxy", None)],
    ids=["root", "slash", "name", "slashes", "nested", "hub"],
)
def test_every_address_leads_to_a_route_below_the_path(
    monkeypatch: pytest.MonkeyPatch, base_url_path: str, below: str | None
) -> None:
    """And nowhere else: with a path the root has nothing of ours but /healthz."""
    path = web.served_below(base_url_path)
    assert below is None or path == below
    monkeypatch.setattr(addresses, "BELOW", path)
    for name, written in ROUTES.items():
        for address in written():
            assert urlsplit(address).path.startswith(f"{path}/"), name
            assert _answered(base_url_path, address), name
            assert not path or not _answered(base_url_path, address.replace(path, "", 1)), name
    assert _answered(base_url_path, f"{path}/healthz")
    assert _answered(base_url_path, "/healthz")


def test_streamlits_own_addresses_are_left_to_it() -> None:
    """Pages, the WebSocket, files that Streamlit serves, below the path as at the root."""
    theirs = ["/", "/_stcore/stream", "/_stcore/health", "/static/js/index.js", *(f"/{name}" for name, _, _ in PAGES)]
    for base_url_path in ("", "lab", "a/b"):
        path = web.served_below(base_url_path)
        assert [one for one in theirs if _answered(base_url_path, path + one)] == []


def test_pages_are_addressed_by_name() -> None:
    """With their query, in which commas part ids."""
    assert addresses.page("history") == "/history"
    assert addresses.page("history", id="a b&c") == "/history?id=a%20b%26c"
    assert addresses.page("compare", ids="a,b") == "/compare?ids=a,b"


def test_what_shows_something_is_our_own_address_whatever_its_host() -> None:
    """What pages write is known again; what only downloads, what is Streamlit's and what only looks like ours is not."""
    for address in (addresses.page("history", id="a b&c"), addresses.page("compare", ids="a,b"), addresses.show(ID)):
        assert addresses.own(f"https://lab.example{address}") == addresses.own(address) == address
    for address in (addresses.clip(ID), addresses.poster(ID), addresses.image(SHA256)):
        assert addresses.own(f"{address}?download=1") == address
    elsewhere = (
        "//evil.example",
        "/\\evil.example",
        "/_stcore/health",
        "/auth/logout",
        "/exports/history.csv",
        "history",
    )
    assert [one for one in elsewhere if addresses.own(one) is not None] == []


def test_this_table_knows_all_addresses() -> None:
    """A new one is looked at here."""
    written = {
        name
        for name, found in vars(addresses).items()
        if inspect.isfunction(found) and found.__module__ == addresses.__name__ and not name.startswith("_")
    }
    assert written == ROUTES.keys() | {"page", "absolute", "own"}
