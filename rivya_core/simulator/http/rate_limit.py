"""The rate limit of each key: a sliding window, counted in memory only, as a restart may well reset it."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from email.utils import formatdate

from rivya_core.simulator.state.behaviour import Behaviour
from rivya_core.simulator.state.refusal import RefusedError


class RateLimiter:
    """Count requests by key, and refuse those beyond the limit."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, key: str, now: float, behaviour: Behaviour) -> None:
        """Count a request. now: the world's time, Unix seconds.

        Raises:
            RefusedError: ``rate_limited``, with the ``Retry-After`` form the settings ask for.
        """
        if behaviour.rate_limit is None:
            return
        seen = self._seen[key]
        # The window slides on the world's clock, so that tests can let it pass.
        while seen and seen[0] <= now - behaviour.rate_window_s:
            seen.popleft()
        if len(seen) < behaviour.rate_limit:
            seen.append(now)
            return
        wait_s = (seen[0] + behaviour.rate_window_s - now) if seen else behaviour.rate_window_s
        raise RefusedError(
            "rate_limited", "Too many requests in this window.", headers=retry_after(behaviour.rate_retry_after, wait_s)
        )


def retry_after(form: str | float | None, seconds: float) -> dict[str, str]:
    """Return the ``Retry-After`` header (RFC 9110, section 10.2.3), or no header.

    form: "seconds", "date" or "none" say how ``seconds`` are written; a number, or any other text, is sent as it is. The date
    is taken from the real clock, like the ``Date`` header, and not from the world's.
    """
    if form is None or form == "none":
        return {}
    if form == "date":
        return {"retry-after": formatdate(time.time() + seconds, usegmt=True)}
    if form == "seconds":
        return {"retry-after": str(max(1, math.ceil(seconds)))}
    return {"retry-after": f"{form:g}" if isinstance(form, (int, float)) else form}
