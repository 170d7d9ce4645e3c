"""Install a requirements file into the environment that runs this: with uv where that means the same as with pip, else with pip.

uv is many times quicker, but knows nothing of pip's configuration. What it can be told exactly (indexes, constraints, extra
places, certificate, proxy) it is told; with any other setting, without a wheel of uv, or when uv fails, pip does the work.
"""

import ast
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

UV = "uv==0.13.9"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]

ALIKE = {
    "cert": "SSL_CERT_FILE",
    "constraint": "UV_CONSTRAINT",
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
"""pip's settings that uv takes from its environment with the same meaning."""

IRRELEVANT = {
    "cache-dir",
    "disable-pip-version-check",
    "no-cache-dir",
    "no-color",
    "no-input",
    "no-warn-script-location",
    "progress-bar",
    "quiet",
    "require-virtualenv",
    "root-user-action",
    "verbose",
}
"""pip's settings that change nothing of what is installed."""


def main(requirements: str) -> int:
    """Install, say how, and return the exit code."""
    if not _wants_something(Path(requirements)):
        return 0
    began_s = time.monotonic()
    environment = _told(_pip_settings())
    if environment is not None and _has_uv():
        print("Installing with uv ...", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable, "-r", requirements],
            env=environment,
            check=False,
        )
        if done.returncode == 0:
            print(f"Installed in {time.monotonic() - began_s:.0f} s.", flush=True)
            return 0
        print("uv could not install them; pip tries.", flush=True)
    print("Installing with pip (about a minute) ...", flush=True)
    return subprocess.run([*PIP, "install", "--quiet", "-r", requirements], check=False).returncode


def _wants_something(requirements: Path) -> bool:
    return any(
        line.strip() and not line.startswith("#") for line in requirements.read_text(encoding="utf-8").splitlines()
    )


def _pip_settings() -> dict[str, str] | None:
    """Read what pip is configured with; None when that cannot be read."""
    listed = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        return None
    try:
        return dict(_settings(listed.stdout))
    except (ValueError, SyntaxError):
        return None


def _settings(lines: str) -> Iterator[tuple[str, str]]:
    # global first, then what is for installing, then the environment: the later one counts
    order = {"global": 0, "install": 1, ":env:": 2}
    found = []
    for line in lines.splitlines():
        name, value = line.split("=", 1)
        section, key = name.split(".", 1)
        if section in order:
            found.append((order[section], key, str(ast.literal_eval(value))))
    for _, key, value in sorted(found):
        yield key, value


def _told(settings: dict[str, str] | None) -> dict[str, str] | None:
    """The environment that tells uv what pip knows; None when it cannot be told."""
    if settings is None or not settings.keys() <= ALIKE.keys() | IRRELEVANT:
        return None
    environment = dict(os.environ)
    for key, value in settings.items():
        if key in ALIKE:
            separator = "," if key == "find-links" else " "
            environment[ALIKE[key]] = separator.join(value.split())
    if "extra-index-url" in settings:
        environment["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip's rule: all indexes count alike
    return environment


def _has_uv() -> bool:
    """Bring uv into the environment, as a wheel only: building it would take a compiler and minutes."""
    wheel = [*PIP, "install", "--quiet", "--only-binary", ":all:", "--no-deps", UV]
    return subprocess.run(wheel, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
