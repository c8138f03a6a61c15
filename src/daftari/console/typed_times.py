"""Times as a browser's field has them: a day, an hour and a minute, in the project's zone. Knows no page."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from daftari.model.projects import Project
from daftari.rules.access.zones import zone_of

TYPED = "%Y-%m-%dT%H:%M"


def read_typed_time(value: object, project: Project) -> str | None:
    """A time with its zone, as the rules read it; ``None`` for none. Raises ``ValueError``."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError("must be a time.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone_of(project)))
    return moment.isoformat()


def write_typed_time(at: int, project: Project) -> str:
    """A time in microseconds as a field has it; blank for 0."""
    return datetime.fromtimestamp(at / 1_000_000, ZoneInfo(zone_of(project))).strftime(TYPED) if at else ""
