"""Sharing in the network as people do it: few presses to the code, a phone that plays, votes and sends, and an end that is one."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import decided
from tests.browser.conftest import COMES_MS, PHONE, Visitor
from tests.browser.decided import Filled
from tests.browser.looks import assert_well, broken, each_look, fits
from tests.until import until

Visit = Callable[..., Visitor]

READY = '[data-vote="left"][aria-disabled="false"]'
PLAYS = "(video) => video.readyState >= 2 && video.currentTime > 0"
COUNT = "addEventListener('click', (one) => { if (one.isTrusted) window.presses = (window.presses || 0) + 1; }, true)"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A server over the filled folder."""
    with decided.serve(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A phone in the room."""
    context = browser.new_context(
        viewport={"width": PHONE.width, "height": PHONE.height}, color_scheme="dark", has_touch=True, is_mobile=True
    )
    context.set_default_timeout(COMES_MS)
    yield context
    context.close()


def shared(filled: Filled, visit: Visit) -> tuple[Visitor, str, int]:
    """From the decided sweep to the code; the visitor, the shared address, and how often something was pressed."""
    visitor = visit(filled.server, path=f"/sweep?experiment={filled.sweep}")
    page = visitor.page
    page.evaluate(COUNT)
    page.get_by_role("button", name="Make a show").first.click()
    expect(page).to_have_url(re.compile(r"/shows\?show="), timeout=COMES_MS)
    page.get_by_role("button", name="Share in this network").click()
    expect(page.locator(".address")).to_be_in_viewport(timeout=COMES_MS)
    expect(page.get_by_role("img", name="QR code: opens the show")).to_be_in_viewport(ratio=1, timeout=COMES_MS)
    return visitor, page.locator(".address").inner_text(), int(page.evaluate("window.presses"))


def refuses(address: str) -> bool:
    """Tell whether nothing takes a connection there."""
    port = int(address.split("/")[2].split(":")[1])
    with socket.socket() as wire:
        return wire.connect_ex(("127.0.0.1", port)) != 0


def vote(page: Page, name: str) -> None:
    """Vote on each pair by touch, and send it."""
    ready = page.locator(READY)
    while True:
        until(
            lambda: ready.is_visible() or page.get_by_label("Your name").is_visible(), what="a pair, or the last step"
        )
        if not ready.is_visible():
            break
        before = page.locator("#count").inner_text()
        ready.tap()
        expect(page.locator("#count")).not_to_have_text(before)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Send").tap()


def test_a_phone_opens_it_votes_and_the_vote_stands_until_stop_closes_it(
    filled: Filled, visit: Visit, phone: BrowserContext
) -> None:
    """Three presses to the code at most; the phone gets show and ballot, and nothing of the dashboard."""
    visitor, address, presses = shared(filled, visit)
    assert presses <= 3
    desk = visitor.page
    opened = phone.new_page()
    opened.goto(address)
    assert (broken(opened), fits(opened)) == ({}, True)
    opened.locator("video").first.evaluate("(video) => video.play()")
    until(lambda: opened.locator("video").first.evaluate(PLAYS), what="the clip plays")
    for path in ("/", "/shows", "/healthz", "/_stcore/health", f"/show/{desk.url.partition('show=')[2]}"):
        answer = opened.request.get("/".join(address.split("/")[:3]) + path)
        assert (answer.status, answer.text()) == (404, "Nothing is shared here.")

    desk.get_by_text("Ballots sent: 0.").wait_for()
    for _ in each_look(desk):
        assert_well(visitor)
    opened.reload()
    opened.get_by_role("link", name="Vote yourself").tap()
    opened.locator(READY).wait_for()
    assert (broken(opened), fits(opened)) == ({}, True)
    vote(opened, "Ana")
    expect(opened.locator("#said")).to_have_text(re.compile(r"^Ana: \d+ votes? counted\.$"))
    assert (broken(opened), fits(opened)) == ({}, True)
    desk.get_by_text("Ballots sent: 1.").wait_for()
    desk.get_by_text("Open now: about 1 browser ").wait_for()

    desk.get_by_role("button", name="Stop sharing").click()
    desk.get_by_text("Sharing stopped. The address answers no more.").wait_for()
    assert refuses(address)
    listed = visitor.open(f"/vote?experiment={filled.sweep}")
    listed.get_by_text(re.compile(r"^1\. Ana · \d+ votes")).wait_for(state="attached")


def test_a_killed_server_shares_nothing_any_more(filled: Filled, visit: Visit) -> None:
    """Nor does the next one over the same folder, whose editor offers to share it again."""
    _, address, _ = shared(filled, visit)
    assert not refuses(address)
    filled.server.stop(signal.SIGKILL)
    until(lambda: refuses(address), what="nothing listens")
    filled.server.start()
    page = visit(filled.server, path="/shows").page
    page.locator(".st-key-shows_rows a").first.click()
    page.get_by_role("button", name="Share in this network").wait_for()
    assert page.locator(".address").count() == 0
    assert refuses(address)
