"""A session of Streamlit without a browser: the raw WebSocket, and all bytes that it was sent for one run of a page."""

from __future__ import annotations

from collections.abc import Sequence

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.browser.conftest import Server

PATIENCE_S = 120.0


def heard(
    server: Server, page: str, query: str = "", *, cookie: str = "", presses: Sequence[str] = (), typed: str = ""
) -> bytes:
    """Everything that a session is sent for one run. ``presses``: ids of widgets that it says were pressed, with ``typed`` in them.

    With ``cookie`` it carries what proves that a page of ours opened it; Streamlit looks at no cookie without that.
    """
    host = server.url.removeprefix("http://")
    token = generate_xsrf_token_string()
    headers = {"Origin": server.url, "Cookie": f"_streamlit_xsrf={token}; {cookie}"}
    protocols = [Subprotocol("streamlit"), Subprotocol(token)]
    told = b""
    with connect(
        f"ws://{host}/_stcore/stream", subprotocols=protocols, additional_headers=headers, max_size=None
    ) as socket:
        asked = BackMsg()
        asked.rerun_script.page_name, asked.rerun_script.query_string = page, query
        for one in presses:
            state = asked.rerun_script.widget_states.widgets.add()
            state.id = one
            if typed:
                state.string_value = typed
            else:
                state.trigger_value = True
        socket.send(asked.SerializeToString())
        while True:
            part = socket.recv(timeout=PATIENCE_S)
            assert isinstance(part, bytes)
            told += part
            message = ForwardMsg.FromString(part)
            is_over = message.WhichOneof("type") == "script_finished"
            if is_over and message.script_finished == ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY:
                return told
