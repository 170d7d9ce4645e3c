"""How the parts of a lab are, in words: what a person should know on every page, and whether jobs are seen to."""

from __future__ import annotations

from rivya_core.lab.ledger.database import trouble_of
from rivya_core.lab.ledger.mapping import damaged_rows
from rivya_core.lab.parts import Parts


def troubles(parts: Parts) -> list[str]:
    """What a person should know on every page: trouble of the database, a process that holds the folder and is silent."""
    trouble = trouble_of(parts.database).current()
    found = [None if trouble is None else str(trouble), parts.keeper.silence()]
    said = [str(one) for one in found if one is not None]
    damaged = damaged_rows(parts.database)
    if damaged:
        what = "A generation" if len(damaged) == 1 else f"{len(damaged)} generations"
        named = ", ".join(damaged[:3]) + (" and others" if len(damaged) > 3 else "")  # noqa: PLR2004 - enough to look for
        said.append(
            f"{what} cannot be read: {named}. What the database holds of it is damaged. The others go on; look for the "
            "task in Rivya's own history before you start it again."
        )
    return said


def engine_state(parts: Parts) -> tuple[bool, str]:
    """Whether jobs are seen to, here or where they may be, and the words for it."""
    keeper = parts.keeper
    if not keeper.is_alive:
        return False, "stopped"
    if keeper.trouble and not parts.engine.is_running:
        return False, keeper.trouble
    if unexpected := parts.jobs.unexpected.all():
        return False, f"unexpected error: {unexpected[0]}"
    if parts.engine.is_running:
        return True, "running"
    if parts.settings.read_only:
        return True, "viewer: read-only, runs no jobs"
    silence = keeper.silence()
    return (True, "viewer: another process runs the jobs") if silence is None else (False, f"silent: {silence}")
