"""Run a function of the benchmark in a new process, so that imports, memory and CPU are its own."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """The environment of a measured process: no setting of the developer's, and ``more``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RIVYA_", "STREAMLIT_"))}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "", **more}


def run(target: str, **arguments: Any) -> Any:
    """Call ``module:function`` with JSON-able arguments in a new process; its JSON-able result.

    Raises:
        RuntimeError: the process failed; the text is its last lines.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.fresh", target, json.dumps(arguments)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{target} failed:\n" + "\n".join(done.stderr.splitlines()[-15:]))
    return json.loads(done.stdout.splitlines()[-1])


def main(target: str, arguments: str) -> None:
    """Answer ``run``: call the function and print its result as the last line."""
    module, _, function = target.partition(":")
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
