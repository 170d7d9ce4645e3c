"""Check that a server configured as a simulator really is one, by the header of its answers.

Until such an answer has arrived nothing is sent: the rows count as simulated, but a real server would charge for them.
"""

from __future__ import annotations

from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.settings import Settings


def is_unproven(ledger: Ledger, settings: Settings) -> bool:
    """Return whether ``settings`` claim a simulator but none has answered yet, judged by the latest balance."""
    return settings.simulated and not ledger.key_value.balance(settings.connection).simulated


def why_unproven(ledger: Ledger, settings: Settings) -> str:
    """Return the message for ``is_unproven``; empty when proven, or not tried yet."""
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
