"""Which of several media types a caller prefers, by ``Accept`` (RFC 9110, 12.5.1). Knows no route."""

from __future__ import annotations

import re
from collections.abc import Sequence

RANGES_MAX = 100
"""Media ranges of one ``Accept`` that are read: several times what any client sends."""

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?", re.ASCII)


def choose_type(accept: str | None, offered: Sequence[str]) -> str:
    """The offered type with the highest quality, and the first of those on a tie.

    A caller who accepts none of them gets the first, as one without an ``Accept`` does: an answer of another type
    serves better than none.
    """
    ranges = _read_ranges(accept or "*/*")
    qualities = [_quality_of(media_type, ranges) for media_type in offered]
    return offered[qualities.index(max(qualities))]


def names_type(accept: str | None, media_type: str) -> bool:
    """Whether a type is named, by itself and not as one of a range, and is not excluded."""
    return accept is not None and _read_ranges(accept).get(media_type, 0.0) > 0


def _read_ranges(accept: str) -> dict[str, float]:
    """The qualities of the media ranges that can be read, by range in lower case and without parameters."""
    ranges: dict[str, float] = {}
    for written in accept.split(",", RANGES_MAX)[:RANGES_MAX]:
        media_range, *parameters = (part.strip().lower() for part in written.split(";"))
        given = [part.removeprefix("q=").strip() for part in parameters if part.startswith("q=")]
        quality = given[-1] if given else "1"
        if media_range and _QUALITY.fullmatch(quality):
            ranges[media_range] = max(float(quality), ranges.get(media_range, 0.0))
    return ranges


def _quality_of(media_type: str, ranges: dict[str, float]) -> float:
    """The quality that the most specific range gives a type."""
    for media_range in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if media_range in ranges:
            return ranges[media_range]
    return 0.0
