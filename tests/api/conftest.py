"""A scripted server, a clock that does not wait, and both clients behind one blocking face."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rivya_core.api import AsyncRivya, Rivya
from rivya_core.settings import Settings
from tests.api.scripted import Script

KEY = "rvya_sk_sentinel_0123456789abcdef"


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        """Let the time pass, for the async client."""
        self.sleep(seconds)


class Blocking:
    """An async client called like a blocking one, so that one test body runs over both."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        if not inspect.iscoroutinefunction(value):
            return value
        return lambda *args, **kwargs: self._loop.run_until_complete(value(*args, **kwargs))

    def __repr__(self) -> str:
        return repr(self._client)


@pytest.fixture
def clock() -> Clock:
    """The clock of the client under test."""
    return Clock()


@pytest.fixture
def server() -> Iterator[Script]:
    """A scripted server."""
    script = Script()
    yield script
    script.stop()


@pytest.fixture(params=["sync", "async"])
def make_client(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Callable[..., Any]]:
    """Make the sync or the async client for an address; settings as keywords. Closed at the end."""
    loop = asyncio.new_event_loop()
    made: list[Any] = []

    def make(base_url: str, *, key: str = KEY, **settings: Any) -> Any:
        chosen = Settings(api_key=key, base_url=base_url, **settings)
        if request.param == "sync":
            client: Any = Rivya(settings=chosen, clock=clock, sleep=clock.sleep)
        else:
            client = Blocking(AsyncRivya(settings=chosen, clock=clock, sleep=clock.asleep), loop)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close() if isinstance(client, Rivya) else client.aclose()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@pytest.fixture
def client(make_client: Callable[..., Any], server: Script) -> Any:
    """The client under test, talking to the scripted server."""
    return make_client(server.base_url)
