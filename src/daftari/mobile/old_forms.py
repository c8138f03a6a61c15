"""Forms of numbers from before a plan was changed, which providers and old address books still hold.

They are renewed before anything else is tried. What comes of them must be a valid number of today.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from daftari.mobile.plans import as_it_stands, e164, is_valid, parse

_MEXICO = re.compile(r"521(\d{10})")
_BRAZIL = re.compile(r"(55\d\d)([6-9]\d{7})")
_ARGENTINA = re.compile(r"540?(?:\d{2}15\d{8}|\d{3}15\d{7}|\d{4}15\d{6})")
_ARGENTINA_TODAY = re.compile(r"54(9?)(\d{10})")
_IVORY_COAST = re.compile(r"225([02-9]\d{7})")
_IVORY_COAST_LOCAL = re.compile(r"[02-9]\d{7}")


def renew(digits: str) -> str | None:
    """Today's digits of an old form, country code first; ``None`` where the digits are none."""
    for country, renewal in _RENEWALS.items():
        if digits.startswith(country):
            new = renewal(digits)
            return new if new is not None and _is_of_today(new) else None
    return None


def renew_local(digits: str, region: str) -> str | None:
    """The same for digits as they were dialled within a region."""
    return renew(f"225{digits}") if region == "CI" and _IVORY_COAST_LOCAL.fullmatch(digits) else None


def other_form(mobile: int) -> int | None:
    """The same Argentine telephone without the 9 of mobiles, or with it, where that is a number too.

    Programs write either, and only the person could say which is right.
    """
    found = _ARGENTINA_TODAY.fullmatch(str(mobile))
    if found is None:
        return None
    other = f"54{'' if found[1] else '9'}{found[2]}"
    return int(other) if _is_of_today(other) else None


def _renew_mexican(digits: str) -> str | None:
    """Until 2019 a 1 stood before mobiles that were called from abroad; WhatsApp still has it."""
    found = _MEXICO.fullmatch(digits)
    return None if found is None else f"52{found[1]}"


def _renew_brazilian(digits: str) -> str | None:
    """Mobiles got a ninth digit. Some of eight digits are still valid, and stay."""
    found = _BRAZIL.fullmatch(digits)
    return None if found is None or _is_of_today(digits) else f"{found[1]}9{found[2]}"


def _renew_argentine(digits: str) -> str | None:
    """Within the country a 15 stands after the area of a mobile; from abroad a 9 stands before it."""
    number = parse(f"+{digits}", None) if _ARGENTINA.fullmatch(digits) else None
    new = "" if number is None else e164(number)
    return new if new.startswith("549") else None


def _renew_ivorian(digits: str) -> str | None:
    """In 2021 eight digits became ten: two that name the network were put before them."""
    found = _IVORY_COAST.fullmatch(digits)
    if found is None:
        return None
    old = found[1]
    if old[0] in "23":
        network = {"0": "25", "8": "21"}.get(old[2], "27")
    else:
        network = "01" if old[1] in "0123" else "05" if old[1] in "456" else "07"
    return f"225{network}{old}"


def _is_of_today(digits: str) -> bool:
    number = as_it_stands(digits)
    return number is not None and is_valid(number)


_RENEWALS: dict[str, Callable[[str], str | None]] = {
    "521": _renew_mexican,
    "55": _renew_brazilian,
    "54": _renew_argentine,
    "225": _renew_ivorian,
}
