"""What Vote promises: nothing named while voting, everything afterwards, and one way to save what is no longer needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui import vote_formatting
from rivya_core import Lab
from tests.lab.evaluation.study import WORDS, make_crossed, make_study
from tests.lab.evaluation.test_ballots import cast, prefer
from tests.lab.shows.test_ballot import line
from tests.pages.conftest import ROOT, TIMEOUT_S
from tests.until import until

CROSSED = {"prompt": ("fox", "squirrel"), "cfg_scale": ("0.125", "0.875")}


def opened(**query: str) -> AppTest:
    """Vote as a visitor with this address sees it first."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).switch_page("pages/vote.py")
    for name, value in query.items():
        app.query_params[name] = value
    app = app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def data(app: AppTest, component: str) -> Any:
    """What a component was given to draw; None when it is not on the page."""
    found = [part for part in app.get("bidi_component") if part.proto.component_name == component]
    if not found:
        return None
    text = found[0].proto.json or found[0].proto.mixed.json
    return json.loads(text)


def said(app: AppTest) -> str:
    """Everything the page says outside of components."""
    kinds = (app.text, app.caption, app.markdown, app.title, app.header, app.error, app.success)
    return "\n".join(str(item.value) for kind in kinds for item in kind)


def press(app: AppTest, label: str) -> AppTest:
    """Press the one button whose label starts so."""
    [button] = [item for item in app.button if item.label.startswith(label)]
    app = button.click().run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def begun(lab: Lab, experiment_id: str, *, voter: str = "Ana") -> AppTest:
    """A round, started on the page."""
    app = opened(experiment=experiment_id)
    app.text_input(key="vote_voter").set_value(voter)
    return press(app.run(), "Start voting")


def round_of(app: AppTest) -> str:
    """The round in the address."""
    found: Any = app.query_params["round"]
    return found if isinstance(found, str) else str(found[0])


def everything(app: AppTest) -> str:
    """Every message the page sent, as text."""
    return "".join(str(element.proto) for element in flat(app.main))


def flat(block: Any) -> Sequence[Any]:
    """All elements below a block."""
    found: list[Any] = []
    for child in block.children.values():
        found += flat(child) if hasattr(child, "children") else [child]
    return found


def test_without_clips_there_is_nothing_to_vote_on(lab: Lab) -> None:
    """One sentence says what is needed, and a link leads there."""
    app = opened()
    assert "Nothing to vote on yet" in said(app)
    assert not app.selectbox


def test_an_experiment_with_one_cell_is_told_why(lab: Lab) -> None:
    """A link to it says how far it is."""
    experiment_id = make_study(lab, ["alone"])
    assert "has clips of 1 of 1 combinations; a vote needs two" in said(opened(experiment=experiment_id))


@pytest.mark.parametrize("query", [{"experiment": "nothing"}, {"round": "nothing"}, {"round": "<b>x</b>"}])
def test_a_stale_link_says_so(lab: Lab, query: dict[str, str]) -> None:
    """Rather than an error."""
    assert "No such" in said(opened(**query))


def test_a_hidden_sweep_is_offered_by_its_address_alone(lab: Lab) -> None:
    """It stands among the others only while somebody asks for it."""
    hidden, other = make_study(lab), make_study(lab, experiment_id="xother")
    lab.sweeps.hide(hidden)
    assert [one.id for one in lab.ballots.candidates()] == [other]
    assert opened().selectbox(key="vote_experiment").value == other
    assert len(opened().selectbox(key="vote_experiment").options) == 1
    assert opened(experiment=hidden).selectbox(key="vote_experiment").value == hidden
    lab.sweeps.delete(hidden)
    assert "No such sweep" in said(opened(experiment=hidden))


def test_a_round_needs_a_name_first(lab: Lab) -> None:
    """The sentence stands beside the button; nothing is stored."""
    experiment_id = make_study(lab)
    app = press(opened(experiment=experiment_id), "Start voting")
    assert "A name is needed" in said(app)
    assert lab.ballots.candidates()[0].rounds == 0


def test_while_voting_the_page_names_nothing(lab: Lab) -> None:
    """No prompt, label, name, question, id or file in anything that is sent; the address holds the round only."""
    experiment_id = make_study(lab, ["calm sea", "rough sea"], clips=2)
    app = begun(lab, experiment_id)
    round_id = round_of(app)
    assert list(app.query_params) == ["round"]
    generations = [take.generation_id for cell in lab.sweeps.status(experiment_id).cells for take in cell.takes]
    told = everything(app) + json.dumps(data(app, "rivya_ballot"))
    hidden = [*WORDS.split(), experiment_id, "calm", "rough", "cell", "kling", *map(str, generations)]
    assert [word for word in hidden if word in told] == []
    assert set(data(app, "rivya_ballot")) == {
        "pair", "left", "right", "prompt", "mark", "number", "count", "undo", "stop", "finish", "whys"
    }  # fmt: skip
    assert lab.ballots.round(round_id).voter == "Ana"


def test_what_is_voted_on_is_chosen_at_the_start(lab: Lab) -> None:
    """The variable that the sweep asks about first; the ballot tells the prompt that both share and no value."""
    experiment_id = make_crossed(lab, CROSSED, question="Which cfg_scale is better?")
    app = opened(experiment=experiment_id)
    asked = app.radio[0]
    assert (asked.label, asked.value) == ("What do you vote on?", "cfg_scale")
    assert [str(option) for option in asked.options] == ["Prompt", "cfg_scale", "Whole combinations"]
    assert "differ in cfg_scale alone" in said(app)
    assert "0 of at most 80 votes" in said(app)
    app = begun(lab, experiment_id)
    assert lab.ballots.round(round_of(app)).question == "cfg_scale"
    told = everything(app) + json.dumps(data(app, "rivya_ballot"))
    assert data(app, "rivya_ballot")["prompt"].endswith(("fox", "squirrel"))
    assert [word for word in (experiment_id, "cfg", "0.125", "0.875") if word in told] == []


def test_on_the_prompt_the_ballot_keeps_it_from_the_voter(lab: Lab) -> None:
    """It would tell which clip is which."""
    experiment_id = make_crossed(lab, CROSSED)
    round_id = lab.ballots.start(experiment_id, "Ana", "prompt")
    app = opened(round=round_id)
    assert data(app, "rivya_ballot")["prompt"] == ""
    assert [word for word in ("fox", "squirrel") if word in everything(app)] == []


def test_the_winner_of_a_variable_is_shown_with_a_clip_of_each_setting(lab: Lab) -> None:
    """And how it fared in each; the way to the next variable stands below."""
    experiment_id = make_crossed(lab, CROSSED)
    round_id = lab.ballots.start(experiment_id, "Ana", "cfg_scale")
    prefer(lab, round_id, [1, 3, 0, 2], 8)
    lab.ballots.end(round_id)
    app = opened(round=round_id)
    shown = data(app, "rivya_vote_ranking")
    assert shown["sentence"] == "Winner: cfg_scale 0.875, after 8 votes."
    assert shown["rate"] == "False winners: at most 5 %, whenever you look."
    cells = lab.sweeps.status(experiment_id).cells
    assert [clip["src"] for clip in shown["winning"]] == [
        f"/clips/{cells[cell].takes[0].generation_id}.mp4" for cell in (1, 3)
    ]
    assert [clip["label"] for clip in shown["winning"]] == ["cfg_scale 0.875 · fox", "cfg_scale 0.875 · squirrel"]
    assert shown["notes"][0].startswith("cfg_scale 0.875 was preferred, by setting: ")
    assert [chip["text"] for chip in shown["rows"][1]["chips"]] == ["Eliminated (8 votes)"]
    app = press(app, "Vote on Prompt")
    assert app.radio[0].value == "prompt"


def test_coming_back_shows_the_same_pair(lab: Lab) -> None:
    """A refresh is no new pair, and the same voter's start goes on with the open round."""
    app = begun(lab, make_study(lab))
    round_id = round_of(app)
    again = opened(round=round_id)
    assert data(again, "rivya_ballot") == data(app, "rivya_ballot")
    assert round_of(begun(lab, "xheliotrope", voter="ANA")) == round_id


def test_the_round_says_when_votes_are_enough_and_no_more(lab: Lab) -> None:
    """Neither who leads nor by how much."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    prefer(lab, round_id, [1, 0], 7)
    assert data(opened(round=round_id), "rivya_ballot")["stop"] == ""
    prefer(lab, round_id, [1, 0], 1)
    cast(lab, round_id, "skip")
    shown = data(opened(round=round_id), "rivya_ballot")
    assert (shown["stop"], shown["finish"]) == ("The votes are enough.", "See the winner")
    assert shown["count"] == "8 of at most 80 votes, 1 skipped."


def test_after_the_round_everything_has_its_name(lab: Lab) -> None:
    """Sentence, ranking with interval, votes, preliminary mark, the voter's own pairs."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    prefer(lab, round_id, [1, 0], 3)
    cast(lab, round_id, "tie")
    app = press(opened(round=round_id), "End the round")
    assert data(app, "rivya_ballot") is None
    shown = data(app, "rivya_vote_ranking")
    assert shown["sentence"] == "Not decided yet after 4 votes. None was eliminated."
    assert shown["notes"][0] == (
        "5 to 76 more votes: the fewest if all of them agree, the most before the search gives up."
    )
    views = {link.proto.query_string for link in app.get("page_link")}
    assert {f"experiment={experiment_id}&view={view}" for view in ("Verdict", "Decision")} <= views
    assert "5 %" in shown["rate"]
    assert shown["caption"].startswith("4 votes of all rounds")
    first, second = shown["rows"]
    assert (first["name"], second["name"]) == ("rough sea", "calm sea")
    assert (first["counts"], second["counts"]) == ("3 won · 0 lost · 1 tied", "0 won · 3 lost · 1 tied")
    assert first["low"] < first["share"] < first["high"]
    assert {"text": "Preliminary", "tone": "soft"} in first["chips"]
    own = app.dataframe[0].value
    assert set(own["A"]) | set(own["B"]) == {"calm sea", "rough sea"}
    assert list(own["vote"])[-1] == "tie"
    assert all(link.startswith("/compare?ids=") for link in own["watch"])


def test_a_decision_names_what_it_saves_and_drops_it(lab: Lab) -> None:
    """It says that one can stop, with takes and credits; one button forgets them."""
    experiment_id = make_study(lab, planned=3)
    round_id = lab.ballots.start(experiment_id, "Ana")
    prefer(lab, round_id, [1, 0], 8)
    lab.ballots.end(round_id)
    app = opened(round=round_id)
    assert data(app, "rivya_vote_ranking")["sentence"] == (
        "Winner: rough sea, after 8 votes; 3 planned takes, 480 simulated credits, are no longer needed."
    )
    app = press(app, "Drop 3 takes")
    assert "Dropped 3 takes" in said(app)
    assert lab.votes.needless(experiment_id).takes == 0
    assert not [button for button in app.button if button.label.startswith("Drop")]


def test_names_without_a_round_are_shown_only_when_asked_for(lab: Lab) -> None:
    """The start page is blind as well; who asks is told what it costs."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Ana")
    prefer(lab, round_id, [1, 0], 8)
    assert not [button for button in opened(experiment=experiment_id).button if button.label.startswith("Show")]
    lab.ballots.end(round_id)
    app = opened(experiment=experiment_id)
    assert "rough" not in everything(app)
    app = press(app, "Show what the votes say")
    assert data(app, "rivya_vote_ranking")["rows"][0]["name"] == "rough sea"


def test_a_round_that_was_left_can_be_ended_by_others(lab: Lab) -> None:
    """It stands where rounds begin, without a name of what is compared; ended, its votes stay counted and the results come."""
    experiment_id = make_study(lab)
    round_id = lab.ballots.start(experiment_id, "Dee *the first*")
    prefer(lab, round_id, [1, 0], 2)
    app = opened(experiment=experiment_id)
    assert "A round of Dee *the first* is open since" in said(app)
    assert "2 votes, the last at" in said(app)
    assert "rough" not in everything(app)
    app = press(app, "End it now")
    assert lab.ballots.round(round_id).ended_at is not None
    assert len(lab.votes.cast(experiment_id)) == 2
    assert "is open since" not in said(app)
    assert "rough" not in everything(app)
    press(app, "Show what the votes say")


def test_two_experiments_of_one_name_can_be_told_apart(lab: Lab) -> None:
    """The one in the address is the one that is voted on."""
    make_study(lab, experiment_id="xone")
    make_study(lab, experiment_id="xtwo")
    for wanted in ("xone", "xtwo"):
        app = begun(lab, wanted, voter=f"Ana of {wanted}")
        round_id = round_of(app)
        assert lab.ballots.round(round_id).experiment_id == wanted


def test_words_of_people_are_never_read_as_markdown(lab: Lab) -> None:
    """A label with markup stands letter by letter in the component's data and nowhere else."""
    label = "**bold** ![x](https://example.com/x.png) <script>alert(1)</script>"
    experiment_id = make_study(lab, [label, "rough sea"])
    round_id = lab.ballots.start(experiment_id, "<b>Ana</b>")
    prefer(lab, round_id, [0, 1], 8)
    lab.ballots.end(round_id)
    app = opened(round=round_id)
    assert label in {row["name"] for row in data(app, "rivya_vote_ranking")["rows"]}
    assert not any("example.com" in item.value for kind in (app.markdown, app.caption, app.header) for item in kind)


def test_the_hand_is_neutral(lab: Lab) -> None:
    """What the browser sends is checked: an unknown vote changes nothing."""
    from pages._ui.components import ballot  # noqa: PLC0415 - read without a page

    assert ballot.act("nothing") is None


def test_a_read_only_server_lets_a_visitor_end_their_own_round_only(make_lab: Callable[..., Lab]) -> None:
    """Others' rounds are told of, without a way to end them and without the id that would be one."""
    lab = make_lab()
    experiment_id = make_study(lab)
    theirs = lab.ballots.start(experiment_id, "Ana")
    cast(lab, theirs, "left")
    lab.close()
    lab = make_lab(read_only=True)
    app = opened(experiment=experiment_id)
    assert "A round of Ana is open" in said(app)
    assert not [item for item in app.button if item.label == "End it now"]
    assert theirs not in everything(app)
    linked = opened(round=theirs)
    assert not linked.exception
    assert "belongs to somebody else" in said(linked)
    assert data(linked, "ballot") is None
    own = begun(lab, experiment_id, voter="Ana")
    assert round_of(own) != theirs
    press(own, "End the round")
    assert lab.ballots.round(round_of(own)).ended_at is not None
    assert lab.ballots.round(theirs).ended_at is None


def test_pasted_lines_are_counted_and_each_result_is_said(lab: Lab) -> None:
    """In words, once; a line can be taken out and put back, and what that costs is said."""
    sweep = make_study(lab)
    made = lab.shows.ballots.make(sweep)
    good = line(lab, made, 1, "Ana <b>")
    app = opened(experiment=sweep)
    app.text_area(key="vote_paste").set_value(f"Hello\n{good}\n{good}")
    app = press(app.run(), "Count these votes")
    assert "Ana <b>: 1 vote counted." in [item.value for item in app.text]
    assert ["seen before" in item.value for item in app.text].count(True) == 1
    assert [
        item.value for item in (*app.success, *app.warning, *app.error)
    ] == []  # these read markup in what people typed
    assert app.text_area(key="vote_paste").value == ""
    assert "1. Ana <b> \u00b7 1 vote" in said(app)
    app = press(app, "Take out")
    assert "5 % no longer holds" in "".join(item.value for item in app.warning)
    assert lab.votes.ranking(sweep).votes == 0
    app = press(app, "Put back")
    assert not app.warning
    assert lab.votes.ranking(sweep).votes == 1


def test_text_without_a_vote_is_told_so(lab: Lab) -> None:
    """Nothing is counted, and the page says what a vote looks like."""
    app = opened(experiment=make_study(lab))
    app.text_area(key="vote_paste").set_value("Hello there")
    app = press(app.run(), "Count these votes")
    assert "There is no vote in this text" in said(app)


def test_a_ballot_is_made_in_the_background_and_offered(lab: Lab) -> None:
    """One press; then its file, with how many pairs a voter sees."""
    sweep = make_study(lab, clips=2)
    key = lab.votes.questions(sweep)[0].key
    app = press(opened(experiment=sweep), "Make a ballot")
    until(lambda: lab.shows.ballots.latest(sweep, key) is not None and not lab.shows.ballots.is_making(sweep, key))
    app = app.run()
    assert "4 pairs per voter" in said(app)
    assert [item.label for item in app.button if item.label.startswith("Make")] == ["Make a new one"]


def test_votes_beyond_the_rules_horizon_are_counted_alone() -> None:
    """Never "81 of at most 80"."""
    assert [vote_formatting.votes_of(counted, 80) for counted in (12, 80, 81)] == [
        "12 of at most 80 votes",
        "80 of at most 80 votes",
        "81 votes",
    ]
