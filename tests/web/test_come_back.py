"""Who signs in comes back to the address they asked for: the way leads over a provider, and only to addresses of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from pages._ui import addresses
from rivya_core import web
from rivya_core.lab.people import asking

HOST = "http://lab.example"
PROVIDER = "https://provider.example/authorize"


async def _login(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{PROVIDER}?client_id=rivya&state={request.query_params['state']}")


async def _callback(_request: Request) -> RedirectResponse:
    return RedirectResponse("/lab/", status_code=302)


@pytest_asyncio.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Our routes and middleware below a path, asked by nobody, and behind them what answers as Streamlit's two routes do."""
    monkeypatch.setattr(addresses, "BELOW", "/lab")
    theirs = [Route("/lab/auth/login", _login), Route("/lab/oauth2callback", _callback)]
    ours = web.routes("lab", lambda _: None)
    middleware = [one for one in web.middleware("lab", lambda _: None, addresses.own) if "Trusted" not in str(one.cls)]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(routes=[*ours, *theirs], middleware=middleware)), base_url=HOST
    ) as made:
        yield made
    asking.require(False)


async def back(client: httpx.AsyncClient, asked: str, state: str = "s1") -> str:
    """Where who pressed Sign in at an address is after it."""
    await client.get("/lab/auth/login", params={"state": state}, headers={"Referer": asked})
    answer = await client.get("/lab/oauth2callback", params={"state": state, "code": "c"})
    assert answer.status_code == 302
    return answer.headers["location"]


@pytest.mark.parametrize(
    "asked",
    [
        "/lab/history?id=g1a&q=a%20fox%20%26%20co&page=2",
        "/lab/compare?ids=g1,g2",
        "/lab/sweep?experiment=e1",
        "/lab/generate",
        "/lab/show/s1?slide=3",
        "/lab/",
        "/lab/?sweep=x1&mode=live",
    ],
)
async def test_the_address_comes_back_with_its_query(client: httpx.AsyncClient, asked: str) -> None:
    """The page from which people were sent away."""
    assert await back(client, HOST + asked) == asked


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example/lab//evil.example",
        f"{HOST}//evil.example/lab/",
        f"{HOST}/lab//evil.example",
        f"{HOST}/lab/\\evil.example",
        f"{HOST}/lab/%2f%2fevil.example",
        f"{HOST}/lab/../evil",
        f"{HOST}/lab/clips/..",
        f"{HOST}/history?id=g1",
        f"{HOST}/lab/auth/logout",
        f"{HOST}/lab/oauth2callback?state=s1",
        f"{HOST}/lab/_stcore/stream",
        f"{HOST}/lab/exports/history.csv",
        f"{HOST}/lab/?back=https://evil.example/",
        f"{HOST}/lab/?back=//evil.example",
        f"{HOST}/lab/?back=javascript:alert(1)",
        f"{HOST}/lab/?back=/lab/?back=/lab/auth/logout",
        f"{HOST}/lab/history?q=" + 4000 * "a",
        "javascript:alert(1)",
        "http://[",
        "",
    ],
)
async def test_no_other_address_is_led_to(client: httpx.AsyncClient, asked: str) -> None:
    """Other hosts, other paths of this one, Streamlit's own, downloads, what is too long: the start page."""
    assert await back(client, asked) == "/lab/"


@pytest.mark.parametrize("planted", ["https://evil.example/", "//evil.example", "/lab/auth/logout", "%0d%0aX: y", ""])
async def test_a_planted_cookie_leads_nowhere(client: httpx.AsyncClient, planted: str) -> None:
    """What comes back from the browser is read as if it were a stranger's."""
    answer = await client.get(
        "/lab/oauth2callback", params={"state": "s1"}, headers={"Cookie": f"_rivya_back_s1={planted}"}
    )
    assert answer.headers["location"] == "/lab/"


async def test_nothing_outlives_its_use(client: httpx.AsyncClient) -> None:
    """The cookie holds the address alone, for this path and ten minutes, unseen by scripts, and goes with the way back."""
    away = await client.get("/lab/auth/login", params={"state": "s1"}, headers={"Referer": f"{HOST}/lab/history?id=g1"})
    assert away.headers["location"].startswith(PROVIDER)
    kept = away.headers["set-cookie"]
    assert kept.startswith("_rivya_back_s1=%2Flab%2Fhistory%3Fid%3Dg1;")
    assert {one.strip().lower() for one in kept.split(";")[1:]} == {
        "httponly", "samesite=lax", "path=/lab/oauth2callback", "max-age=600"
    }  # fmt: skip
    await client.get("/lab/oauth2callback", params={"state": "s1"})
    assert not client.cookies
    assert (await client.get("/lab/oauth2callback", params={"state": "s1"})).headers["location"] == "/lab/"


async def test_two_tabs_come_back_each_to_its_own(client: httpx.AsyncClient) -> None:
    """The second is sent away before the first has come back; who signs out meanwhile is nobody's way back."""
    for state, page in (("s1", "history?id=g1"), ("s2", "shows?show=x")):
        await client.get("/lab/auth/login", params={"state": state}, headers={"Referer": f"{HOST}/lab/{page}"})
    assert (await client.get("/lab/oauth2callback")).headers["location"] == "/lab/"
    first = await client.get("/lab/oauth2callback", params={"state": "s1"})
    second = await client.get("/lab/oauth2callback", params={"state": "s2"})
    assert [one.headers["location"] for one in (first, second)] == ["/lab/history?id=g1", "/lab/shows?show=x"]


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/lab/show/s1?slide=3", "/lab/show/s1?slide=3"),
        ("/lab/clips/g1.mp4?download=1", "/lab/clips/g1.mp4"),
        ("/lab/posters/g1.jpg", "/lab/posters/g1.jpg"),
        ("/lab/exports/history.csv?q=fox", "/lab/"),
    ],
)
async def test_a_route_of_ours_comes_back_too(client: httpx.AsyncClient, asked: str, led: str) -> None:
    """It sends who is not signed in to the start page with its own address; what would download leaves them there."""
    sent = await client.get(asked, headers={"Sec-Fetch-Mode": "navigate"})
    assert sent.status_code == 303
    where = urlsplit(sent.headers["location"])
    assert (where.netloc, where.path, parse_qs(where.query)) == ("", "/lab/", {"back": [asked]})
    assert await back(client, HOST + sent.headers["location"]) == led
