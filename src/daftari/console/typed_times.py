"""Times as a browser's field has them: a day, an hour and a minute, in the project's zone. Knows no page."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from daftari.model.projects import Project
from daftari.rules.access.zones import zone_of

TYPED = "%Y-%m-%dT%H:%M"


def read_typed_time(value: object, project: Project) -> str | None:
    """A time with its zone, as the rules read it; ``None`` for none. Of two with the same hour it is the first.

    Raises ``ValueError``, also for an hour that the clocks skip on that day.
    """
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            zone = ZoneInfo(zone_of(project))
            typed, moment = moment, moment.replace(tzinfo=zone)
            is_skipped = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != typed
        else:
            is_skipped = False
    except (ValueError, OverflowError):
        raise ValueError("must be a time.") from None
    if is_skipped:
        raise ValueError("must be a time that there is: the clocks skip this one on that day.")
    return moment.isoformat()


def write_typed_time(at: int, project: Project) -> str:
    """A time in microseconds as a field has it; blank for 0."""
    return datetime.fromtimestamp(at / 1_000_000, ZoneInfo(zone_of(project))).strftime(TYPED) if at else ""
