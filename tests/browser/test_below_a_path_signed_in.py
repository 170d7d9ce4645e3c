"""Sign-in below a path, behind nginx and https: what a provider sends back reaches the dashboard, and its cookie opens our routes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import QUICK, Server
from tests.browser.nginx import Nginx
from tests.browser.test_below_a_path import ADDRESSES, BELOW, context, plays, saved, settled, watched
from tests.browser.test_first_visit import PROMPT, type_prompt
from tests.browser.test_sign_in import provider, sign_out

__all__ = ["context", "provider"]  # fixtures

STATUS = "address => fetch(address).then(answer => answer.status)"


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[Nginx]:
    """A proxy before a dashboard where people sign in at the provider, with the sections and variables of docs/deploy.md."""
    folder = tmp_path_factory.mktemp("below_signed_in")
    secrets = folder / "secrets.toml"
    people = {"RIVYA_MAKERS": "@team.example", "STREAMLIT_SECRETS_FILES": str(secrets)}
    dashboard = Server(folder / "data", {**QUICK, **BELOW, **people})
    proxy = Nginx(folder / "nginx", dashboard.port)
    secrets.write_text(
        f"""
        [auth]
        redirect_uri = "{proxy.url}/oauth2callback"
        cookie_secret = "not a secret at all, but long enough"
        client_id = "rivya-lab"
        client_secret = "x"
        server_metadata_url = "{provider}/.well-known/openid-configuration"
        """,
        encoding="utf-8",
    )
    dashboard.start()
    proxy.start()
    yield proxy
    proxy.stop()
    dashboard.stop()


def sign_in(page: Page, provider: str, who: str) -> None:
    """Press the one button and choose somebody at the provider, which sends the browser back."""

    def only_here(route: Route) -> None:
        if "localhost" in route.request.url:
            route.continue_()
        else:
            route.abort()  # the provider's page would have its style from a network

    page.route("https://**", only_here)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{provider}/**")
    page.get_by_role("button", name=who, exact=True).click()


def test_who_signs_in_below_the_path_makes_sees_and_exports_a_clip(
    nginx: Nginx,
    provider: str,
    context: BrowserContext,
) -> None:
    """Before it and after signing out, no route answers; in between no request fails and none goes past the path."""
    page, told = watched(context, nginx.url)
    page.goto(f"{nginx.url}/show/none?slide=2")  # a page is asked for: to where people sign in, and then there
    expect(page).to_have_url(f"{nginx.url}/?back=%2Flab%2Fshow%2Fnone%3Fslide%3D2")
    settled(page)
    assert page.evaluate(STATUS, f"{nginx.url}/clips/example-aurora-1.mp4") == 401
    sign_in(page, provider, "maker")
    expect(page).to_have_url(f"{nginx.url}/show/none?slide=2")
    kept = {str(one.get("name")): one.get("path") for one in context.cookies()}
    assert kept["_streamlit_user"] == "/lab"
    assert [one for one in kept if one.startswith("_rivya")] == []
    page.goto(f"{nginx.url}/")
    expect(page.get_by_text("Mo · maker")).to_be_visible()
    told.beyond.clear()
    told.failed.clear()
    type_prompt(page, PROMPT)
    page.get_by_role("button", name="Generate · ").click()
    plays(page, page.locator('video[src^="/lab/clips/g"]').first)
    page.get_by_role("link", name="History").first.click()
    expect(page.locator('img[src^="/lab/posters/"]').first).not_to_have_js_property("naturalWidth", 0)
    assert PROMPT in saved(page, "CSV").decode()
    assert [one for one in page.evaluate(ADDRESSES) if not told.is_below(one)] == []
    assert told.beyond + told.failed == []
    sign_out(page, provider)
    expect(page).to_have_url(f"{nginx.url}/")
    assert page.evaluate(STATUS, f"{nginx.url}/clips/example-aurora-1.mp4") == 401
