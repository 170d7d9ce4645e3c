"""Two dashboards on one shared database: whatever is pressed in both at the same moment is done once, and nothing gets lost.

Both are in this process, and share nothing: each has connections, turns and caches of its own, as two processes have them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, State
from rivya_core.api.errors import BudgetError, RivyaError
from rivya_core.lab.jobs.role import Role
from rivya_core.lab.ledger.schema import vote_pairs
from rivya_core.services import _OpenLab, open_lab
from tests.lab.evaluation.study import make_study
from tests.lab.experiments.sweeps import PRICE, end, grid, ids_of, movements_balance
from tests.lab.shows.test_ballot import line
from tests.until import until

pytestmark = pytest.mark.database("postgresql")

Two = tuple[Lab, Lab]
Open = Callable[..., Two]
Act = Callable[[Lab], Any]


@pytest.fixture
def open_two(make_lab: Callable[..., Lab]) -> Iterator[Open]:
    """Open two dashboards that know the balance. Nobody runs jobs."""
    others: list[_OpenLab] = []

    def open_(**changes: object) -> Two:
        one = make_lab(how=open_lab, simulator_credits=100_000, **changes)
        others.append(_OpenLab(one.settings, Role.DASHBOARD))
        until(lambda: one.balance().credits is not None)
        return one, others[0].handle()

    yield open_
    for other in others:
        other.stack.close()


def at_once(two: Two, act: Act, of_other: Act | None = None) -> list[Any]:
    """Do in both at the same moment the same, or in the other one something else; what came of it, or the refusal."""
    together = Barrier(len(two))

    def press(lab: Lab, act: Act) -> Any:
        together.wait()
        try:
            return act(lab)
        except RivyaError as error:
            return error

    with ThreadPoolExecutor(len(two)) as pool:
        return list(pool.map(press, two, (act, of_other or act)))


def bought(lab: Lab) -> int:
    """How many generations were ever stored."""
    return sum(lab.ledger.counts().values())


def test_what_is_bought_for_a_sweep_in_both_is_bought_once(open_two: Open) -> None:
    """Start, rest, retry and repair, each pressed in both: as many rows as were missing, and the books balance."""
    two = one, other = open_two()
    assert at_once(two, lambda lab: lab.start(grid(takes=2), experiment_id="x1")) == ["x1", "x1"]
    assert bought(one) == 6
    shared = at_once(two, lambda lab: lab.start(grid(takes=2)))
    assert [other.sweep(id_).reused for id_ in shared] == [6, 6]
    for id_ in ids_of(one, "x1")[:4]:
        end(other, id_, State.FAILED)
    assert sorted(at_once(two, lambda lab: lab.sweeps.retry_failed("x1", expected_credits=4 * PRICE))) == [0, 4]
    capped = one.start(grid([0.1, 0.2, 0.3, 0.4], cap_credits=PRICE), only_what_fits=True)
    one.sweeps.set_cap(capped, None, "all of it")
    assert sorted(at_once(two, lambda lab: lab.sweeps.start_rest(capped))) == [0, 3]
    for id_ in ids_of(one, capped):
        end(one, id_, State.FAILED)
    assert sorted(at_once(two, lambda lab: lab.sweeps.repair(capped))) == [0, 4]
    assert bought(one) == bought(other) == 6 + 4 + 4 + 4
    queued = Counter(id_ for id_, _ in other._queue.unended())
    assert queued == Counter(row.id for row in one.history.export_rows())
    assert movements_balance(other)


def test_two_sweeps_share_a_cap_whole_or_not(open_two: Open) -> None:
    """Two of 3,200 under a cap of 4,800: one starts whole, the other is told what is left, and takes the ten that fit."""
    two = open_two(daily_cap_credits=4800)
    values = [number / 20 for number in range(20)]
    sweeps = [grid(values, base=GenerationRequest(prompt=f"A fox of {side}")) for side in "ab"]
    told = at_once(two, lambda lab: lab.start(sweeps[0]), lambda lab: lab.start(sweeps[1]))
    [refused] = [one for one in told if isinstance(one, BudgetError)]
    assert (refused.field, refused.fits, bought(two[0])) == ("daily_cap", 10, 20)
    late = told.index(refused)
    id_ = two[late].start(sweeps[late], only_what_fits=True)
    assert (two[0].sweep(id_).planned, bought(two[1])) == (10, 30)
    assert sum(row.held_credits for row in two[0].history.export_rows()) == 4800


def voting(round_id: str, token: str) -> Act:
    """Vote on a pair."""
    return lambda lab: lab.ballots.vote(round_id, token, "left")


def ending(round_id: str) -> Act:
    """End a round."""
    return lambda lab: lab.ballots.end(round_id)


def test_a_vote_counts_in_a_round_that_is_open_or_not_at_all(open_two: Open) -> None:
    """Both draw the same pair, and of two votes on it one counts; a vote beside the end is counted, or told that it is not."""
    two = one, other = open_two()
    sweep = make_study(one)
    [round_id, again] = at_once(two, lambda lab: lab.ballots.start(sweep, "Ana"))
    assert round_id == again
    counted = 0
    for _ in range(5):
        id_ = one.ballots.start(sweep, "Ana")
        [drawn, same] = at_once(two, lambda lab: lab.ballots.ballot(lab.ballots.start(sweep, "Ana")))
        assert drawn == same
        assert sorted(at_once(two, voting(id_, drawn.left_token))) == [False, True]
        ballot = one.ballots.ballot(id_)
        assert ballot is not None
        [is_counted, _] = at_once(two, voting(id_, ballot.left_token), ending(id_))
        counted += 1 + is_counted
        assert other.ballots.round(id_).ended_at is not None
        assert not other.ballots.vote(id_, ballot.left_token, "right")
        assert len(one.votes.cast(sweep)) == len(other.votes.cast(sweep)) == counted
    with one.ledger.reading() as connection:
        assert connection.execute(sa.select(vote_pairs).where(vote_pairs.c.outcome.is_(None))).all() == []


def test_a_show_that_is_changed_in_both_keeps_every_change(open_two: Open) -> None:
    """Captions, places, a slide less, slides more and a title, and all of it can be taken back."""
    two = one, other = open_two()
    clips = [str(take.generation_id) for cell in one.sweep(make_study(one)).cells for take in cell.takes]
    show = one.shows.create("Before", clips)
    at_once(two, lambda lab: lab.shows.caption(show.id, 1, "one"), lambda lab: lab.shows.caption(show.id, 2, "two"))
    at_once(two, lambda lab: lab.shows.add(show.id, clips[:1], ["more"]))
    at_once(two, lambda lab: lab.shows.move(show.id, 4, -3), lambda lab: lab.shows.caption(show.id, 4, "first"))
    before = one.shows.get(show.id)
    at_once(two, lambda lab: lab.shows.rename(show.id, "After"), lambda lab: lab.shows.remove(show.id, 1))
    now = other.shows.get(show.id)
    assert (now, now.title) == (one.shows.get(show.id), "After")
    assert [(slide.number, slide.caption) for slide in now.slides] == [(4, "first"), (2, "two"), (3, "more")]
    one.shows.put_back(before, now)
    assert other.shows.get(show.id).slides == before.slides


def test_a_show_has_one_ballot_and_a_line_counts_once(open_two: Open) -> None:
    """On two ballots a voter would count twice: whoever asks first or second gets the same one."""
    two = one, other = open_two()
    show = one.shows.of_sweep(make_study(one))
    [made, same] = at_once(two, lambda lab: lab.shows.ballot(show.id))
    assert made == same == other.shows.made_ballot(show.id)
    assert [path.stem for path in (one.settings.data_dir / "archive" / "ballots").glob("*.html")] == [made.id]
    text = line(one, made, 1)
    told = at_once(two, lambda lab: lab.votes.accept(text))
    assert sorted(isinstance(one_, RivyaError) for one_ in told) == [False, True]
    assert len(other.votes.lines(str(show.sweep_id))) == 1
