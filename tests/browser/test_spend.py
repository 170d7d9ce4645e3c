"""Spend in a real browser: readable in every state and width, its switches in the address, a cap raised by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from rivya_core.lab.ledger.database import begin_immediate, migrate, open_database
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import balances, experiments
from rivya_core.lab.ledger.states import State
from rivya_core.settings import EMBEDDED_CONNECTION
from tests.browser.conftest import Server, Visitor
from tests.browser.looks import assert_well, each_look, settle
from tests.lab.given import Clock, in_state

DAYS = 40


def _fill(folder: Path, state: str) -> None:
    """A data folder as it was left by earlier days."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "lab.sqlite3"
    database = open_database(path)
    migrate(database, path)
    clock = Clock(datetime.now(UTC) - timedelta(days=DAYS if state == "many" else 0, minutes=5))
    ledger = Ledger(database, clock)
    if state == "few":
        for kind in (State.FAILED, State.FAILED, State.CANCELLED, State.UNCONFIRMED, State.SUCCEEDED):
            in_state(ledger, kind, connection=EMBEDDED_CONNECTION)
    if state == "many":
        _many(ledger, clock)
    database.dispose()


def _many(ledger: Ledger, clock: Clock) -> None:
    """Forty days of experiments, a charge made elsewhere, caps raised."""
    for day in range(DAYS):
        name = f"experiment-{day}"
        row = {
            "id": name,
            "kind": "sweep",
            "name": f"Which of the lights suits the fox in the snow best, seen from far away, {day}?",
            "question": "",
            "mode": "simulated",
            "connection": EMBEDDED_CONNECTION,
            "model": "kling-v2-1-master",
            "spec": {},
            "cells": 2,
            "takes": 2,
            "cap_credits": 640 if day % 3 == 0 else None,
            "quoted_credits": 640,
            "created_at": clock(),
            "decided_at": clock() if day % 2 else None,
        }
        with begin_immediate(ledger.database) as connection:
            connection.execute(sa.insert(experiments).values(row))
        for take in range(4):
            found = in_state(
                ledger,
                State.FAILED if take == 3 else State.SUCCEEDED,
                connection=EMBEDDED_CONNECTION,
                experiment_id=name if take else None,
            )
            if take < 2:
                ledger.jobs.settle(found.id, 160)
        clock.turn(86_400)
    ledger.key_value.set_cap("simulated", 1600)
    ledger.key_value.set_cap("simulated", 4800, "The demo on Friday needs two more takes of each cell")
    reads = [(1, 4800), (2, 4640), (3, 6240)]
    with begin_immediate(ledger.database) as connection:
        for number, credits in reads:  # noqa: A001 - Rivya's word
            asked = datetime.now(UTC) - timedelta(hours=10 - number)
            row = {"asked_at": asked, "credits": credits, "booked_credits": 0, "open_credits": 0}
            connection.execute(sa.insert(balances).values(connection=EMBEDDED_CONNECTION, mode="simulated", **row))


WIDER = "[...document.querySelectorAll('.rv-sheet')].filter(one => one.scrollWidth > one.clientWidth + 1).length"
SPLIT = "[...document.querySelectorAll('.rv-sheet td.word span')].filter(one => one.getClientRects().length > 1).length"
"""How many tables are wider than their place, and how many words are broken over two lines."""


def assert_readable(visitor: Visitor) -> None:
    """In each look, with all that folds open: axe finds nothing of ours, no table overflows, no word is split."""
    page = visitor.page
    settle(page)
    for closed in page.get_by_test_id("stExpander").all():
        closed.locator("summary").click()
    for _ in each_look(page):
        assert_well(visitor)
        assert page.evaluate(WIDER) == 0
        assert page.evaluate(SPLIT) == 0


def test_an_empty_folder_is_accessible_and_fits(bare: Server, visit: Callable[..., Visitor]) -> None:
    """With nothing to tell."""
    assert_readable(visit(bare, path="/spend?days=all"))


def test_a_few_rows_are_accessible_and_fit(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    """One that went well among those that did not."""
    _fill(tmp_path, "few")
    server = Server(tmp_path, {"RIVYA_FIRST_START_EXAMPLES": "0"})
    server.start()
    try:
        assert_readable(visit(server, path="/spend?days=all"))
    finally:
        server.stop()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with forty days behind it."""
    folder = tmp_path_factory.mktemp("spend")
    _fill(folder, "many")
    running = Server(folder, {"RIVYA_FIRST_START_EXAMPLES": "0"})
    running.start()
    yield running
    running.stop()


def test_forty_days_are_accessible_and_fit(filled: Server, visit: Callable[..., Visitor]) -> None:
    """With everything there is to tell."""
    assert_readable(visit(filled, path="/spend?days=all"))


def test_the_address_keeps_mode_and_days(filled: Server, visit: Callable[..., Visitor]) -> None:
    """A choice is in the address at once, and a visitor with that address sees the same."""
    visitor = visit(filled, path="/spend")
    page = visitor.page
    expect(page.get_by_role("heading", name="Spent in the last 30 days")).to_be_visible()
    page.get_by_role("radio", name="all").click()
    expect(page.get_by_role("heading", name="Spent so far")).to_be_visible()
    page.get_by_role("radio", name="live").click()
    expect(page.get_by_role("heading", name="Nothing spent so far")).to_be_visible()
    assert "days=all" in page.url
    assert "mode=live" in page.url
    again = visitor.open(page.url.removeprefix(filled.url))
    expect(again.get_by_role("heading", name="Nothing spent so far")).to_be_visible()
    expect(again.get_by_text("No generation has used live credits so far")).to_be_visible()


def test_the_wallet_tells_what_nobody_here_took_and_a_cap_is_raised_by_keyboard(
    filled: Server, visit: Callable[..., Visitor]
) -> None:
    """A charge and a top-up, each with its two moments. The cap's field asks why, the reason goes into the log, the bar follows."""
    page = visit(filled, path="/spend").page
    expect(page.get_by_text("160 simulated credits unexplained between").first).to_be_visible()
    expect(page.get_by_text("1,600 simulated credits added to the wallet between").first).to_be_visible()
    field = page.get_by_role("spinbutton", name="Cap for simulated credits a day")
    field.fill("5600")
    field.press("Enter")
    expect(page.get_by_text("The cap of 4,800 credits holds until you say why it is raised to 5,600.")).to_be_visible()
    why = page.get_by_role("textbox", name="Why")
    why.fill("One more axis")
    why.press("Enter")
    page.get_by_role("button", name="Raise it to 5,600").press("Enter")
    expect(page.get_by_text("Changes of caps (3)")).to_be_visible()
    page.get_by_text("Changes of caps (3)").click()
    expect(page.get_by_role("cell", name="One more axis")).to_be_visible()
    expect(page.get_by_role("cell", name="4,800 → 5,600")).to_be_visible()


def test_the_table_leads_to_an_experiment_and_the_file_is_there(filled: Server, visit: Callable[..., Visitor]) -> None:
    """Each line links to its experiment; the CSV comes as a file that says it is simulated."""
    page = visit(filled, path="/spend?days=7+days").page
    link = page.get_by_role("table", name="simulated credits by sweep").get_by_role("link").first
    expect(link).to_be_visible()
    assert (link.get_attribute("href") or "").startswith("/sweep?experiment=experiment-")
    export = page.get_by_role("link", name="CSV")
    address = export.get_attribute("href") or ""
    answer = page.request.get(address if address.startswith("http") else filled.url + address)
    assert "SIMULATED" in answer.headers["content-disposition"]
    assert answer.text().count("\r\n") > 20
