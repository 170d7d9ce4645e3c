"""Shows: a show is made where the sweep is, edited with a way back, and never where the server is read-only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui.add_to_show import menu
from rivya_core import Lab
from tests.lab.evaluation.study import make_study
from tests.lab.shows.given import VALUES, based, decide
from tests.lab.shows.test_shows import clips_of
from tests.until import until

OpenApp = Callable[..., AppTest]


@pytest.fixture
def sweep(lab: Lab) -> str:
    """A decided sweep."""
    made = based(lab, make_study(lab, VALUES))
    decide(lab, made)
    return made


def texts(app: AppTest) -> str:
    """What the page says."""
    return "\n".join(one.value for one in app.text)


def opened(open_app: OpenApp, show_id: str) -> AppTest:
    """The editor of a show."""
    app = open_app("shows")
    app.query_params["show"] = show_id
    app.run()
    assert not app.exception
    return app


def test_the_empty_page_leads_to_a_first_show(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """One press makes it of the decided sweep, and opens it."""
    app = open_app("shows")
    app.button("make_show_first").click().run()
    assert not app.exception
    [show] = lab.shows.list()
    assert show.sweep_id == sweep
    assert app.query_params["show"] in (show.id, [show.id])


def test_a_decided_sweep_has_the_button_on_its_page_and_its_decision(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """It makes the show, and the press leads to where the show is opened."""
    app = open_app("sweep")
    app.query_params["experiment"] = sweep
    app.run()
    app.button("make_show_sweep").click().run()
    assert not app.exception
    assert [one.sweep_id for one in lab.shows.list()] == [sweep]


def test_title_caption_and_removal_change_the_show_and_can_be_taken_back(
    lab: Lab, sweep: str, open_app: OpenApp
) -> None:
    """Each with Undo in the bar above."""
    show = lab.shows.of_sweep(sweep)
    app = opened(open_app, show.id)
    app.text_input(f"show_title_{show.id}").set_value("For the board").run()
    assert lab.shows.get(show.id).title == "For the board"
    app.button("shows_manage_undo").click().run()
    assert lab.shows.get(show.id).title == show.title
    assert app.text_input(f"show_title_{show.id}").value == show.title
    app.text_area(f"show_caption_{show.id}_1").set_value("Welcome <b>all</b>").run()
    assert lab.shows.get(show.id).slides[0].caption == "Welcome <b>all</b>"
    app.button(f"show_remove_{show.id}_1").click().run()
    assert show.slides[0].number not in [one.number for one in lab.shows.get(show.id).slides]
    app.button("shows_manage_undo").click().run()
    assert lab.shows.get(show.id).slides[0].caption == "Welcome <b>all</b>"


def test_what_cannot_be_taken_stays_in_the_field_and_is_said(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """The show keeps its title, the field what was typed."""
    show = lab.shows.of_sweep(sweep)
    app = opened(open_app, show.id)
    app.text_input(f"show_title_{show.id}").set_value("a" * 121).run()
    assert "it has 121 characters, and at most 120 are taken" in texts(app)
    assert app.text_input(f"show_title_{show.id}").value == "a" * 121
    assert lab.shows.get(show.id).title == show.title


def test_what_is_typed_on_in_one_field_is_taken_back_at_once_and_done_again(
    lab: Lab, sweep: str, open_app: OpenApp
) -> None:
    """A caption is stored while it is typed; Undo and Redo take the whole of it."""
    show = lab.shows.of_sweep(sweep)
    app = opened(open_app, show.id)
    for text in ("Look", "Look at ", "Look at the left"):
        app.text_area(f"show_caption_{show.id}_1").set_value(text).run()
        assert app.text_area(f"show_caption_{show.id}_1").value == text
    app.button("shows_manage_undo").click().run()
    assert lab.shows.get(show.id).slides[0].caption == app.text_area(f"show_caption_{show.id}_1").value == ""
    assert app.button("shows_manage_undo").label == "Redo"
    app.button("shows_manage_undo").click().run()
    assert lab.shows.get(show.id).slides[0].caption == "Look at the left"
    assert app.text_area(f"show_caption_{show.id}_1").value == "Look at the left"


def test_two_tabs_lose_nothing_of_each_other(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """A caption written over says so and can be brought back; an undo leaves what the other tab did."""
    show = lab.shows.of_sweep(sweep)
    mine, theirs = opened(open_app, show.id), opened(open_app, show.id)
    field = f"show_caption_{show.id}_1"
    theirs.text_area(field).set_value("Theirs").run()
    mine.text_area(field).set_value("Mine").run()
    assert "It was changed elsewhere too" in texts(mine)
    theirs.text_input(f"show_title_{show.id}").set_value("Their title").run()
    mine.button("shows_manage_undo").click().run()
    found = lab.shows.get(show.id)
    assert (found.title, found.slides[0].caption) == ("Their title", "Theirs")
    assert mine.text_area(field).value == "Theirs"
    theirs.button(f"show_remove_{show.id}_1").click().run()
    mine.text_area(field).set_value("Too late").run()
    assert "You had typed: Too late" in texts(mine)


def test_a_refused_text_can_be_discarded(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """Its field says that it is not saved, and why."""
    show = lab.shows.of_sweep(sweep)
    app = opened(open_app, show.id)
    app.text_input(f"show_title_{show.id}").set_value("two\u200bwords").run()
    assert "Not saved. title: it holds a character that is not seen (U+200B)." in texts(app)
    app.button(f"discard_show_title_{show.id}").click().run()
    assert app.text_input(f"show_title_{show.id}").value == show.title
    assert "Not saved" not in texts(app)


def test_update_the_facts_says_what_changed(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """And that nothing did."""
    lab.verdicts.wait(sweep, 60)
    show = lab.shows.of_sweep(sweep)
    app = opened(open_app, show.id)
    app.button("show_update").click().run()
    assert "nothing has changed" in texts(app)
    decide(lab, sweep, 1, "Another look")
    app.button("show_update").click().run()
    assert f"Decision: {VALUES[1]}." in texts(app)


def test_a_deleted_show_can_be_brought_back(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """From the list."""
    show = lab.shows.of_sweep(sweep)
    app = opened(open_app, show.id)
    app.button("show_delete").click().run()
    assert lab.shows.list() == ()
    app.button("shows_manage_undo").click().run()
    assert [one.id for one in lab.shows.list()] == [show.id]


def downloads(app: AppTest) -> list[str]:
    """The addresses of the files that a show can be downloaded as."""
    return [one.proto.url for one in app.get("link_button") if one.proto.url.endswith((".zip", ".html", "originals=1"))]


def test_a_show_can_be_downloaded_and_one_file_is_made_without_waiting(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """Each file with its size; small copies are made in the background, after a press."""
    show = lab.shows.of_sweep(sweep)
    app = opened(open_app, show.id)
    assert downloads(app) == [f"/show/{show.id}/one-file.html?originals=1", f"/show/{show.id}/show.zip"]
    assert "MB. The original clips in a folder beside the page" in texts(app)
    app.button("show_file_make").click().run()
    assert not app.exception
    until(lambda: not lab.shows.files.is_making(show.id))
    app.run()
    assert downloads(app)[0] == f"/show/{show.id}/one-file.html"
    assert "MB. Small copies of the clips inside" in texts(app)
    assert "show_file_make" not in [one.key for one in app.button]


def test_why_one_file_cannot_be_made_is_said(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """And the ZIP stays."""
    show = lab.shows.of_sweep(sweep)
    lab.shows.clip(show.id, next(iter(show.clips))).write_bytes(b"no clip")
    app = opened(open_app, show.id)
    app.button("show_file_make").click().run()
    until(lambda: not lab.shows.files.is_making(show.id))
    app.run()
    assert "A clip cannot be made smaller" in app.error[0].value
    assert downloads(app)[-1] == f"/show/{show.id}/show.zip"


def test_clips_go_into_a_show_from_history(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """Into one that is there, as slides at its end; what has no clip is left out and said."""
    del open_app
    ids = clips_of(lab, sweep)
    show = lab.shows.create("There", ids[:1])
    said = menu.add([*ids, "gunknown-1"], show.id).said
    assert said.startswith("Added to")
    assert "1 without a clip" in said
    assert len(lab.shows.get(show.id).slides) == 3
    menu.add(ids, show.id, side_by_side=True)
    assert lab.shows.get(show.id).slides[-1].layout == "pair"


def test_what_was_added_is_said_where_it_was_pressed_with_the_way_there_and_back(
    lab: Lab, sweep: str, open_app: OpenApp
) -> None:
    """From a selection in History: the show's name, a link to it, and an undo; a clip that was there already is said."""
    from pages._ui.history import selection  # noqa: PLC0415 - needs Streamlit's session

    ids = clips_of(lab, sweep)
    show = lab.shows.create("There", ids[:1])
    assert "it was there already" in menu.add(ids[:1], show.id).said
    done = menu.add([ids[1]], show.id)
    app = open_app("history")
    app.session_state["_shows_added"] = (selection.SHOWS, done)
    app.run()
    assert not app.exception
    assert "Added to the end of There." in texts(app)
    assert f"show={show.id}" in [one.proto.query_string for one in app.get("page_link")]
    app.button(f"added_{selection.SHOWS}_undo").click().run()
    assert "Taken out of the show again." in texts(app)
    assert [slide.number for slide in lab.shows.get(show.id).slides] == [1, 2]


@pytest.mark.parametrize(
    "title", ["The same", "The same beginning, which goes on and on until it is cut off: one", "New show"]
)
def test_shows_of_the_same_name_can_be_told_apart_in_the_menu(
    lab: Lab, sweep: str, open_app: OpenApp, title: str
) -> None:
    """Each has a name of its own there, however alike their titles are."""
    for number in range(4):
        lab.shows.create(title if number % 2 else f"{title} more", clips_of(lab, sweep)[:1])
    named = menu.choices(lab)
    assert len(set(named.values())) == len(named) == 5
    app = open_app("history")
    app.query_params["id"] = clips_of(lab, sweep)[0]
    assert not app.run().exception


def test_a_show_that_becomes_mixed_says_so(lab: Lab, sweep: str) -> None:
    """Live clips beside simulated ones are not added without a word."""
    show = lab.shows.create("There", clips_of(lab, sweep)[:1])
    live = clips_of(lab, make_study(lab, ("dawn", "dusk", "noon"), experiment_id="xlive", mode="live"))
    assert "It holds live and simulated clips now." in menu.add(live[1:2], show.id).said
    assert "clips now" not in menu.add(live[2:], show.id).said


def test_a_read_only_server_shows_and_changes_nothing(make_lab: Callable[..., Lab], open_app: OpenApp) -> None:
    """The show can be opened; there is no field and no button that changes it."""
    lab = make_lab()
    sweep = based(lab, make_study(lab, VALUES))
    decide(lab, sweep)
    show = lab.shows.of_sweep(sweep)
    lab.close()
    make_lab(read_only=True)
    app = opened(open_app, show.id)
    keys: list[Any] = [one.key for one in app.button]
    assert [key for key in keys if key and key.startswith("show_")] == []
    assert not app.text_input
    assert f"/show/{show.id}/show.zip" in downloads(app)
    app = open_app("sweep")
    app.query_params["experiment"] = sweep
    app.run()
    assert not app.exception
    assert "make_show_sweep" not in [one.key for one in app.button]


def test_a_show_and_a_slide_of_several_clips_can_be_downloaded_for_chats(
    lab: Lab, sweep: str, open_app: OpenApp
) -> None:
    """The sheet of the whole show; the video of the slide that is open, where there is something side by side."""
    ids = clips_of(lab, sweep)
    for groups, offered in (([ids[:2]], True), ([ids[0]], False)):
        show = lab.shows.create("For chats", groups)
        found: Any = opened(open_app, show.id).get("link_button")
        links = {link.proto.label: link.proto.url for link in found}
        assert links["Contact sheet"] == f"/exports/contact-sheet.png?show={show.id}"
        assert links.get("Side-by-side MP4") == (
            f"/exports/side-by-side.mp4?show={show.id}&slide=1" if offered else None
        )


def test_an_unknown_show_is_said(lab: Lab, open_app: OpenApp) -> None:
    """With the way back to the list."""
    del lab
    app = opened(open_app, "snothing")
    assert "There is no such show" in texts(app)
    assert "shows_back" in [one.key for one in app.button]


def test_a_show_of_a_sweep_leads_to_its_ballot(lab: Lab, sweep: str, open_app: OpenApp) -> None:
    """To the page where one is made, and where votes come back; a show of clips has none."""
    app = opened(open_app, lab.shows.of_sweep(sweep).id)
    assert {one.proto.label: one.proto.query_string for one in app.get("page_link")}["Ballot and votes"] == (
        f"experiment={sweep}"
    )
    clip = next(take.generation_id for cell in lab.sweeps.status(sweep).cells for take in cell.takes)
    app = opened(open_app, lab.shows.create("Clips", [str(clip)]).id)
    assert "Ballot and votes" not in [one.proto.label for one in app.get("page_link")]
