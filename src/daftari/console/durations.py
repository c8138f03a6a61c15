"""Durations in words, and as a number with its unit in two fields. Knows no page."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.languages import ngettext
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.triggers.durations import UNITS, read_duration

LONGEST = 10_000 * DAY_MICROSECONDS


def unit_name(unit: str) -> str:
    """A unit of time."""
    return {"s": _("seconds"), "m": _("minutes"), "h": _("hours"), "d": _("days")}[unit]


def split_span(written: str) -> tuple[str, str]:
    """A duration as a number and the largest unit of which it is a whole one: ``1h30m`` is 90 minutes."""
    span = read_duration(written, least=0, most=LONGEST)
    unit = next((unit for unit, size in UNITS.items() if span and span % size == 0), "h")
    return str(span // UNITS[unit]), unit


def span(written: str) -> str:
    """A duration: ``1 hour``, ``1 hour, 30 minutes``."""
    left = read_duration(written, least=0, most=LONGEST)
    said = []
    for unit, size in UNITS.items():
        number, left = divmod(left, size)
        if number:
            said.append(_count(unit, number))
    return ", ".join(said) or _count("s", 0)


def _count(unit: str, number: int) -> str:
    return {
        "s": lambda: ngettext("%(num)s second", "%(num)s seconds", number),
        "m": lambda: ngettext("%(num)s minute", "%(num)s minutes", number),
        "h": lambda: ngettext("%(num)s hour", "%(num)s hours", number),
        "d": lambda: ngettext("%(num)s day", "%(num)s days", number),
    }[unit]()
