"""A ballot as people get it: a file opened from disk without a network, or a page that is served; its lines come back and count."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from rivya_core import Lab
from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.votes import vote_lines
from rivya_core.lab.evaluation.votes.vote_lines import Plan
from rivya_core.lab.shows.ballot.ballot import BallotFile
from tests.browser.conftest import COMES_MS, PHONE, WIDE
from tests.browser.looks import broken, fits
from tests.lab.evaluation.study import make_crossed

CROSSED = {"prompt": ["fox", "owl"], "cfg_scale": ["0.8125", "0.9375", "0.5"]}
PAIRS = 6
READY = '[data-vote="left"][aria-disabled="false"]'


@pytest.fixture
def sweep(lab: Lab) -> str:
    """Two variables; a ballot on cfg_scale has six pairs of clips."""
    return make_crossed(lab, CROSSED)


@pytest.fixture
def made(lab: Lab, sweep: str, tmp_path: Path) -> Path:
    """The ballot, as it was sent to somebody: under another name, in another folder."""
    return Path(shutil.copy(lab.shows.ballots.make(sweep, "cfg_scale").path, tmp_path / "vote.html"))


class Voter:
    """One person with a browser, without a network; what it asked for, and what stood in its console."""

    def __init__(self, browser: Browser, address: str, *, width: int = 1440, height: int = 900, **how: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, **how)
        self.context.set_default_timeout(COMES_MS)
        self.context.set_offline(address.startswith("file:"))
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url.partition(":")[0]))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(address)

    def vote(self, *keys: str) -> None:
        """Press a key for each pair, when both clips can be seen."""
        for key in keys:
            self.page.locator(READY).wait_for()
            before = self.page.locator("#count").inner_text()
            self.page.keyboard.press(key)
            expect(self.page.locator("#count")).not_to_have_text(before)

    def line(self, name: str) -> str:
        """The line, with a name."""
        self.page.get_by_label("Your name").fill(name)
        return self.page.locator("#line").input_value()


@pytest.fixture
def voters(browser: Browser) -> Iterator[partial[Voter]]:
    """Open voters' browsers; closed at the end."""
    before = list(browser.contexts)
    yield partial(Voter, browser)
    for context in browser.contexts:
        if context not in before:
            context.close()


def test_who_stops_early_sends_what_there_is(lab: Lab, sweep: str, made: Path, voters: partial[Voter]) -> None:
    """The pairs that were not seen are skipped; until the line is sent one can go on."""
    voter = voters(made.as_uri())
    stop = voter.page.get_by_role("button", name="Stop and send")
    expect(stop).to_be_disabled()
    voter.vote("1", "2")
    stop.click()
    expect(voter.page.locator("#count")).to_have_text("2 of 6 pairs are done.")
    voter.page.get_by_role("button", name="Go on voting").click()
    expect(voter.page.locator("#count")).to_have_text("Pair 3 of 6")
    voter.vote("1")
    voter.page.reload()
    stop.click()
    counted = lab.votes.accept(voter.line("Ana"))
    assert (counted.votes, counted.skipped) == (3, 3)
    assert voter.said == []


def test_two_voters_without_a_network(lab: Lab, sweep: str, made: Path, voters: partial[Voter]) -> None:
    """By keys, on a desk and on a phone, through a reload: their lines count, once, and nothing was asked of anybody."""
    found = []
    for number, look in enumerate((WIDE, PHONE)):
        scheme = "dark" if look.dark else "light"
        voter = voters(made.as_uri(), width=look.width, height=look.height, color_scheme=scheme)
        voter.vote("1", "2")
        assert fits(voter.page)
        assert broken(voter.page) == {}
        voter.page.reload()
        expect(voter.page.locator("#count")).to_have_text("Pair 3 of 6")
        voter.vote("0")
        voter.page.keyboard.press("u")
        expect(voter.page.locator("#count")).to_have_text("Pair 3 of 6")
        voter.vote("x", "s", "ArrowLeft")
        voter.page.locator(READY).wait_for()
        voter.page.keyboard.press("5")
        voter.vote("b")
        found.append(voter.line(["Ana", '<img src=x onerror="alert(1)">'][number]))
        assert broken(voter.page) == {}
        assert fits(voter.page)
        assert (set(voter.asked), voter.said) == ({"file", "blob"}, [])
    told = lab.votes.paste("\n".join([*found, found[0]]), sweep)
    assert [one.sentence for one in told] == [
        "Ana: 5 votes counted, 1 skipped.",
        '<img src=x onerror="alert(1)">: 5 votes counted, 1 skipped.',
        "It was seen before and is counted already.",
    ]
    votes = lab.votes.cast(sweep)[:PAIRS]
    assert [vote.outcome for vote in votes] == ["left", "right", "bad", "skip", "left", "right"]
    assert votes[-1].whys == ("motion",)


def test_the_page_deals_and_seals_as_the_core_does(lab: Lab, made: Path, voters: partial[Voter]) -> None:
    """Over many voters, marks and names; what the page writes is read back."""
    page = voters(made.as_uri()).page
    page.locator(READY).wait_for()
    told = page.evaluate("({ id: ballot.id, key: ballot.key, pairs: ballot.pairs, matches: ballot.matches })")
    plan = Plan.of_json(told)
    for number, name in enumerate(["", "Ana", "Jos\u00e9 \U0001f600", "x" * 60, *["Ben"] * 20]):
        voter = f"voter{number:07}"
        pairs, line = page.evaluate(
            "([voter, name]) => [deal(ballot, voter).map((one) => [one.left, one.right]),"
            " lineOf(ballot, voter, [0, 1, 2, 3, 4, 60], name)]",
            [voter, name],
        )
        assert [tuple(pair) for pair in pairs] == vote_lines.deal(plan, told["key"], told["id"], voter)
        read = vote_lines.read(line, told["key"], plan)
        assert (read.voter, read.name) == (voter, name)
    deals = page.evaluate("Array.from({ length: 20 }, newVoter)")
    assert len(set(deals)) == 20


def test_with_scripts_off_a_sentence_says_what_to_do(made: Path, voters: partial[Voter]) -> None:
    """As on a phone that opens files from a chat without scripts."""
    voter = voters(made.as_uri(), java_script_enabled=False)
    expect(voter.page.get_by_text("Voting needs a browser that runs scripts.")).to_be_visible()
    expect(voter.page.locator("#app")).to_be_hidden()


class Room(BaseHTTPRequestHandler):
    """Serves a ballot, and takes lines for it beside it."""

    def __init__(self, lab: Lab, made: BallotFile, *how: Any) -> None:
        self.lab, self.made = lab, made
        super().__init__(*how)

    def do_GET(self) -> None:
        """The ballot."""
        self._answer(200, self.made.path.read_bytes(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        """A line."""
        line = self.rfile.read(int(self.headers["Content-Length"])).decode()
        try:
            self._answer(200, self.lab.votes.accept(line, ballot=self.made.id).sentence.encode())
        except LabError as error:
            self._answer(422, error.detail.encode())

    def _answer(self, status: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def test_a_served_ballot_sends_its_line(lab: Lab, sweep: str, voters: partial[Voter]) -> None:
    """One press; afterwards the votes are fixed, and the next person at the same screen has a deal of their own."""
    made = lab.shows.ballots.make(sweep, "cfg_scale")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Room, lab, made))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        page = (voter := voters(f"http://127.0.0.1:{server.server_port}/room/ballot")).page
        voter.vote(*"111111")
        first = voter.line("Ana")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#said")).to_have_text("Ana: 6 votes counted.")
        expect(page.get_by_role("button", name="Change my last vote")).to_be_disabled()
        page.reload()
        expect(page.locator("#said")).to_have_text("Your vote was sent. You can close this page.")
        page.get_by_role("button", name="Another person votes").click()
        page.get_by_role("button", name="Sure?").click()
        voter.vote(*"222222")
        assert voter.line("Ben").split(".")[2] != first.split(".")[2]
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#said")).to_have_text("Ben: 6 votes counted.")
        _next_votes_while_a_line_is_on_its_way(page, voter)
    finally:
        server.shutdown()
        server.server_close()
    assert [one.name for one in lab.votes.lines(sweep)] == ["Ana", "Ben", "Cy"]


def _next_votes_while_a_line_is_on_its_way(page: Page, voter: Voter) -> None:
    """What is answered to one person says nothing of the vote of the next."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.get_by_role("button", name="Another person votes").click()
    page.get_by_role("button", name="Sure?").click()
    voter.vote(*"111111")
    voter.line("Cy")
    page.route("**/vote", hold)
    with page.expect_request("**/vote"):
        page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Another person votes").click()
    page.get_by_role("button", name="Sure?").click()
    with page.expect_response("**/vote"):
        held[0].continue_()
    voter.vote(*"222222")
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    expect(page.locator("#said")).to_have_text("")
