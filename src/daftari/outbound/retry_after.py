"""The header ``Retry-After``, in both its forms. No network, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

RETRY_AFTER_SECONDS_MAX = 24 * 3_600.0
"""A longer pause is cut to this: a server must not stop us forever with one header."""
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
"""Whole seconds by the standard; Shopify writes ``2.0``."""


def read_retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Returns how many seconds to wait, 0 to ``RETRY_AFTER_SECONDS_MAX``, or ``None`` when nothing readable is said.

    A date is counted from the response's own ``Date``, so that the two clocks need not agree; without one from ``now``,
    in seconds since 1970. Names of headers are lower-case.
    """
    written = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(written):
        seconds = float(written)
    else:
        until = _read_date(written)
        if until is None:
            return None
        sent = _read_date(headers.get("date", ""))
        seconds = until - (now if sent is None else sent)
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)


def _read_date(written: str) -> float | None:
    """An HTTP date in any of its three forms, in seconds since 1970."""
    try:
        read = parsedate_to_datetime(written)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
