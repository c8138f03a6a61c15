"""The time zones of countries: which one a project's pages are written in. No clock.

They are in a table of the time zone database, where the first of a country is that of most of its people.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from daftari.model.projects import Project


def read_zone(value: object) -> str:
    """The name of a time zone. Raises ``ValueError`` with the end of a sentence."""
    written = str(value).strip()
    if written not in list_zones():
        raise ValueError("must be a time zone such as Africa/Nairobi.")
    return written


def zone_of(project: Project) -> str:
    """The time zone of a project: its own, or that of its region."""
    return project.zone or _first_zones().get(project.region, "UTC")


def read_day(value: object, *, zone: str) -> tuple[int, int] | None:
    """When a day begins in a time zone, and when the next one does, in microseconds; ``None`` for nothing.

    Raises ``ValueError`` with the end of a sentence.
    """
    written = str(value or "").strip()
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
        ends = [datetime.combine(one, time(), ZoneInfo(zone)).timestamp() for one in (day, day + timedelta(days=1))]
    except (ValueError, OverflowError):
        raise ValueError("must be a day such as 2027-12-31.") from None
    return int(ends[0]) * 1_000_000, int(ends[1]) * 1_000_000


@cache
def list_zones() -> tuple[str, ...]:
    """The names of all time zones, in order."""
    return tuple(sorted({"UTC", *(zone for _, zone in _read_table())}))


@cache
def _first_zones() -> dict[str, str]:
    return dict(reversed(_read_table()))


@cache
def _read_table() -> tuple[tuple[str, str], ...]:
    """Countries and zones, the first zone of each country first."""
    text = files("tzdata.zoneinfo").joinpath("zone.tab").read_text()
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return tuple((row[0], row[2]) for row in rows)
