"""What History promises: every row found again, a link for each, nothing lost by a wrong click, no figure mixed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from pages._ui.history import timeline
from rivya_core import GenerationRecord, GenerationRequest, Lab, State, Sweep
from rivya_core.api.errors import TransportError
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.ledger.ledger import NewGeneration
from rivya_core.lab.ledger.schema import generations
from rivya_core.lab.people.acting import acting_for
from rivya_core.lab.people.person import Person
from rivya_core.web.export_queries import parse_filter
from tests.pages.conftest import ROOT, TIMEOUT_S, own_links


def finished(lab: Lab, prompt: str = "A red fox on a frozen lake", **params: Any) -> GenerationRecord:
    """A generation that has ended."""
    return lab.wait(lab.submit(GenerationRequest(prompt=prompt, params=params)).id)


def failed(lab: Lab, prompt: str = "A crowd in a canyon") -> GenerationRecord:
    """A generation that the simulator let fail."""
    lab.simulator.world.add_fault("task_failed", code="generation_failed", message="The filter stopped it.")
    return finished(lab, prompt)


def waiting(lab: Lab, prompt: str = "A kite over the sea", mode: str = "simulated") -> GenerationRecord:
    """A row that no job will touch: it waits for another connection."""
    with lab.ledger.writing() as connection:
        return lab.ledger.add(
            connection,
            NewGeneration(
                intent_id=f"kite-{mode}",
                take=1,
                parent_id=None,
                source="page",
                mode="live" if mode == "live" else "simulated",
                connection="https://elsewhere.example",
                request=GenerationRequest(prompt=prompt),
                expected_credits=160,
            ),
        )


def unconfirmed(lab: Lab) -> GenerationRecord:
    """A row whose POST got no answer."""
    row = waiting(lab, "An answer was lost")
    lab.ledger.rows.move(row.id, {State.WAITING}, State.SUBMITTING)
    lab.ledger.jobs.begin_attempt(row.id, b'{"prompt": "An answer was lost"}', "0" * 64)
    lab.ledger.jobs.end_attempt(row.id, TransportError("No answer arrived"), outcome_known=False)
    lab.ledger.rows.move(row.id, {State.SUBMITTING}, State.UNCONFIRMED)
    return lab.get(row.id)


def opened(**query: str | list[str]) -> AppTest:
    """History as a visitor with this address sees it first."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).switch_page("pages/history.py")
    for name, value in query.items():
        app.query_params[name] = value
    app = app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def prompts(app: AppTest) -> list[str]:
    """The prompts in the table, a favorite's behind its mark."""
    return [("★ " if row["favorite"] else "") + row["prompt"] for row in rows_of(app)]


def rows_of(app: AppTest) -> list[dict[str, Any]]:
    """The rows of the table."""
    drawn = [
        data(part)["rows"] for part in app.get("bidi_component") if part.proto.component_name == "rivya_history_rows"
    ]
    return drawn[0] if drawn else []


def said(app: AppTest) -> str:
    """Everything the page says, code blocks and components included."""
    kinds = (app.text, app.caption, app.markdown, app.title, app.header, app.code)
    words = [str(item.value) for kind in kinds for item in kind]
    return "\n".join(words + [json.dumps(data(part), ensure_ascii=False) for part in app.get("bidi_component")])


def data(component: Any) -> Any:
    """What a component was given to draw."""
    text = component.proto.json or component.proto.mixed.json
    return json.loads(text) if text else None


def press(app: AppTest, label: str) -> AppTest:
    """Press the one button whose label starts so."""
    [button] = [item for item in app.button if item.label.startswith(label)]
    app = button.click().run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def links(app: AppTest) -> dict[str, str]:
    """Addresses of the link buttons, by label."""
    return {item.proto.label: item.proto.url for item in app.get("link_button")}


def page_links(app: AppTest) -> dict[str, str]:
    """What the links to pages of ours say in the address, by label."""
    return {item.proto.label: item.proto.query_string for item in app.get("page_link")}


def test_an_empty_history_leads_to_the_form(lab: Lab) -> None:
    """With no row there is one sentence and the way to make the first."""
    app = opened()
    assert "Nothing here yet" in said(app)
    assert not rows_of(app)
    assert own_links(app) == ["Make the first clip"]


def test_rows_come_newest_first_and_leave_their_mode_to_the_header(lab: Lab) -> None:
    """The table names prompt and state, says no mode where all are of the header's, and takes its posters from our own route."""
    first, second = finished(lab, "First"), finished(lab, "Second")
    app = opened()
    assert prompts(app) == ["Second", "First"]
    assert [(row["state"], row["mode"]) for row in rows_of(app)] == [("Succeeded", "")] * 2
    assert [row["poster"] for row in rows_of(app)] == [f"/posters/{second.id}.jpg", f"/posters/{first.id}.jpg"]
    assert re.fullmatch(r"Second, \d+ \w{3}, \d\d:\d\d, succeeded", rows_of(app)[0]["name"])


def test_live_and_simulated_rows_are_told_apart(lab: Lab) -> None:
    """P8: a live row and a simulated row never carry the same mark."""
    finished(lab, "Simulated")
    waiting(lab, "Live", mode="live")
    marks = {row["prompt"]: row["mode"] for row in rows_of(opened())}
    assert marks == {"Live": "LIVE", "Simulated": "SIMULATED"}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"state": "failed"}, ["A crowd in a canyon"]),
        ({"state": ["failed", "succeeded"]}, ["A crowd in a canyon", "A red fox on a frozen lake"]),
        ({"state": "waiting"}, ["A kite over the sea"]),
        ({"mode": "live"}, ["A kite over the sea"]),
        ({"q": "fox"}, ["A red fox on a frozen lake"]),
        ({"q": "crowd", "state": "succeeded"}, []),
        ({"starred": "true"}, ["★ A red fox on a frozen lake"]),
        ({"date": ["2024-01-01", "2024-01-02"]}, []),
        ({"cfg_scale": "0.25"}, ["A red fox on a frozen lake"]),
        ({"label": "hero"}, ["A red fox on a frozen lake"]),
        ({"model": "kling-v2-1-master", "state": "failed"}, ["A crowd in a canyon"]),
        ({"sort": "Oldest"}, ["A red fox on a frozen lake", "A crowd in a canyon", "A kite over the sea"]),
    ],
    ids=["state", "states", "waiting", "mode", "text", "both", "starred", "dates", "param", "label", "model", "sort"],
)
def test_a_filter_in_the_address_decides_the_rows(
    lab: Lab, query: dict[str, str | list[str]], shown: list[str]
) -> None:
    """A kept or sent address gives the same view, and the export links ask for exactly these rows."""
    fox = finished(lab, cfg_scale=0.25)
    lab.labels.add("generation", [fox.id], "hero")
    failed(lab)
    waiting(lab, mode="live")
    lab.star(fox.id, "starred" in query)
    app = opened(**query)
    assert prompts(app) == shown
    if shown and "sort" not in query:
        asked = parse_filter(parse_qsl(urlsplit(links(app)["CSV"]).query))
        assert [row.prompt for row in lab.history.export_rows(asked)] == [name.removeprefix("★ ") for name in shown]


def test_a_sweep_in_the_address_shows_its_clips(lab: Lab) -> None:
    """Also those it only reuses; the column names it, and one choice takes the filter back."""
    fox = finished(lab, cfg_scale=0.5)
    finished(lab, "Another")
    sweep = lab.start(Sweep("Which fox?", "", GenerationRequest(prompt=fox.prompt), {"cfg_scale": [0.5, 1]}))
    lab.wait_sweep(sweep)
    app = opened(sweep=sweep)
    assert prompts(app) == [fox.prompt] * 2
    assert {tuple(row["sweep"]) for row in rows_of(app)} == {("Which fox?", f"/sweep?experiment={sweep}", sweep)}
    app = app.selectbox(key="sweep_of").set_value(None).run()
    assert len(prompts(app)) == 3
    assert "Nothing matches" in said(opened(sweep="gone"))


def test_filters_that_match_nothing_can_be_cleared(lab: Lab) -> None:
    """An empty result says that filters made it empty, and one button takes them back."""
    finished(lab)
    app = opened(q="nothing like it", state="failed")
    assert "Nothing matches" in said(app)
    app = press(app, "Clear the filters")
    assert prompts(app) == ["A red fox on a frozen lake"]


@pytest.mark.parametrize("text", ['"', "fox*", "a OR b AND", "NEAR(", "-", "ফুল", "'; drop table"])
def test_no_search_text_breaks_the_page(lab: Lab, text: str) -> None:
    """Whatever is typed is searched for as words, never read as a query language."""
    finished(lab)
    assert not opened(q=text).exception


def test_pages_hold_twenty_five_rows(lab: Lab) -> None:
    """A long history comes in pages, and a page beyond the end shows the last one."""
    lab.pause_queue()
    for number in range(27):
        lab.submit(GenerationRequest(prompt=f"Number {number}"))
    assert len(prompts(opened())) == 25
    assert prompts(opened(page="2")) == ["Number 1", "Number 0"]
    assert prompts(opened(page="99"))


def test_a_permanent_link_opens_one_generation(lab: Lab) -> None:
    """P9: the address with an id shows that generation, wherever it stands in the list."""
    row = finished(lab, "The one that was sent around", cfg_scale=0.25, negative_prompt="text, watermark")
    finished(lab, "A newer one")
    app = opened(id=row.id)
    words = said(app) + said(opened(id=row.id, tab="Billing"))
    for expected in ("The one that was sent around", "text, watermark", "0.25", row.task_id, row.idempotency_key):
        assert str(expected) in words
    assert links(app)["As delivered"] == f"/clips/{row.id}.mp4?download=1"
    assert links(app)["With its settings"] == f"/clips/{row.id}.mp4?download=settings"
    assert f"/history?id={row.id}" in words


def test_a_link_to_nothing_says_so(lab: Lab) -> None:
    """An id that is not in this folder is named as such; the list stays usable."""
    finished(lab)
    app = opened(id="../../<b>nope</b>")
    assert "No such generation" in said(app)
    assert any(code.value == "../../<b>nope</b>" for code in app.code)
    assert prompts(app)
    app = press(app, "All generations")
    assert "No such generation" not in said(app)


def test_words_of_people_are_never_read_as_markdown(lab: Lab) -> None:
    """A prompt that holds Markdown, HTML or a picture address is shown letter by letter, and loads nothing."""
    prompt = "**bold** ![x](https://example.com/x.png) <script>alert(1)</script>"
    row = finished(lab, prompt)
    app = opened(id=row.id)
    assert any(code.value == prompt for code in app.code)
    assert not any("example.com" in part.value for kind in (app.markdown, app.caption, app.header) for part in kind)


def test_the_timeline_tells_each_step_with_its_time(lab: Lab) -> None:
    """From stored to kept, in order, with the time between."""
    row = finished(lab)
    app = opened(id=row.id, tab="Timeline")
    [drawn] = [data(part) for part in app.get("bidi_component") if part.proto.component_name == "rivya_timeline"]
    steps = [point["what"] for point in drawn]
    assert steps[0] == "Stored here, waiting"
    assert steps[-1].startswith("Succeeded")
    assert [step for step in steps if step in {"Sending", "Accepted by Rivya"}] == ["Sending", "Accepted by Rivya"]
    assert all(point["gap"].startswith("+") for point in drawn[1:])


def test_a_failed_generation_says_whether_it_was_charged(lab: Lab) -> None:
    """P6: reason, charge and what is safe now stand where the clip would be."""
    row = failed(lab)
    words = said(opened(id=row.id))
    assert "The filter stopped it." in words
    assert "Not charged" in words
    assert "What you can do:" in words


def test_a_provisional_figure_is_called_provisional(make_lab: Callable[..., Lab]) -> None:
    """While Rivya has not named the final figure, no screen pretends it has."""
    lab = make_lab(settle_delays_s=(60.0,))
    lab.simulator.world.configure(settle_delay_s=3600.0)
    row = finished(lab)
    assert row.settlement == "provisional"
    app = opened(id=row.id, tab="Billing")
    assert "Provisional" in said(app)
    assert [row["credits"] for row in rows_of(app)] == ["160 so far"]


def test_parent_and_children_are_shown_with_what_was_changed(lab: Lab) -> None:
    """From each one press leads to the other; a repeat changes nothing and says so."""
    row = finished(lab)
    request = GenerationRequest(prompt=row.prompt, params={"cfg_scale": 0.9})
    child = lab.wait(lab.submit(request, parent_id=row.id).id)
    assert "Made from this (1)" in said(opened(id=row.id))
    app = opened(id=child.id)
    assert app.button(key="detail_parent").label.startswith("Made from clip of")
    app = app.button(key="detail_parent").click().run()
    assert app.button(key=f"detail_child_{child.id}").label.startswith("Clip of")
    again = lab.wait(lab.submit(GenerationRequest(prompt=row.prompt), parent_id=row.id).id)
    assert opened(id=again.id).button(key="detail_parent").label.startswith("Repeats clip of")


def test_repeat_is_a_new_task_and_two_clicks_are_one(lab: Lab) -> None:
    """P1: a repeat has its own key and names its parent; a double click does not pay twice."""
    row = finished(lab)
    app = opened(id=row.id)
    app = press(press(app, "Repeat ·"), "Repeat ·")
    rows = lab.history.page().rows
    assert len(rows) == 2
    assert rows[0].parent_id == row.id
    assert rows[0].idempotency_key != row.idempotency_key
    assert rows[0].request_sha256 == row.request_sha256
    assert lab.wait(rows[0].id).state is State.SUCCEEDED


def test_a_repeat_says_first_what_exists(lab: Lab) -> None:
    """Beside the button stands how many clips of exactly this there are, with a link to them."""
    row = finished(lab)
    failed_before = failed(lab, row.prompt)
    app = opened(id=row.id)
    assert "You have 1 clip of exactly this." in said(app)
    assert "See it" not in page_links(app)
    app = opened(id=failed_before.id)
    assert "You have 1 clip of exactly this." in said(app)
    assert page_links(app)["See it"] == f"id={row.id}"
    again = finished(lab)
    app = opened(id=row.id)
    assert "You have 2 clips of exactly this." in said(app)
    assert page_links(app)["Compare them"] == f"ids={row.id}%2C{again.id}"


def test_use_these_settings_fills_the_form(lab: Lab) -> None:
    """The draft holds the row's settings, nothing is sent, and the form is opened."""
    row = finished(lab, "Settings to reuse", cfg_scale=0.8, aspect_ratio="9:16")
    app = press(opened(id=row.id), "Use these settings")
    draft = Draft.from_mapping(lab.draft())
    assert (draft.prompt, draft.values["aspect_ratio"]) == ("Settings to reuse", "9:16")
    assert app.title[0].value == "Generate"
    assert len(lab.history.page().rows) == 1


def test_a_model_that_left_the_catalogue_is_shown_and_replaced_in_words(lab: Lab) -> None:
    """Its rows open, its settings can be used with the model that is there, and a repeat says why it cannot be."""
    row = finished(lab, "An old fox", aspect_ratio="9:16")
    request = {**row.request, "model": "kling-v0", "params": {**row.params, "duration": "7"}}
    with lab.ledger.writing() as connection:
        values = {"model": "kling-v0", "request": request}
        connection.execute(sa.update(generations).where(generations.c.id == row.id).values(values))
    app = opened(id=row.id)
    assert not app.exception
    app = press(app, "Use these settings")
    assert "The model kling-v0 is not in the catalogue any more; Kling V2.1 Master is chosen instead." in said(app)
    draft = Draft.from_mapping(lab.draft())
    assert (draft.prompt, draft.values.get("aspect_ratio"), draft.values.get("duration")) == (
        "An old fox",
        "9:16",
        "5",
    )
    again = press(opened(id=row.id), "Repeat")
    assert "'kling-v0' is not the id of a video model" in said(again)
    assert len(lab.history.page().rows) == 1


def test_a_star_stays(lab: Lab) -> None:
    """Starring is kept in the ledger and shown in the table."""
    row = finished(lab)
    app = press(opened(id=row.id), "☆ Favorite")
    assert lab.get(row.id).starred
    assert prompts(app) == ["★ A red fox on a frozen lake"]
    press(app, "★ Favorite")
    assert not lab.get(row.id).starred


def test_delete_can_be_undone(lab: Lab) -> None:
    """A deleted row leaves the list, the bar brings it back as it was, clip included."""
    row = finished(lab)
    app = press(opened(id=row.id), "Delete")
    assert not prompts(app)
    assert lab.get(row.id).deleted_at is not None
    app = press(app.run(), "Undo")
    assert lab.get(row.id).deleted_at is None
    assert lab.clip(row.id).is_file()
    assert prompts(app) == ["A red fox on a frozen lake"]


def acted(name: str, ids: list[str], label: str = "") -> AppTest:
    """What the action bar leads to: what it says in passing, and the bar that brings back."""

    def page(asked: dict[str, object]) -> None:
        import streamlit as st  # noqa: PLC0415 - the body runs as a script of its own

        from pages._ui import layout  # noqa: PLC0415
        from pages._ui.history import deletion, selection  # noqa: PLC0415

        if "acted" not in st.session_state:
            st.session_state["acted"] = True
            selection.act(asked)
        selection.follow()
        deletion.bar(layout.lab())

    asked = {"act": name, "ids": ids, "label": label}
    app = AppTest.from_function(page, default_timeout=TIMEOUT_S, kwargs={"asked": asked}).run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def toasts(app: AppTest) -> list[str]:
    """What is said in passing."""
    return [toast.value for toast in app.toast]


def test_several_are_deleted_and_brought_back_together(lab: Lab) -> None:
    """What has not ended stays, and that is said; one press brings all others back."""
    rows = [finished(lab, f"Number {number}") for number in range(3)]
    asking = unconfirmed(lab)
    app = acted("delete", [*(row.id for row in rows[:2]), asking.id, "gone"])
    assert {row.id for row in lab.history.page().rows} == {asking.id, rows[2].id}
    assert "Deleted: 2 generations" in said(app)
    assert toasts(app) == ["1 was not deleted: it is still under way, or may have been charged."]
    press(app, "Undo")
    assert len(lab.history.page().rows) == 4


def test_several_become_favorites_and_are_labelled_together(lab: Lab) -> None:
    """All of them, or none any more when all were; a label that is no word is refused in words."""
    ids = [finished(lab, f"Number {number}").id for number in range(2)]
    lab.star(ids[0], True)
    assert toasts(acted("favorite", ids)) == ["2 generations added to favorites."]
    assert {lab.get(one).starred for one in ids} == {True}
    assert toasts(acted("favorite", ids)) == ["2 generations removed from favorites."]
    assert {lab.get(one).starred for one in ids} == {False}
    assert toasts(acted("label", ids, " hero ")) == ["Label given to 2 generations."]
    assert toasts(acted("label", ids, "HERO")) == ["They carry this label already."]
    assert "The label is not usable" in toasts(acted("label", ids, "a\nb"))[0]
    assert [row["labels"] for row in rows_of(opened())] == [["hero"]] * 2
    assert toasts(acted("unlabel", ids[:1], "hero")) == ["Label taken from 1 generation."]
    assert toasts(acted("favorite", ["gone"])) == ["None of them is here any more."]


def test_the_way_back_ends_with_the_next_action(lab: Lab) -> None:
    """The undo bar stays while one looks around and goes when something else is done."""
    gone, kept = finished(lab, "Gone"), finished(lab, "Kept")
    app = press(opened(id=gone.id), "Delete").run()
    assert [button.label for button in app.button if button.label == "Undo"] == ["Undo"]
    app.query_params["id"] = kept.id
    app = press(app.run(), "☆ Favorite")
    assert not [button for button in app.button if button.label == "Undo"]


def test_a_link_to_a_deleted_generation_offers_to_restore_it(lab: Lab) -> None:
    """Its permanent link still tells what it was, and where people sign in who did it, in the timeline too."""
    row = finished(lab)
    with acting_for(Person("ada@lab.example")):
        lab.delete([row.id])
    assert timeline.moments(lab.get(row.id), lab.events(row.id))[-1].what == "Deleted"
    app = opened(id=row.id)
    assert "was deleted" in said(app)
    assert "by ada@lab.example" in said(app)
    press(app, "Restore")
    assert lab.get(row.id).deleted_at is None


def test_notes_are_written_and_shown_in_history(lab: Lab) -> None:
    """On any clip; those of the wall say their place; a deleted one comes back; the row counts them."""
    row = finished(lab)
    lab.reviews.add_note(row.id, 1.5, "A jump", "Ana")
    app = opened(id=row.id, tab="Notes")
    assert "A jump" in said(app)
    assert "Ana · at 1.5 s" in said(app)
    app.text_area(key=f"note_text_{row.id}").set_value("Best so far")
    app = press(app, "Add note")
    assert [note.text for note in lab.reviews.notes([row.id])] == ["Best so far", "A jump"]
    assert app.text_area(key=f"note_text_{row.id}").value == ""
    assert rows_of(app)[0]["marks"] == "2 notes"
    app = app.button(key=f"note_delete_{lab.reviews.notes([row.id])[0].id}").click().run()
    assert "Best so far" not in said(app)
    assert "Best so far" in said(press(app, "Undo"))


def test_a_row_under_way_cannot_be_deleted_or_repeated(lab: Lab) -> None:
    """What may still cost credits stays in sight; its row offers to cancel while it waits."""
    row = waiting(lab)
    app = opened(id=row.id)
    assert not [button for button in app.button if button.label.startswith(("Delete", "Repeat"))]
    [live] = [data(part) for part in app.get("bidi_component") if part.proto.component_name == "rivya_progress_list"]
    assert [act["name"] for act in live["rows"][0]["acts"]] == ["cancel"]


def test_an_unconfirmed_row_offers_its_three_ways_out(lab: Lab) -> None:
    """Ask again with the same key, follow a known task, or close as not charged; closing releases the credits."""
    row = unconfirmed(lab)
    app = opened(id=row.id)
    labels = [button.label for button in app.button]
    for expected in ("Ask again with the same key", "Follow this task", "Close as not charged"):
        assert expected in labels
    assert "Charge unknown" in said(app)
    press(app, "Close as not charged")
    assert lab.get(row.id).state is State.FAILED
    assert lab.get(row.id).held_credits == 0


def test_the_exchange_shows_the_sent_bytes_without_a_key(lab: Lab) -> None:
    """The request is shown as it was committed; where the key stood there is a remark."""
    row = finished(lab)
    [shown] = [code.value for code in opened(id=row.id, tab="API log").code if code.value.startswith("POST ")]
    assert "Authorization: Bearer (left out)" in shown
    assert f"Idempotency-Key: {row.idempotency_key}" in shown
    assert "A red fox on a frozen lake" in shown


def test_the_exchange_shows_the_answers_that_came(lab: Lab) -> None:
    """Refused, then failed or done: each answer with its status, code, request id and attempt, and the task id."""
    lab.simulator.world.add_fault("error", route="create", code="internal_error", status=500, message="Not now.")
    fine, bad = finished(lab), failed(lab)

    def answers(row: GenerationRecord) -> list[dict[str, str]]:
        app = opened(id=row.id, tab="API log")
        parts = {part.proto.component_name: data(part) for part in app.get("bidi_component")}
        assert [fact["value"] for fact in parts["rivya_fact_list"] if fact["label"] == "Task id"] == [row.task_id]
        drawn: list[dict[str, str]] = parts["rivya_timeline"]
        return drawn

    refused, accepted, *_, done = answers(fine)
    assert refused["what"] == "HTTP 500 · internal_error · to the request · attempt 1"
    assert f"request id {fine.request_id}" in refused["note"]
    assert accepted["what"] == f"Accepted as {fine.task_id}"
    assert done["what"] == "Task is succeeded"
    last = answers(bad)[-1]
    assert "generation_failed" in last["what"]
    assert "The filter stopped it." in last["note"]


def test_the_copy_menu_names_one_address_and_each_copy_its_own_key(lab: Lab) -> None:
    """Both cURL and Python go to the same simulator, whose key is shown apart; a rerun leaves what was copied as it was."""
    first, second = finished(lab, "First"), finished(lab, "Second")
    lab.pause_queue()

    def copied(app: AppTest) -> tuple[str, str, str]:
        codes = [code.value for code in app.code]
        [curl] = [code for code in codes if "curl -sS" in code]
        [python] = [code for code in codes if "import GenerationRequest" in code]
        [key] = [code for code in codes if code.startswith("export ")]
        return curl, python, key

    app = opened(id=first.id)
    curl, python, key = copied(app)
    assert "/simulator/api/v1/generations" in curl
    assert "/simulator') as rivya" in python
    assert key == f"export RIVYA_API_KEY={lab.simulator.api_key}"
    assert lab.simulator.api_key not in curl + python
    assert copied(app.run()) == (curl, python, key)
    app.query_params["id"] = second.id
    keys = [re.findall(r"IDEMPOTENCY_KEY ?= ?(\S+)", script) for script in (curl, python, *copied(app.run())[:2])]
    assert len({key for found in keys for key in found}) == 4


def test_a_copy_of_a_live_clip_goes_to_the_real_address(lab: Lab) -> None:
    """No key of a simulator is offered for it, and its price is said."""
    row = waiting(lab, "Live", mode="live")
    app = opened(id=row.id)
    words = said(app)
    assert "https://elsewhere.example/api/v1/generations" in words
    assert "base_url='https://elsewhere.example'" in words
    assert "spends real credits" in words
    assert str(lab.simulator.api_key) not in words


def test_a_lost_file_is_said_and_can_be_fetched_again(lab: Lab) -> None:
    """P2: when the archived file is gone, the panel says so instead of showing a dead player."""
    row = finished(lab)
    lab.clip(row.id).unlink()
    app = opened(id=row.id)
    assert "A file of the archive is gone" in said(app)
    press(app, "Check now")
    lab.wait(row.id)
    assert lab.clip(row.id).is_file()


def test_a_read_only_server_shows_and_cannot_spend(make_lab: Callable[..., Lab]) -> None:
    """History works there, without the buttons that start something."""
    lab = make_lab()
    row = finished(lab)
    lab.close()
    make_lab(read_only=True)
    app = opened(id=row.id)
    labels = [button.label for button in app.button]
    assert prompts(app)
    assert not [label for label in labels if label.startswith(("Repeat", "Use these settings", "Delete"))]
