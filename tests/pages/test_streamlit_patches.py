"""A press is carried out, whatever the page is asked for while its callback is called."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2.bidi_component.serialization import deserialize_trigger_list
from streamlit.components.v2.presentation import make_bidi_component_presenter
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState
from streamlit.runtime.state import SafeSessionState, SessionState
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from streamlit.testing.v1 import AppTest

from pages._ui.app_shell import streamlit_patches
from rivya_core import Lab

ROOT = Path(__file__).resolve().parents[2]


def _page() -> None:
    import streamlit as st  # noqa: PLC0415 - AppTest runs this function as a file of its own
    from streamlit.runtime.scriptrunner import get_script_run_ctx  # noqa: PLC0415
    from streamlit.runtime.scriptrunner_utils.script_requests import RerunData  # noqa: PLC0415

    def pressed() -> None:
        context = get_script_run_ctx()
        assert context is not None
        assert context.script_requests is not None
        requests = context.script_requests
        # what the browser or a closed tab asks for meanwhile, from another thread
        if st.session_state.get("stopped"):
            requests.request_stop()
        else:
            requests.request_rerun(RerunData(widget_states=None))
        st.session_state["looked"] = True
        st.toast("drawn")
        st.session_state["done"] = st.session_state.get("done", 0) + 1

    st.checkbox("Stop", key="stopped")
    st.button("Press", on_click=pressed)
    st.text(f"done {st.session_state.get('done', 0)}")


@pytest.mark.parametrize("stopped", [False, True], ids=["another run is due", "the tab was closed"])
def test_a_callback_is_called_to_its_end(stopped: bool) -> None:
    """It looks at the session and draws after the request came, and is not cut off there."""
    streamlit_patches.carry_out()
    app = AppTest.from_function(_page).run()
    app.checkbox[0].set_value(stopped).run()
    app.button[0].click().run()
    assert app.session_state["done"] == 1


def test_the_request_that_waited_is_answered() -> None:
    """The run that was due comes after the callback, and the page shows what the press did."""
    streamlit_patches.carry_out()
    app = AppTest.from_function(_page).run()
    app.button[0].click().run()
    assert app.text[0].value == "done 1"


def test_the_server_never_stops_a_run_for_the_next_one() -> None:
    """Streamlit's default tells the run to stop, and a run that is told so before it began calls no callback."""
    runner = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["runner"]
    assert runner["fastReruns"] is False


@pytest.mark.parametrize("fragments", [None, ["some-fragment"]], ids=["a whole run", "a fragment"])
def test_an_answer_outlives_the_run_that_begins(fragments: list[str] | None) -> None:
    """Where the browser may upload a dropped file is told to it once, also when a run begins before that was sent."""
    streamlit_patches.carry_out()
    queue = ForwardMsgQueue()
    answer, drawn = ForwardMsg(), ForwardMsg()
    answer.file_urls_response.response_id = "asked"
    drawn.delta.fragment_id = "some-fragment"
    drawn.delta.new_element.text.body = "of the run before"
    queue.enqueue(answer)
    queue.enqueue(drawn)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=fragments)
    kept = ["file_urls_response"] if fragments is None else ["file_urls_response", "delta"]
    assert [one.WhichOneof("type") for one in queue.flush()] == kept
    assert queue.flush() == []


def test_what_was_drawn_of_a_part_is_sent_before_the_part_draws_itself_anew() -> None:
    """Without it, a browser that hears of the end of the page's run takes the part for gone and builds it anew."""
    streamlit_patches.carry_out()
    queue = ForwardMsgQueue()
    started, drawn, ended = ForwardMsg(), ForwardMsg(), ForwardMsg()
    started.new_session.SetInParent()
    drawn.delta.fragment_id = "some-fragment"
    drawn.delta.new_element.text.body = "of the page"
    ended.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
    for message in (started, drawn, ended):
        queue.enqueue(message)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["some-fragment"])
    again = ForwardMsg()
    again.delta.fragment_id = "some-fragment"
    again.delta.new_element.text.body = "of the part"
    queue.enqueue(again)
    sent = queue.flush()
    assert [one.WhichOneof("type") for one in sent] == ["new_session", "delta", "script_finished", "delta"]
    assert [one.delta.new_element.text.body for one in sent[1::2]] == ["of the page", "of the part"]


def test_a_press_in_a_component_whose_page_is_being_left_is_carried_out() -> None:
    """The request for the next page takes the state that the browser does not hold; the press that it brings along is heard."""
    streamlit_patches.carry_out()
    name = "$$ID-0123-grid"
    triggers = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{name}__events"
    state = SessionState()
    session = SafeSessionState(state, lambda: None)
    heard = []
    state._set_key_widget_mapping(name, "grid")
    presenter = make_bidi_component_presenter(triggers, name, {"act"})
    callbacks = {"act": lambda: heard.append(session["grid"].act)}
    for of_one in (
        WidgetMetadata[Any](name, json.loads, json.dumps, "json_value", presenter=presenter),
        WidgetMetadata[Any](triggers, deserialize_trigger_list, json.dumps, "json_trigger_value", callbacks=callbacks),
    ):
        state._set_widget_metadata(of_one)
    sent = WidgetStates()
    pressed = sent.widgets.add()
    pressed.id, pressed.json_trigger_value = triggers, json.dumps([{"event": "act", "value": {"name": "star"}}])

    def run() -> None:
        ThreadState.initialize()
        session.on_script_will_rerun(sent)

    copy_context().run(run)
    assert heard == [{"name": "star"}]


def test_each_page_carries_out_its_presses(lab: Lab, open_app: Callable[..., AppTest]) -> None:
    """The frame turns it on, once."""
    assert lab.mode == "simulated"
    open_app()
    first = SafeSessionState.on_script_will_rerun
    streamlit_patches.carry_out()
    assert SafeSessionState.on_script_will_rerun is first
    assert hasattr(first, "_carries_out_presses")


def _page_of_a_viewer() -> None:
    import streamlit as st  # noqa: PLC0415 - AppTest runs this function as a file of its own

    from rivya_core.api.errors import LabError  # noqa: PLC0415

    def pressed(field: str) -> None:
        raise LabError("You may not do this", "This is for admins.", "Nothing was changed.", field=field)

    st.button("Not mine", on_click=pressed, args=("role",))
    st.button("Broken", on_click=pressed, args=("why",))
    st.text("drawn")


def test_a_press_that_the_role_does_not_allow_says_so() -> None:
    """In words, on a page that is drawn all the same; any other error of a callback is as loud as before."""
    streamlit_patches.carry_out()
    app = AppTest.from_function(_page_of_a_viewer).run()
    app.button[0].click().run()
    assert [toast.value for toast in app.toast] == ["You may not do this. This is for admins. Nothing was changed."]
    assert (list(app.exception), [text.value for text in app.text]) == ([], ["drawn"])
    app.button[1].click().run()
    assert len(app.exception) == 1
