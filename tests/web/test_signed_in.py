"""Where people sign in, each route of ours asks who it is: by the cookie as Streamlit signs it, and nothing is open by oversight."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from itsdangerous import URLSafeTimedSerializer
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit import config
from streamlit.auth_util import set_cookie_with_chunks
from streamlit.runtime.secrets import secrets_singleton

from pages._ui import sign_in
from rivya_core import Lab, web
from rivya_core.lab.people import asking
from tests.lab.test_read_only import Shown, make_shown

SECRET = "not a secret at all, but long enough"
ORIGIN = "http://127.0.0.1:8501"
AUTH = f"""
[auth]
redirect_uri = "{ORIGIN}/oauth2callback"
cookie_secret = "{SECRET}"
client_id = "rivya"
client_secret = "x"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
"""
VI, MO = "vi@elsewhere.example", "mo@team.example"


def _use(text: str, folder: Path) -> None:
    secrets = folder / "secrets.toml"
    secrets.write_text(text, encoding="utf-8")
    config.set_option("secrets.files", [str(secrets)])
    secrets_singleton._reset()
    sign_in.is_on.cache_clear()


@pytest.fixture(autouse=True)
def _sign_in_is_on(tmp_path: Path) -> Iterator[None]:
    """As with a section ``[auth]`` in Streamlit's secrets."""
    before = config.get_option("secrets.files")
    _use(AUTH, tmp_path)
    yield
    config.set_option("secrets.files", before)
    secrets_singleton._reset()
    sign_in.is_on.cache_clear()
    asking.require(False)


@pytest.fixture
def found(make_lab: Callable[..., Lab]) -> Shown:
    """A filled lab with a maker."""
    return make_shown(make_lab, makers="@team.example")


async def _streamlits(_request: Any) -> PlainTextResponse:
    return PlainTextResponse("of Streamlit")


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Our routes as ``app.py`` builds them below a path, and behind them what stands for Streamlit's."""
    who = sign_in.by_cookie()
    rest = Route("/{path:path}", _streamlits, methods=["GET", "PUT"])
    app = Starlette(routes=[*web.routes("lab", who), rest], middleware=list(web.middleware("lab", who)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as made:
        yield made


def cookie(email: object = MO, *, secret: str = SECRET, name: str = sign_in.COOKIE, **claims: Any) -> dict[str, str]:
    """The header of a signed cookie; ``claims`` beside the address."""
    told = {"email": email, "is_logged_in": True, "origin": ORIGIN, "provider": "default", **claims}
    return {"Cookie": f"{sign_in.COOKIE}={URLSafeTimedSerializer(secret, salt=name).dumps(json.dumps(told))}"}


def addresses(found: Shown) -> list[tuple[str, str]]:
    """Every route of ours but the public ones, with ids of things that are there, by method."""
    clip, sha256 = found.clip, next(iter(found.show.clips))
    values = {"id": clip, "token": found.pair, "sha256": sha256, "kind": "csv", "path": "v1/credits"}
    listed = []
    for route in web.routes():
        path = getattr(route, "path", "")
        if path in {"/healthz", "/assets/fonts"}:
            continue
        own = values | ({"id": found.show.id} if path.startswith("/show") else {})
        path = path.format(**own) if path != "/simulator" else "/simulator/api/public/v1/credits"
        listed += [(method, path) for method in sorted(getattr(route, "methods", None) or {"GET", "POST"})]
    return listed


FORGED: dict[str, dict[str, str]] = {
    "none": {},
    "another secret": cookie(secret="another one that is long enough"),
    "another cookie's": cookie(name="_streamlit_user_tokens"),
    "no signature": {"Cookie": f'{sign_in.COOKIE}={{"email":"{MO}","is_logged_in":true}}'},
    "another server's": cookie(origin="http://127.0.0.1:8502"),
    "not signed in": cookie(is_logged_in=False),
    "not verified": cookie(email_verified=False),
    "no address": cookie(None),
    "two addresses": cookie(f"{MO},{VI}"),
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
async def test_no_route_answers_who_is_not_signed_in(
    found: Shown, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """Each refuses in words, whatever it would have answered, POST included; nothing was counted or told."""
    listed = addresses(found)
    assert len(listed) > 20
    for method, path in listed:
        answer = await client.request(method, f"/lab{path}", headers=headers)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["cache-control"] == "no-store"
        if method != "HEAD":
            assert answer.json()["error"].startswith(("Nobody is signed in", "You cannot be signed in"))


async def test_an_expired_cookie_is_none(
    found: Shown, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed long ago; by Streamlit's own limit."""
    monkeypatch.setattr("itsdangerous.TimestampSigner.get_timestamp", lambda _signer: 1_600_000_000)
    old = cookie()
    monkeypatch.undo()
    assert (await client.get(f"/lab/clips/{found.clip}.mp4", headers=old)).status_code == 401


async def test_a_browser_is_sent_to_where_people_sign_in(found: Shown, client: httpx.AsyncClient) -> None:
    """A link to a show that was kept, or a download in a tab: the page, not a line of JSON."""
    navigates = {"Sec-Fetch-Mode": "navigate"}
    answer = await client.get(f"/lab/show/{found.show.id}", headers=navigates)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/lab/?back=%2Flab%2Fshow%2F{found.show.id}")


@pytest.mark.parametrize("email", [VI, MO])
async def test_who_is_signed_in_sees_all(found: Shown, client: httpx.AsyncClient, email: str) -> None:
    """A viewer as well as a maker; also when the provider told so much that the cookie is in pieces."""
    for path in (f"/clips/{found.clip}.mp4", f"/show/{found.show.id}", "/exports/history.csv", "/exports/spend.csv"):
        assert (await client.get(f"/lab{path}", headers=cookie(email, email_verified=True))).status_code == 200, path
    assert (await client.get("/lab/simulator/api/public/v1/credits", headers=cookie(email))).status_code == 404


async def test_a_cookie_in_pieces_is_read_whole(found: Shown, client: httpx.AsyncClient) -> None:
    """As Streamlit writes it where a provider sends many claims."""
    pieces: dict[str, str] = {}
    told = {
        "email": MO,
        "is_logged_in": True,
        "origin": ORIGIN,
        "groups": [hashlib.sha256(bytes([one])).hexdigest() for one in range(200)],
    }

    def signed(name: str, value: str) -> bytes:
        return URLSafeTimedSerializer(SECRET, salt=name).dumps(value).encode()

    set_cookie_with_chunks(
        lambda name, value: pieces.__setitem__(name, signed(name, value).decode()),
        signed,
        sign_in.COOKIE,
        told,
        cookie_attr_size=100,
    )
    assert len(pieces) > 2
    header = {"Cookie": "; ".join(f"{name}={value}" for name, value in pieces.items())}
    assert (await client.get(f"/lab/clips/{found.clip}.mp4", headers=header)).status_code == 200


async def test_what_a_route_does_it_does_for_who_asks(found: Shown, client: httpx.AsyncClient) -> None:
    """The vote of a show counts for whoever is signed in; the lab itself, asked by nobody, does nothing."""
    answer = await client.post(f"/lab/show/{found.show.id}/vote", headers=cookie(VI), content=b"RV1.a.b.c.d.e")
    assert answer.status_code not in {
        200,
        401,
    }  # the show has no ballot: that is found out, so the request came through


async def test_health_tells_strangers_only_whether_all_is_well(found: Shown, client: httpx.AsyncClient) -> None:
    """At the root, where no cookie comes, and below the path; who is signed in learns the rest."""
    assert (await client.get("http://127.0.0.1:8501/healthz")).json() == {"ok": True}
    assert (await client.get("/lab/healthz")).json() == {"ok": True}
    assert (await client.get("/lab/healthz", headers=cookie())).json()["database"] == "ok"
    found.lab.close()


async def test_streamlits_files_are_for_people_who_are_signed_in(found: Shown, client: httpx.AsyncClient) -> None:
    """Media and uploads; its page, its scripts, our fonts and the way to sign in are for everybody."""
    for method, path in (("GET", "/media/abc.png"), ("PUT", "/_stcore/upload_file/session/file")):
        assert (await client.request(method, f"/lab{path}")).status_code == 401
        assert (await client.request(method, f"/lab{path}", headers=cookie())).status_code == 200
    for path in ("/", "/history", "/static/js/index.js", "/_stcore/health", "/auth/login", "/oauth2callback"):
        assert (await client.get(f"/lab{path}")).text == "of Streamlit"
    font = "inter-latin-wght-normal.woff2"
    assert (await client.get(f"/lab/assets/fonts/{font}")).status_code == 200


async def test_without_the_section_nothing_is_asked(found: Shown, tmp_path: Path) -> None:
    """No cookie is read and nobody is needed."""
    asking.require(False)
    _use("", tmp_path)
    assert sign_in.by_cookie() is None
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        assert (await client.get(f"/clips/{found.clip}.mp4")).status_code == 200
        assert (await client.get("/healthz")).json()["database"] == "ok"


def test_secrets_that_cannot_be_read_keep_everybody_out(tmp_path: Path) -> None:
    """The section may stand in them; a folder without secrets has no sign-in."""
    _use("[auth\nbroken", tmp_path)
    assert sign_in.is_on()
    read = sign_in.by_cookie()
    assert read is not None
    (tmp_path / "secrets.toml").unlink()
    secrets_singleton._reset()
    sign_in.is_on.cache_clear()
    assert not sign_in.is_on()
