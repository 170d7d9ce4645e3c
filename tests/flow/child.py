"""A real process that runs a lab and, if asked, dies by SIGKILL at a named point. Run by the kill tests.

Usage: python -m tests.flow.child CONFIG.json, with
``settings`` (keywords of Settings), ``submit`` (prompts to submit), ``intents`` (their intent ids), ``image`` (path or null),
``kill_at`` (a Point value or null), ``kill_after_s`` (seconds or null), ``timeout_s``.
Prints one JSON line of ids and states when everything has ended; a killed process prints nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rivya_core import GenerationRequest, Settings, open_lab
from rivya_core.lab import points


def die(*_: object) -> None:
    """Leave the way a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(config: dict[str, Any]) -> None:
    """Open the lab, submit, wait for all, or die on the way."""
    if config.get("kill_at"):
        reached = Path(config["reached"])

        def watcher(point: points.Point, generation_id: str) -> None:
            if point == config["kill_at"]:
                reached.write_text(generation_id, encoding="utf-8")
                die()

        points.watch(watcher)
    if config.get("kill_after_s") is not None:
        threading.Timer(config["kill_after_s"], die).start()
    with open_lab(Settings(**config["settings"])) as lab:
        for prompt, intent in zip(config["submit"], config["intents"], strict=True):
            request = GenerationRequest(prompt=prompt, reference_image=config.get("image"))
            lab.submit(request, intent_id=intent)
        ids = [f"{intent}-1" for intent in config["intents"]]
        deadline = time.monotonic() + config["timeout_s"]
        rows = [lab.wait(id_, timeout_s=max(0.1, deadline - time.monotonic())) for id_ in ids]
        while any(row.settlement == "provisional" for row in rows) and time.monotonic() < deadline:
            time.sleep(0.05)
            rows = [lab.get(row.id) for row in rows]
        print(json.dumps([{"id": r.id, "state": r.state, "task_id": r.task_id, "error": str(r.error)} for r in rows]))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
