"""What ``import rivya_core.api`` costs, beside the libraries it cannot do without.

Both sides load lazily, so the names that people use are measured as well as the bare import statements.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from tests.bench import fresh
from tests.bench.figures import Figure, median
from tests.bench.scripted import KEY, Scripted

ROUNDS = 9
STATEMENTS = {
    "nothing": "pass",
    "libraries": "import httpx, pydantic",
    "httpx": "import httpx\nhttpx.Client",
    "api": "import rivya_core.api",
    "names of libraries": "import httpx\nfrom pydantic import BaseModel, SecretStr\nhttpx.Client",
    "names of api": "from rivya_core.api import GenerationRequest, Rivya, RivyaError",
    "first read of libraries": "import httpx\nhttpx.Client().get('{url}/api/v1/generations/task_1').json()",
    "first read of api": "from rivya_core.api import Rivya\nRivya('{key}', base_url='{url}').retrieve('task_1')",
}


def process_ms(statement: str) -> float:
    """CPU milliseconds of a new interpreter that does nothing but this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], cwd=fresh.ROOT, env=fresh.environment(), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000


def figures() -> list[Figure]:
    """Measure in turns; medians above the bare interpreter of the same rounds."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    with Scripted() as server:
        for _ in range(ROUNDS + 1):
            for name, statement in STATEMENTS.items():
                filled = statement.replace("{url}", server.base_url).replace("{key}", KEY)
                times[name].append(process_ms(filled))
    bare = median(times["nothing"][1:])  # the first round also reads the files from disk
    cost = {name: median(rounds[1:]) - bare for name, rounds in times.items()}

    def figure(what: str, ours: str, theirs: str, target: float) -> Figure:
        words = f"{cost[theirs]:.0f} ms CPU libraries, {cost[ours]:.0f} ms ours, {bare:.0f} ms bare interpreter"
        return Figure("imports", what, cost[ours] / cost[theirs], "x", "at most", target, words)

    with_pydantic = Figure(
        "imports", "httpx and pydantic without us, x httpx", cost["names of libraries"] / cost["httpx"], "x"
    )
    return [
        figure("import rivya_core.api, x `import httpx, pydantic`", "api", "libraries", 1.3),
        figure("the names used, x `httpx.Client` and `pydantic.BaseModel`", "names of api", "names of libraries", 1.3),
        figure("the names used, x `httpx.Client`", "names of api", "httpx", 1.6),
        figure("import and first read, x raw httpx", "first read of api", "first read of libraries", 1.5),
        with_pydantic,
    ]
