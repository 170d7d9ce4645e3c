"""A real process that runs a lab and, if asked, dies by SIGKILL at a named point. Run by the tests of this folder.

Usage: python -m tests.flow.child CONFIG.json, with
``settings`` (keywords of Settings), ``intents`` (their ids; all are in the ledger before the first is sent), ``image`` (path or
null), ``kill_at`` (a Point or null), ``kill_on`` (the how-manieth generation to reach it), ``reached`` (file that then names it),
``threads`` (submit the intents from so many threads, once the file ``start`` is there), ``stay`` (go on until killed).
Prints one JSON line once all is submitted, and one of ids and states when all has ended; a killed process prints no more.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rivya_core import GenerationRequest, RivyaError, Settings, open_lab
from rivya_core.lab.jobs import crash_points
from rivya_core.lab.lab import Lab
from tests.until import until

PROMPT = "A red fox in the snow"


def die() -> None:
    """Leave the way a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(point: str, on: int, told: Path) -> None:
    """Die when ``on`` generations have reached ``point``, leaving the id of the last in the file ``told``."""
    guard = threading.Lock()
    seen: list[str] = []

    def watcher(reached: crash_points.CrashPoint, generation_id: str) -> None:
        if reached != point:
            return
        with guard:
            if generation_id not in seen:
                seen.append(generation_id)
            if len(seen) >= on:
                told.write_text(generation_id, encoding="utf-8")
                die()

    crash_points.watch(watcher)


def say(value: object) -> None:
    """Print one JSON line now."""
    print(json.dumps(value), flush=True)


def submit_all(lab: Lab, intents: list[str], image: str | None) -> list[str]:
    """Put every intent into the ledger while the queue stands, then let it go; the ids."""
    lab.pause_queue()
    request = GenerationRequest(prompt=PROMPT, reference_image=image)
    ids = [lab.submit(request, intent_id=intent).id for intent in intents]
    lab.resume()
    return ids


def race(lab: Lab, intents: list[str], threads: int, start: Path) -> list[str]:
    """Submit all intents at once from many threads; the ids of those that were let through."""
    request = GenerationRequest(prompt=PROMPT)
    until(start.exists)

    def submit(intent: str) -> str | None:
        try:
            return lab.submit(request, intent_id=intent).id
        except RivyaError:
            return None

    with ThreadPoolExecutor(threads) as pool:
        return [found for found in pool.map(submit, intents) if found is not None]


def main(config: dict[str, Any]) -> None:
    """Open the lab, submit, wait for all, or die on the way."""
    if config.get("kill_at"):
        die_at(config["kill_at"], config.get("kill_on", 1), Path(config["reached"]))
    with open_lab(Settings(**config["settings"])) as lab:
        if config.get("threads"):
            say("open")
            ids = race(lab, config["intents"], config["threads"], Path(config["start"]))
        else:
            ids = submit_all(lab, config["intents"], config.get("image"))
        say(ids)
        rows = [lab.wait(id_) for id_ in ids]
        say([{"id": row.id, "state": row.state, "task_id": row.task_id} for row in rows])
        while config.get("stay"):
            time.sleep(60)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
