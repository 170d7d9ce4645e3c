"""The dashboard below a path of a host, behind Debian's nginx and https, as docs/deploy.md sets it up: everything works there too."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Response, expect

from pages._ui.app_shell.navigation import PAGES
from tests.bench import fresh
from tests.browser.conftest import COMES_MS, QUICK, Server
from tests.browser.nginx import NAME, Nginx
from tests.browser.test_first_visit import PROMPT, type_prompt

BELOW = {"STREAMLIT_SERVER_BASE_URL_PATH": "/lab/", "RIVYA_ALLOWED_HOSTS": NAME}

_LOOKS_FOR_ITS_SERVER = re.compile(r"/lab/\w+/_stcore/(health|host-config)$")

ADDRESSES = """() => {
  const found = [];
  const look = (root) => {
    for (const one of root.querySelectorAll('*')) {
      for (const name of ['href', 'src', 'poster', 'action']) {
        const text = one.getAttribute(name);
        if (text && !text.startsWith('#')) found.push(new URL(text, document.baseURI).href);
      }
      if (one.shadowRoot) look(one.shadowRoot);
    }
  };
  look(document.body);
  return found;
}"""
"""All addresses on a page, those inside components too."""

OUR_FONTS = """() => ['Inter', 'Geist'].every((family) =>
  [...document.fonts].some((font) => font.family.includes(family) && font.status === 'loaded'))"""

FETCH = """async (address) => {
  const answer = await fetch(address);
  if (!answer.headers.get('content-disposition').startsWith('attachment')) throw new Error('it would not be saved');
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}"""


@dataclass
class Told:
    """What a browser asked for beyond the path, and what it did not get."""

    below: str
    beyond: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def asked(self, request: Request) -> None:
        """Note what is not below the path."""
        if not self.is_below(request.url):
            self.beyond.append(request.url)

    def answered(self, response: Response) -> None:
        """Note what was refused; Streamlit's page asks for its server below its own address first."""
        if response.status >= 400 and not _LOOKS_FOR_ITS_SERVER.search(response.url):
            self.failed.append(f"{response.status} {response.url}")

    def broke(self, request: Request) -> None:
        """Note what broke. A browser gives up requests itself; a clip that waits is cut off by a proxy and taken up again."""
        if request.failure != "net::ERR_ABORTED" and request.resource_type != "media":
            self.failed.append(f"{request.failure} {request.url}")

    def is_below(self, url: str) -> bool:
        """Tell whether an address is one of ours, below the path, or of no server."""
        ours = f"{self.below}/", f"{self.below.replace('http', 'ws', 1)}/", "data:", "blob:", "https://rivya.ai"
        return url.startswith(ours) or url == self.below


class Dashboard(Server):
    """A dashboard with a show."""

    show: str


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard that is served below /lab."""
    running = Dashboard(tmp_path_factory.mktemp("below"), QUICK | BELOW)
    running.show = str(fresh.run("tests.browser.shows:make", folder=str(running.data_dir)))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory, dashboard: Dashboard) -> Iterator[Nginx]:
    """The proxy before it."""
    proxy = Nginx(tmp_path_factory.mktemp("nginx"), dashboard.port)
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser, at the size of a laptop."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(COMES_MS)
    yield opened
    opened.close()


def watched(context: BrowserContext, below: str) -> tuple[Page, Told]:
    """A new page, and what goes wrong in its browser."""
    told = Told(below)
    context.on("request", told.asked)
    context.on("response", told.answered)
    context.on("requestfailed", told.broke)
    return context.new_page(), told


def settled(page: Page) -> None:
    """The page is drawn."""
    page.get_by_role("heading", level=1).wait_for()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


def plays(page: Page, video: Locator) -> None:
    """A clip plays when somebody wants it to."""
    video.wait_for()
    video.evaluate("video => { video.muted = true; return video.play(); }")
    page.wait_for_function("video => video.currentTime > 0", arg=video.element_handle())


def saved(page: Page, link: str) -> bytes:
    """What a link saves. Asked for in the page: a download in a window of its own belongs to no page for Playwright."""
    address = page.get_by_role("link", name=link, exact=True).get_attribute("href")
    return base64.b64decode(page.evaluate(FETCH, address))


def test_a_clip_is_made_played_shown_and_exported_below_the_path(nginx: Nginx, context: BrowserContext) -> None:
    """Over the proxy's WebSocket, with posters and fonts; no request fails and none goes past the path."""
    page, told = watched(context, nginx.url)
    page.goto(nginx.url)  # without its slash: the proxy puts it there
    settled(page)
    assert page.url == f"{nginx.url}/"
    type_prompt(page, PROMPT)
    page.get_by_role("button", name="Generate").first.click()
    plays(page, page.locator('video[src^="/lab/clips/g"]').first)
    page.wait_for_function(OUR_FONTS)
    assert page.evaluate("[...document.fonts].filter(font => font.status === 'error').length") == 0

    page.get_by_role("link", name="History").first.click()
    expect(page).to_have_url(f"{nginx.url}/history")
    posters = page.locator('img[src^="/lab/posters/"]')
    expect(posters.first).not_to_have_js_property("naturalWidth", 0)
    assert PROMPT in saved(page, "CSV").decode()
    assert told.beyond + told.failed == []


def test_every_page_opens_below_the_path_and_leads_nowhere_else(nginx: Nginx, context: BrowserContext) -> None:
    """By its own address, with a slash at its end as well; a link that is kept and sent opens the clip."""
    page, told = watched(context, nginx.url)
    for name in ("", *(name for name, _, _ in PAGES), "history/"):
        page.goto(f"{nginx.url}/{name}")
        settled(page)
        assert [one for one in page.evaluate(ADDRESSES) if not told.is_below(one)] == [], name
    page.goto(f"{nginx.url}/history?id=example-aurora-1")
    settled(page)
    page.locator('video[src="/lab/clips/example-aurora-1.mp4"]').wait_for()
    assert told.beyond + told.failed == []


def test_a_show_is_opened_and_saved_below_the_path(nginx: Nginx, dashboard: Dashboard, context: BrowserContext) -> None:
    """Its editor, its page and its clips; the ZIP that is handed out knows neither host nor path."""
    page, told = watched(context, nginx.url)
    page.goto(f"{nginx.url}/shows?show={dashboard.show}")
    settled(page)
    expect(page.locator(".slides img").first).not_to_have_js_property("naturalWidth", 0)
    page.get_by_text("Download", exact=True).click()
    with zipfile.ZipFile(io.BytesIO(saved(page, "ZIP"))) as show:
        written = "".join(show.read(name).decode() for name in show.namelist() if name.endswith((".html", ".json")))
    assert written
    assert [one for one in (NAME, "/lab/", '"/show/') if one in written] == []
    with page.expect_popup() as opening:
        page.get_by_role("link", name="Open the show").click()
    shown = opening.value
    expect(shown).to_have_url(f"{nginx.url}/show/{dashboard.show}")
    plays(shown, shown.locator("video").first)
    assert [one for one in shown.evaluate(ADDRESSES) if not told.is_below(one)] == []
    assert told.beyond + told.failed == []


def test_only_the_proxys_name_and_origin_are_taken(dashboard: Dashboard, nginx: Nginx, context: BrowserContext) -> None:
    """Another name is refused; a write and a WebSocket are the page's own, though http lies behind https."""
    page, _ = watched(context, nginx.url)
    page.goto(f"{nginx.url}/healthz")
    write = "address => fetch(address, {method: 'POST', body: new URLSearchParams({id: 'x'})}).then(one => one.status)"
    assert page.evaluate(write, f"{nginx.url}/exports/clips.zip") == 404
    asked = context.request
    assert asked.get(f"{dashboard.url}/healthz").ok
    assert asked.get(f"{dashboard.url}/lab/healthz", headers={"Host": "else.where"}).status == 400
    elsewhere = {"Host": NAME, "Origin": f"https://else.{NAME}"}
    refused = asked.post(f"{dashboard.url}/lab/exports/clips.zip", headers=elsewhere, form={"id": "x"})
    assert refused.status == 403
