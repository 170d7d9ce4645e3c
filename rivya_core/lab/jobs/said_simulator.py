"""Proof that the server which the settings call a simulator is one: only its own answers count.

Until one came nothing is sent: the rows are simulated from the start, and would spend real credits.
"""

from __future__ import annotations

from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.settings import Settings


def is_unproven(ledger: Ledger, settings: Settings) -> bool:
    """True while no simulator has answered where ``settings`` say that one does, judged by the newest balance."""
    return settings.simulated and not ledger.key_value.balance(settings.connection).simulated


def why_unproven(ledger: Ledger, settings: Settings) -> str:
    """Say what ``is_unproven`` means to people; empty when it is proven, or was not tried yet."""
    if not settings.simulated:
        return ""
    balance, where = ledger.key_value.balance(settings.connection), settings.live_base_url
    if balance.simulated or balance.tried_at is None:
        return ""
    if balance.asked_at is None:
        return f"No simulator has answered at {where} yet, so nothing is sent there."
    return (
        f"RIVYA_SIMULATED is set, but what answers at {where} is no simulator, so nothing is sent there. "
        "Unset RIVYA_SIMULATED if real credits are to be spent."
    )
