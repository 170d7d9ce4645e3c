"""Sign-in with a real provider and a real browser: a maker makes a clip, a viewer only looks, who is not verified stays out."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from playwright.sync_api import Page, expect

from pages._ui.app_shell.navigation import PAGES
from tests.browser.conftest import QUICK, ROOT, Server, Visitor
from tests.browser.looks import broken, each_look, fits
from tests.browser.raw_session import heard
from tests.browser.test_first_visit import type_prompt
from tests.ports import own_port
from tests.until import until

Visit = Callable[..., Visitor]

PEOPLE: dict[str, dict[str, str | bool]] = {
    "maker": {"email": "Mo@team.example", "email_verified": True, "name": "Mo"},
    "viewer": {"email": "vi@elsewhere.example", "name": "Vi"},
    "liar": {"email": "ada@lab.example", "email_verified": False, "name": "Ada"},
}
CLIP = "example-aurora-1"
COOKIE_SECRET = "not a secret at all, but long enough"
SWEEP = "xexample"
TELLING = 5
"""Shorter texts stand everywhere."""
PROMPT = "A lighthouse in a storm"
STATUS = "async (address) => (await fetch(address)).status"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An OpenID Connect provider in a process of its own; its address."""
    port = own_port()
    users = [part for sub, claims in PEOPLE.items() for part in ("--user-claims", json.dumps({"sub": sub, **claims}))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port), *users]
    with (tmp_path_factory.mktemp("provider") / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/.well-known/openid-configuration"), what="the provider answers")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    """Whether somebody answers there."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def team(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A dashboard where people sign in at that provider."""
    folder: Path = tmp_path_factory.mktemp("team")
    running = _dashboard(folder, "http://127.0.0.1:{port}", provider)
    running.start()
    yield running
    running.stop()


def _dashboard(folder: Path, address: str, provider: str, **settings: str) -> Server:
    """A dashboard that is reached by an address, before it is started."""
    secrets = folder / "secrets.toml"
    secrets.write_text(
        f"""
        [auth]
        redirect_uri = "{address}/oauth2callback"
        cookie_secret = "{COOKIE_SECRET}"
        client_id = "rivya"
        client_secret = "x"
        server_metadata_url = "{provider}/.well-known/openid-configuration"
        """,
        encoding="utf-8",
    )
    people = {"RIVYA_MAKERS": "@team.example", "RIVYA_ADMINS": "ada@lab.example"}
    return Server(folder / "data", {**QUICK, **people, **settings, "STREAMLIT_SECRETS_FILES": str(secrets)})


def sign_in(page: Page, provider: str, who: str) -> None:
    """Press the one button and choose somebody at the provider, which sends the browser back."""
    # the provider's page would have its style from a network
    page.route("https://cdn.*/**", lambda route: route.abort())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{provider}/**")
    page.get_by_role("button", name=who, exact=True).click()


def sign_out(page: Page, provider: str) -> None:
    """Press the button, end the session at the provider, which sends the browser back, and be where people sign in."""
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{provider}/**")
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def person_of(server: Server, prompt: str) -> str | None:
    """Who submitted this, by the ledger."""
    with closing(sqlite3.connect(server.data_dir / "lab.sqlite3")) as file:
        row = file.execute("SELECT person FROM lab_generations WHERE prompt = ?", (prompt,)).fetchone()
    return None if row is None else str(row[0])


def look_at(page: Page) -> None:
    """Wide and on a phone everything can be read and pressed, and nothing hangs over."""
    for _look in each_look(page):
        assert broken(page) == {}
        assert fits(page)


def cookies_of(visitor: Visitor) -> dict[str, str]:
    """What the browser would send along."""
    return {str(one.get("name")): str(one.get("value")) for one in visitor.context.cookies()}


def test_a_maker_signs_in_makes_a_clip_and_signs_out(team: Server, provider: str, visit: Visit) -> None:
    """They come back to what they had asked for; the row says who made it; after the way out, the way in is all there is."""
    visitor = visit(team, path=f"/history?id={CLIP}&q=aurora", calm=True)
    sign_in(visitor.page, provider, "maker")
    expect(visitor.page).to_have_url(f"{team.url}/history?id={CLIP}&q=aurora")
    expect(visitor.page.get_by_role("tab", name="Timeline")).to_be_visible()
    page = visitor.open("/")
    expect(page.get_by_text("Mo · maker")).to_be_visible()
    type_prompt(page, PROMPT)
    page.get_by_role("button", name=re.compile(r"^Generate · ")).click()
    until(lambda: person_of(team, PROMPT) == "mo@team.example", what="the row says who")
    kept = cookies_of(visitor)
    assert httpx.get(f"{team.url}/exports/history.csv", cookies=kept).status_code == 200
    spend = visitor.open("/spend")
    expect(spend.get_by_text("mo@team.example").first).to_be_visible()
    expect(spend.get_by_text("Caps are changed by admins.")).to_be_visible()
    sign_out(page, provider)
    assert httpx.get(f"{team.url}/exports/history.csv", cookies=cookies_of(visitor)).status_code == 401


def test_a_viewer_sees_everything_and_may_start_nothing(team: Server, provider: str, visit: Visit) -> None:
    """Generate says why it is not offered, also by an old link; no other page offers what would be refused."""
    visitor = visit(team, path="/generate", calm=True)
    look_at(visitor.page)
    sign_in(visitor.page, provider, "viewer")
    expect(visitor.page.get_by_text("Vi · viewer")).to_be_visible()
    look_at(visitor.page)
    page = visitor.page
    expect(page.get_by_text("You are signed in as a viewer")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Generate"))).to_have_count(0)
    page = visitor.open("/vote")
    expect(page.get_by_text("Makers and admins vote here.")).to_be_visible()
    expect(page.get_by_role("button", name="Start voting")).to_have_count(0)


def test_a_stranger_hears_nothing_of_the_lab(team: Server) -> None:
    """By a raw WebSocket, on every page, whatever the address asks for and whatever widgets it says were pressed."""
    told = {"email": "vi@elsewhere.example", "name": "Vi", "is_logged_in": True, "origin": team.url}
    signed = URLSafeTimedSerializer(COOKIE_SECRET, salt="_streamlit_user").dumps(json.dumps(told))
    seen = heard(team, "history", f"id={CLIP}", cookie=f"_streamlit_user={signed}")
    asked = (
        f"id={CLIP}&experiment={SWEEP}&show={SWEEP}&round={SWEEP}&ids={CLIP}&q=lights&back=/show/{SWEEP}&cap_of={SWEEP}"
    )
    known = things_of(team)
    assert len([one for one in known if one in seen]) > 5
    widgets = [match.decode() for match in set(re.findall(rb"\$\$ID-[\w-]+", seen))]
    assert widgets
    for page in ("", *(name for name, _, _ in PAGES)):
        for query in ("", asked):
            heard_here = heard(team, page, query) + heard(team, page, query, presses=widgets)
            assert [one for one in known if one in heard_here] == [], (page, query)
    for path in ("metrics", "agent/interact"):
        assert httpx.get(f"{team.url}/_stcore/{path}").status_code == 401


def things_of(server: Server) -> list[bytes]:
    """What only who is signed in may learn: all texts of the ledger but short words, its settings, people, files and folders."""
    texts = {"@team.example", "ada@lab.example", str(server.data_dir), str(ROOT), "lab.sqlite3"}
    with closing(sqlite3.connect(server.data_dir / "lab.sqlite3")) as file:
        for query in (
            "SELECT id, prompt, clip_key, poster_key, clip_sha256, task_id, idempotency_key, connection FROM lab_generations",
            "SELECT id, name, question FROM lab_experiments",
            "SELECT text, author FROM lab_clip_notes",
        ):
            texts |= {str(one) for row in file.execute(query) for one in row if len(str(one)) > TELLING}
    return [one.encode() for one in texts]


def test_who_is_not_verified_stays_out(team: Server, provider: str, visit: Visit) -> None:
    """Whoever says to be the admin: the page says why, and no route answers the cookie that the provider's word made."""
    visitor = visit(team)
    sign_in(visitor.page, provider, "liar")
    expect(visitor.page.get_by_text("your e-mail address is not verified")).to_be_visible()
    expect(visitor.page.get_by_text("History", exact=True)).to_have_count(0)
    answer = httpx.get(f"{team.url}/exports/history.csv", cookies=cookies_of(visitor))
    assert (answer.status_code, "not verified" in answer.text) == (401, True)
    sign_out(visitor.page, provider)
