"""Share in this network: two presses from a decided sweep to the code, the address in words, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from rivya_core import Lab
from rivya_core.lab.shows.room.room import Share
from tests.lab.evaluation.study import make_study
from tests.lab.given import Clock
from tests.lab.shows.given import VALUES, based, decide
from tests.lab.shows.test_shows import clips_of
from tests.pages.test_shows import opened, texts
from tests.until import HANGS_S, until

OpenApp = Callable[..., AppTest]


@pytest.fixture
def lab(make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab that shares on this machine only."""
    return make_lab(share_address="127.0.0.1")


@pytest.fixture
def show_id(lab: Lab) -> str:
    """A show of one clip, which has no ballot."""
    return lab.shows.create("Calm sea", clips_of(lab, make_study(lab))[:1]).id


def keys(app: AppTest) -> list[str]:
    """The buttons of sharing that can be pressed."""
    found: list[Any] = [one.key for one in app.button]
    return [key for key in found if key and key.startswith("show_share")]


def shared(lab: Lab, show_id: str) -> Share:
    """How the show is shared."""
    found = lab.shows.room.current(show_id)
    assert found is not None
    return found


def codes(app: AppTest) -> list[str]:
    """What the code and the button beside it say."""
    found: Any = app.get("bidi_component")
    return [one.proto.json for one in found if "http://" in one.proto.json]


def test_three_presses_from_a_decided_sweep_to_the_code_at_most(lab: Lab, open_app: OpenApp) -> None:
    """Two: make the show, share it. The address answers at once."""
    sweep = based(lab, make_study(lab, VALUES))
    decide(lab, sweep)
    app = open_app("sweep")
    app.query_params["experiment"] = sweep
    app.run()
    app.button("make_show_sweep").click().run()
    [show] = lab.shows.list()
    app = opened(open_app, show.id)
    app.button("show_share_start").click().run()
    assert not app.exception
    share = shared(lab, show.id)
    assert [share.url in one for one in codes(app)] == [True, True]
    assert httpx.get(share.url, timeout=HANGS_S).status_code == 200
    assert "Plain http: anyone in this network can read along." in texts(app)
    assert "Guest networks may separate devices" in texts(app)


def test_stop_ends_it_and_says_so(lab: Lab, show_id: str, open_app: OpenApp) -> None:
    """The button that begins it is back then; while it is shared it is not there."""
    app = opened(open_app, show_id)
    assert keys(app) == ["show_share_start"]
    app.button("show_share_start").click().run()
    assert keys(app) == ["show_share_stop"]
    port = shared(lab, show_id).port
    app.button("show_share_stop").click().run()
    assert not app.exception
    assert "Sharing stopped." in texts(app)
    assert keys(app) == ["show_share_start"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/", timeout=HANGS_S)


def test_how_many_have_it_open_is_said_as_an_estimate(lab: Lab, show_id: str, open_app: OpenApp) -> None:
    """Of browsers, not of people."""
    share = lab.shows.room.start(show_id)
    for browser in ("phone", "tablet"):
        httpx.get(share.url, headers={"user-agent": browser}, timeout=HANGS_S)
    assert "Open now: about 2 browsers (asked for something in the last minute). So far: 2." in texts(
        opened(open_app, show_id)
    )


def test_once_the_ballot_is_there_the_code_can_open_it(lab: Lab, open_app: OpenApp) -> None:
    """The show first; the choice is not there before the ballot is."""
    sweep = based(lab, make_study(lab, VALUES))
    decide(lab, sweep)
    show = lab.shows.of_sweep(sweep)
    lab.shows.room.start(show.id)
    until(lambda: shared(lab, show.id).ballot_url, what="the ballot is there")
    app = opened(open_app, show.id)
    assert not [one for one in codes(app) if "/ballot" in one]
    app.segmented_control("show_share_opens").set_value("ballot").run()
    assert not app.exception
    assert all(f"{shared(lab, show.id).url}ballot" in one for one in codes(app))
    assert "Ballots sent: 0." in texts(app)


def test_a_share_that_is_over_is_not_shown(lab: Lab, show_id: str, open_app: OpenApp) -> None:
    """After four hours the page is as it was before."""
    lab.ledger.rows.clock = clock = Clock(lab.ledger.clock())
    lab.shows.room.start(show_id)
    assert keys(opened(open_app, show_id)) == ["show_share_stop"]
    clock.turn(timedelta(hours=4).total_seconds())
    app = opened(open_app, show_id)
    assert keys(app) == ["show_share_start"]
    assert codes(app) == []


def test_what_keeps_it_from_being_shared_is_said(make_lab: Callable[..., Lab], open_app: OpenApp) -> None:
    """As an error, in words; the next press takes it away."""
    lab = make_lab(share_address="192.0.2.7")
    show_id = lab.shows.create("Calm sea", clips_of(lab, make_study(lab))[:1]).id
    app = opened(open_app, show_id)
    app.button("show_share_start").click().run()
    assert not app.exception
    assert "192.0.2.7 is no address of this machine." in app.error[0].value
    assert keys(app) == ["show_share_start"]
    assert not app.run().error


def test_a_read_only_server_has_no_button_for_it(make_lab: Callable[..., Lab], open_app: OpenApp) -> None:
    """Nor does the core share anything there."""
    lab = make_lab()
    show_id = lab.shows.create("Calm sea", clips_of(lab, make_study(lab))[:1]).id
    lab.close()
    make_lab(read_only=True)
    assert keys(opened(open_app, show_id)) == []
