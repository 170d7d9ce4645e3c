"""What ``questions`` and ``results`` promise: one variable at a time, blocks by chance alone, and only votes that may count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from rivya_core import Lab
from rivya_core.api.errors import LabError
from rivya_core.lab.evaluation.votes.pairing import next_block
from rivya_core.lab.evaluation.votes.questions import Grid, asked, grid, questions, variables
from rivya_core.lab.evaluation.votes.stopping import ALPHA
from rivya_core.lab.evaluation.votes.votes import Outcome
from rivya_core.lab.experiments.records import CellRecord
from rivya_core.lab.ledger.schema import vote_rounds
from tests.bench.votes import BLOCKS, first_best, in_order, laid, run_blocks
from tests.lab.evaluation.study import add_clip, make_crossed

TWO_BY_THREE = {"prompt": ("fox", "squirrel"), "cfg_scale": ("0", "0.5", "1")}


def cells_of(axes: dict[str, Sequence[str]], *, paired: bool = False) -> list[CellRecord]:
    """The cells of a sweep, without takes."""
    from itertools import product  # noqa: PLC0415 - of this helper alone

    values = list(zip(*axes.values(), strict=True)) if paired else list(product(*axes.values()))
    return [CellRecord(number, dict(zip(axes, one, strict=True)), {}, "", 160, ()) for number, one in enumerate(values)]


def shown(lab: Lab, round_id: str) -> tuple[int, int, str]:
    """The combinations of the pair that waits, left and right, and the address of the left one."""
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    of = {
        take.generation_id: cell.cell
        for cell in lab.sweeps.status(lab.ballots.round(round_id).experiment_id).cells
        for take in cell.takes
    }
    left, right = (of[lab.ballots.clip(token)] for token in (ballot.left_token, ballot.right_token))
    return left, right, ballot.left_token


def vote(lab: Lab, round_id: str, better: Sequence[int], times: int) -> None:
    """Vote so often for the combination that stands first in ``better``."""
    for _ in range(times):
        left, right, token = shown(lab, round_id)
        outcome: Outcome = "left" if better.index(left) < better.index(right) else "right"
        assert lab.ballots.vote(round_id, token, outcome)


@pytest.mark.parametrize(
    ("axes", "paired", "expected"),
    [
        ({"cfg_scale": ("0", "1")}, False, [("cfg_scale",)]),
        ({"prompt": ("a", "b"), "cfg_scale": ("0", "1")}, False, [("prompt",), ("cfg_scale",)]),
        ({"prompt": ("a", "b"), "cfg_scale": ("0", "1")}, True, [("prompt", "cfg_scale")]),
        ({"prompt": ("a",), "cfg_scale": ("0", "1")}, False, [("cfg_scale",)]),
    ],
    ids=["one", "crossed", "paired", "one with a constant"],
)
def test_variables_that_change_together_are_one(
    axes: dict[str, Sequence[str]], paired: bool, expected: list[tuple[str, ...]]
) -> None:
    """And what does not vary is no variable."""
    cells = cells_of(axes, paired=paired)
    assert variables([cell.labels for cell in cells]) == expected
    found = questions(cells)
    assert [one.key for one in found] == [" + ".join(names) for names in expected] + ([""] if len(expected) > 1 else [])
    assert found[-1].is_whole


def test_a_question_begins_with_the_variable_that_the_sweep_asks_about() -> None:
    """Written with or without its underscore; the sweep's name counts after its question; else the first."""
    found = questions(cells_of({"prompt": ("a", "b"), "cfg_scale": ("0", "1")}))
    assert asked(found, "Does cfg scale matter more than the prompt?", "prompt").key == "cfg_scale"
    assert asked(found, "Which is better?", "cfg_scale once more").key == "cfg_scale"
    assert asked(found, "Does prompting matter?", "").key == "prompt"


def test_a_pair_differs_in_the_variable_alone(lab: Lab) -> None:
    """Fox never meets squirrel, and each block comes up."""
    experiment_id = make_crossed(lab, TWO_BY_THREE)
    round_id = lab.ballots.start(experiment_id, "Ana", "cfg_scale")
    blocks = Counter[int]()
    for _ in range(30):
        left, right, token = shown(lab, round_id)
        assert left // 3 == right // 3
        assert left != right
        blocks[left // 3] += 1
        lab.ballots.vote(round_id, token, "tie")
    assert min(blocks[0], blocks[1]) >= 1


def test_blocks_are_drawn_with_equal_weights_and_a_seed_repeats_them() -> None:
    """2,000 draws of four blocks: each between 20 and 30 %."""
    drawn = Counter(next_block((2, 5, 7, 9), f"seed:{number}") for number in range(2000))
    assert all(400 < drawn[block] < 600 for block in (2, 5, 7, 9))
    assert next_block((2, 5, 7, 9), "seed:1") == next_block((2, 5, 7, 9), "seed:1")


def test_the_winner_is_a_value(lab: Lab) -> None:
    """After eight votes of which block whatsoever, with what it won in each; the other question stays open."""
    experiment_id = make_crossed(lab, {"prompt": ("fox", "squirrel"), "cfg_scale": ("0", "1")})
    round_id = lab.ballots.start(experiment_id, "Ana", "cfg_scale")
    vote(lab, round_id, [0, 2, 1, 3], 8)
    found = lab.ballots.round(round_id)
    assert (found.counted, found.limit, found.is_enough, found.is_decided) == (8, 80, True, True)
    standing = lab.votes.ranking(experiment_id)
    assert standing.sentence == "Winner: cfg_scale 0, after 8 votes."
    assert {block.title for block in standing.blocks} <= {"fox", "squirrel"}
    assert sum(block.won for block in standing.blocks) == 8
    by_key = {one.key: one for one in lab.votes.questions(experiment_id)}
    assert (by_key["cfg_scale"].votes, by_key["prompt"].votes, by_key[""].votes) == (8, 0, 0)
    assert by_key["cfg_scale"].values == ("cfg_scale 0", "cfg_scale 1")
    assert lab.votes.ranking(experiment_id, "prompt").votes == 0
    assert lab.votes.needless(experiment_id).takes == 0


def test_rounds_on_combinations_do_not_count_for_a_variable(lab: Lab) -> None:
    """Their blocks were chosen by what was learned; also rounds from before questions were asked, which name none."""
    experiment_id = make_crossed(lab, {"prompt": ("fox", "squirrel"), "cfg_scale": ("0", "1")})
    round_id = lab.ballots.start(experiment_id, "Ana", "")
    with lab.ledger.writing() as connection:
        connection.execute(vote_rounds.update().values(detail={"seed": "as it was"}))
    vote(lab, round_id, [0, 1, 2, 3], 9)
    assert lab.votes.ranking(experiment_id, "").votes == 9
    assert lab.votes.ranking(experiment_id).question.key == ""
    for key in ("cfg_scale", "prompt"):
        assert lab.votes.ranking(experiment_id, key).votes == 0


def test_with_one_variable_a_vote_on_combinations_is_a_vote_on_it(lab: Lab) -> None:
    """Rounds from before count on."""
    experiment_id = make_crossed(lab, {"cfg_scale": ("0", "1")})
    round_id = lab.ballots.start(experiment_id, "Ana")
    assert lab.ballots.round(round_id).question == "cfg_scale"
    with lab.ledger.writing() as connection:
        connection.execute(vote_rounds.update().values(detail={"seed": "as it was"}))
    vote(lab, round_id, [1, 0], 5)
    assert lab.ballots.start(experiment_id, "Ana", "cfg_scale") == round_id
    vote(lab, round_id, [1, 0], 3)
    assert lab.votes.ranking(experiment_id, "cfg_scale").sentence == "Winner: cfg_scale 1, after 8 votes."


def test_each_question_has_a_round_of_its_own(lab: Lab) -> None:
    """The same voter's open round goes on only on the same question."""
    experiment_id = make_crossed(lab, TWO_BY_THREE, question="What of cfg_scale?")
    first = lab.ballots.start(experiment_id, "Ana")
    assert lab.ballots.round(first).question == "cfg_scale"
    assert lab.ballots.start(experiment_id, "Ana", "prompt") != first
    assert lab.ballots.start(experiment_id, "ana", "cfg_scale") == first


def test_a_missing_combination_takes_its_block_from_its_pairs_alone(lab: Lab) -> None:
    """Without squirrel at 1, that value meets the others at fox; 0 and 0.5 meet in both."""
    experiment_id = make_crossed(lab, TWO_BY_THREE, missing=[5])
    round_id = lab.ballots.start(experiment_id, "Ana", "cfg_scale")
    seen = set()
    for _ in range(
        64
    ):  # the block of 0 and 0.5 is drawn by chance: after so many votes one is missed once in a million rounds
        left, right, token = shown(lab, round_id)
        seen.add(tuple(sorted((left, right))))
        lab.ballots.vote(round_id, token, "tie")
    assert seen == {(0, 1), (0, 2), (1, 2), (3, 4)}
    standing = lab.votes.ranking(experiment_id, "cfg_scale")
    assert (standing.unseen, len(standing.titles)) == (1, 3)


@pytest.mark.database
def test_votes_from_before_a_block_came_in_do_not_count_for_its_pairs(lab: Lab) -> None:
    """They could not have been drawn there; those of the pairs it does not hold stay, and so do the ones that follow."""
    experiment_id = make_crossed(lab, {"prompt": ("fox", "squirrel"), "cfg_scale": ("0", "1")}, missing=[3])
    round_id = lab.ballots.start(experiment_id, "Ana", "cfg_scale")
    vote(lab, round_id, [0, 1], 8)
    assert lab.votes.ranking(experiment_id).winner == 0
    shown(lab, round_id)  # drawn before the clip came
    add_clip(lab, experiment_id, 3)
    standing = lab.votes.ranking(experiment_id)
    assert (standing.winner, standing.votes, standing.uncounted) == (None, 0, 8)
    vote(lab, round_id, [1, 3, 0, 2], 1)
    assert lab.votes.ranking(experiment_id).votes == 0
    vote(lab, round_id, [1, 3, 0, 2], 8)
    standing = lab.votes.ranking(experiment_id)
    assert (standing.winner, standing.votes, standing.uncounted) == (1, 8, 9)


def test_votes_of_a_block_that_is_gone_do_not_count(lab: Lab) -> None:
    """What is left is a draw from the blocks that are left."""
    experiment_id = make_crossed(lab, {"prompt": ("fox", "squirrel"), "cfg_scale": ("0", "1")})
    round_id = lab.ballots.start(experiment_id, "Ana", "cfg_scale")
    vote(lab, round_id, [0, 1, 3, 2], 9)
    gone = lab.sweeps.status(experiment_id).cells[2].takes[0].generation_id
    before = [one for one in lab.votes.cast(experiment_id) if {one.left_cell, one.right_cell} == {0, 1}]
    lab.delete([str(gone)])
    standing = lab.votes.ranking(experiment_id)
    assert standing.votes == len(before)
    assert standing.uncounted == 9 - len(before)


def test_values_that_no_block_holds_together_cannot_be_decided(lab: Lab) -> None:
    """Nothing more is asked for once all that are left are such; alone in its block, a value takes no part."""
    apart = Grid({0: {0: 0}, 1: {0: 1}, 2: {1: 5}, 3: {1: 6}})
    assert apart.pairs == ((0, 1), (2, 3))
    assert apart.is_settled([0, 2])
    assert not apart.is_settled([0, 1, 2])
    question = questions(cells_of({"prompt": ("a", "b"), "cfg_scale": ("0", "1", "2")}))[1]
    assert grid(question, [0, 1, 5]).variants == (0, 1)
    experiment_id = make_crossed(lab, {"prompt": ("fox", "squirrel"), "cfg_scale": ("0", "1")}, missing=[1, 2])
    with pytest.raises(LabError, match="cfg_scale alone"):
        lab.ballots.start(experiment_id, "Ana", "cfg_scale")
    assert {one.key: one.can_start for one in lab.votes.questions(experiment_id)} == {
        "prompt": False,
        "cfg_scale": False,
        "": True,
    }


def test_another_question_is_refused_by_name(lab: Lab) -> None:
    """With the ones that are meant."""
    experiment_id = make_crossed(lab, TWO_BY_THREE)
    with pytest.raises(LabError, match="'prompt', 'cfg_scale', ''"):
        lab.ballots.start(experiment_id, "Ana", "duration")


def test_the_prompt_is_told_only_where_it_is_the_same(lab: Lab) -> None:
    """On cfg_scale both clips have it; on the prompt it would say which is which."""
    experiment_id = make_crossed(lab, TWO_BY_THREE)
    on_scale = lab.ballots.ballot(lab.ballots.start(experiment_id, "Ana", "cfg_scale"))
    on_prompt = lab.ballots.ballot(lab.ballots.start(experiment_id, "Ana", "prompt"))
    assert on_scale is not None
    assert on_prompt is not None
    assert on_scale.prompt.split()[-1] in {"fox", "squirrel"}
    assert on_prompt.prompt == ""


@pytest.mark.parametrize("truth", [truth for truth, (_, _, has_best) in BLOCKS.items() if not has_best])
def test_values_that_are_equal_on_average_rarely_get_a_winner(truth: str) -> None:
    """However opposite the blocks are, and with a block that lacks a value."""
    board, chance, _ = BLOCKS[truth]
    studies = 60 if len(board.cells) == 2 else 20
    wrong = sum(run_blocks(board, chance, seed).winner is not None for seed in range(studies))
    assert wrong <= ALPHA * studies


def test_a_block_that_votes_choose_names_false_winners() -> None:
    """What the draw is for: of twenty studies of opposite blocks all but few name one."""
    opposite = laid(2, 2), lambda *one: in_order((80, 20), *one)
    assert sum(run_blocks(*opposite, seed, by_votes=True).winner is not None for seed in range(20)) >= 18


def test_a_value_that_is_better_on_average_is_found() -> None:
    """Clearly in one block and hardly in the other."""
    found = [run_blocks(laid(2, 2), lambda *one: first_best((95, 75), *one), seed).winner for seed in range(50)]
    assert found.count(0) >= 45
