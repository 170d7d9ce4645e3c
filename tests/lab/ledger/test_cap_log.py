"""The log of caps: whoever lets more be spent says why, and it stays written down."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.lab.ledger import cap_log
from rivya_core.lab.ledger.cap_log import CapChange, is_raise
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import experiments
from tests.lab.given import NOON, Clock

pytestmark = pytest.mark.database


def log(ledger: Ledger) -> list[CapChange]:
    """Every change of the simulated daily cap, newest first."""
    nothing = sa.select(experiments.c.id).where(sa.false())
    with ledger.reading() as connection:
        return cap_log.read_changes(connection, "simulated", nothing, limit=50)


@pytest.mark.parametrize(
    ("before", "after", "raised"),
    [
        (None, 480, False),
        (480, 320, False),
        (480, 480, False),
        (None, None, False),
        (480, 640, True),
        (480, None, True),
        (0, None, True),
        (0, 1, True),
    ],
)
def test_a_higher_cap_or_none_is_a_raise(before: int | None, after: int | None, raised: bool) -> None:
    """A first cap and a lower one let nothing more be spent."""
    assert is_raise(before, after) is raised


@pytest.mark.parametrize("after", [640, None])
@pytest.mark.parametrize("why", ["", "  \n "])
def test_raising_a_cap_without_a_reason_is_refused(ledger: Ledger, after: int | None, why: str) -> None:
    """Neither higher nor away; the cap and the log stay as they were."""
    ledger.key_value.set_cap("simulated", 480)
    with pytest.raises(LabError) as caught:
        ledger.key_value.set_cap("simulated", after, why)
    assert caught.value.field == "why"
    assert ledger.key_value.get_cap("simulated") == 480
    assert len(log(ledger)) == 1


def test_every_change_is_written_down_with_its_reason(ledger: Ledger, clock: Clock) -> None:
    """Moment, before, after and why; a change that changes nothing is none."""
    ledger.key_value.set_cap("simulated", 480)
    ledger.key_value.set_cap("simulated", 480)
    clock.turn(60)
    ledger.key_value.set_cap("simulated", 960, "  the demo\non Friday ")
    ledger.key_value.set_cap("simulated", 160)
    ledger.key_value.set_cap("simulated", None, "no demo")
    ledger.key_value.set_cap("live", 5)
    told = [(change.before_credits, change.after_credits, change.why) for change in log(ledger)]
    assert told == [(160, None, "no demo"), (960, 160, ""), (480, 960, "the demo on Friday"), (None, 480, "")]
    assert [change.at for change in log(ledger)][-1] == NOON
    assert ledger.key_value.get_cap("simulated") is None


@pytest.mark.parametrize("wrong", [-1, 50.5, True, "5", float("nan")])
def test_a_cap_that_is_no_count_is_refused(ledger: Ledger, wrong: object) -> None:
    """A cap is a whole number of credits from 0 on; anything else leaves the old one in force."""
    ledger.key_value.set_cap("simulated", 0)
    with pytest.raises(LabError) as caught:
        ledger.key_value.set_cap("simulated", wrong)  # type: ignore[arg-type]  # what callers without types may pass
    assert caught.value.field == "credits"
    assert ledger.key_value.get_cap("simulated") == 0
