"""The unguessable, perishable last part of a clip's URL; signed, so that nothing is stored when one is handed out."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from rivya_core.simulator.state.behaviour import Behaviour, RefusedError

_MS = 1000


class Tickets:
    """Sign and check tickets. ``salt`` is the world's secret, ``now`` its clock, ``behaviour`` its settings of the moment."""

    def __init__(self, salt: str, now: Callable[[], float], behaviour: Callable[[], Behaviour]) -> None:
        self._salt, self._now, self._behaviour = salt.encode(), now, behaviour

    def issue(self, task_id: str) -> str:
        """Return a ticket for the clip of a task; it holds the moment it expires, 0 = never."""
        life_s = self._behaviour().result_ttl_s
        expires = 0 if life_s is None else int((self._now() + life_s) * _MS)
        return f"{expires}-{self._sign(task_id, expires)}"

    def check(self, task_id: str, ticket: str) -> None:
        """Check a ticket.

        Raises:
            RefusedError: ``not_found`` when it is not ours, ``url_expired`` when its time is over.
        """
        moment, _, signature = ticket.partition("-")
        expires = int(moment) if moment.isascii() and moment.isdecimal() and len(moment) < 20 else -1  # noqa: PLR2004 - 64 bits
        if expires < 0 or not hmac.compare_digest(signature.encode(), self._sign(task_id, expires).encode()):
            raise RefusedError("not_found", "There is nothing at this address.")
        if expires and self._now() * _MS >= expires:
            raise RefusedError("url_expired", "This address has expired.", status=self._behaviour().expired_status)

    def _sign(self, task_id: str, expires: int) -> str:
        return hmac.digest(self._salt, f"clip:{task_id}:{expires}".encode(), "sha256").hex()[:32]
