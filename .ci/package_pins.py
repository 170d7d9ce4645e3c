"""What the package needs, read from ``requirements.txt`` when it is built: the one list of pins has three parts.

The first is what ``rivya_core.api`` needs, and comes with ``pip install rivya-lab``; the others are the extras ``lab`` and
``team``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LAB = "# The lab and the dashboard need as well (pip install 'rivya-lab[lab]'):"
TEAM = "# A shared database, an object store and sign-in need as well (pip install 'rivya-lab[lab,team]'):"


class Pins(MetadataHookInterface):
    """Called by hatchling for the fields that ``pyproject.toml`` calls dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in dependencies and extras."""
        text = (Path(self.root) / "requirements.txt").read_text(encoding="utf-8")
        for heading in (LAB, TEAM):
            if heading not in text:
                raise ValueError(f"requirements.txt has no line {heading!r}")
        base, _, rest = text.partition(LAB)
        lab, _, team = rest.partition(TEAM)
        metadata["dependencies"] = _pins(base)
        metadata["optional-dependencies"] = {"lab": _pins(lab), "team": _pins(team)}


def _pins(text: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
