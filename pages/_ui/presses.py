"""A press is carried out, also when the next run of the page is due before its callback was called.

Streamlit looks for the next request wherever a run touches the session or draws, callbacks included, and then ends the run
there: what the press asked for is gone, without a word (seen on Streamlit 1.67: text that is committed within 60 ms after
Ctrl+Enter lost 1 of 20 clips). So requests wait until the callbacks of a run were called; ``runner.fastReruns = false`` in
``.streamlit/config.toml`` is the other half, because a runner that is told to stop before it began never calls them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from streamlit.runtime.state import SafeSessionState

_MARK = "_carries_out_presses"


def carry_out() -> None:
    """Make Streamlit call the callbacks of each run to their end; calling it again changes nothing."""
    if not hasattr(SafeSessionState.on_script_will_rerun, _MARK):
        SafeSessionState.on_script_will_rerun = _to_the_end(SafeSessionState.on_script_will_rerun)  # type: ignore[method-assign]


def _to_the_end(call_callbacks: Callable[..., None]) -> Callable[..., None]:
    @wraps(call_callbacks)
    def carried_out(session: Any, *args: Any, **kwargs: Any) -> None:
        runner = getattr(session._yield_callback, "__self__", None)  # noqa: SLF001 - Streamlit offers no public way
        if runner is None or not runner._execing:  # noqa: SLF001
            call_callbacks(session, *args, **kwargs)
            return
        runner._execing = False  # noqa: SLF001 - its own word for: no request is looked at here
        try:
            call_callbacks(session, *args, **kwargs)
        finally:
            runner._execing = True  # noqa: SLF001

    setattr(carried_out, _MARK, True)
    return carried_out
