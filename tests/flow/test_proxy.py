"""Behind a company's proxy, where no name resolves on this machine, a generation is bought once and its clip is kept."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from rivya_core import GenerationRequest
from rivya_core.lab.ledger.states import State
from rivya_core.services import close_all, open_lab
from rivya_core.settings import Settings
from rivya_core.simulator.http.routes import create_app
from rivya_core.simulator.state.world import World
from rivya_core.simulator.video.clips import ClipMaker
from tests.api.tunnel import AUTHORITY, CERTIFICATES, Tunnel
from tests.conftest import FAST
from tests.until import HANGS_S


@pytest.fixture
def behind_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, Tunnel]]:
    """The simulator over TLS under a name that only the proxy of HTTPS_PROXY knows."""
    world = World(tmp_path / "world.sqlite3", seed=1, credits=1000, speed=50)
    listener = socket.create_server(("127.0.0.1", 0))
    pem = str(CERTIFICATES / "server.pem")
    config = uvicorn.Config(
        create_app(world, ClipMaker(world)), http="h11", ws="none", lifespan="off", log_config=None, ssl_certfile=pem
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    tunnel = Tunnel(listener.getsockname()[1])
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tunnel.port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    yield world, tunnel
    close_all()
    tunnel.stop()
    server.should_exit = True
    thread.join(timeout=HANGS_S)
    listener.close()
    world.close()


def test_a_clip_comes_through_the_proxy(behind_a_proxy: tuple[World, Tunnel], data_dir: Path) -> None:
    """Created, polled and fetched by the same way."""
    world, tunnel = behind_a_proxy
    lab = open_lab(
        Settings(**{**FAST, "api_key": world.api_key, "base_url": "https://api.example", "data_dir": data_dir})
    )
    row = lab.wait(lab.submit(GenerationRequest(prompt="a boat")).id, timeout_s=120)
    assert (row.state, row.error) == (State.SUCCEEDED, None)
    assert set(tunnel.asked) == {"CONNECT api.example:443 HTTP/1.1"}
