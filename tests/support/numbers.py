"""Numbers of every region, for tests: those that may be kept, and slips of them. Knows the library, not the rules."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

REGIONS = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))


def digits_of(number: phonenumbers.PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def is_valid(digits: str) -> bool:
    """Whether the library knows a range of such numbers."""
    try:
        number = phonenumbers.parse(f"+{digits}", None)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(number) and digits_of(number) == digits


@cache
def lengths_of_mobiles(code: int) -> frozenset[int]:
    """The lengths of mobiles after a country code, in all regions that have it."""
    lengths: set[int] = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        metadata = PhoneMetadata.metadata_for_region(region)
        if metadata is None:
            continue
        mobile = metadata.fixed_line if metadata.same_mobile_and_fixed_line_pattern else metadata.mobile
        if mobile is not None and mobile.national_number_pattern:
            assert metadata.general_desc is not None
            lengths.update(mobile.possible_length or metadata.general_desc.possible_length)
    return frozenset(lengths)


def examples(*kinds: int) -> Iterator[tuple[str, str]]:
    """A valid number of each kind of each region, all kinds if none is named, with its region."""
    for region in REGIONS:
        for kind in kinds or PhoneNumberType.values():
            found = phonenumbers.example_number_for_type(region, kind)
            if found is not None:
                yield region, digits_of(found)


@cache
def storable() -> tuple[str, ...]:
    """Numbers that may be kept: valid ones of all kinds and regions, and some of new ranges where there may be any."""
    found = {digits for _, digits in examples() if len(digits) <= 15}
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        if code < 800 and len(lengths := lengths_of_mobiles(code)) == 1:
            (length,) = lengths
            found |= {f"{code}{'9' * length}", f"{code}{'12345678901234'[:length]}"}
    return tuple(sorted(found, key=int))


def one_digit_off(digits: str, *, code: int) -> Iterator[str]:
    """A number with one digit missing or one added, anywhere after its country code."""
    head, national = digits[: len(str(code))], digits[len(str(code)) :]
    for place in range(len(national)):
        yield head + national[:place] + national[place + 1 :]
    for place in range(len(national) + 1):
        for digit in "0159":
            yield head + national[:place] + digit + national[place:]
