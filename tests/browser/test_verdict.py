"""What a person sees of a verdict: it comes by itself, its points open clips by mouse and keyboard, the choice is theirs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.bench import fresh
from tests.browser.conftest import Server, Visitor
from tests.browser.looks import assert_well, each_look, settle
from tests.until import until

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over the filled folder."""
    folder = tmp_path_factory.mktemp("verdicts")
    fresh.run("tests.browser.verdicts:fill", folder=str(folder))
    running = Server(folder, {"RIVYA_FIRST_START_EXAMPLES": "false"})
    running.start()
    yield running
    running.stop()


def address(experiment_id: str, view: str = "Verdict") -> str:
    """Where a tab of an experiment is."""
    return f"/sweep?experiment={experiment_id}&view={view}"


LINES = "ones => ones.filter(one => one.textContent).map(one => Math.round(one.clientHeight / 17.55))"


def points(page: Page) -> Locator:
    """The points of all charts."""
    return page.locator("svg a")


def judged(page: Page) -> None:
    """Wait until the verdict is drawn, and open the details of every variable."""
    details = page.locator("[class*='st-key-verdict_details_'] details")
    details.first.wait_for()
    for one in details.all():
        if one.get_attribute("open") is None:
            one.locator("summary").click()
    points(page).first.wait_for()


def test_a_verdict_comes_by_itself(server: Server, visit: Visit) -> None:
    """Clips that nobody measured yet are measured while one looks, and the verdict takes the place of the progress."""
    page = visit(server, path=address("xnew"), calm=True).page
    expect(page.get_by_text(re.compile("cfg_scale")).first).to_be_visible()
    judged(page)
    assert points(page).count() >= 12


@pytest.mark.parametrize("state", ["xclear", "xtable", "xfew", "xempty"])
def test_the_tab_is_accessible_and_fits(server: Server, visit: Visit, state: str) -> None:
    """Every state, wide and on a phone, light and dark, without a reload; no point or word leaves its chart."""
    visitor = visit(server, path=address(state), calm=True)
    page = visitor.page
    if state == "xempty":
        page.get_by_text("No clip to measure yet").wait_for()
    else:
        judged(page)
    for look in each_look(page):
        boxes = [dot.bounding_box() for dot in page.locator("circle.dot").all()]
        assert bool(boxes) == (state != "xempty")
        assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= look.width for box in boxes)
        assert_well(visitor)


def test_the_decision_tab_is_accessible_and_fits(server: Server, visit: Visit) -> None:
    """With its form open."""
    visitor = visit(server, path=address("xtable", "Decision"), calm=True)
    visitor.page.get_by_label("Who decides").wait_for()
    for _ in each_look(visitor.page):
        assert_well(visitor)


def test_clips_play_and_points_open_theirs_by_keyboard_and_mouse(server: Server, visit: Visit) -> None:
    """The two clips play muted, in a loop, from the moment they are in sight, with one button; a click opens one.

    The points of a chart are one stop of Tab; arrows go on; Enter or a click opens the clip above the page, Escape leads back;
    the address of a point is the clip's own, for a new tab.
    """
    page = visit(server, path=address("xclear")).page
    videos = page.locator("[class*='st-key-verdict_0'] video")
    expect(videos).to_have_count(2)
    playing = "ones => ones.every(one => !one.paused && one.muted && one.loop && one.currentTime > 0)"
    until(lambda: videos.evaluate_all(playing), what="both clips play")
    page.get_by_role("button", name="Pause both").click()
    assert videos.evaluate_all("ones => ones.every(one => one.paused)")
    judged(page)
    dialog = page.get_by_role("dialog")
    assert page.locator("svg a[tabindex='0']").count() == page.locator("figure[data-key]").count()
    first = page.locator("figure[data-key='motion'] svg a[tabindex='0']")
    first.focus()
    began = first.get_attribute("data-id")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    now = page.locator("figure[data-key='motion'] svg a[tabindex='0']")
    expect(now).to_be_focused()
    assert now.get_attribute("data-id") != began
    label = now.get_attribute("aria-label") or ""
    assert re.match(r"[01], take \d: [\d.]+ luma levels per frame\. Open the clip", label)
    page.keyboard.press("Enter")
    dialog.locator("video").wait_for()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    judged(page)
    point = points(page).nth(2)
    id_ = point.get_attribute("data-id")
    href = point.get_attribute("href") or ""
    point.locator("circle.dot").click()
    video = dialog.locator("video")
    video.wait_for()
    assert id_ is not None
    assert id_ in (video.get_attribute("src") or "")
    assert page.url.split("?")[0].endswith("/sweep")
    assert href.endswith(f"/history?id={id_}")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name=re.compile("^Open the clip of cfg_scale 0")).click()
    dialog.locator("video").wait_for()


def test_values_are_named_in_whole_words_below_the_name_of_their_axis(server: Server, visit: Visit) -> None:
    """No name is broken inside a word, at any width."""
    page = visit(server, path=address("xwords"), calm=True).page
    judged(page)
    figure = page.locator("figure[data-key='motion']")
    for width in (1440, 900, 390):
        page.set_viewport_size({"width": width, "height": 900})
        expect(figure.locator(".axis")).to_have_text("light")
        assert figure.locator(".name").first.inner_text() == "dawn"
        until(lambda: set(figure.locator(".name").evaluate_all(LINES)) == {1}, what="each name on one line")


def test_a_person_decides_and_takes_the_winner_along(server: Server, visit: Visit) -> None:
    """Winner, reason and name; then the decision stands there, and the winner's request goes into the form."""
    visitor = visit(server, path=address("xclear", "Decision"), calm=True)
    page = visitor.page
    decide = page.locator(".st-key-decide").get_by_role("button")
    page.get_by_label("Winner").click()
    page.get_by_role("option", name="cfg_scale: 0", exact=True).click()
    page.get_by_label("Why").fill("It moves as the brief asks")
    settle(page)
    page.get_by_label("Who decides").fill("Ana")
    decide.click()  # the very first click, while the name's field is still the one that is typed in
    page.get_by_text("It moves as the brief asks").wait_for()
    expect(page.get_by_text("Ana", exact=True)).to_be_visible()
    page.locator("code", has_text="from rivya_core import GenerationRequest").first.wait_for()
    assert_well(visitor)
    page.get_by_role("button", name="Load into Generate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Generate")
    expect(page.get_by_label(re.compile("^Prompt"))).to_have_value("A fox")
    expect(
        page.get_by_text(re.compile("Measured here in the simulator on .*: cfg_scale 0 moves more than 1"))
    ).to_be_visible()
