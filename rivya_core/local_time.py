"""The one time zone that decides which calendar day a moment belongs to: caps, Spend, the days of pages and names of files.

It is this machine's. With a shared database it is the zone stored there, so that a cap's day is the same on every machine.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo

_zone: tzinfo | None = None


def use_zone(zone: tzinfo | None) -> None:
    """Let days begin at midnight of a zone, in this whole process; None: of this machine's."""
    global _zone  # noqa: PLW0603 - of the process, as the machine's zone is
    _zone = zone


def shared_zone() -> tzinfo | None:
    """Return the zone that was chosen for everybody; None when days are this machine's."""
    return _zone


def local(moment: datetime) -> datetime:
    """Return a moment in the zone of the days."""
    return moment.astimezone(_zone)


def local_now() -> datetime:
    """Return the present moment in the zone of the days."""
    return local(datetime.now(UTC))


def today() -> date:
    """Return the present day."""
    return local_now().date()


def local_day(moment: datetime) -> str:
    """Return the calendar day of a moment, YYYY-MM-DD: the day whose cap it counts against."""
    return local(moment).date().isoformat()


def midnight(day: date) -> datetime:
    """Return the moment, in UTC, at which a day begins.

    Raises:
        OverflowError, ValueError, OSError: it is outside the calendar, or the range of the system's time functions.
    """
    begins = datetime.combine(day, time.min)
    return (begins.astimezone() if _zone is None else begins.replace(tzinfo=_zone)).astimezone(UTC)


def zone_name() -> str:
    """Return the name of the zone for people."""
    return str(_zone) if _zone is not None else local_now().tzname() or "UTC"
