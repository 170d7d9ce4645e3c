"""What sharing in the network promises: one show and its ballot at one address that cannot be guessed, and nothing afterwards."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import httpx
import pytest

from rivya_core import Lab
from rivya_core.api.errors import LabError
from rivya_core.lab.shows.page import page
from rivya_core.lab.shows.room import open_room
from rivya_core.lab.shows.room.open_room import OpenRoom, OpenRooms
from rivya_core.lab.shows.room.own_address import own_address
from rivya_core.lab.shows.room.room import Share
from rivya_core.lab.shows.show import Show
from rivya_core.services import close_all
from tests.lab.evaluation.study import WORDS, make_study
from tests.lab.given import Clock
from tests.lab.shows.given import VALUES, based, decide
from tests.lab.shows.test_ballot import line
from tests.lab.shows.test_shows import clips_of
from tests.until import HANGS_S, until

HERE = "127.0.0.1"
GONE = "Nothing is shared here."


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A lab that shares on this machine only."""
    return make_lab(share_address=HERE)


@pytest.fixture
def clock(lab: Lab) -> Clock:
    """The lab's clock, which only the test moves."""
    clock = Clock(lab.ledger.clock())
    lab.ledger.rows.clock = clock
    return clock


@pytest.fixture
def sweep(lab: Lab) -> str:
    """A decided sweep of two clips."""
    made = based(lab, make_study(lab, VALUES))
    decide(lab, made)
    return made


@pytest.fixture
def show(lab: Lab, sweep: str) -> Show:
    """A show of one of its clips."""
    return lab.shows.create("Calm <b>sea</b>", clips_of(lab, sweep)[:1])


@pytest.fixture
def share(lab: Lab, show: Show) -> Share:
    """The show, shared."""
    return lab.shows.room.start(show.id)


@pytest.fixture
def phone() -> Iterator[httpx.Client]:
    """A browser in the room."""
    with httpx.Client(headers={"user-agent": "phone"}, timeout=HANGS_S) as client:
        yield client


def with_ballot(lab: Lab, sweep: str) -> Share:
    """A show of the sweep, shared, once its ballot is there."""
    made = lab.shows.of_sweep(sweep)
    share = lab.shows.room.start(made.id)
    until(lambda: now(lab, share).ballot_url, what="the ballot is served")
    return now(lab, share)


def now(lab: Lab, share: Share) -> Share:
    """How it is shared now."""
    found = lab.shows.room.current(share.show_id)
    assert found is not None
    return found


def listens(share: Share) -> bool:
    """Tell whether anything takes a connection at the port."""
    try:
        socket.create_connection((HERE, share.port), timeout=HANGS_S).close()
    except ConnectionRefusedError:
        return False
    return True


def asked(share: Share, head: str) -> tuple[int, str]:
    """What a request gets that is sent as it stands: its status, and all the rest but the date."""
    with socket.create_connection((HERE, share.port), timeout=HANGS_S) as wire:
        wire.sendall(f"{head}\r\nHost: {HERE}\r\nConnection: close\r\n\r\n".encode("latin-1"))
        told = b"".join(iter(lambda: wire.recv(65536), b"")).decode("latin-1")
    status, _, rest = told.partition("\r\n")
    return int(status.split()[1]), re.sub(r"(?i)date: .*\r\n", "", rest)


# -- what is served ----------------------------------------------------------------------------------------------------


def test_the_page_comes_under_its_own_policy_at_an_address_of_96_bits(
    lab: Lab, show: Show, share: Share, phone: httpx.Client
) -> None:
    """With its clips and posters below that address, and no word of the server."""
    token = share.url.split("/")[-2]
    assert re.fullmatch(f"[{open_room.ADDRESS_SIGNS}]{{20}}", token)
    assert len(set(open_room.ADDRESS_SIGNS)) ** 20 >= 2**96
    assert share.url == f"http://{HERE}:{share.port}/{token}/"
    answer = phone.get(share.url)
    assert answer.status_code == 200
    assert answer.text == page.render(lab.shows.data(show.id), page.ServedMedia(f"/{token}"), served=True, shared=True)
    assert "over plain http from a computer in this network" in answer.text
    assert "needs no network" not in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == page.headers()["Content-Security-Policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert not {"server", "set-cookie", "access-control-allow-origin", "location"} & set(answer.headers)
    assert phone.get(f"{share.url}?slide=3").status_code == 200


@pytest.mark.parametrize(
    ("wanted", "status", "length"), [(None, 200, None), ("bytes=0-99", 206, 100), ("bytes=-50", 206, 50)]
)
def test_a_clip_is_streamed_with_ranges(
    lab: Lab, show: Show, share: Share, phone: httpx.Client, wanted: str | None, status: int, length: int | None
) -> None:
    """Phones ask for videos in pieces."""
    (key,) = show.clips
    answer = phone.get(f"{share.url}clips/{key}.mp4", headers={"range": wanted} if wanted else {})
    whole = lab.shows.clip(show.id, key).read_bytes()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "video/mp4")
    assert len(answer.content) == (length or len(whole))
    assert answer.content in whole
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_poster_is_served(lab: Lab, show: Show, share: Share, phone: httpx.Client) -> None:
    """As the archive holds it."""
    (key,) = show.clips
    poster = lab.shows.poster(show.id, key)
    answer = phone.get(f"{share.url}posters/{key}.jpg")
    assert poster is not None
    assert (answer.content, answer.headers["content-type"]) == (poster.read_bytes(), "image/jpeg")


# -- what is not -------------------------------------------------------------------------------------------------------


def test_everything_else_is_the_same_404(lab: Lab, sweep: str, show: Show, share: Share) -> None:
    """Other paths, tokens, methods and spellings; nothing completes an address, names a method or repeats what was asked."""
    mine, foreign = next(iter(show.clips)), next(iter(lab.shows.create("Other", clips_of(lab, sweep)[1:]).clips))
    assert mine != foreign
    token = share.url.split("/")[-2]
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    paths = ["/", "", "*", "/healthz", f"/show/{show.id}", f"/clips/{clips_of(lab, sweep)[0]}.mp4", f"/{wrong}/", "//"]
    paths += [f"/{token}", f"/{token}//", f"//{token}/", f"/{token}/.", f"/{token}/../{token}/", f"/{token}/ballot"]
    paths += [f"/{token}/index.html", f"/{token}/vote", f"/{token}/%2e%2e/", f"/%2e/{token}/", f"/{token}%2F"]
    paths += [f"/{token}/clips/{foreign}.mp4", f"/{token}/posters/{foreign}.jpg", f"/{token}/clips/{mine.upper()}.mp4"]
    paths += [f"/{wrong}/clips/{mine}.mp4", f"/{token}/clips/{mine}.mp4/", f"/{token}/clips/..%2f..%2flab.sqlite3"]
    paths += [
        f"/{token}/clips/{mine}",
        f"/%{ord(token[0]):02x}{token[1:]}/",
        share.url,
        f"/{token};x/",
        f"/{token}/%00",
    ]
    answers = {f"GET {path}": asked(share, f"GET {path} HTTP/1.1") for path in paths if path}
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FROB"):
        for path in (f"/{token}/", f"/{token}/clips/{mine}.mp4", "/"):
            answers[f"{method} {path}"] = asked(share, f"{method} {path} HTTP/1.1")
    [same] = set(answers.values())
    assert same[0] == 404
    assert same[1].endswith(f"\r\n\r\n{GONE}")
    for path in (f"/{token}/", f"/{token}/clips/{mine}.mp4", "/"):
        assert asked(share, f"HEAD {path} HTTP/1.1") == (404, same[1].removesuffix(GONE))


def test_the_host_header_is_not_read(share: Share, phone: httpx.Client) -> None:
    """Whatever it says, the answer is the same."""
    plain = phone.get(share.url)
    hostile = phone.get(share.url, headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
    assert hostile.content == plain.content
    assert {**hostile.headers, "date": ""} == {**plain.headers, "date": ""}


def test_a_clip_that_was_taken_off_the_slides_is_not_served(lab: Lab, sweep: str, phone: httpx.Client) -> None:
    """The lab still holds it, for an undo."""
    show = lab.shows.create("Two", clips_of(lab, sweep))
    gone, stays = show.slides[0].clips[0], show.slides[1].clips[0]
    share = lab.shows.room.start(show.id)
    assert phone.get(f"{share.url}clips/{gone}.mp4").status_code == 200
    before = lab.shows.remove(show.id, show.slides[0].number)
    for kind, suffix in (("clips", "mp4"), ("posters", "jpg")):
        assert phone.get(f"{share.url}{kind}/{gone}.{suffix}").status_code == 404
    assert phone.get(f"{share.url}clips/{stays}.mp4").status_code == 200
    lab.shows.put_back(before)
    assert phone.get(f"{share.url}clips/{gone}.mp4").status_code == 200


def test_who_opens_it_again_sees_what_was_changed(lab: Lab, show: Show, share: Share, phone: httpx.Client) -> None:
    """At the same address."""
    assert "Stormy sea" not in phone.get(share.url).text
    lab.shows.rename(show.id, "Stormy sea")
    assert "Stormy sea" in phone.get(share.url).text
    assert now(lab, share).url == share.url


def test_nothing_of_the_lab_is_in_an_answer(lab: Lab, sweep: str, phone: httpx.Client) -> None:
    """No key, balance, folder, dashboard, other show, or id of the API, in page, ballot, headers and refusals."""
    other = lab.shows.create("Other secret show", clips_of(lab, sweep))
    share = with_ballot(lab, sweep)
    assert share.ballot_url is not None
    answers = [phone.get(share.url), phone.get(share.ballot_url), phone.get(f"{share.url}x")]
    answers.append(phone.post(f"{share.url}vote", content=b"RV1.a.b.c.d.e"))
    told = "\n".join(f"{answer.headers}\n{answer.text}" for answer in answers)
    row = lab.history.page().rows[0]
    hidden = [str(lab.archive.root), str(lab.settings.data_dir), lab.connection, "rv_", row.id, str(row.task_id)]
    hidden += [other.title, other.id, "uvicorn", "Starlette", str(lab.settings.simulator_credits)]
    assert [words for words in hidden if words in told] == []


# -- the ballot --------------------------------------------------------------------------------------------------------


def test_the_ballot_is_made_in_the_background_and_the_page_leads_to_it(
    lab: Lab, sweep: str, phone: httpx.Client
) -> None:
    """Under the policy that stands in it; until it is there the page does without."""
    share = with_ballot(lab, sweep)
    assert share.ballot_url == f"{share.url}ballot"
    ballot = lab.shows.ballot(share.show_id).path.read_text(encoding="utf-8")
    answer = phone.get(share.ballot_url)
    assert answer.text == ballot
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("; frame-ancestors 'none'")
    assert policy.removesuffix("; frame-ancestors 'none'") in unescape(ballot)
    assert "sha256-" in policy
    assert "unsafe" not in policy
    assert '<a href="/' + share.url.split("/")[-2] + '/ballot">' in phone.get(share.url).text
    assert [word for word in WORDS.split() if word in " ".join([*answer.headers.values()])] == []


@pytest.mark.database
def test_a_vote_that_is_sent_counts_once(lab: Lab, sweep: str, phone: httpx.Client) -> None:
    """What came of it is said in words, the second time too."""
    share = with_ballot(lab, sweep)
    sent = line(lab, lab.shows.ballot(share.show_id), name="Ana")
    first, second = (phone.post(f"{share.url}vote", content=f"{sent}\n".encode()) for _ in range(2))
    assert (first.status_code, first.text) == (200, "Ana: 1 vote counted.")
    assert second.status_code == 422
    assert "seen before" in second.text
    assert len(lab.votes.cast(sweep)) == 1
    assert now(lab, share).votes == 1


def test_what_is_no_vote_is_refused_in_words(lab: Lab, sweep: str, phone: httpx.Client) -> None:
    """And counts nothing: nothing at all, no line, no text, as long as may be, too long."""
    share = with_ballot(lab, sweep)
    for body, status in (
        (b"", 422),
        (b"nothing", 422),
        (b"\xff\xfe", 422),
        (b"RV1." + b"x" * 4092, 422),
        (b"x" * 4097, 413),
    ):
        answer = phone.post(f"{share.url}vote", content=body)
        assert (answer.status_code, answer.text[-1:]) == (status, "."), body[:9]
    assert lab.votes.cast(sweep) == ()
    assert now(lab, share).votes == 0


def test_only_lines_for_the_ballot_that_is_served_count(lab: Lab, sweep: str, phone: httpx.Client) -> None:
    """Another ballot of the same sweep has its own way back."""
    share = with_ballot(lab, sweep)
    elsewhere = lab.shows.ballots.make(sweep)
    answer = phone.post(f"{share.url}vote", content=line(lab, elsewhere).encode())
    assert (answer.status_code, "another ballot" in answer.text) == (422, True)
    assert lab.votes.cast(sweep) == ()


def test_a_share_takes_so_many_votes_and_no_more(
    lab: Lab, sweep: str, phone: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused lines use none of them up."""
    assert open_room.LINES_MAX == 500
    monkeypatch.setattr(open_room, "LINES_MAX", 3)
    share = with_ballot(lab, sweep)
    made = lab.shows.ballot(share.show_id)
    lines = [line(lab, made, number, f"Voter {number}") for number in (1, 1, 2, 3, 4)]
    answers = [phone.post(f"{share.url}vote", content=one.encode()) for one in lines]
    assert [answer.status_code for answer in answers] == [200, 422, 200, 200, 422]
    assert answers[-1].text == "3 votes were sent here, and no more are taken."
    assert len(lab.votes.lines(sweep)) == 3


def test_a_show_of_clips_has_no_ballot(share: Share, phone: httpx.Client) -> None:
    """Nothing leads there, and nothing is counted."""
    assert (share.ballot_url, share.ballot_said) == (None, "")
    assert "Vote yourself" not in phone.get(share.url).text
    assert phone.post(f"{share.url}vote", content=b"RV1.a.b.c.d.e").text == GONE


def test_why_there_is_no_ballot_is_said(lab: Lab) -> None:
    """One combination cannot be voted on; the show is shared all the same."""
    sweep = based(lab, make_study(lab, ["one"]))
    made = lab.shows.of_sweep(sweep)
    share = lab.shows.room.start(made.id)
    said = until(lambda: now(lab, share).ballot_said.removeprefix("The ballot is being made, about a second a clip."))
    assert said.startswith("There is no ballot. A ballot needs clips of at least two values")
    assert now(lab, share).ballot_url is None


# -- how long, and where -----------------------------------------------------------------------------------------------


def test_after_the_stop_nothing_listens(lab: Lab, share: Share, phone: httpx.Client) -> None:
    """Not even on a connection that is still open."""
    assert phone.get(share.url).status_code == 200
    assert lab.shows.room.stop(share.show_id)
    assert not listens(share)
    with pytest.raises(httpx.TransportError):
        phone.get(share.url)
    assert lab.shows.room.current(share.show_id) is None
    assert not lab.shows.room.stop(share.show_id)


def test_stop_does_not_wait_for_a_vote_that_is_being_counted(
    lab: Lab, sweep: str, phone: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens all the same, and the same port can be listened at again; the lab's end does wait."""
    share = with_ballot(lab, sweep)
    arrived, go_on = threading.Event(), threading.Event()

    def count(_: OpenRoom, __: str) -> str:
        arrived.set()
        go_on.wait(HANGS_S)
        return "Counted."

    monkeypatch.setattr(OpenRoom, "count", count)
    with ThreadPoolExecutor(2) as others:
        sent = others.submit(phone.post, f"{share.url}vote", content=b"RV1.a.b.c.d.e")
        assert arrived.wait(HANGS_S)
        assert lab.shows.room.stop(share.show_id)
        assert not listens(share)
        assert lab.shows.room.current(share.show_id) is None
        with pytest.raises(httpx.TransportError):
            sent.result(HANGS_S)
        assert lab.shows.room.start(share.show_id, port=share.port).url != share.url
        closing = others.submit(close_all)
        until(lambda: not listens(share), what="nothing listens")
        assert not closing.done()
        go_on.set()
        closing.result(HANGS_S)


def test_a_show_that_is_deleted_while_its_sharing_begins_is_not_shared(
    lab: Lab, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who deleted it found nothing to stop yet."""
    started = OpenRooms.start
    rooms: list[OpenRoom] = []

    def deleted_before(rooms_: OpenRooms, show_id: str, make: Callable[[], OpenRoom]) -> OpenRoom:
        assert lab.shows.delete(show_id)
        rooms.append(started(rooms_, show_id, make))
        return rooms[0]

    monkeypatch.setattr(OpenRooms, "start", deleted_before)
    with pytest.raises(LabError, match="no such show"):
        lab.shows.room.start(show.id)
    assert rooms[0].is_over()
    assert lab.shows.room.current(show.id) is None


def test_a_share_ends_by_itself_after_four_hours(lab: Lab, clock: Clock, show: Show, phone: httpx.Client) -> None:
    """To the second; sharing again gives another address."""
    share = lab.shows.room.start(show.id)
    assert (share.expires_at - clock.now).total_seconds() == 4 * 3600
    clock.turn(4 * 3600 - 1)
    assert phone.get(share.url).status_code == 200
    clock.turn(1)
    assert lab.shows.room.current(show.id) is None
    until(lambda: not listens(share), what="nothing listens")
    again = lab.shows.room.start(show.id)
    assert again.url != share.url
    assert phone.get(again.url).status_code == 200


def test_a_share_ends_with_the_lab_and_with_its_show(lab: Lab, sweep: str, show: Show, share: Share) -> None:
    """A deleted show is not shared, nor is it again when it comes back."""
    other = lab.shows.room.start(lab.shows.create("Other", clips_of(lab, sweep)).id)
    lab.shows.delete(show.id)
    lab.shows.undelete(show.id)
    assert (listens(share), listens(other)) == (False, True)
    assert lab.shows.room.current(show.id) is None
    close_all()
    assert not listens(other)
    with pytest.raises(LabError, match="closed"):
        lab.shows.room.start(other.show_id)


def test_shows_are_shared_apart(lab: Lab, sweep: str, show: Show, share: Share, phone: httpx.Client) -> None:
    """Pressed twice, a show has one address; two shows have two ports, and neither serves the other's page."""
    assert lab.shows.room.start(show.id).url == share.url
    other = lab.shows.room.start(lab.shows.create("Rough", clips_of(lab, sweep)[1:]).id)
    assert other.port != share.port
    mine, theirs = share.url.split("/")[-2], other.url.split("/")[-2]
    assert phone.get(other.url.replace(theirs, mine)).text == GONE
    assert "Rough" in phone.get(other.url).text
    lab.shows.room.stop(show.id)
    assert phone.get(other.url).status_code == 200


def test_it_listens_at_the_shown_address_only(share: Share) -> None:
    """Not at any other address of this machine, of which loopback has millions."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", share.port), timeout=HANGS_S)


def test_a_port_that_is_taken_and_one_that_is_none_are_said(lab: Lab, sweep: str, show: Show, share: Share) -> None:
    """And nothing is shared then."""
    other = lab.shows.create("Other", clips_of(lab, sweep))
    with pytest.raises(LabError, match=f"Port {share.port} is taken"):
        lab.shows.room.start(other.id, port=share.port)
    for port in (-1, 65536, True):
        with pytest.raises(LabError, match="The port is not usable"):
            lab.shows.room.start(other.id, port=port)
    assert lab.shows.room.current(other.id) is None
    with pytest.raises(LabError, match="no such show"):
        lab.shows.room.start("snothing")


def test_an_address_of_another_machine_is_said(make_lab: Callable[..., Lab]) -> None:
    """Only the setting can name one."""
    lab = make_lab(share_address="192.0.2.7")
    show = lab.shows.create("One", clips_of(lab, make_study(lab))[:1])
    with pytest.raises(LabError, match=r"192\.0\.2\.7 is no address of this machine"):
        lab.shows.room.start(show.id)


def test_without_a_network_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way out is asked of the system; no packet is sent, and a loopback address is none to share at."""

    def unreachable(_: socket.socket, __: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    with pytest.raises(LabError, match="in no network") as told:
        own_address()
    assert "as a file" in told.value.hint
    monkeypatch.setattr(socket.socket, "connect", lambda wire, _: wire.bind((HERE, 0)))
    with pytest.raises(LabError, match="in no network"):
        own_address()


def test_how_many_have_it_open_is_estimated(lab: Lab, clock: Clock, show: Show) -> None:
    """Browsers that asked within a minute; who has no token is none."""
    share = lab.shows.room.start(show.id)

    def look(browser: str, path: str = "") -> None:
        httpx.get(f"{share.url}{path}", headers={"user-agent": browser}, timeout=HANGS_S)

    look("phone")
    look("phone")
    look("tablet")
    httpx.get(f"http://{HERE}:{share.port}/", headers={"user-agent": "scanner"}, timeout=HANGS_S)
    assert (now(lab, share).opened, now(lab, share).opened_ever) == (2, 2)
    clock.turn(59)
    look("tablet")
    clock.turn(1)
    assert (now(lab, share).opened, now(lab, share).opened_ever) == (1, 2)
