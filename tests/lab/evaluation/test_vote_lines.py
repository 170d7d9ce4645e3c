"""What a line of a ballot promises: it says the vote, the deal is by the rule of the lab, and no edit goes through."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from rivya_core.api.errors import LabError
from rivya_core.api.texts import name_trouble
from rivya_core.lab.evaluation.votes import vote_lines
from rivya_core.lab.evaluation.votes.vote_lines import LINE_MAX, OUTCOMES, SIGNS, Plan, deal, read, write
from rivya_core.lab.evaluation.votes.votes import WHYS, Outcome

KEY = "0123456789abcdef0123456789abcdef"
BALLOT = "abc123ffeeddccbb"
VOTER = "AbCd-_EfGh01"
PLAN = Plan(4, (((("a1", "a2"), ("b1", "b2")),),))

marks = st.lists(
    st.tuples(
        st.sampled_from(OUTCOMES), st.sets(st.sampled_from(WHYS)).map(lambda some: [w for w in WHYS if w in some])
    ),
    min_size=4,
    max_size=4,
)
names = st.text(max_size=60)


def a_line(name: str = "Ana") -> str:
    """A whole line of PLAN's ballot."""
    votes: list[tuple[Outcome, list[str]]] = [("left", ["motion"]), ("right", []), ("tie", []), ("skip", [])]
    return write(KEY, BALLOT, VOTER, votes, name)


@given(marks, names)
def test_a_line_says_what_was_written(votes: list[tuple[Outcome, list[str]]], name: str) -> None:
    """Every outcome, every set of reasons, any name, within the length a line may have."""
    name = name.encode("utf-8", "replace").decode()
    line = write(KEY, BALLOT, VOTER, votes, name)
    found = read(line, KEY, PLAN)
    assert (found.ballot, found.voter) == (BALLOT, VOTER)
    assert [(outcome, list(whys)) for outcome, whys in found.marks] == votes
    assert len(line) <= LINE_MAX
    assert name_trouble(found.name) is None
    assert found.name == found.name.strip()


@given(st.data())
def test_no_edit_goes_through(data: st.DataObject) -> None:
    """Any sign changed, taken away, added or swapped with its neighbor, anywhere in the line."""
    line = a_line(data.draw(st.sampled_from(["", "Ana", "Jos\u00e9"])))
    at = data.draw(st.integers(0, len(line) - 1))
    sign = data.draw(st.one_of(st.sampled_from(f"{SIGNS}."), st.characters(exclude_categories=["Cs"])))
    edited = data.draw(
        st.sampled_from(
            [
                line[:at] + sign + line[at + 1 :],
                line[:at] + line[at + 1 :],
                line[:at] + sign + line[at:],
                line[:at],
                line[:at] + line[at : at + 2][::-1] + line[at + 2 :],
            ]
        )
    )
    if edited != line:
        with pytest.raises(LabError):
            read(edited, KEY, PLAN)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (a_line()[:-1], "shortened"),
        (a_line().rpartition(".")[0], "shortened"),
        (a_line()[:30], "shortened"),
        (a_line().replace(VOTER, VOTER[::-1]), "changed or damaged"),
        (a_line() + "x", "changed or damaged"),
        (a_line() + ".x", "shortened"),
        (a_line() + "." + "x" * 16, "too many parts"),
        (a_line().replace("A", "\u0410"), "a sign that no vote has"),
        ("x" * (LINE_MAX + 1), "too long"),
        ("Hello", "no vote"),
        (a_line().lower(), "no vote"),
    ],
)
def test_what_is_refused_is_told_in_words(line: str, reason: str) -> None:
    """Each has its own reason."""
    with pytest.raises(LabError, match=reason):
        read(line, KEY, PLAN)


@pytest.mark.parametrize(
    ("signs", "voter", "reason"),
    [("ABC", VOTER, "the pairs of its ballot"), ("ABCDE", VOTER, "the pairs"), ("ABCH", VOTER, "does not exist"), ("ABCD", "short", "the pairs")],
)  # fmt: skip
def test_a_line_of_ones_own_making_is_checked_as_well(signs: str, voter: str, reason: str) -> None:
    """The key is in the ballot, so a seal that fits says little."""
    body = f"RV1.{BALLOT}.{voter}.{signs}."
    with pytest.raises(LabError, match=reason):
        read(f"{body}.{vote_lines.seal(KEY, body)}", KEY, PLAN)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("Ana\r\nBen\t\0", "Ana Ben"),
        ("\u202eevil\u202c", "evil"),
        ("A\u200bna\ufeff", "Ana"),
        ("\u200b\u2067", ""),
        ("\U0001f469\u200d\U0001f680 \u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f680 \u0645\u06cc\u200c\u062e"),
        ("x" * 200, "x" * 60),
        ("  ", ""),
    ],
)
def test_a_hostile_name_is_one_short_printable_line(name: str, kept: str) -> None:
    """Pages show it as text; nothing in it turns the text around it."""
    assert read(write(KEY, BALLOT, VOTER, [("left", [])] * 4, name), KEY, PLAN).name == kept


def test_a_name_that_is_no_text_is_refused() -> None:
    """Bytes that are no UTF-8."""
    body = f"RV1.{BALLOT}.{VOTER}.AAAA.gICA"
    with pytest.raises(LabError, match="name cannot be read"):
        read(f"{body}.{vote_lines.seal(KEY, body)}", KEY, PLAN)


# -- the deal ----------------------------------------------------------------------------------------------------------

SIDE_BY_SIDE = Plan(
    12,
    (
        ((("x1",), ("y1",)), (("x2",), ("y2",))),
        ((("x1",), ("z1",)),),
        ((("y1",), ("z1",)),),
    ),
)
"""Three values; x and y meet in two blocks, z in one."""


def test_a_voter_has_one_deal() -> None:
    """The same each time, and another one for another voter or ballot."""
    deals = [
        deal(SIDE_BY_SIDE, KEY, ballot, voter) for ballot, voter in [("b", "v"), ("b", "v"), ("b", "w"), ("c", "v")]
    ]
    assert deals[0] == deals[1]
    assert deals[0] not in deals[2:]


def test_clips_of_a_pair_differ_in_the_variable_alone() -> None:
    """No pair crosses blocks, and every two values have their turns equally often."""
    for number in range(200):
        dealt = deal(SIDE_BY_SIDE, KEY, "b", f"voter{number}")
        met = Counter(frozenset(clip[0] for clip in pair) for pair in dealt)
        assert set(met.values()) == {4}
        assert all(left[1] == right[1] for left, right in dealt)


def test_the_block_is_drawn_anew_each_time_with_equal_weights() -> None:
    """Also right after itself: what came before in a deal says nothing of the next block. Sides likewise."""
    plan = Plan(8, (((("x1",), ("y1",)), (("x2",), ("y2",)), (("x3",), ("y3",))),))
    dealt = [deal(plan, KEY, "b", f"voter{number}") for number in range(1500)]
    blocks = Counter(pair[0][1] for pairs in dealt for pair in pairs)
    assert all(abs(count / 12_000 - 1 / 3) < 0.02 for count in blocks.values())
    followed = Counter((one[0][1], other[0][1]) for pairs in dealt for one, other in pairwise(pairs))
    assert all(abs(count / 10_500 - 1 / 9) < 0.02 for count in followed.values())
    assert len(followed) == 9
    assert abs(sum(pair[0][0] == "x" for pairs in dealt for pair in pairs) / 12_000 - 0.5) < 0.02


def test_all_clips_of_a_block_come_before_any_pair_comes_again() -> None:
    """As in a round in the lab."""
    for number in range(50):
        dealt = deal(PLAN, KEY, "b", f"voter{number}")
        assert len({frozenset(pair) for pair in dealt}) == 4
