"""Shows: everything is filled in, what is shown is frozen, and the clips stay whatever becomes of their generations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import Lab
from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.votes.ranking import counted
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import generations, show_clips
from rivya_core.lab.ledger.states import State
from rivya_core.lab.shows.edits import CAPTION_MAX, TITLE_MAX
from tests.lab.evaluation.study import make_crossed, make_study
from tests.lab.given import in_state
from tests.lab.meanwhile import meanwhile
from tests.lab.shows.given import VALUES, based, decide, decided, vote

HOSTILE = "</script><img src=x onerror=alert(1)> {{ 7*7 }} \u2028"


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A lab with nothing in it."""
    return make_lab()


def clips_of(lab: Lab, sweep: str) -> list[str]:
    """The generations of a sweep that have a clip, in grid order."""
    cells = lab.sweeps.status(sweep).cells
    return [take.generation_id for cell in cells for take in cell.takes if take.has_clip and take.generation_id]


# -- of a sweep --------------------------------------------------------------------------------------------------------


def test_a_show_of_a_decided_sweep_has_everything_filled_in(lab: Lab) -> None:
    """Question, what was compared, grid, baseline beside winner, votes with intervals, findings, decision and cost."""
    sweep = decided(lab)
    show = lab.shows.of_sweep(sweep)
    data = lab.shows.data(show.id)
    assert [slide["layout"] for slide in data["slides"]] == ["title", "grid", "finding", "finding", "decision"]
    assert data["title"] == lab.sweeps.get(sweep).name
    assert data["question"] == lab.sweeps.get(sweep).question
    assert data["variables"] == [{"name": "Prompt", "values": list(VALUES)}]
    assert data["mode"] == "simulated"
    finding = lab.verdicts.finding(sweep)
    assert finding is not None
    assert [one["sentence"] for one in data["findings"]] == [finding.text]
    ranking = lab.votes.ranking(sweep)
    first = data["votes"]["table"][0]
    assert (first["label"], first["wins"], first["of"]) == (VALUES[0], 6, 6)
    assert 0 < first["low"] < first["share"] < first["high"] < 1
    assert data["votes"]["sentence"] == ranking.sentence
    assert data["decision"]["reason"] == "It is calmer"
    assert data["decision"]["by"] == "Ben"
    assert data["made_at"] == data["decision"]["decided_at"]
    assert data["cost"] == {
        "credits": 640,
        "clips": 4,
        "failed": 0,
        "sentence": "4 clips: 640 simulated credits.",
    }
    assert data["slides"][-1]["clips"] == data["decision"]["clips"]


def test_the_hashes_are_of_the_files_and_every_slide_finds_its_clips(lab: Lab) -> None:
    """Whatever the ledger says of a clip, its name in a show is the hash of the bytes that are shown."""
    show = lab.shows.of_sweep(decided(lab))
    data = lab.shows.data(show.id)
    keys = {key for slide in data["slides"] for key in slide["clips"]}
    assert keys == data["clips"].keys()
    assert len(keys) == 4
    for key in keys:
        content = lab.shows.clip(show.id, key).read_bytes()
        assert hashlib.sha256(content).hexdigest() == key == data["clips"][key]["sha256"]
        assert data["clips"][key]["size_bytes"] == len(content)
        poster = lab.shows.poster(show.id, key)
        assert poster is not None
        assert poster.read_bytes()[:2] == b"\xff\xd8"
    labels = sorted(clip["label"] for clip in data["clips"].values())
    assert labels == [f"{value}, take {take}" for value in VALUES for take in (1, 2)]


def test_the_grid_has_the_last_variable_across(lab: Lab) -> None:
    """Rows, columns and cells stand as they do in the sweep; a combination without a clip is an empty place."""
    sweep = make_crossed(lab, {"prompt": ["fox", "owl"], "cfg_scale": ["0", "1"]}, missing=[2])
    grid = lab.shows.data(lab.shows.of_sweep(sweep).id)["grid"]
    assert grid["columns"] == ["cfg_scale 0", "cfg_scale 1"]
    assert grid["rows"] == ["fox", "owl"]
    assert [[len(cell) for cell in row] for row in grid["cells"]] == [[1, 1], [0, 1]]


def test_baseline_and_winner_stand_side_by_side(lab: Lab) -> None:
    """Where both have a clip and are not the same."""
    sweep = based(lab, make_study(lab, VALUES))
    decide(lab, sweep, 1)
    data = lab.shows.data(lab.shows.of_sweep(sweep).id)
    [pair] = [slide for slide in data["slides"] if slide["layout"] == "pair"]
    assert [data["clips"][key]["label"] for key in pair["clips"]] == list(VALUES)
    decide(lab, sweep, None)  # the baseline was kept: there is nothing to put beside it
    kept = lab.shows.data(lab.shows.of_sweep(sweep).id)
    assert "pair" not in [slide["layout"] for slide in kept["slides"]]
    assert [kept["clips"][key]["label"] for key in kept["decision"]["clips"]] == [VALUES[0]]


def test_a_running_sweep_is_refused_until_it_is_decided(lab: Lab) -> None:
    """What would be missing is said; a decision is a reason of its own to show what there is."""
    sweep = make_study(lab, VALUES, waiting=1)
    with pytest.raises(LabError, match="2 of its takes are under way"):
        lab.shows.of_sweep(sweep)
    decide(lab, sweep)
    assert lab.shows.of_sweep(sweep).title


@pytest.mark.parametrize("what", ["nothing", "unknown"])
def test_without_a_clip_or_a_sweep_there_is_no_show(lab: Lab, what: str) -> None:
    """And nothing is stored."""
    sweep = make_study(lab, VALUES, clips=0, planned=1) if what == "nothing" else "xunknown"
    with pytest.raises(LabError, match=r"nothing to show yet|no such sweep"):
        lab.shows.of_sweep(sweep)
    assert lab.shows.list() == ()


def test_votes_of_an_open_round_stay_out(lab: Lab) -> None:
    """The names of what is being voted on are told to nobody by a show; it says that votes are missing."""
    sweep = make_study(lab, VALUES)
    vote(lab, sweep, 2, end=False)
    data = lab.shows.data(lab.shows.of_sweep(sweep).id)
    assert data["votes"] is None
    assert any("round is open" in line for line in data["slides"][0]["text"])


# -- frozen ------------------------------------------------------------------------------------------------------------


@pytest.mark.database
def test_later_votes_decisions_and_ratings_change_nothing_until_the_facts_are_updated(lab: Lab) -> None:
    """The press says what it changed, and takes back what it did."""
    sweep = decided(lab)
    show = lab.shows.of_sweep(sweep)
    before = json.dumps(lab.shows.data(show.id), sort_keys=True)
    vote(lab, sweep, 3, "Cy")
    decide(lab, sweep, 1, "Changed our minds")
    lab.sweeps.rename(sweep, "Another name")
    assert json.dumps(lab.shows.data(show.id), sort_keys=True) == before
    updated = lab.shows.update_facts(show.id)
    told = " ".join(updated.changes)
    assert f"Decision: {VALUES[1]}." in told
    assert "Votes:" in told
    after = lab.shows.data(show.id)
    assert after["decision"]["reason"] == "Changed our minds"
    assert after["votes"]["table"][0]["of"] == 9
    lab.shows.put_back(updated.before)
    assert json.dumps(lab.shows.data(show.id), sort_keys=True) == before


@pytest.mark.database
def test_a_show_is_read_as_it_stood_at_one_moment(lab: Lab) -> None:
    """A change that is committed while a show is read is in what is read as a whole, or not at all."""
    show = lab.shows.create("Before", clips_of(lab, make_study(lab, VALUES)))

    def change() -> None:
        lab.shows.rename(show.id, "After")
        lab.shows.remove(show.id, 1)

    with meanwhile(lab.ledger.database, "FROM lab_show_slides", change):
        read = lab.shows.get(show.id)
    assert read in (show, lab.shows.get(show.id))


def test_an_update_without_news_says_nothing(lab: Lab) -> None:
    """Of a sweep and of chosen clips alike."""
    sweep = decided(lab)
    chosen = lab.shows.create("Chosen", clips_of(lab, sweep)[:2])
    for show in (lab.shows.of_sweep(sweep), chosen):
        before = lab.shows.data(show.id)
        assert lab.shows.update_facts(show.id).changes == ()
        assert lab.shows.data(show.id) == before


def test_an_update_keeps_what_people_changed(lab: Lab) -> None:
    """Captions, order and slides of their own stay; what was removed does not come back; what is new gets its slide."""
    sweep = make_study(lab, VALUES)
    show = lab.shows.of_sweep(sweep)
    grid = next(slide for slide in show.slides if slide.layout == "grid")
    lab.shows.caption(show.id, 1, "Welcome")
    lab.shows.add(show.id, [clips_of(lab, sweep)[0]], ["Look at the left"])
    lab.shows.remove(show.id, grid.number)
    decide(lab, sweep)
    lab.shows.update_facts(show.id)
    data = lab.shows.data(show.id)
    layouts = [slide["layout"] for slide in data["slides"]]
    assert layouts.count("decision") == 1
    assert "grid" not in layouts
    assert data["grid"] is None
    assert data["slides"][0]["caption"] == "Welcome"
    assert "Look at the left" in [slide["caption"] for slide in data["slides"]]


def test_a_fact_that_comes_back_gets_its_slide_again(lab: Lab) -> None:
    """Votes that an open round kept out, a decision that was reopened: only a slide that a person removed stays away."""
    sweep = decided(lab)
    show = lab.shows.of_sweep(sweep)
    whole = [slide.about for slide in show.slides]
    lab.sweeps.decide(sweep, None)
    vote(lab, sweep, 1, "Cy", end=False)
    lab.shows.update_facts(show.id)
    assert {"votes", "decision"}.isdisjoint(slide.about for slide in lab.shows.get(show.id).slides)
    lab.ballots.end(lab.ballots.start(sweep, "Cy"))
    decide(lab, sweep)
    lab.shows.update_facts(show.id)
    assert [slide.about for slide in lab.shows.get(show.id).slides] == whole


def test_an_update_that_was_taken_back_can_be_done_again(lab: Lab) -> None:
    """The slide that it brought comes with it the second time too."""
    sweep = make_study(lab, VALUES)
    show = lab.shows.of_sweep(sweep)
    decide(lab, sweep)
    lab.shows.put_back(lab.shows.update_facts(show.id).before)
    assert "decision" not in [slide.about for slide in lab.shows.get(show.id).slides]
    lab.shows.update_facts(show.id)
    assert "decision" in [slide.about for slide in lab.shows.get(show.id).slides]


@pytest.mark.database
def test_a_clip_that_is_added_again_keeps_what_is_written_of_it(lab: Lab) -> None:
    """In a show of a sweep it keeps the name of its combination, whatever it is called where it was added from."""
    sweep = decided(lab)
    show = lab.shows.of_sweep(sweep)
    before = lab.shows.data(show.id)["clips"]
    lab.shows.add(show.id, clips_of(lab, sweep)[:1])
    assert lab.shows.data(show.id)["clips"] == before


def test_the_clips_of_a_show_outlive_their_generations(lab: Lab) -> None:
    """Deleted, its file removed, or another file in its place: the show holds what it held."""
    sweep = make_study(lab, VALUES)
    ids = clips_of(lab, sweep)
    show = lab.shows.create("Kept", ids)
    held = {key: lab.shows.clip(show.id, key).read_bytes() for key in show.clips}
    lab.delete(ids[:1])
    lab.archive.delete(str(lab.get(ids[0]).clip_key))
    lab.archive.put_bytes(str(lab.get(ids[1]).clip_key), b"something else")
    assert {key: lab.shows.clip(show.id, key).read_bytes() for key in show.clips} == held
    assert lab.shows.update_facts(show.id).changes == ()
    assert {key: lab.shows.clip(show.id, key).read_bytes() for key in show.clips} == held


def test_a_sweeps_deleted_clip_stays_in_its_show_when_the_facts_are_updated(lab: Lab) -> None:
    """The show holds it, so it is shown; a show made anew leaves it out."""
    sweep = make_study(lab, VALUES)
    lab.verdicts.wait(sweep, 60)
    show = lab.shows.of_sweep(sweep)
    lab.delete(clips_of(lab, sweep)[:1])
    assert lab.shows.update_facts(show.id).changes == ()
    assert len(lab.shows.get(show.id).clips) == 2
    assert len(lab.shows.of_sweep(sweep).clips) == 1


def test_the_data_are_the_same_each_time_and_after_a_restart(lab: Lab, make_lab: Callable[..., Lab]) -> None:
    """Nothing in them is of the moment at which they are asked for."""
    show = lab.shows.of_sweep(decided(lab))
    before = json.dumps(lab.shows.data(show.id), sort_keys=True)
    lab.close()
    assert json.dumps(make_lab().shows.data(show.id), sort_keys=True) == before


def test_the_data_hold_no_id_path_or_host(lab: Lab) -> None:
    """Of generations, tasks, sweep, folder, server or key."""
    sweep = decided(lab)
    text = json.dumps(lab.shows.data(lab.shows.of_sweep(sweep).id))
    ids = clips_of(lab, sweep)
    secrets = [*ids, *(str(lab.get(one).task_id) for one in ids), sweep, str(lab.settings.data_dir), lab.connection]
    assert [one for one in [*secrets, "127.0.0.1", "http:", "clips/"] if one in text] == []


def test_the_page_is_made_of_the_data(lab: Lab) -> None:
    """With addresses of the files below its own, and hostile text as text."""
    sweep = decided(lab)
    show = lab.shows.of_sweep(sweep, HOSTILE)
    html = lab.shows.page(show.id)
    assert f"/show/{show.id}/clips/{next(iter(show.clips))}.mp4" in html
    assert "<img src=x" not in html
    assert lab.connection not in html


# -- of clips ----------------------------------------------------------------------------------------------------------


def test_a_show_of_chosen_clips_has_a_slide_for_each_entry(lab: Lab) -> None:
    """Several ids in one entry stand side by side, with their caption."""
    one, two, three, four = clips_of(lab, make_study(lab, VALUES, clips=2))
    show = lab.shows.create(
        "  Some\n clips ", [one, [two, three], [one, two, three, four]], ["First", "", "All\r\nfour"]
    )
    data = lab.shows.data(show.id)
    assert data["title"] == "Some clips"
    assert [(slide["layout"], len(slide["clips"]), slide["caption"]) for slide in data["slides"]] == [
        ("clip", 1, "First"),
        ("pair", 2, ""),
        ("grid", 4, "All\nfour"),
    ]
    assert (data["grid"], data["votes"], data["decision"], data["findings"]) == (None, None, None, [])
    assert data["made_at"] == max(clip["made_at"] for clip in data["clips"].values())
    assert data["cost"]["sentence"] == "4 clips: 640 simulated credits."


def test_live_and_simulated_clips_stay_apart(lab: Lab) -> None:
    """The show says that it is mixed, each clip what it is, and no figure adds both."""
    simulated = clips_of(lab, make_study(lab, VALUES))
    live = clips_of(lab, make_study(lab, ("dawn", "dusk", "noon"), experiment_id="xlive", mode="live"))
    show = lab.shows.create("Both", [simulated[0], live[1], live[2]])
    data = lab.shows.data(show.id)
    assert data["mode"] == lab.shows.list()[0].mode == "mixed"
    assert sorted(clip["mode"] for clip in data["clips"].values()) == ["live", "live", "simulated"]
    assert data["cost"]["credits"] == 320
    assert data["cost"]["sentence"] == "3 clips: 320 credits and 160 simulated credits."
    lab.shows.remove(show.id, 1)
    assert lab.shows.data(show.id)["mode"] == lab.shows.list()[0].mode == "live"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"state": State.FAILED}, "no finished, whole clip"),
        ({"clip_check": "damaged"}, "no finished, whole clip"),
        ({"clip_check": "unopened"}, "no finished, whole clip"),
        ({"deleted": True}, "no finished, whole clip"),
    ],
    ids=str,
)
def test_only_whole_clips_are_shown(lab: Lab, change: dict[str, Any], rule: str) -> None:
    """A failed, damaged, unopened or deleted one is refused by name, and nothing is stored."""
    one, two = clips_of(lab, make_study(lab, VALUES))
    if "state" in change:
        two = in_state(lab.ledger, change["state"]).id
    elif "deleted" in change:
        lab.delete([two])
    else:
        with begin_immediate(lab.ledger.database) as connection:
            connection.execute(sa.update(generations).where(generations.c.id == two).values(**change))
    with pytest.raises(LabError, match=rule) as refused:
        lab.shows.create("Two", [one, two])
    assert refused.value.field == "generation_ids"
    assert two in refused.value.detail
    assert lab.shows.list() == ()


@pytest.mark.parametrize(
    ("title", "captions", "field", "rule"),
    [
        ("", None, "title", "it is empty"),
        ("\u200b ", None, "title", "it is empty"),
        ("a" * (TITLE_MAX + 1), None, "title", f"it has 121 characters, and at most {TITLE_MAX} are taken"),
        ("a\ud800", None, "title", "half of a character"),
        (7, None, "title", "must be text"),
        ("a\u202eb", None, "title", r"U\+202E"),
        ("Fine", ["a" * (CAPTION_MAX + 1)], "caption", f"it has 601 characters, and at most {CAPTION_MAX} are taken"),
        ("Fine", ["a\x00"], "caption", "a NUL character, which cannot be kept"),
        ("Fine", [], "captions", "0 captions were given for 1 slides"),
    ],
)
def test_titles_and_captions_are_refused_by_field_and_rule(
    lab: Lab, title: str, captions: list[str] | None, field: str, rule: str
) -> None:
    """In one sentence a person can act on."""
    clip = clips_of(lab, make_study(lab, VALUES))[0]
    with pytest.raises(LabError, match=rule) as refused:
        lab.shows.create(title, [clip], captions)
    assert refused.value.field == field


def test_a_slide_takes_at_most_four_clips(lab: Lab) -> None:
    """And a show at least one."""
    ids = clips_of(lab, make_study(lab, VALUES, clips=3))
    with pytest.raises(LabError, match="at most 4 stand side by side"):
        lab.shows.create("Too many", [ids[:5]])
    with pytest.raises(LabError, match="at least one clip"):
        lab.shows.create("None", [])


# -- changing ----------------------------------------------------------------------------------------------------------


@pytest.mark.database
def test_every_change_can_be_taken_back(lab: Lab) -> None:
    """Title, caption, order, layout, removal and more clips: each hands back the show as it was."""
    ids = clips_of(lab, make_study(lab, VALUES, clips=2))
    show = lab.shows.create("Four", [ids[0], ids[1:3], ids[3]])
    changes: list[Callable[[], Any]] = [
        lambda: lab.shows.rename(show.id, "Five"),
        lambda: lab.shows.caption(show.id, 2, HOSTILE),
        lambda: lab.shows.move(show.id, 1, 1),
        lambda: lab.shows.set_layout(show.id, 2, "finding"),
        lambda: lab.shows.remove(show.id, 3),
        lambda: lab.shows.add(show.id, [ids[0]]),
    ]
    for change in changes:
        was = lab.shows.data(show.id)
        before = change()
        assert lab.shows.data(show.id) != was
        lab.shows.put_back(before)
        assert lab.shows.data(show.id) == was


def test_slides_move_by_their_own_number(lab: Lab) -> None:
    """Beyond an end a slide stays at the end; the numbers go with the slides."""
    show = lab.shows.create("Three", clips_of(lab, make_study(lab, ("a sea", "b sea", "c sea"))))
    lab.shows.move(show.id, 3, -2)
    assert [slide.number for slide in lab.shows.get(show.id).slides] == [3, 1, 2]
    lab.shows.move(show.id, 3, 99)
    lab.shows.move(show.id, 1, -1)
    assert [slide.number for slide in lab.shows.get(show.id).slides] == [1, 2, 3]
    lab.shows.remove(show.id, 2)
    with pytest.raises(LabError, match="no slide 2 any more"):
        lab.shows.caption(show.id, 2, "Late")
    with pytest.raises(LabError, match="a slide with 1 clips can be clip, finding, not pair"):
        lab.shows.set_layout(show.id, 1, "pair")


def test_hostile_text_stays_the_text_it_is(lab: Lab) -> None:
    """In title, caption, question, reason and prompt; the data hold it as it was written."""
    sweep = make_study(lab, (HOSTILE.replace("\u2028", ""), "other sea"))
    decide(lab, sweep, 0, HOSTILE)
    show = lab.shows.of_sweep(sweep, "<b>T</b>")
    lab.shows.caption(show.id, 1, HOSTILE)
    data = lab.shows.data(show.id)
    assert data["title"] == "<b>T</b>"
    assert data["slides"][0]["caption"] == HOSTILE.strip()
    assert data["decision"]["reason"] == HOSTILE


@pytest.mark.database
def test_shows_are_listed_newest_first_deleted_and_brought_back(lab: Lab) -> None:
    """With what a list needs: mode, counts and the clip that stands for them."""
    sweep = make_study(lab, VALUES)
    first = lab.shows.create("First", clips_of(lab, sweep))
    second = lab.shows.of_sweep(sweep)
    assert [one.id for one in lab.shows.list()] == [second.id, first.id]
    told = lab.shows.list()[1]
    assert (told.title, told.slides, told.clips, told.mode, told.poster) == (
        "First", 2, 2, "simulated", next(iter(first.clips)),
    )  # fmt: skip
    assert lab.shows.delete(first.id)
    assert not lab.shows.delete(first.id)
    assert [one.id for one in lab.shows.list()] == [second.id]
    for call in (lab.shows.get, lab.shows.data, lab.shows.held):
        with pytest.raises(LabError, match="no such show"):
            call(first.id)
    with pytest.raises(LabError, match="no such clip"):
        lab.shows.clip(first.id, next(iter(first.clips)))
    assert lab.shows.undelete(first.id)
    assert lab.shows.data(first.id)["title"] == "First"


def test_a_show_says_which_generation_each_clip_is_of(lab: Lab) -> None:
    """To the lab alone, for a ballot: in the order shown, and not in the data."""
    ids = clips_of(lab, make_study(lab, VALUES))
    show = lab.shows.create("Two", list(reversed(ids)))
    assert [one.generation_id for one in lab.shows.held(show.id)] == list(reversed(ids))
    with lab.ledger.reading() as connection:
        assert set(connection.execute(sa.select(show_clips.c.sha256)).scalars()) == set(show.clips)


def test_a_show_counts_votes_as_the_ranking_does(lab: Lab) -> None:
    """The same numbers and words stand in the show and on the page Vote, ties among them."""
    sweep = make_study(lab, VALUES, clips=2)
    round_id = lab.ballots.start(sweep, "Ana")
    for outcome in ("left", "tie", "bad", "right", "tie"):
        ballot = lab.ballots.ballot(round_id)
        assert ballot is not None
        lab.ballots.vote(round_id, ballot.left_token, outcome)
    lab.ballots.end(round_id)
    decide(lab, sweep)
    standing = lab.votes.ranking(sweep)
    told = lab.shows.get(lab.shows.of_sweep(sweep).id).facts.votes
    assert told is not None
    assert [row.counted for row in told.table] == [counted(one.won, one.lost, one.ties) for one in standing.rated]
    assert {row.tied for row in told.table} == {3}
    assert sum(row.of for row in told.table) // 2 == standing.votes == 5
    assert told.sentence == standing.sentence
