"""The example show of `docs/` opens from the disk without a network, plays, and presents."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.browser.looks import broken, fits
from tests.docs.test_example_show import COMMITTED
from tests.until import until


def test_the_example_show_opens_and_plays_from_the_disk(browser: Browser) -> None:
    """Nothing is asked beyond the file, a clip plays inside it, `f` presents, and an arrow leads on."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if not one.url.startswith(("data:", "blob:")) else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(COMMITTED.as_uri())
    assert page.get_by_role("heading", level=1).inner_text() == "Opening shot of the winter film"
    assert (broken(page), fits(page)) == ({}, True)
    clip = page.locator("video").first
    clip.evaluate("(video) => video.play()")
    until(lambda: clip.evaluate("(video) => video.currentTime > 0"), what="a clip plays")
    page.keyboard.press("f")
    until(lambda: page.locator('.stage[data-slide="1"]').count() == 1, what="the first slide")
    page.keyboard.press("ArrowRight")
    until(lambda: page.locator('.stage[data-slide="2"]').count() == 1, what="the second slide")
    context.close()
    assert (wrong, asked) == ([], [COMMITTED.as_uri()])
