"""What the page of a show promises: text stays text, nothing foreign runs or loads, the same show gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from rivya_core.lab.shows.page import page
from rivya_core.lab.shows.page.view import moment, view_of
from tests.lab.shows.showing import Beside, show_data

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "\" autofocus onfocus='alert(3)'",
    "</style></title><!-- {{ 7 * 7 }} & \u2028 \u2029",
)


class Read(HTMLParser):
    """What a browser would see: elements with their attributes, and the text of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[tuple[str, dict[str, str | None], str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.inline.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        """Note text; of a script or style it belongs to the element."""
        if self.cdata_elem is not None:
            tag, attributes, text = self.inline[-1]
            self.inline[-1] = (tag, attributes, text + data)
        else:
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def rendered(data: dict[str, Any], *, served: bool = False) -> str:
    """The page of some data, with its clips beside it."""
    return page.render(data, Beside(), served=served)


def poisoned(value: Any, text: str, *, at: tuple[str, ...] = ()) -> Any:
    """The data with a text put behind every text of it, except where a word of a fixed set or a hash or a time stands."""
    fixed = {"format", "mode", "layout", "sha256", "mime", "made_at", "decided_at"}
    if isinstance(value, dict):
        return {key: item if key in fixed else poisoned(item, text, at=(*at, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, text, at=at) for item in value]
    return f"{value}{text}" if isinstance(value, str) and at[-1] not in {"clips", "cells"} else value


@pytest.mark.parametrize("text", HOSTILE, ids=["script", "image", "attribute", "style"])
def test_what_people_wrote_stays_text_in_every_field(text: str) -> None:
    """The page has the elements and attributes that it has with harmless words, and says the text."""
    plain, read = (Read(rendered(poisoned(show_data(), added))) for added in (" words", text))
    assert [tag for tag, _ in read.elements] == [tag for tag, _ in plain.elements]
    assert [sorted(attributes) for _, attributes in read.elements] == [
        sorted(attributes) for _, attributes in plain.elements
    ]
    assert read.text.count(text) > 30


@pytest.mark.parametrize("text", HOSTILE, ids=["script", "image", "attribute", "style"])
def test_the_data_block_holds_the_data_and_cannot_be_left(text: str) -> None:
    """It is read back as it was, and no character in it means anything to HTML or to an old script engine."""
    data = poisoned(show_data(), text)
    (block,) = [inside for _, attributes, inside in Read(rendered(data)).inline if attributes.get("id") == "show"]
    assert json.loads(block) == data | {"mark": "SIMULATED"}
    assert not re.search("[<>&\u2028\u2029]", block)


@pytest.mark.parametrize("served", [True, False])
def test_the_policy_names_every_inline_part_and_nothing_else(served: bool) -> None:
    """Each script and style of the page is allowed by its hash; nothing is allowed by a word."""
    read = Read(rendered(show_data(), served=served))
    (policy,) = [one["content"] or "" for one in read.named("meta") if "http-equiv" in one]
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        inline = [text for name, attributes, text in read.inline if name == tag and "type" not in attributes]
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline]
        assert parts[directive].split() == [f"'sha256-{digest}'" for digest in digests]
    assert parts["default-src"] == parts["base-uri"] == parts["form-action"] == "'none'"
    assert "unsafe" not in policy
    assert not [attributes for _, attributes in read.elements if {"style", "onclick", "onload"} & set(attributes)]


def test_a_served_page_may_not_be_framed_and_loads_from_its_own_server_only() -> None:
    """What the meta element cannot say stands in the header."""
    policy = page.headers()["Content-Security-Policy"]
    assert policy == f"{page.policy(served=True)}; frame-ancestors 'none'"
    assert "media-src 'self' blob:" in policy
    assert "http" not in policy
    assert "file:" not in policy


def test_the_same_show_gives_the_same_bytes() -> None:
    """Whatever the order in which its facts were read."""
    data = show_data()
    turned = {key: data[key] for key in reversed(list(data))}
    assert rendered(data) == rendered(json.loads(json.dumps(data))) == rendered(turned)


def test_each_clip_plays_once_and_without_a_script() -> None:
    """A plain player with controls, a poster and a name; nothing is fetched before somebody plays."""
    data = show_data()
    players = Read(rendered(data)).named("video")
    assert sorted(str(player["data-clip"]) for player in players) == sorted(data["clips"])
    for player in players:
        assert player["src"] == Beside().clip(str(player["data-clip"]))
        assert player["poster"] == Beside().poster(str(player["data-clip"]))
        assert player["preload"] == "none"
        assert "controls" in player
        assert player["aria-label"]


def test_pictures_lead_to_the_one_player_of_their_clip() -> None:
    """Every link of the page ends at an element of the page."""
    read = Read(rendered(show_data()))
    anchors = {attributes["id"] for _, attributes in read.elements if "id" in attributes}
    links = [str(link["href"]) for link in read.named("a")]
    assert len(links) == 10  # nine in the grid, one at the decision
    assert {link.removeprefix("#") for link in links} <= anchors


@pytest.mark.parametrize(
    ("mode", "replay", "said"),
    [
        ("simulated", None, "SIMULATED"),
        ("live", None, "LIVE"),
        ("mixed", None, "LIVE and SIMULATED"),
        ("live", "REPLAY of live work", "REPLAY of live work"),
    ],
)
def test_the_page_says_whether_it_is_real(mode: str, replay: str | None, said: str) -> None:
    """In its title, at its head and at its foot; where both are mixed each clip says what it is."""
    data = show_data() | {"mode": mode, "replay": replay}
    html = rendered(data)
    assert html.count(f'<span class="mark">{said}</span>') == 2
    assert f"· {said}</title>" in html
    assert html.count('<span class="chip plain">SIMULATED</span>') == (
        10 if mode == "mixed" else 0
    )  # the winner comes twice


def test_settings_that_all_clips_share_are_said_once() -> None:
    """A clip tells what it has of its own; a prompt that differs is told with each clip."""
    data = show_data()
    view = view_of(data, Beside())
    assert view.shared == (("Duration", "5 s"), ("Aspect ratio", "16:9"))
    assert view.prompt == data["clips"][next(iter(data["clips"]))]["prompt"]
    assert {card.own[0][0] for card in view.cards.values()} == {"Guidance (cfg_scale)"}
    for number, clip in enumerate(data["clips"].values()):
        clip["prompt"] = f"prompt {number}"
    changed = view_of(data, Beside())
    assert changed.prompt == ""
    assert [card.own[0] for card in changed.cards.values()] == [("Prompt", f"prompt {number}") for number in range(9)]


def test_a_show_of_single_clips_is_one_part_with_their_captions() -> None:
    """Clips that a person chose, without a sweep: no grid, no votes, no decision."""
    data = show_data()
    keys = list(data["clips"])[:3]
    data |= {"grid": None, "votes": None, "decision": None, "findings": [], "variables": [], "question": ""}
    data["clips"] = {key: data["clips"][key] for key in keys}
    data["slides"] = [
        {"layout": "clip", "heading": "", "caption": f"Caption {key[:4]}", "clips": [key], "text": []} for key in keys
    ]
    (part,) = view_of(data, Beside()).sections
    assert part.numbers == (1, 2, 3)
    assert [place.card.caption for place in part.places] == [f"Caption {key[:4]}" for key in keys]
    assert "Decision" not in Read(rendered(data)).text


def test_votes_are_told_as_the_ranking_tells_them() -> None:
    """Each vote counts once, and a tie is neither won nor lost."""
    data = show_data()
    view = view_of(data, Beside())
    assert ("votes", "24") in view.figures
    assert [bar.counted for bar in view.bars] == [
        "12 won · 3 lost · 1 tied",
        "8 won · 8 lost · 0 tied",
        "4 won · 11 lost · 1 tied",
    ]
    assert "Chance to be preferred to another one" in Read(rendered(data)).text


@pytest.mark.parametrize(
    ("mode", "named"),
    [
        ("simulated", "simulated credits"),
        ("live", "credits"),
        ("replay", "replay credits"),
        ("mixed", "live credits"),
    ],
)
def test_credits_say_whether_they_are_real(mode: str, named: str) -> None:
    """In the figures at the head, and with each clip."""
    data = show_data() | {"mode": mode}
    for clip in data["clips"].values():
        clip["mode"] = "live" if mode == "mixed" else mode
    view = view_of(data, Beside())
    assert (named, "1,440") in view.figures
    unit = named.removeprefix("live ")
    assert {card.facts.rsplit(" · ", 1)[1] for card in view.cards.values()} == {f"160 {unit}"}


def test_failed_takes_stand_in_the_figures() -> None:
    """A show of a sweep whose takes failed does not hide it; one is one."""
    data = show_data()
    data["cost"] |= {"failed": 3, "clips": 1, "credits": 1}
    figures = view_of(data, Beside()).figures
    assert [one for one in figures if one[0] != "votes"] == [
        ("combinations", "3"),
        ("clip", "1"),
        ("failed", "3"),
        ("simulated credit", "1"),
    ]


def test_the_head_says_what_the_first_slide_says() -> None:
    """Its caption, and what is not told and why; what stands in a place of its own is not said twice."""
    data = show_data()
    note = "A voting round is open, so votes are left out."
    data["slides"][0] |= {
        "caption": "For the team",
        "text": [*data["slides"][0]["text"], data["cost"]["sentence"], note],
    }
    assert view_of(data, Beside()).opening == ("For the team", note)


def test_baseline_and_winner_are_named_where_they_stand() -> None:
    """Whoever looks at two clips sees which is which."""
    data = show_data()
    roles = {key: card.role for key, card in view_of(data, Beside()).cards.items() if card.role}
    assert roles == {data["baseline"]: "Baseline", data["decision"]["clips"][0]: "Winner"}


def test_a_clip_that_comes_again_stands_in_its_place() -> None:
    """As a picture that leads to its player, in the order of the slide."""
    data = show_data()
    first, second = list(data["clips"])[:2]
    data["slides"] = [
        {"layout": "clip", "heading": "", "caption": "", "clips": [first], "text": []},
        {"layout": "pair", "heading": "Two", "caption": "", "clips": [first, second], "text": []},
    ]
    pair = view_of(data, Beside()).sections[1]
    assert [(place.card.key, place.plays) for place in pair.places] == [(first, False), (second, True)]
    assert not pair.plays_together


def test_a_text_of_thousands_of_characters_scrolls_in_its_place() -> None:
    """By keyboard as well; what is short stays as it is."""
    data = show_data()
    for number, clip in enumerate(data["clips"].values()):
        clip["prompt"] = f"{number} " + "word " * (1000 if number == 0 else 3)
    boxes = [one for one in Read(rendered(data)).named("dd") if "long" in (one.get("class") or "")]
    assert [box["tabindex"] for box in boxes] == ["0"]


def test_a_slide_that_was_taken_out_is_not_told() -> None:
    """Votes, finding and decision stand in the report while their slides are in the show."""
    data = show_data()
    data["slides"] = data["slides"][:1]
    read = Read(rendered(data))
    assert not [line for line in ("Winner: cfg_scale 0.5", "twice as much", "Calm enough") if line in read.text]
    assert len(read.named("video")) == 9


def test_an_empty_show_is_a_page_too() -> None:
    """No clips, no slides, no facts."""
    data = show_data() | {"slides": [], "clips": {}, "grid": None, "votes": None, "decision": None, "findings": []}
    assert "<h1" in rendered(data | {"cost": {"credits": 0, "clips": 0, "failed": 0, "sentence": ""}})


def test_figures_stand_in_a_panel_only_beside_what_was_found() -> None:
    """Without an answer they are a plain row; the number of clips alone is not worth one."""
    found = show_data()
    bare = found | {"grid": None, "votes": None, "decision": None, "findings": []}
    spent = bare | {"cost": {"credits": 320, "clips": 9, "failed": 0, "sentence": ""}}

    def drawn(data: dict[str, Any]) -> set[str | None]:
        return {one.get("class") for _, one in Read(rendered(data)).elements} & {"answer", "figures"}

    assert drawn(found) == {"answer", "figures"}
    assert drawn(spent) == {"figures"}
    assert drawn(bare | {"cost": None}) == set()


def test_the_way_to_the_ballot_stands_beside_present() -> None:
    """Only where there is one."""
    html = page.render(show_data(), Beside(), served=True, shared=True, ballot="./ballot")
    acts = html.partition('<div class="acts">')[2].partition("</div>")[0]
    assert acts.index('id="present"') < acts.index('<a href="./ballot">Vote yourself</a>')
    assert "Vote yourself" not in rendered(show_data(), served=True)


@pytest.mark.parametrize("served", [True, False])
def test_no_browser_asks_for_an_icon(served: bool) -> None:
    """The empty one is inside the page, and its policy allows it."""
    read = Read(rendered(show_data(), served=served))
    assert [one["href"] for one in read.named("link")] == ["data:,"]
    loads = next(part for part in page.policy(served=served).split("; ") if part.startswith("img-src"))
    assert "data:" in loads.split()
    assert [one["href"] for one in Read(page.render_missing()).named("link")] == ["data:,"]


def test_moments_are_said_in_utc() -> None:
    """The same wherever the page was written."""
    assert moment("2026-11-26T08:00:00Z") == "26 Nov 2026, 08:00 UTC"
    assert moment("2026-11-26T01:30:00+02:00") == "25 Nov 2026, 23:30 UTC"
    assert moment("") == ""


def test_no_address_but_those_of_clips_is_in_the_page() -> None:
    """No host, no path of this computer, nothing to fetch."""
    html = rendered(show_data())
    outside = re.sub(r"data:font/woff2;base64,[A-Za-z0-9+/=]+", "", html)
    assert re.findall(r"https?://[^\s\"']+", outside) == ["http://www.w3.org/2000/svg"] * 2
    assert not re.search(r"/(home|tmp|work|root)/", outside)


def test_where_no_show_is_a_page_says_so() -> None:
    """In words, under the same policy, without a script."""
    read = Read(page.render_missing())
    assert "No such show" in read.text
    assert not read.named("script")
