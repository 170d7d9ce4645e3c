"""Fill a data folder with finished simulator clips, in a process of its own: `python -m tests.browser.clips FOLDER JSON`.

JSON: a list of requests, each with its prompt and parameters, and how many ``takes`` of it one press asks for. Prints the ids in that order. The engine's event loop and
Playwright's must not meet, so browser tests call this instead of opening a lab themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.until import HANGS_S

ROOT = Path(__file__).resolve().parents[2]


def make_clips(data_dir: Path, requests: Sequence[dict[str, Any]]) -> list[str]:
    """Make clips in a new process; their ids."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RIVYA_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.clips", str(data_dir), json.dumps(requests)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=HANGS_S,
    )
    return [str(one) for one in json.loads(done.stdout.strip().splitlines()[-1])]


def _fill(data_dir: Path, requests: Sequence[dict[str, Any]]) -> list[str]:
    from rivya_core import GenerationRequest, open_lab  # noqa: PLC0415 - only in the process of its own
    from rivya_core.settings import Settings  # noqa: PLC0415
    from tests.conftest import FAST  # noqa: PLC0415

    with open_lab(Settings(**{**FAST, "data_dir": data_dir})) as lab:
        rows = [
            row
            for request in requests
            for row in lab.submit_takes(
                GenerationRequest(**{name: value for name, value in request.items() if name != "takes"}),
                int(request.get("takes", 1)),
                intent_id=uuid.uuid4().hex,
            )
        ]
        return [lab.wait(row.id).id for row in rows]


if __name__ == "__main__":
    print(json.dumps(_fill(Path(sys.argv[1]), json.loads(sys.argv[2]))))
