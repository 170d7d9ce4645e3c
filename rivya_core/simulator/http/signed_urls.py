"""The last part of a clip's URL: it expires and cannot be guessed. It is signed, so nothing is stored when one is issued."""

from __future__ import annotations

import hmac

from rivya_core.simulator.state.refusal import RefusedError
from rivya_core.simulator.state.world import World

_MS = 1000
_DIGITS_MAX = 19  # of a number of milliseconds in 64 bits


def issue(world: World, task_id: str) -> str:
    """Return a token for the clip of a task: the Unix time in milliseconds at which it expires (0 = never) and a signature."""
    life_s = world.behaviour.result_ttl_s
    expires_ms = 0 if life_s is None else int((world.now() + life_s) * _MS)
    return f"{expires_ms}-{_signature(world, task_id, expires_ms)}"


def check(world: World, task_id: str, token: str) -> None:
    """Check the token of a clip's URL.

    Raises:
        RefusedError: ``not_found`` when it was not issued here, ``url_expired`` when its time is over.
    """
    # The time of expiry is part of the signed text, so it cannot be extended.
    moment, _, signature = token.partition("-")
    is_number = moment.isascii() and moment.isdecimal() and len(moment) <= _DIGITS_MAX
    expires_ms = int(moment) if is_number else -1
    # compare_digest takes the same time for every wrong signature, so that none can be guessed byte by byte
    if expires_ms < 0 or not hmac.compare_digest(signature.encode(), _signature(world, task_id, expires_ms).encode()):
        raise RefusedError("not_found", "There is nothing at this address.")
    if expires_ms and world.now() * _MS >= expires_ms:
        raise RefusedError("url_expired", "This address has expired.", status=world.behaviour.expired_status)


def _signature(world: World, task_id: str, expires_ms: int) -> str:
    return world.sign(f"clip:{task_id}:{expires_ms}")[:32]
