"""What a ballot promises: nothing in it tells which is which, its lines are votes like others, and each is counted once."""

from __future__ import annotations

import html
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import av
import pytest

from rivya_core import Lab
from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.results import read_case
from rivya_core.lab.evaluation.votes import ballot_lines, vote_lines
from rivya_core.lab.evaluation.votes.ballot_lines import LINES_MAX, TEXT_MAX
from rivya_core.lab.evaluation.votes.votes import Outcome
from rivya_core.lab.ledger.database import reading
from rivya_core.lab.shows.ballot import ballot as ballots
from rivya_core.lab.shows.ballot.ballot import BallotFile
from tests.lab.evaluation.study import add_clip, make_crossed, make_study
from tests.lab.evaluation.test_ballots import cast
from tests.until import until

CROSSED = {"prompt": ["heliotrope fox", "heliotrope owl"], "cfg_scale": ["0.8125", "0.9375"]}


def voter(number: int) -> str:
    """The number that a browser might have drawn."""
    return f"voter{number:07}"


def line(lab: Lab, made: BallotFile, number: int = 1, name: str = "Ana", *outcomes: Outcome) -> str:
    """The line of a voter who votes as said, over and over."""
    with reading(lab.ledger.database) as connection:
        row = ballot_lines.find(connection, made.id)
    assert row is not None
    votes: list[tuple[Outcome, list[str]]] = [
        (outcome, []) for outcome, _ in zip(cycle(outcomes or ("left",)), range(row.plan.pairs), strict=False)
    ]
    return vote_lines.write(row.key, row.id, voter(number), votes, name)


def prefers(lab: Lab, made: BallotFile, number: int, better: int) -> str:
    """The line of a voter who always prefers the combination ``better``."""
    with reading(lab.ledger.database) as connection:
        row = ballot_lines.find(connection, made.id)
    assert row is not None
    pairs = vote_lines.deal(row.plan, row.key, row.id, voter(number))
    votes: list[tuple[Outcome, list[str]]] = [
        ("left" if row.cells[left] == better else "right", []) for left, _ in pairs
    ]
    return vote_lines.write(row.key, row.id, voter(number), votes)


def parts_of(made: BallotFile) -> tuple[str, dict[str, bytes]]:
    """The page without its clips, and the clips by their names."""
    page = made.path.read_text(encoding="utf-8")
    found = re.compile(r'<script type="text/plain" id="clip-([0-9a-f]+)">([^<]*)</script>\n')
    return found.sub("", page), {name: b64decode(data) for name, data in found.findall(page)}


# -- what the file tells -----------------------------------------------------------------------------------------------


def test_nothing_in_the_file_tells_what_is_compared(lab: Lab) -> None:
    """No value, name, question, id, path or service stands in the page or in the clips."""
    sweep = make_crossed(lab, CROSSED, question="Is cfg_scale better?")
    made = lab.shows.ballots.make(sweep, "cfg_scale")
    page, clips = parts_of(made)
    ids = [take.generation_id for cell in lab.sweeps.status(sweep).cells for take in cell.takes]
    hidden = ["0.8125", "0.9375", "cfg", "crossed study", sweep, *ids, str(lab.settings.data_dir), "kling"]
    assert [word for word in hidden if str(word).lower() in page.lower()] == []
    marks = [b"x264", b"Lavc", b"Lavf", b"heliotrope", b"zephyr", b"1999", *(str(one).encode() for one in ids)]
    assert [mark for mark in marks for data in clips.values() if mark in data] == []
    assert list(clips) == sorted(clips)
    assert len(clips) == 4


def test_a_variable_prompt_is_not_in_the_file_and_a_shared_one_is(lab: Lab) -> None:
    """As in a round: the prompt is shown where it cannot tell which is which."""
    sweep = make_crossed(lab, CROSSED)
    by_prompt, _ = parts_of(lab.shows.ballots.make(sweep, "prompt"))
    by_scale, _ = parts_of(lab.shows.ballots.make(sweep, "cfg_scale"))
    assert "heliotrope fox" not in by_prompt
    assert "heliotrope fox" in by_scale
    assert "SIMULATED" in by_prompt


def test_every_clip_is_encoded_with_one_setting(lab: Lab) -> None:
    """Clips from different encoders, sizes and containers leave with the same tables, the same boxes and their own pictures."""
    sweep = make_study(lab, clips=2)
    _, clips = parts_of(lab.shows.ballots.make(sweep))
    told = set()
    for number, data in enumerate(clips.values()):
        path = lab.settings.data_dir / f"copy{number}.mp4"
        path.write_bytes(data)
        with av.open(str(path)) as copy:
            [stream] = copy.streams
            codec = stream.codec_context
            told.add((codec.extradata, stream.time_base, tuple(copy.metadata.items()), tuple(stream.metadata.items())))
            assert len(list(copy.decode(video=0))) in range(25, 30)
    assert len(told) == 1


def test_the_order_in_the_file_is_by_chance(lab: Lab) -> None:
    """Which value stands first in a pair, and which pair first, differs from ballot to ballot."""
    sweep = make_study(lab, ["a", "b", "c"])
    with reading(lab.ledger.database) as connection:
        case = read_case(connection, sweep)
    tallied = case.tally(case.default)
    plans = {json.dumps(ballots.plan_of(tallied, case.field.clips).matches) for _ in range(60)}
    assert len(plans) > 20


def test_what_people_wrote_stays_text(lab: Lab) -> None:
    """A prompt that ends the data block, or a separator that ends a line of script."""
    sweep = make_study(lab, ["one </script><script>alert(1)</script> \u2028 <!--"], experiment_id="xhostile")
    prompt = "one </script><script>alert(1)</script> \u2028 <!--"
    told = {"pairs": 1, "matches": [], "prompts": [[prompt]], "mark": "", "id": sweep, "key": "k"}
    page = b"".join(ballots.page_of(told, [])).decode()
    assert "alert(1)</script>" not in page
    block = re.search(r'id="ballot">(.*?)</script>', page)
    assert block is not None
    assert json.loads(block.group(1))["prompts"] == [[prompt]]


def test_the_page_is_written_clip_by_clip() -> None:
    """Each clip is asked for when the one before it is written, so that no two are held at once."""
    asked: list[str] = []

    def clips() -> Iterator[tuple[str, str]]:
        for name in ("aa", "bb", "cc"):
            asked.append(name)
            yield name, f"{name}-data"

    told = {"pairs": 1, "matches": [], "prompts": [], "mark": "", "id": "b", "key": "k"}
    seen = [len(asked) for piece in ballots.page_of(told, clips()) if b"-data" in piece]
    assert seen == [1, 2, 3]


def test_the_page_asks_for_nothing_from_elsewhere(lab: Lab) -> None:
    """Its policy allows the script and the style in it by hash, clips from memory, and sending the vote where it came from."""
    page, _ = parts_of(lab.shows.ballots.make(make_study(lab)))
    page = html.unescape(page)
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    assert re.findall(r"https?://|//[a-z]", page.replace("// ", "")) == []


def test_a_question_without_a_pair_or_with_too_many_clips_has_no_ballot(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving clips out would be a choice."""
    with pytest.raises(LabError, match="nothing to vote on"):
        lab.shows.ballots.make(make_study(lab, ["one"], experiment_id="xsingle"))
    monkeypatch.setattr(ballots, "CLIPS_MAX", 3)
    with pytest.raises(LabError, match="too large"):
        lab.shows.ballots.make(make_study(lab, clips=2))


def test_at_most_twenty_pairs_and_no_pair_more_than_there_is(lab: Lab) -> None:
    """One clip a value makes one pair; many make twenty."""
    assert lab.shows.ballots.make(make_study(lab)).pairs == 1
    assert lab.shows.ballots.make(make_study(lab, ["a", "b", "c"], clips=3, experiment_id="xmany")).pairs == 20


def test_values_that_are_out_are_left_out(lab: Lab) -> None:
    """A ballot asks what is still open."""
    sweep = make_study(lab, ["a", "b", "c"])
    first = lab.shows.ballots.make(sweep)
    for number in range(20):
        lab.votes.accept(prefers(lab, first, number, 1))
    assert lab.votes.ranking(sweep).out
    later = lab.shows.ballots.make(sweep)
    assert later.clips < first.clips or lab.votes.ranking(sweep).winner is not None


def test_a_page_asks_for_a_ballot_and_does_not_wait(lab: Lab) -> None:
    """It is found when it is done; what went wrong is told."""
    sweep = make_study(lab)
    key = lab.votes.questions(sweep)[0].key
    assert lab.shows.ballots.latest(sweep, key) is None
    lab.shows.ballots.ask(sweep, key)
    until(lambda: not lab.shows.ballots.is_making(sweep, key))
    found = lab.shows.ballots.latest(sweep, key)
    assert found is not None
    assert lab.shows.ballots.file(found.id) == found
    assert lab.shows.ballots.failure(sweep, key) is None
    _clip_of(lab, sweep).write_bytes(b"no video")
    lab.shows.ballots.ask(sweep, key)
    until(lambda: not lab.shows.ballots.is_making(sweep, key))
    failure = lab.shows.ballots.failure(sweep, key)
    assert failure is not None
    assert "cannot be put on the ballot" in failure.title
    assert lab.shows.ballots.latest(sweep, key) == found


def _clip_of(lab: Lab, sweep: str) -> Path:
    return lab.clip(str(lab.sweeps.status(sweep).cells[0].takes[0].generation_id))


# -- lines -------------------------------------------------------------------------------------------------------------


def test_a_line_is_an_ended_round_whose_votes_count(lab: Lab) -> None:
    """In the same ranking as votes cast here, marked as cast on copies."""
    sweep = make_study(lab, ["calm sea", "rough sea"], clips=2)
    round_id = lab.ballots.start(sweep, "Ben")
    cast(lab, round_id, "left")
    lab.ballots.end(round_id)
    made = lab.shows.ballots.make(sweep)
    vote = lab.votes.accept(line(lab, made, 1, "Ana", "left", "skip"))
    assert (vote.name, vote.votes, vote.skipped, vote.sentence) == ("Ana", 2, 2, "Ana: 2 votes counted, 2 skipped.")
    standing = lab.votes.ranking(sweep)
    assert (standing.votes, standing.copies) == (3, 2)
    assert [one.ballot for one in lab.votes.cast(sweep)] == ["", *[made.id] * 4]
    assert {one.name: one.informed for one in standing.voters} == {"Ben": 0, "Ana": 0}


def test_votes_of_a_ballot_name_a_winner(lab: Lab) -> None:
    """Eight voters who agree are enough, as eight votes here are."""
    sweep = make_study(lab)
    made = lab.shows.ballots.make(sweep)
    for number in range(8):
        assert lab.votes.ranking(sweep).winner is None
        lab.votes.accept(prefers(lab, made, number, 1))
    assert lab.votes.ranking(sweep).winner == 1


@pytest.mark.database
def test_lines_count_in_the_order_they_came_in(lab: Lab) -> None:
    """Whatever their voters are called, and whenever they voted; pairs of one line in the order shown."""
    sweep = make_study(lab, clips=2)
    made = lab.shows.ballots.make(sweep)
    for number in (7, 3, 5):
        lab.votes.accept(line(lab, made, number, f"Voter {number}"))
    assert [one.name for one in lab.votes.lines(sweep)] == ["Voter 7", "Voter 3", "Voter 5"]
    assert [vote.voter for vote in lab.votes.cast(sweep)][::4] == ["Voter 7", "Voter 3", "Voter 5"]
    with reading(lab.ledger.database) as connection:
        row = ballot_lines.find(connection, made.id)
    assert row is not None
    shown = [(vote.left_generation_id, vote.right_generation_id) for vote in lab.votes.cast(sweep)][:4]
    assert shown == vote_lines.deal(row.plan, row.key, row.id, voter(7))


def test_pairs_of_a_ballot_obey_the_block_rule(lab: Lab) -> None:
    """On a variable both clips differ in it alone; a block that comes in later leaves the ballot's votes out, as it does others."""
    sweep = make_crossed(lab, CROSSED, missing=[3])
    made = lab.shows.ballots.make(sweep, "cfg_scale")
    for number in range(3):
        lab.votes.accept(line(lab, made, number))
    assert {frozenset({vote.left_cell, vote.right_cell}) for vote in lab.votes.cast(sweep)} == {frozenset({0, 1})}
    assert lab.votes.ranking(sweep, "cfg_scale").votes == 3
    add_clip(lab, sweep, 3)
    standing = lab.votes.ranking(sweep, "cfg_scale")
    assert (standing.votes, standing.uncounted) == (0, 3)
    whole = lab.shows.ballots.make(sweep, "cfg_scale")
    for number in range(8):
        lab.votes.accept(line(lab, whole, number))
    met = {frozenset({vote.left_cell, vote.right_cell}) for vote in lab.votes.cast(sweep)}
    assert met == {frozenset({0, 1}), frozenset({2, 3})}
    assert lab.votes.ranking(sweep, "cfg_scale").votes == 16
    assert lab.votes.ranking(sweep, "prompt").votes == 0


@pytest.mark.parametrize("cut", [1, 17, 30])
def test_what_is_refused_changes_nothing_and_says_why(lab: Lab, cut: int) -> None:
    """Shortened lines; nothing of them is kept, and the whole line counts afterwards."""
    sweep = make_study(lab)
    whole = line(lab, lab.shows.ballots.make(sweep))
    [told] = lab.votes.paste(whole[:-cut], sweep)
    assert told.vote is None
    assert "shortened" in told.sentence
    assert lab.votes.cast(sweep) == ()
    assert lab.votes.lines(sweep) == ()
    [counted] = lab.votes.paste(whole, sweep)
    assert counted.sentence == "Ana: 1 vote counted."


def test_each_reason_is_told_once(lab: Lab) -> None:
    """Damaged, edited, another ballot, another sweep, another lab, seen before, too long: one result a line, in order."""
    sweep, other = make_study(lab), make_study(lab, experiment_id="xother")
    made, elsewhere = lab.shows.ballots.make(sweep), lab.shows.ballots.make(other)
    good = line(lab, made)
    strange = "f" * 6 if made.id[0] != "f" else "0" * 6
    text = "\n".join(
        [
            "Hi, here are the votes:",
            f"> {good}",
            good,
            line(lab, made, 1, "Ana again", "right"),
            line(lab, elsewhere),
            good.replace(made.id, made.id[:6] + "0" * 10),
            good.replace(made.id, strange + made.id[6:]),
            good[:-3] + ("aaa" if good[-3:] != "aaa" else "bbb"),
            good.replace(".QW5h.", "."),
            good + "x" * 700,
            good.replace("RV1", "RV2"),
        ]
    )
    told = lab.votes.paste(text, sweep)
    reasons = [
        "Ana: 1 vote counted.",
        "seen before and is counted",
        "line of this voter was seen before",
        "another sweep",
        "not in this data folder",
        "another lab",
        "changed or damaged",
        "shortened",
        "too long",
        "no vote",
    ]
    assert [reason in one.sentence for reason, one in zip(reasons, told, strict=True)] == [True] * len(reasons), told
    assert len(lab.votes.lines(sweep)) == 1
    assert lab.votes.cast(other) == ()
    with pytest.raises(LabError, match="another ballot"):
        lab.votes.accept(line(lab, elsewhere), ballot=made.id)


def test_a_line_that_mail_broke_is_put_together(lab: Lab) -> None:
    """Over two lines, with a space, and words around it."""
    sweep = make_study(lab, clips=2)
    made = lab.shows.ballots.make(sweep)
    one, other = line(lab, made, 1), line(lab, made, 2, "Ben")
    told = lab.votes.paste(f"My vote:\n{one[:40]}\n{one[40:]}\nAnd his: {other[:70]} {other[70:]} Bye.")
    assert [one.sentence for one in told] == ["Ana: 4 votes counted.", "Ben: 4 votes counted."]


@pytest.mark.parametrize(
    "text",
    ["a" * TEXT_MAX, "a." * (TEXT_MAX // 2), "RV1." + "a " * (TEXT_MAX // 2 - 2)],
    ids=["word", "dots", "pieces"],
)
def test_a_large_text_is_looked_through_once(lab: Lab, text: str) -> None:
    """However it is made: its time grows with its length, where comparing each place with the rest would take hours."""
    assert all(one.vote is None for one in lab.votes.paste(text))


def test_a_paste_of_too_many_lines_counts_none(lab: Lab) -> None:
    """Each line is a transaction of its own while the page waits; the limit is said, with how many there are."""
    sweep = make_study(lab)
    line = prefers(lab, lab.shows.ballots.make(sweep), 1, 1)
    with pytest.raises(LabError, match="501 lines are in this text, and one paste takes 500"):
        lab.votes.paste(f"{line}\n" * (LINES_MAX + 1))
    assert lab.votes.lines(sweep) == ()


@pytest.mark.database
def test_a_line_taken_out_leaves_the_sum_and_the_error_rate_with_it(lab: Lab) -> None:
    """Put back, everything is as before; it stays listed, and cannot be imported a second time."""
    sweep = make_study(lab)
    made = lab.shows.ballots.make(sweep)
    lines = [prefers(lab, made, number, 1) for number in range(8)]
    for one in lines:
        lab.votes.accept(one)
    before = lab.votes.ranking(sweep)
    lab.votes.take_out(lab.votes.lines(sweep)[0].id)
    out = lab.votes.ranking(sweep)
    assert (out.votes, out.winner, out.taken_out) == (7, None, 1)
    assert out.rate == "1 line was taken out: chosen with the result in view; 5 % no longer holds."
    assert [one.taken_out_at is not None for one in lab.votes.lines(sweep)] == [True] + [False] * 7
    clip = lab.get(lab.votes.cast(sweep)[0].left_generation_id)
    [(_, marks)] = lab.history.marked([clip])
    assert marks.votes.won + marks.votes.lost == 7
    [again] = lab.votes.paste(lines[0])
    assert "taken out" in again.sentence
    lab.votes.put_back(lab.votes.lines(sweep)[0].id)
    assert lab.votes.ranking(sweep) == before
    for unknown in (99, 10**30):
        with pytest.raises(LabError, match="no such line"):
            lab.votes.take_out(unknown)


def test_lines_without_a_name_are_told_as_such(lab: Lab) -> None:
    """None counts as one who had seen the names: a ballot shows none."""
    sweep = make_study(lab)
    made = lab.shows.ballots.make(sweep)
    for number in range(3):
        lab.votes.accept(line(lab, made, number, ""))
    assert [(one.name, one.votes, one.informed) for one in lab.votes.ranking(sweep).voters] == [("No name", 3, 0)]


def test_agreement_is_of_people_with_names(lab: Lab) -> None:
    """Lines without one may be of many people, or of somebody who is named too."""
    sweep = make_study(lab)
    made = lab.shows.ballots.make(sweep)
    for number, name in enumerate(["Ana", "Ben", "", ""]):
        lab.votes.accept(line(lab, made, number, name))
    found = lab.votes.ranking(sweep).agreements
    assert {(each.one, each.other) for each in found} == {("Ana", "Ben")}
