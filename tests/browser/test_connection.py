"""Connection in a browser: what changes behind the page appears on it by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, Visitor
from tests.browser.looks import settle


def test_a_topped_up_wallet_shows_everywhere_without_a_reload(
    start_server: Callable[..., Server], visit: Callable[..., Visitor]
) -> None:
    """Header and card follow within seconds; this page is the first thing that the new server is asked for."""
    visitor = visit(start_server(), path="/connection")
    page = visitor.page
    expect(page.get_by_text("4,800 simulated credits")).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Top up by 1,600").click()
    expect(page.get_by_text("6,400 simulated credits")).to_be_visible()
    expect(page.locator(".st-key-connection_facts").get_by_text("6,400 credits")).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0
    assert (visitor.foreign, visitor.errors) == ([], [])


@pytest.mark.soak
def test_a_queue_that_goes_on_is_said_without_a_reload(
    start_server: Callable[..., Server], visit: Callable[..., Visitor]
) -> None:
    """The card of the pause goes when somebody resumes in another window."""
    server = start_server()
    visitor = visit(server, path="/connection")
    page = visitor.page
    page.get_by_role("button", name="Pause the queue").click()
    expect(page.get_by_role("button", name="Resume now")).to_be_visible()
    other = visitor.open("/connection")
    other.get_by_role("button", name="Resume now").click()
    expect(page.get_by_role("button", name="Resume now")).to_be_hidden()
    expect(page.get_by_text("Queue paused")).to_be_hidden()
