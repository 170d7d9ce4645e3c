"""What Compare promises: the address says which clips; what cannot be shown is said; what is said is kept once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui.compare import wall
from rivya_core import GenerationRecord, GenerationRequest, Lab, State, Sweep
from tests.lab.evaluation.study import make_study
from tests.lab.given import in_state
from tests.pages.conftest import ROOT, TIMEOUT_S, own_links


def clip(lab: Lab, prompt: str = "A red fox", *, live: bool = False, **params: Any) -> GenerationRecord:
    """A finished clip."""
    mode = "live" if live else "simulated"
    return in_state(lab.ledger, State.SUCCEEDED, prompt, mode=mode, params={"duration": "5", **params})


def opened(**query: str) -> AppTest:
    """Compare as a visitor with this address sees it first."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).switch_page("pages/compare.py")
    for name, value in query.items():
        app.query_params[name] = value
    app = app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def parts(app: AppTest) -> list[Any]:
    """What the page's components were given to draw."""
    texts = [part.proto.json or part.proto.mixed.json for part in app.get("bidi_component")]
    return [json.loads(text) for text in texts if text]


def the_wall(app: AppTest) -> dict[str, Any] | None:
    """What the wall was given, or None without a wall."""
    return next((part for part in parts(app) if "criteria" in part), None)


def the_picker(app: AppTest) -> dict[str, Any] | None:
    """What the posters were given, or None without posters."""
    return next((part for part in parts(app) if "most" in part), None)


def words(app: AppTest) -> str:
    """The page's own sentences."""
    return "\n".join(item.value for item in app.text)


def test_with_nothing_finished_there_is_one_sentence_and_the_way_to_the_form(lab: Lab) -> None:
    """The first visit is no dead end."""
    app = opened()
    assert "Finished clips appear here" in words(app)
    assert own_links(app) == ["Make the first clip"]
    assert the_picker(app) is None


def test_without_ids_the_finished_clips_are_offered_in_pages(lab: Lab) -> None:
    """Newest first, as many as fit a page, each with its mark; what has no clip is not among them."""
    clips = [clip(lab, f"Fox {number}") for number in range(25)]
    in_state(lab.ledger, State.FAILED, "Failed")
    app = opened()
    picker = the_picker(app)
    assert picker
    assert [one["name"] for one in picker["clips"]] == [f"Fox {number}" for number in range(24, 0, -1)]
    assert picker["chosen"] == []
    assert picker["clips"][0]["mark"] == ""
    assert clips[0].id not in json.dumps(picker)
    app.text_input(key="compare_q").set_value("Fox 0").run()
    found = the_picker(app)
    assert found
    assert [one["name"] for one in found["clips"]] == ["Fox 0"]


def test_clips_of_a_hidden_sweep_are_not_offered(lab: Lab) -> None:
    """They are while it is listed, and always on its own address."""
    experiment_id = make_study(lab, clips=2)
    clip(lab, "A red fox")
    assert len((the_picker(opened()) or {})["clips"]) == 5
    lab.sweeps.hide(experiment_id)
    assert [one["name"] for one in (the_picker(opened()) or {})["clips"]] == ["A red fox"]
    assert len((the_picker(opened(experiment=experiment_id)) or {})["clips"]) == 4


def test_the_address_makes_the_wall_in_its_order(lab: Lab) -> None:
    """Two to nine ids; live and simulated may stand together, each marked as what it is."""
    first, second, third = clip(lab, "One"), clip(lab, "Two", live=True), clip(lab, "Three", cfg_scale=0.3)
    app = opened(ids=f"{third.id},{first.id},{second.id}", base=first.id)
    wall = the_wall(app)
    assert wall
    assert [(one["title"], one["word"]) for one in wall["clips"]] == [
        ("Three", "simulated"),
        ("One", "simulated"),
        ("Two", "live"),
    ]
    assert wall["clips"][0]["src"] == f"/clips/{third.id}.mp4"
    assert wall["base"] == first.id
    assert "Mode" in {row["name"] for row in wall["rows"]}
    assert words(app).count("fox") == 0


@pytest.mark.parametrize(("count", "offered"), [(2, ["Side-by-side MP4", "Contact sheet"]), (5, ["Contact sheet"])])
def test_the_wall_can_be_downloaded_for_chats(lab: Lab, count: int, offered: list[str]) -> None:
    """In its order; a video holds four clips."""
    ids = [clip(lab, f"A fox {number}").id for number in range(count)]
    found: Any = opened(ids=",".join(ids)).get("link_button")
    links = {link.proto.label: link.proto.url for link in found}
    assert list(links) == offered
    assert links["Contact sheet"] == "/exports/contact-sheet.png?" + "&".join(f"id={id_}" for id_ in ids)


def test_what_cannot_be_shown_is_said_and_the_rest_is_shown(lab: Lab) -> None:
    """Unknown, doubled, clipless, deleted: a sentence each, and the wall still stands."""
    one, two, gone = clip(lab), clip(lab), clip(lab)
    running, failed = in_state(lab.ledger, State.RUNNING), in_state(lab.ledger, State.FAILED)
    cancelled = in_state(lab.ledger, State.CANCELLED)
    unsaved = in_state(lab.ledger, State.UNSAVED)
    lab.delete([gone.id])
    ids = [one.id, "nobody", one.id, running.id, failed.id, cancelled.id, unsaved.id, gone.id, two.id, " ", "x" * 500]
    app = opened(ids=",".join(ids))
    wall = the_wall(app)
    assert wall
    assert [clip["id"] for clip in wall["clips"]] == [one.id, two.id]
    said = words(app)
    for sentence in (
        "A clip named twice is shown once.",
        "nobody is not in this data folder",
        f"{running.id} is still being made; it joins by itself.",
        f"{failed.id} failed, so it has no clip.",
        f"{cancelled.id} was cancelled, so it has no clip.",
        f"{unsaved.id} has no clip here yet",
        f"{gone.id} was deleted",
    ):
        assert sentence in said
    assert "x" * 61 not in said


def test_more_than_nine_are_cut_with_a_sentence(lab: Lab) -> None:
    """The first nine stand."""
    ids = [clip(lab).id for _ in range(11)]
    app = opened(ids=",".join(ids))
    wall = the_wall(app)
    assert wall
    assert [one["id"] for one in wall["clips"]] == ids[:9]
    assert "9 clips at most: the first 9 of 11 are shown" in words(app)


def test_one_clip_asks_for_another_and_is_in_the_tray(lab: Lab) -> None:
    """Half an address leads on to a whole one."""
    one, _two = clip(lab, "Alone"), clip(lab)
    app = opened(ids=one.id)
    assert the_wall(app) is None
    picker = the_picker(app)
    assert picker
    assert [chosen["name"] for chosen in picker["chosen"]] == ["Alone"]
    assert "one more clip" in words(app)


def test_an_unknown_experiment_offers_all_clips(lab: Lab) -> None:
    """A link from elsewhere breaks nothing."""
    clip(lab)
    app = opened(experiment="nobody")
    assert the_picker(app)
    assert "is not in this data folder; these are all clips" in words(app)


def test_a_read_only_server_shows_what_was_said_and_takes_nothing(make_lab: Any) -> None:
    """Stakeholders look; the settings cannot be used either."""
    with make_lab() as writing:
        ids = [clip(writing).id, clip(writing).id]
        writing.reviews.add_note(ids[0], 1.0, "A crease")
    make_lab(read_only=True)
    wall = the_wall(opened(ids=",".join(ids)))
    assert wall
    assert wall["read_only"] is True
    assert wall["can_spend"] is False
    assert [note["text"] for note in wall["notes"]] == ["A crease"]


def test_stars_and_notes_reach_the_wall_with_their_authors(lab: Lab) -> None:
    """Whose they are is decided in the browser, which knows the name."""
    one, two = clip(lab), clip(lab)
    lab.reviews.rate(one.id, "motion", 4, "Mia")
    lab.reviews.add_note(two.id, 2.5, "<b>Jumps</b>", "Tom")
    wall = the_wall(opened(ids=f"{one.id},{two.id}"))
    assert wall
    assert wall["clips"][0]["stars"] == {"motion": [{"author": "Mia", "stars": 4}]}
    assert [(note["id"], note["at_s"], note["text"], note["author"]) for note in wall["notes"]] == [
        (two.id, 2.5, "<b>Jumps</b>", "Tom")
    ]


def acting(*said: Any) -> AppTest:
    """A page that hears what a browser says was done."""

    def page(said: tuple[object, ...]) -> None:
        from pages._ui.compare import wall  # noqa: PLC0415 - this function becomes a script of its own

        for one in said:
            wall.take(one)

    app = AppTest.from_function(page, kwargs={"said": said}, default_timeout=TIMEOUT_S).run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def test_an_act_said_twice_is_done_once(lab: Lab) -> None:
    """The browser says all that it has heard no answer to again, and nothing is doubled; another tab counts for itself."""
    one = clip(lab)
    note = {"seq": 1, "kind": "note", "id": one.id, "at_s": 1, "text": "Here", "author": "Mia"}
    stars = {"seq": 2, "kind": "stars", "id": one.id, "criterion": "look", "stars": 5, "author": ""}
    acting({"uid": "a", "acts": [note]}, {"uid": "a", "acts": [note, stars]}, {"uid": "b", "acts": [note]})
    assert [kept.text for kept in lab.reviews.notes([one.id])] == ["Here", "Here"]
    assert [(kept.criterion, kept.stars) for kept in lab.reviews.ratings([one.id])] == [("look", 5)]


class Preempted(BaseException):
    """What Streamlit raises where a script looks at its session while the next run is already asked for."""


class Session(dict[str, Any]):
    """A session at whose so-manieth look the run ends for the next one."""

    def __init__(self, at: int) -> None:
        self.left = at

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Look, or end the run."""
        self.left -= 1
        if self.left == 0:
            raise Preempted
        return super().setdefault(key, default)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_run_that_ends_for_the_next_one_loses_no_act(lab: Lab, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """An act counts as done once it is done: what the browser says again is carried out, and nothing twice."""
    one = clip(lab)
    note = lab.reviews.add_note(one.id, 1.5, "Old", "Mia")
    delete = {"seq": 1, "kind": "delete", "note": note.id}
    new = {"seq": 2, "kind": "note", "id": one.id, "at_s": 1, "text": "New"}
    session = Session(at)
    monkeypatch.setattr("streamlit.session_state", session)
    monkeypatch.setattr("pages._ui.layout.lab", lambda: lab)
    with pytest.raises(Preempted):
        wall.take({"uid": "a", "acts": [delete, new]})
    wall.take({"uid": "a", "acts": [delete, new]})
    assert [kept.text for kept in lab.reviews.notes([one.id])] == ["New"]


def test_a_note_is_edited_deleted_and_brought_back(lab: Lab) -> None:
    """Undo brings back the note as it was."""
    one = clip(lab)
    note = lab.reviews.add_note(one.id, 1.5, "Here", "Mia")
    edit = {"seq": 1, "kind": "edit", "note": note.id, "text": "There"}
    delete, restore = {"seq": 2, "kind": "delete", "note": note.id}, {"seq": 3, "kind": "restore", "note": note.id}
    acting({"uid": "a", "acts": [edit, delete]})
    assert lab.reviews.notes([one.id]) == []
    lab.reviews.restore_note(note)
    acting({"uid": "a", "acts": [edit, delete, restore]})
    [kept] = lab.reviews.notes([one.id])
    assert (kept.text, kept.at_s, kept.author, kept.created_at) == ("There", 1.5, "Mia", note.created_at)


@pytest.mark.parametrize(
    "act",
    [
        {"kind": "note", "id": "ID", "at_s": 99, "text": "After the end", "author": ""},
        {"kind": "note", "id": "nobody", "at_s": 1, "text": "x", "author": ""},
        {"kind": "stars", "id": "ID", "criterion": "look", "stars": 2.5e400},
        {"kind": "stars", "id": "ID", "criterion": "sound", "stars": 2},
        {"kind": "edit", "note": 999, "text": "x"},
        {"kind": "delete"},
        {"kind": "dance"},
    ],
    ids=["after the end", "unknown clip", "endless stars", "unknown criterion", "no such note", "no note", "nonsense"],
)
def test_what_cannot_be_kept_is_told_to_the_browser_that_said_it(lab: Lab, act: dict[str, Any]) -> None:
    """A sentence comes back under the act's number, and the page goes on."""
    one = clip(lab)
    act = {name: one.id if value == "ID" else value for name, value in act.items()}
    app = acting({"uid": "a", "acts": [{"seq": 7, **act}]}, "nonsense", {"uid": "a", "acts": "nonsense"})
    [failed] = app.session_state["_wall_failed"]
    assert (failed["uid"], failed["seq"]) == ("a", 7)
    assert failed["words"].endswith(".")
    assert lab.reviews.notes([one.id]) == []
    assert lab.reviews.ratings([one.id]) == []


def test_an_experiments_clips_are_named_by_its_labels(lab: Lab) -> None:
    """A link from a sweep offers its cells in their order; on the wall the labels stand in place of the prompt."""
    sweep = Sweep(
        "Guidance", "Does it move?", GenerationRequest(prompt="A red fox"), {"cfg_scale": [0.2, 0.8]}, takes=2
    )
    experiment_id = lab.start(sweep)
    lab.wait_sweep(experiment_id)
    other = clip(lab, "Another fox")
    picker = the_picker(opened(experiment=experiment_id))
    assert picker
    names = [one["name"] for one in picker["clips"]]
    assert names == ["0.2 · take 1", "0.2 · take 2", "0.8 · take 1", "0.8 · take 2"]
    ids = [one["id"] for one in picker["clips"]]
    wall = the_wall(opened(ids=f"{ids[0]},{other.id},{ids[3]}"))
    assert wall
    assert [one["title"] for one in wall["clips"]] == ["0.2 · take 1", "Another fox", "0.8 · take 2"]
    assert wall["sweep"]["name"] == "Guidance"


def test_an_experiment_without_clips_says_so(lab: Lab) -> None:
    """Nothing is offered that is not there yet."""
    lab.pause_queue()
    experiment_id = lab.start(
        Sweep("Early", "", GenerationRequest(prompt="A red fox"), {"cfg_scale": [0.2, 0.8]}, takes=1)
    )
    app = opened(experiment=experiment_id)
    assert "This sweep has no finished clip yet." in words(app)
    assert the_picker(app) is None
