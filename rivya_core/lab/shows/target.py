"""Target path of an export: an existing file is never overwritten."""

from __future__ import annotations

from pathlib import Path

from rivya_core.api.errors import LabError


def free_target(path: str | Path) -> Path:
    """Return a path at which nothing is yet. Raises LabError: the name is taken, or no file can have it."""
    target = Path(path)
    try:
        target.lstat()
    except FileNotFoundError:
        return target
    except (OSError, ValueError) as error:
        why = f"{str(path)[:80]!r} can be no file."
        raise LabError("This name is not usable", why, "Choose another name or place.", field="path") from error
    raise LabError("This name is taken", f"{target} exists already.", "Choose another name.", field="path")
