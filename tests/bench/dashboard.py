"""A real Streamlit server in a process of its own, and tabs that speak its protocol over websockets, without a browser."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from types import TracebackType
from typing import Self
from urllib.error import URLError

import aiohttp
import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.bench.fresh import ROOT, environment

START_S = 60.0
RUN_S = 60.0
DONE = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}


class Dashboard:
    """``streamlit run`` of a script; a context manager. ``settings``: environment variables of the lab."""

    def __init__(self, script: str = "app.py", health: str = "/healthz", **settings: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(self.port)]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(PYTHONPATH=str(ROOT), **settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.process = psutil.Process(self._process.pid)
        self._wait_for(f"http://127.0.0.1:{self.port}{health}")

    def _wait_for(self, url: str) -> None:
        ends = time.monotonic() + START_S
        while True:
            try:
                urllib.request.urlopen(url, timeout=2).close()
            except (URLError, OSError):
                if time.monotonic() > ends or self._process.poll() is not None:
                    self._process.kill()
                    raise
                time.sleep(0.02)
            else:
                return

    def timings_ms(self) -> list[float]:
        """Times of the script runs since the last call, as the timed app took them inside the server."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/timings", timeout=10) as answer:
            times: list[float] = json.loads(answer.read())
            return times

    def rss_mb(self) -> float:
        """Resident megabytes of the server."""
        return float(self.process.memory_info().rss / 1e6)

    def cpu_s(self) -> float:
        """CPU seconds of the server so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Tab:
    """One browser tab: a session that runs its page and ticks its fragment."""

    def __init__(self, socket_: aiohttp.ClientWebSocketResponse, page: str, query: str) -> None:
        self._socket = socket_
        self._page = page
        self._query = query
        self._hash = ""
        self.fragment = ""
        self.messages = 0
        self.received_bytes = 0

    @classmethod
    async def open(cls, session: aiohttp.ClientSession, port: int, page: str = "", query: str = "") -> Tab:
        """Connect and run the page twice: the first run of a cold page may be repeated by its frame."""
        socket_ = await session.ws_connect(f"ws://127.0.0.1:{port}/_stcore/stream", max_msg_size=0)
        tab = cls(socket_, page, query)
        await tab.run()
        await tab.run()
        return tab

    async def run(self) -> float:
        """Run the whole script; seconds from the question to the end of the run."""
        self.fragment = ""
        return await self._ask(ClientState(query_string=self._query, page_name=self._page, page_script_hash=self._hash))

    async def tick(self) -> float:
        """Run the ticking fragment, as the browser's timer does; seconds."""
        return await self._ask(
            ClientState(
                query_string=self._query, page_script_hash=self._hash, fragment_id=self.fragment, is_auto_rerun=True
            )
        )

    async def _ask(self, state: ClientState) -> float:
        began = time.perf_counter()
        await self._socket.send_bytes(BackMsg(rerun_script=state).SerializeToString())
        while True:
            received = await self._socket.receive_bytes(timeout=RUN_S)
            message = ForwardMsg.FromString(received)
            self.messages += 1
            self.received_bytes += len(received)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._hash = message.new_session.page_script_hash
            elif kind == "navigation":
                self._hash = message.navigation.page_script_hash
            elif kind == "auto_rerun":
                self.fragment = message.auto_rerun.fragment_id
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                raise AssertionError(f"the page failed: {message.delta.new_element.exception.message}")
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                raise AssertionError("the page does not compile")
            elif kind == "script_finished" and message.script_finished in DONE:
                return time.perf_counter() - began

    async def close(self) -> None:
        """Close the tab."""
        await self._socket.close()
