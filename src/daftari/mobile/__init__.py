"""Reads telephone numbers as people and programs write them into E.164 digits as an integer: 254725164293.

``typed`` removes what is no digit, ``old_forms`` renews numbers of former plans, ``reading`` is the rule, ``fast`` its
fast path, and ``refusals`` says what is wrong. ``plans`` asks the phonenumbers library. No contacts, no projects: which
numbers are known belongs to the rules.
"""

from __future__ import annotations

from daftari.mobile.fast import fast_pattern
from daftari.mobile.old_forms import other_form
from daftari.mobile.plans import (
    COUNTRY_CODE_DIGITS_MAX,
    E164_DIGITS_MAX,
    NATIONAL_DIGITS_MAX,
    country_code,
    example_number,
    format_as_written,
    is_region,
    national_digits,
    national_prefix,
    regions,
)
from daftari.mobile.reading import (
    AmbiguousMobile,
    Reader,
    UnreadableMobile,
    own_form_reader,
    read_with_library,
    reader_for,
    reader_with,
)
from daftari.mobile.typed import Written, as_typed

__all__ = [
    "COUNTRY_CODE_DIGITS_MAX",
    "E164_DIGITS_MAX",
    "NATIONAL_DIGITS_MAX",
    "AmbiguousMobile",
    "Reader",
    "UnreadableMobile",
    "Written",
    "as_typed",
    "country_code",
    "example_number",
    "fast_pattern",
    "format_as_written",
    "is_region",
    "national_digits",
    "national_prefix",
    "other_form",
    "own_form_reader",
    "read_with_library",
    "reader_for",
    "reader_with",
    "regions",
]
