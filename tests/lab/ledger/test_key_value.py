"""Named values come back as they were kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rivya_core.lab.ledger.key_value import NAME_MAX, named, price_name
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import BalanceRecord, Pause
from tests.lab.given import CARD, HERE, NOON

pytestmark = pytest.mark.database


@pytest.mark.parametrize(
    "value", [0, False, "", [], {}, {"prompt": "বিড়াল 🦊", "n": 1.5, "none": None}, [1, "a"], "text"]
)
def test_a_note_comes_back_as_it_was(ledger: Ledger, value: object) -> None:
    """Any JSON value, also the empty ones; the last writer wins."""
    ledger.key_value.set("draft", "before")
    ledger.key_value.set("draft", value)
    assert ledger.key_value.get("draft") == value
    assert type(ledger.key_value.get("draft")) is type(value)


def test_none_removes_a_note(ledger: Ledger) -> None:
    """A removed note reads as None, like one that never was."""
    ledger.key_value.set("draft", {"a": 1})
    ledger.key_value.set("draft", None)
    assert ledger.key_value.get("draft") is None
    ledger.key_value.set("draft", None)


def test_a_pause_comes_back_whole(ledger: Ledger) -> None:
    """Effect, card, times and fingerprint; and it is gone when lifted; other connections go on."""
    pause = Pause("wallet", NOON, CARD, retry_at=NOON + timedelta(seconds=15), key_fingerprint="f" * 16)
    ledger.key_value.set_pause(HERE, pause)
    assert ledger.key_value.pause(HERE) == pause
    assert ledger.key_value.pause("https://rivya.ai") is None
    ledger.key_value.set_pause(HERE, None)
    assert ledger.key_value.pause(HERE) is None


def test_a_balance_comes_back_whole(ledger: Ledger) -> None:
    """Figure, time, the last error and the simulator's mark; unknown before anybody asked."""
    assert ledger.key_value.balance(HERE) == BalanceRecord(None, None)
    record = BalanceRecord(4800, NOON, CARD, simulated=True)
    ledger.key_value.set_balance(HERE, record)
    assert ledger.key_value.balance(HERE) == record


def test_a_long_name_fits(ledger: Ledger) -> None:
    """An address of any length names its notes, different ones differently."""
    address = "https://example.org/" + "a" * 400
    ledger.key_value.set_balance(address, BalanceRecord(1, NOON))
    ledger.key_value.set_balance(address + "b", BalanceRecord(2, NOON))
    assert (ledger.key_value.balance(address).credits, ledger.key_value.balance(address + "b").credits) == (1, 2)
    assert len(named("balance", address)) <= NAME_MAX


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({"duration": "5"}, {"duration": "10"}, False),
        ({"resolution": "720p"}, {"resolution": "1080p"}, False),
        ({"sound": "on"}, {"sound": "off"}, False),
        ({"duration": "5", "cfg_scale": 0.1}, {"duration": "5", "cfg_scale": 0.9}, True),
        ({"duration": "5", "aspect_ratio": "1:1"}, {"duration": "5", "aspect_ratio": "16:9"}, True),
        ({"duration": "5", "negative_prompt": "x"}, {"duration": "5"}, True),
        ({"seed": 1.0}, {"seed": 2.0}, True),
    ],
)
def test_prices_are_told_apart_by_what_may_cost(a: dict[str, object], b: dict[str, object], *, same: bool) -> None:
    """Length, quality and sound may change a price; taste and chance do not."""
    assert (price_name(HERE, "m", a) == price_name(HERE, "m", b)) is same
