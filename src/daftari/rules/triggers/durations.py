"""How durations are written: ``1h``, ``30m``, ``2d``, or several units such as ``1h30m``. Pure."""

from __future__ import annotations

import re

from daftari.errors import quote
from daftari.model.time import DAY_MICROSECONDS

UNITS = {"d": DAY_MICROSECONDS, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000}
_WRITTEN = re.compile(r"(?=[0-9])(?:([0-9]{1,5})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,8})s)?", re.ASCII)


def read_duration(value: object, *, least: int, most: int) -> int:
    """A duration in microseconds. Raises ``ValueError`` with the end of a sentence."""
    written = "".join(value.casefold().split()) if isinstance(value, str) else ""
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise ValueError(f"is {quote(value)}; write a number with its unit (s, m, h or d), such as 30m, 1h or 2d.")
    numbers = zip(found.groups(), UNITS.values(), strict=True)
    duration = sum(int(number) * unit for number, unit in numbers if number)
    if not least <= duration <= most:
        raise ValueError(f"is {quote(value)}; it must be from {write_duration(least)} to {write_duration(most)}.")
    return duration


def write_duration(duration: int) -> str:
    """A duration as it is read."""
    pieces = []
    for unit, size in UNITS.items():
        number, duration = divmod(duration, size)
        if number:
            pieces.append(f"{number}{unit}")
    return "".join(pieces) or "0s"
