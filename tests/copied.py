"""Run scripts that a person copied, as a person would: in a folder of their own, with the key in the environment."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.until import HANGS_S

ROOT = Path(__file__).resolve().parent.parent


def run_twice(scripts: Mapping[str, str], folder: Path, key: str) -> None:
    """Run each of ``scripts`` (program: text) two times in ``folder``; each run must end well."""
    for program, script in scripts.items():
        for _ in range(2):
            done = subprocess.run(
                [program, "-c", script],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "RIVYA_API_KEY": key},
                capture_output=True,
                text=True,
                timeout=HANGS_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert '"error":{' not in done.stdout
