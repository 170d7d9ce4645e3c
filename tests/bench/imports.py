"""What ``import rivya_core.api`` costs, beside the libraries it cannot do without."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.bench import fresh
from tests.bench.figures import Figure, median

ROUNDS = 15
STATEMENTS = {
    "nothing": "pass",
    "httpx, pydantic": "import httpx, pydantic",
    "httpx, pydantic.BaseModel": "import httpx\nfrom pydantic import BaseModel",
    "rivya_core.api": "import rivya_core.api",
}


def import_ms(statement: str) -> float:
    """Wall milliseconds of a new interpreter that does nothing but this."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], cwd=fresh.ROOT, env=fresh.environment(), check=True)
    return (time.perf_counter() - began) * 1000


def figures() -> list[Figure]:
    """Measure in turns; medians above the bare interpreter of the same rounds."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(ROUNDS + 1):
        for name, statement in STATEMENTS.items():
            times[name].append(import_ms(statement))
    bare = median(times["nothing"][1:])  # the first round also reads the files from disk
    cost = {name: median(rounds[1:]) - bare for name, rounds in times.items()}
    libraries, used = cost["httpx, pydantic"], cost["httpx, pydantic.BaseModel"]
    return [
        Figure(
            "imports",
            "import rivya_core.api, x `import httpx, pydantic`",
            cost["rivya_core.api"] / libraries,
            "x",
            "at most",
            1.3,
            f"{libraries:.0f} ms libraries, {cost['rivya_core.api']:.0f} ms ours, {bare:.0f} ms interpreter",
        ),
        Figure(
            "imports",
            "the same, x httpx and pydantic.BaseModel (pydantic loads lazily)",
            cost["rivya_core.api"] / used,
            "x",
            baseline=f"{used:.0f} ms libraries",
        ),
    ]
