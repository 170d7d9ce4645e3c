"""Run a function of the benchmark in a new process, so that imports, memory and CPU are its own."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
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


def each(target: str, **arguments: Any) -> Iterator[Any]:
    """Call a generator function ``module:function`` like ``run``; what it yields, as it comes.

    Raises:
        RuntimeError: as ``run`` does; what came before has been handed out.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.fresh", target, json.dumps(arguments)],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                yield json.loads(line)
        if process.wait() != 0:
            said.seek(0)
            raise RuntimeError(f"{target} failed:\n" + "\n".join(said.read().splitlines()[-15:]))


def main(target: str, arguments: str) -> None:
    """Answer ``run`` and ``each``: call the function and print its result as the last line, or a line for each it yields."""
    module, _, function = target.partition(":")
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    for one in result if isinstance(result, Iterator) else [result]:
        print(json.dumps(one), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
