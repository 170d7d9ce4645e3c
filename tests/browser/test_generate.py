"""Generate in a real browser: a refused image costs nothing, a playing clip stays, all of it in sight and readable."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from rivya_core.lab.ledger.database import migrate, open_database
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.states import State
from rivya_core.settings import EMBEDDED_CONNECTION
from tests.browser.conftest import HELD, PHONE, WIDE, Look, Server, Visitor, tasks_of, world_of
from tests.browser.looks import assert_well, each_look, settle
from tests.browser.test_first_visit import PROMPT, type_prompt
from tests.lab.given import in_state
from tests.until import until

StartServer = Callable[..., Server]
Visit = Callable[..., Visitor]

FAILURES = 4


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a clip, after which all generations failed."""
    folder = tmp_path_factory.mktemp("generate")
    path = folder / "lab.sqlite3"
    database = open_database(path)
    migrate(database, path)
    ledger = Ledger(database)
    in_state(ledger, State.SUCCEEDED, connection=EMBEDDED_CONNECTION)
    for _ in range(FAILURES):
        in_state(ledger, State.FAILED, connection=EMBEDDED_CONNECTION)
    database.dispose()
    running = Server(folder, HELD)
    running.start()
    yield running
    running.stop()


def photo(width: int = 1200, height: int = 800) -> bytes:
    """A real JPEG."""
    picture = io.BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(picture, "JPEG")
    return picture.getvalue()


def drop(page: Page, data: bytes) -> None:
    """Drop a file on the uploader as a person does."""
    transfer = page.evaluate_handle(
        """data => { const t = new DataTransfer();
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
        t.items.add(new File([bytes], 'photo.jpg', {type: 'image/jpeg'})); return t; }""",
        base64.b64encode(data).decode(),
    )
    page.get_by_test_id("stFileUploaderDropzone").dispatch_event("drop", {"dataTransfer": transfer})


def uploads_of(server: Server) -> int:
    """How many files the simulator of this server was sent."""
    world = world_of(server)
    try:
        return len(world.requests("upload"))
    finally:
        world.close()


def bottom_px(page: Page, selector: str) -> float:
    """Where the first such element ends, from the top of the window."""
    return float(page.locator(selector).first.evaluate("e => e.getBoundingClientRect().bottom"))


def test_a_refused_image_lets_nothing_leave_until_it_is_gone(quick: Server, visit: Visit) -> None:
    """Neither the button nor Ctrl+Enter makes a clip without the image; removing the file frees the form."""
    before = tasks_of(quick)
    page = visit(quick, calm=True).page
    settle(page)
    drop(page, photo()[:9000])
    expect(page.get_by_text("This image cannot be used")).to_be_visible()
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("stToast").get_by_text("The image cannot be used")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Generate · 160"))).to_be_disabled()
    assert tasks_of(quick) == before
    page.get_by_role("button", name="Remove photo.jpg").click()
    expect(page.get_by_role("button", name=re.compile("Generate · 160"))).to_be_enabled()


def paste(page: Page, data: bytes, name: str, text: str = "") -> None:
    """Paste a file, and what text came with it, wherever the focus is."""
    page.evaluate(
        """([data, name, text]) => { const t = new DataTransfer();
        const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
        t.items.add(new File([bytes], name, {type: 'image/jpeg'}));
        if (text) t.setData('text/plain', text);
        document.activeElement.dispatchEvent(new ClipboardEvent('paste',
          {clipboardData: t, bubbles: true, cancelable: true, composed: true})); }""",
        [base64.b64encode(data).decode(), name, text],
    )


def test_an_image_is_pasted_fitted_and_sent_as_it_is_shown(start_server: StartServer, visit: Visit) -> None:
    """Pasted anywhere, cropped, sent: the bytes of the preview are those that Rivya gets. Then it stands on the shelf."""
    server = start_server(RIVYA_SIMULATOR_SPEED="20")
    visitor = visit(server, calm=True)
    page = visitor.page
    settle(page)
    type_prompt(page)
    paste(page, photo(), "text.jpg", "words that were copied with a picture")
    page.locator("body").focus()
    paste(page, photo(), "pasted.jpg")
    expect(page.get_by_text("pasted.jpg")).to_be_visible()
    expect(page.get_by_text("text.jpg")).to_have_count(0)
    page.get_by_role("radiogroup", name="Fit to 16:9").get_by_text("Crop").click()
    expect(page.get_by_text("cropped to 16:9")).to_be_visible()
    preview = page.get_by_role("img", name="Reference image reference-image.jpg")
    shown = page.request.get(server.url + str(preview.get_attribute("src"))).body()
    assert tasks_of(server) == 0
    page.get_by_label("Prompt", exact=True).press("Control+Enter")
    expect(page.get_by_role("heading", name="Latest clip")).to_be_visible()
    until(lambda: tasks_of(server) == 1, what="the task is made")
    world = world_of(server)
    try:
        assert [file.sha256 for file in world.uploads()] == [hashlib.sha256(shown).hexdigest()]
    finally:
        world.close()
    paste(page, photo(200, 300), "second.jpg")
    expect(page.get_by_text("Image replaced.")).to_be_visible()
    page.get_by_role("button", name="Remove", exact=True).click()
    shelf = page.get_by_role("list", name="Recent images")
    expect(shelf.get_by_role("button")).to_have_count(2)
    settle(page)
    expect(page.get_by_test_id("stToast")).to_have_count(0)  # Streamlit's own has no name for axe
    assert_well(visitor)
    shelf.get_by_role("button", name="Use pasted.jpg").click()
    expect(page.get_by_text("Recent image added.")).to_be_visible()
    expect(page.get_by_text("1200\N{MULTIPLICATION SIGN}800 px JPEG")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(shelf).to_be_visible()
    assert tasks_of(server) == 1


def test_a_send_waits_for_the_image_that_is_still_on_its_way(quick: Server, visit: Visit) -> None:
    """A photo dropped a moment before Ctrl+Enter, over a slow line, is shown with its size and in the request that leaves."""
    before, uploads = tasks_of(quick), uploads_of(quick)
    page = visit(quick, calm=True).page
    settle(page)
    type_prompt(page)
    held: list[Route] = []
    page.route("**/_stcore/upload_file/**", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    drop(page, photo())
    expect(page.get_by_test_id("stFileChipIconSpinner")).to_be_visible()
    page.get_by_label("Prompt", exact=True).press("Control+Enter")
    settle(page)
    assert tasks_of(quick) == before
    held[0].continue_()
    until(lambda: tasks_of(quick) == before + 1, what="the task is made")
    expect(page.get_by_text(re.compile("1200.?\u00d7.?800")).first).to_be_visible()
    settle(page)
    assert (uploads_of(quick), tasks_of(quick)) == (uploads + 1, before + 1)
    # Or the end of it redraws the page of the next test.
    expect(page.get_by_text("Succeeded").first).to_be_visible()


def test_a_prompt_that_is_too_long_answers_the_shortcut(quick: Server, visit: Visit) -> None:
    """Ctrl+Enter says why nothing left."""
    before = tasks_of(quick)
    page = visit(quick, calm=True).page
    expect(page.get_by_text("Ctrl+Enter generates")).to_be_attached()
    page.get_by_label("Prompt", exact=True).fill("x" * 5001)
    page.keyboard.press("Control+Enter")
    toast = page.get_by_test_id("stToast")
    expect(toast.get_by_text("The prompt is 1 character too long: 5,001 of 5,000.")).to_be_visible()
    assert tasks_of(quick) == before


TYPE_AT_ONCE = """
new MutationObserver((changes, observer) => {
  const box = document.querySelector('textarea[aria-label="Prompt"]');
  if (!box) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, 'A red fox');
    box.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }));
}).observe(document, { childList: true, subtree: true });
"""


def test_what_is_typed_the_moment_the_box_appears_counts(served: Server, visit: Visit) -> None:
    """Nobody has to know that the page was still being put together."""
    visitor = visit(served, path="/connection", calm=True)
    page = visitor.open("/", TYPE_AT_ONCE)
    expect(page.get_by_text("9 / 5000")).to_be_visible()
    expect(page.get_by_role("button", name="Generate · 160 credits")).to_be_enabled()


TYPE_AND_READ = """
([box, counter, text]) => {
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, text);
  box.dispatchEvent(new InputEvent('input', { bubbles: true }));
  const [count, over] = ['.count', '.over'].map((part) => counter.querySelector(part));
  const beyond = over.hidden ? '' : over.querySelector('mark').textContent;
  return [count.textContent, counter.className, beyond];
}
"""


COUNTED = [
    ("Prompt", "A red fox", "9 / 5000", "counter", ""),
    ("Prompt", "\N{FOX FACE}" * 3, "3 / 5000", "counter", ""),
    ("Prompt", "x" * 4500, "4500 / 5000", "counter near", ""),
    ("Prompt", "x" * 4999 + "\N{FOX FACE}\N{SNOWFLAKE}!", "5002 / 5000", "counter beyond", "\N{SNOWFLAKE}!"),
    ("Negative prompt", "\N{FOX FACE} blur", "6 characters", "counter", ""),
]
"""What is typed where: its count, how the counter looks, and what is shown as too much."""


def test_the_counter_follows_the_keystroke_itself(served: Server, visit: Visit) -> None:
    """The moment a text is typed it is counted, before the server could know; what is too much is shown."""
    page = visit(served, calm=True).page
    settle(page)
    for label, text, count, tone, beyond in COUNTED:
        box = page.get_by_label(label, exact=True)
        key = "prompt_counter" if label == "Prompt" else "form_negative_prompt_counter"
        counter = page.locator(f".st-key-{key} .counter")
        handles = [box.element_handle(), counter.element_handle(), text]
        assert page.evaluate(TYPE_AND_READ, handles) == [count, tone, beyond]
        settle(page)
        expect(counter.locator(".count")).to_have_text(count)


TYPE_AND_LOOK = """
([box, said]) => {
  box.focus();
  document.execCommand('insertText', false, '!');
  return said.checkVisibility({ opacityProperty: true }) && !said.closest('[inert]');
}
"""


def test_what_exists_is_not_said_of_a_text_that_was_typed_since(served: Server, visit: Visit) -> None:
    """The sentence is out of sight with the next letter, and there again when the text is the same again."""
    page = visit(served, calm=True).page
    settle(page)
    page.get_by_label("Negative prompt", exact=True).fill("")
    box = page.get_by_label("Prompt", exact=True)
    box.fill("A red fox in the snow")
    said = page.locator(".st-key-muted_exists_form").get_by_text("You have 1 clip of exactly this.")
    expect(said).to_be_visible()
    assert page.evaluate(TYPE_AND_LOOK, [box.element_handle(), said.element_handle()]) is False
    expect(said).to_have_count(0)
    box.fill("A red fox in the snow")
    expect(said).to_be_visible()


@pytest.mark.soak
def test_an_idle_tab_shows_what_another_one_started(start_server: StartServer, visit: Visit) -> None:
    """Nobody touches the second tab, and the running job appears in it."""
    server = start_server(RIVYA_SIMULATOR_SPEED="0.2")
    visitor = visit(server)
    idle = visitor.open("/")
    settle(idle)
    page = visitor.page
    page.bring_to_front()
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(idle.get_by_role("heading", name="In progress")).to_be_visible()


@pytest.mark.soak
@pytest.mark.parametrize("look", [WIDE, PHONE], ids=["wide-light", "phone-dark"])
def test_four_takes_and_an_image_fit_beside_the_clip(start_server: StartServer, visit: Visit, look: Look) -> None:
    """On a desk the clip and the preview stay in sight; everywhere the page is accessible and fits."""
    server = start_server(RIVYA_SIMULATOR_SPEED="0.2")
    visitor = visit(server, look)
    page = visitor.page
    settle(page)
    drop(page, photo())
    expect(page.get_by_text(", re-encoded")).to_be_visible()
    page.get_by_label("Takes").click()
    page.get_by_role("option", name="4").click()
    expect(page.get_by_role("button", name=re.compile("Generate · 640"))).to_be_visible()
    type_prompt(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("take 4").first).to_be_visible()
    expect(page.get_by_test_id("stToast")).to_have_count(0)  # Streamlit's own has no name for axe
    settle(page)
    assert_well(visitor)
    if look.width > 700:
        assert bottom_px(page, "video") <= look.height
        assert bottom_px(page, ".st-key-muted_image") <= page.locator(".st-key-send_row").evaluate(
            "e => e.getBoundingClientRect().top"
        )


def test_failures_are_put_away_together(served: Server, visit: Visit) -> None:
    """Their cards and the way to all of them are accessible; History opens on what failed."""
    visitor = visit(served, calm=True)
    page = visitor.page
    for _ in each_look(page):
        assert_well(visitor)
    page.get_by_role("link", name="2 more in History").click()
    expect(page.get_by_role("heading", level=1, name="History")).to_be_visible()
    expect(page).to_have_url(re.compile("state=failed"))
    settle(page)
    assert page.get_by_test_id("stException").count() == 0


def test_what_cannot_be_sent_is_said_readably(served: Server, visit: Visit) -> None:
    """A prompt beyond the limit, and one that is only longer in UTF-16, are said in words that anybody can read."""
    visitor = visit(served, calm=True)
    page = visitor.page
    settle(page)
    for prompt, said in (("x" * 5001, "5001 / 5000"), ("\N{FOX FACE}" * 2600, "5200 of 5000 when counted in UTF-16")):
        page.get_by_label("Prompt", exact=True).fill(prompt)
        expect(page.get_by_text(said)).to_be_visible()
        for _ in each_look(page):
            assert_well(visitor)
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    expect(page.get_by_text(f"{len(PROMPT)} / 5000")).to_be_visible()


def test_the_acts_under_a_clip_stand_in_one_row(served: Server, visit: Visit) -> None:
    """No button is left alone in a second row beside the form, on any desk."""
    page = visit(served, calm=True).page
    acts = page.locator(".st-key-clip_actions :is(button, a)")
    for width_px in (1440, 1366, 1280):
        page.set_viewport_size({"width": width_px, "height": 900})
        settle(page)
        expect(page.locator(".st-key-clip_actions :is(button, a):visible")).to_have_count(5)
        tops = acts.evaluate_all(
            "all => all.map(e => e.getBoundingClientRect()).filter(box => box.width).map(box => Math.round(box.top))"
        )
        assert len(tops) == 5
        assert len(set(tops)) == 1
