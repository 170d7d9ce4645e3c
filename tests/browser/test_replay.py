"""What a person sees of a replay: REPLAY on every page, one press that plays the recording, and the same as when it was made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import expect

from tests.bench import fresh
from tests.browser.conftest import PHONE, QUICK, WIDE, Server, Visitor
from tests.browser.looks import assert_well, each_look, fits, settle

Visit = Callable[..., Visitor]

SAID = "REPLAY of live work, recorded 12 Nov 2025"
PAGES = ("/", "/sweep", "/compare", "/vote", "/history", "/shows", "/spend", "/connection")


class Taped(NamedTuple):
    """A server that plays a cassette, and what the cassette was made of."""

    server: Server
    cassette: Path
    made: dict[str, list[Any]]


@pytest.fixture(scope="module")
def taped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taped]:
    """A cassette of 12 takes, two of them failed, and a server that plays it with nothing but this machine to speak to."""
    folder = tmp_path_factory.mktemp("tape")
    made = fresh.run("tests.browser.tapes:record", folder=str(folder))
    cassette = folder / "work.cassette"
    running = Server(folder / "data", {**QUICK, "RIVYA_SIMULATOR_SPEED": "20", "RIVYA_CASSETTE": str(cassette)})
    running.start()
    yield Taped(running, cassette, made)
    running.stop()


def test_one_press_plays_what_was_recorded(taped: Taped, visit: Visit) -> None:
    """States, credits and clips as they were; every page says what it shows, and none is broken in either look.

    What only a replay shows, the card that plays and the banner, is accessible; of the rest each page's own tests say so.
    """
    visitor = visit(taped.server, calm=True)
    page = visitor.page
    play = page.get_by_role("button", name="Play the recording")
    play.wait_for()
    for _ in each_look(page):
        assert_well(visitor)
    play.click()
    expect(page).to_have_url(re.compile(r"/sweep\?experiment="))
    expect(page.get_by_text("10 of 12 clips · 2 failed")).to_be_visible()
    expect(page.get_by_text("1,600 replay credits spent of 1,920 quoted").first).to_be_visible()
    for path in PAGES:
        page.goto(taped.server.url + path)
        expect(page.get_by_text(SAID)).to_be_visible()
        for look in (PHONE, WIDE):
            page.set_viewport_size({"width": look.width, "height": look.height})
            settle(page)
            assert fits(page)
            assert page.get_by_text("SIMULATED", exact=True).count() == 0
            assert page.get_by_text("simulated credits").count() == 0
        assert page.get_by_test_id("stException").count() == 0
        assert (visitor.foreign, visitor.errors) == ([], [])
    data_dir = str(taped.server.data_dir)
    played = fresh.run("tests.browser.tapes:played", folder=data_dir, cassette=str(taped.cassette))
    assert played == taped.made


def test_what_was_not_recorded_is_refused_with_what_can_be_pressed(taped: Taped, visit: Visit) -> None:
    """Not charged, and in words."""
    page = visit(taped.server, calm=True).page
    page.get_by_label("Prompt", exact=True).fill("A wolf on the moon")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("This request is not in the recording").first).to_be_visible()
    expect(page.get_by_text("Press Play the recording").first).to_be_visible()
    expect(page.get_by_text("Not charged").first).to_be_visible()
