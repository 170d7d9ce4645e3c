"""A simulator in a process of its own, and what a test counts at any simulator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol, Self

import httpx

from rivya_core.simulator.state.faults import Fault
from rivya_core.simulator.state.request_log import RecordedRequest
from rivya_core.simulator.state.task import SeenTask
from tests.until import HANGS_S

ROOT = Path(__file__).resolve().parents[2]


class Counted(Protocol):
    """What both a world in this process and one in another can tell and be told."""

    def tasks(self) -> list[SeenTask]:
        """Every task, oldest first."""

    def charges(self) -> dict[str, int]:
        """Credits by task id."""

    def requests(self, route: str | None = None) -> list[RecordedRequest]:
        """Recorded requests, oldest first."""

    def faults(self) -> list[Fault]:
        """Declared faults and how often they fired."""

    def add_fault(
        self, kind: str, *, route: str | None = None, times: int | None = 1, after: int = 0, **detail: Any
    ) -> Fault:
        """Declare a fault."""

    def clear_faults(self) -> None:
        """Forget every fault."""

    def configure(self, **changes: Any) -> dict[str, Any]:
        """Change settings of the world."""

    def advance(self, seconds: float) -> object:
        """Move the world's clock ahead."""


class Outside:
    """``python -m rivya_core.simulator`` in a process of its own, driven over its control routes."""

    def __init__(self, world: Path, *, speed: float = 40.0, credits: int = 4800) -> None:  # noqa: A002 - Rivya's word
        self._command = [sys.executable, "-m", "rivya_core.simulator", "--world", str(world)]
        self._command += ["--speed", str(speed), "--credits", str(credits)]
        self._log = world.with_suffix(".log")
        self._process: subprocess.Popen[str] | None = None
        self._http = httpx.Client(trust_env=False, timeout=30)
        self.base_url = ""
        self.api_key = ""

    def __enter__(self) -> Self:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip().removeprefix("RIVYA_BASE_URL=")
        self.api_key = self._process.stdout.readline().strip().removeprefix("RIVYA_API_KEY=")
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(HANGS_S)
            assert self._process.stdout is not None
            self._process.stdout.close()

    @property
    def live(self) -> dict[str, Any]:
        """The settings that make a lab talk to this simulator."""
        return {"base_url": self.base_url, "api_key": self.api_key}

    def _call(self, method: str, path: str, sent: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._http.request(method, f"{self.base_url}/_simulator{path}", json=sent)
        assert answer.is_success, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def tasks(self) -> list[SeenTask]:
        """Every task, oldest first."""
        return [SeenTask(**task) for task in self._call("GET", "/tasks")["tasks"]]

    def charges(self) -> dict[str, int]:
        """Credits by task id."""
        found: dict[str, int] = self._call("GET", "")["charges"]
        return found

    def balance(self) -> int:
        """Credits in the wallet."""
        return int(self._call("GET", "")["balance"])

    def requests(self, route: str | None = None) -> list[RecordedRequest]:
        """Recorded requests, oldest first."""
        query = f"?route={route}" if route else ""
        found = self._call("GET", f"/requests{query}")["requests"]
        return [RecordedRequest(**{**seen, "key_in": tuple(seen["key_in"])}) for seen in found]

    def faults(self) -> list[Fault]:
        """Declared faults and how often they fired."""
        return [Fault(**fault) for fault in self._call("GET", "/faults")["faults"]]

    def add_fault(
        self, kind: str, *, route: str | None = None, times: int | None = 1, after: int = 0, **detail: Any
    ) -> Fault:
        """Declare a fault."""
        sent = {"kind": kind, "route": route, "times": times, "after": after, **detail}
        return Fault(**self._call("POST", "/faults", sent))

    def clear_faults(self) -> None:
        """Forget every fault."""
        self._call("DELETE", "/faults")

    def configure(self, **changes: Any) -> dict[str, Any]:
        """Change settings of the world."""
        return self._call("POST", "/settings", changes)

    def advance(self, seconds: float) -> None:
        """Move the world's clock ahead."""
        self._call("POST", "/advance", {"seconds": seconds})

    def add_key(self, secret: str) -> str:
        """Make a key known to the world."""
        return str(self._call("POST", "/keys", {"secret": secret})["key"])

    def set_key_state(self, secret: str, state: str) -> None:
        """Revoke a key, or make it valid again."""
        self._call("POST", "/keys", {"change": secret, "state": state})
