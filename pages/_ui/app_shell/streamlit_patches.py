"""Patches of Streamlit that keep presses, files and fragments from being lost when a new run begins.

**Presses.** Streamlit looks for the next request wherever a run touches the session or draws, callbacks included, and then
ends the run there: the press is lost without an error (seen on Streamlit 1.67: text that is committed within 60 ms after
Ctrl+Enter lost 1 of 20 clips). So requests wait until the callbacks of a run were called; ``runner.fastReruns = false`` in
``.streamlit/config.toml`` is the other half, because a runner that is told to stop before it began never calls them.

**Files.** A file that is dropped or pasted is kept too. The browser asks where to upload it, and Streamlit's answer waits in the
session's queue; a run that begins before it left clears the queue, the answer with it, and the browser waits for ever: the
file is gone without a word (seen on Streamlit 1.67, a file dropped while text was committed). So answers outlive the clearing.

**Fragments.** A fragment that runs every few seconds keeps its elements. When it is due while the whole page is drawn,
Streamlit runs it right afterwards, and first throws away what the page drew of it and has not sent yet. The browser then takes
the part for gone and builds it anew: a grid flashes, a clip that plays begins again (seen on a busy machine, Streamlit 1.67). So
nothing is thrown away when only a part of the page begins to run: what it draws comes after what was drawn before.

**Components.** A press in a component is handled also when another page was already requested. That request drops what the browser does not
hold itself, the state of a component among it, and the press that comes along with it finds none (seen on Streamlit 1.67, a
``KeyError`` in place of the page). So a component that was pressed has a state, if an empty one.

**Refusals.** What a person's role does not allow is refused by the core, also when a role was taken away while the page was open;
the press then says so in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import streamlit as st
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.state import SafeSessionState

from pages._ui import formatting, outage
from rivya_core.api.errors import LabError, RivyaError

_MARK = "_carries_out_presses"
_TRIGGERS = re.compile(r"\$\$STREAMLIT_INTERNAL_KEY_(?P<component>.+)__events", re.DOTALL)
"""What Streamlit calls the widget that holds the presses of a component, which has one of its own for its state."""
_ANSWERS = frozenset({"file_urls_response", "backend_operation_response"})
"""Messages that the browser asked for and waits for, whatever runs of the page begin meanwhile."""


def carry_out() -> None:
    """Make Streamlit call the callbacks of each run to their end and keep what the browser waits for; calling it again changes nothing."""
    if not hasattr(SafeSessionState.on_script_will_rerun, _MARK):
        SafeSessionState.on_script_will_rerun = _to_the_end(SafeSessionState.on_script_will_rerun)  # type: ignore[method-assign]
    if not hasattr(ForwardMsgQueue.clear, _MARK):
        ForwardMsgQueue.clear = _keeping_what_is_waited_for(ForwardMsgQueue.clear)  # type: ignore[method-assign]


def _to_the_end(call_callbacks: Callable[..., None]) -> Callable[..., None]:
    @wraps(call_callbacks)
    def carried_out(session: Any, fresh_widget_states: Any = None, *args: Any, **kwargs: Any) -> None:
        _give_states(session, fresh_widget_states)
        runner = getattr(session._yield_callback, "__self__", None)  # noqa: SLF001 - Streamlit offers no public way
        if runner is None or not runner._execing:  # noqa: SLF001
            _call(call_callbacks, session, fresh_widget_states, *args, **kwargs)
            return
        runner._execing = False  # noqa: SLF001 - its own word for: no request is looked at here
        try:
            _call(call_callbacks, session, fresh_widget_states, *args, **kwargs)
        finally:
            runner._execing = True  # noqa: SLF001

    setattr(carried_out, _MARK, True)
    return carried_out


def _call(call_callbacks: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    """Call the callbacks; a refusal of the role and an outage of the database are said in words, wherever the button stands."""
    try:
        call_callbacks(*args, **kwargs)
    except RivyaError as error:
        is_refusal = isinstance(error, LabError) and error.field == "role"
        if not is_refusal and not outage.is_one(error):
            raise
        st.toast(
            formatting.sentences(error.title, error.detail, error.hint),
            icon=":material/lock:" if is_refusal else ":material/error:",
            duration="infinite",
        )


def _give_states(session: Any, fresh_widget_states: Any) -> None:
    """Give each component that was pressed an empty state when it has none."""
    if fresh_widget_states is None:
        return
    state = session._state  # noqa: SLF001 - Streamlit offers no public way
    for widget in fresh_widget_states.widgets:
        found = _TRIGGERS.fullmatch(widget.id)
        if found is not None and widget.json_trigger_value and found["component"] not in state._new_widget_state:  # noqa: SLF001
            state._old_state.setdefault(found["component"], {})  # noqa: SLF001


def _keeping_what_is_waited_for(clear: Callable[..., None]) -> Callable[..., None]:
    @wraps(clear)
    def cleared(
        queue: Any, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        before = list(queue._queue) if retain_lifecycle_msgs else []  # noqa: SLF001 - Streamlit offers no public way
        # an empty list: a part of the page runs, and nothing that any part has drawn is thrown away
        clear(queue, retain_lifecycle_msgs, None if fragment_ids_this_run is None else [])
        kept = {id(message) for message in queue._queue}  # noqa: SLF001
        answers = (one for one in before if one.WhichOneof("type") in _ANSWERS and id(one) not in kept)
        queue._queue.extend(answers)  # noqa: SLF001

    setattr(cleared, _MARK, True)
    return cleared
