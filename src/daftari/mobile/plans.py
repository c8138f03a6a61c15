"""Numbering plans, as the phonenumbers library describes them. Nothing here decides between two readings."""

from __future__ import annotations

from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberDesc, PhoneNumberType

from daftari.errors import BadSettings

E164_DIGITS_MAX = 15
"""Digits of a telephone number, its country code included."""
NATIONAL_DIGITS_MAX = 9
"""Last digits of a number by which it is found in a text; what stands before them is not written everywhere."""
OLD_FORM_DIGITS = {55: 8, 225: 8, 54: 6}
"""The same by country code, where an old form has other digits before these."""
COUNTRY_CODE_DIGITS_MAX = 3
"""Digits of a country code."""


def is_region(region: str) -> bool:
    """Whether this is a region that numbers can be read in: two capital letters, as in ISO 3166."""
    return region in phonenumbers.SUPPORTED_REGIONS


def regions() -> frozenset[str]:
    """All regions that numbers can be read in."""
    return frozenset(phonenumbers.SUPPORTED_REGIONS)


def metadata_of(region: str) -> PhoneMetadata:
    """What the library knows of a region. Raises ``BadSettings`` for one that it does not know."""
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        raise BadSettings(f"{region!r} is not a region; write two capital letters like KE.")
    return metadata


def country_code(region: str) -> str:
    """The digits that numbers of this region begin with."""
    return str(metadata_of(region).country_code)


def national_prefix(region: str) -> str:
    """What people in this region write before a number in place of the country code; empty where that is nothing."""
    return metadata_of(region).national_prefix or ""


@cache
def example_number(region: str) -> str:
    """A mobile of this region as it is best written, for messages: no one has it."""
    found = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    return "+254712123456" if found is None else f"+{e164(found)}"


def national_digits(mobile: int) -> str:
    """The digits of a number that every spelling of it ends with: those after its country code."""
    digits = str(mobile)
    number = as_it_stands(digits)
    if number is None:
        return digits[-NATIONAL_DIGITS_MAX:]
    code = number.country_code or 0
    return digits.removeprefix(str(code))[-OLD_FORM_DIGITS.get(code, NATIONAL_DIGITS_MAX) :]


def format_as_written(mobile: int, region: str) -> str:
    """A number as people of a region write it: without the country code if it is their own, else with + and spaces."""
    try:
        number = phonenumbers.parse(f"+{mobile}")
    except phonenumbers.NumberParseException:
        return f"+{mobile}"
    is_own = str(number.country_code) == country_code(region)
    form = phonenumbers.PhoneNumberFormat.NATIONAL if is_own else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(number, form)


def as_it_stands(digits: str) -> PhoneNumber | None:
    """Country code and the rest, with nothing repaired; ``None`` where no country has such a code."""
    for length in range(1, min(COUNTRY_CODE_DIGITS_MAX, len(digits) - 1) + 1):
        if not digits.startswith("0") and int(digits[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            national = digits[length:]
            zeros = len(national) - len(str(int(national)))
            return PhoneNumber(
                country_code=int(digits[:length]),
                national_number=int(national),
                italian_leading_zero=zeros > 0,
                number_of_leading_zeros=zeros,
            )
    return None


def parse(typed: str, region: str | None) -> PhoneNumber | None:
    """What the library makes of it, which may strip or repair a trunk prefix: +44 (0)20 … is +44 20 …."""
    try:
        return phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None


def e164(number: PhoneNumber) -> str:
    """The digits of a number, its country code first."""
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def is_valid(number: PhoneNumber) -> bool:
    """Whether a number is in a range that its country has given out, and no longer than any may be."""
    return phonenumbers.is_valid_number(number) and len(e164(number)) <= E164_DIGITS_MAX


def is_mobile_of(region: str, number: PhoneNumber) -> bool:
    """Whether a number is a valid mobile with the country code of this region."""
    if number.country_code != phonenumbers.country_code_for_region(region) or len(e164(number)) > E164_DIGITS_MAX:
        return False
    return phonenumbers.number_type(number) in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def mobile_desc(metadata: PhoneMetadata) -> PhoneNumberDesc | None:
    """What a region's mobiles look like. The library never looks at it where it is the same as the fixed lines'."""
    return metadata.fixed_line if metadata.same_mobile_and_fixed_line_pattern else metadata.mobile


@cache
def mobile_lengths(code: int) -> frozenset[int]:
    """The lengths of mobiles after a country code, in all regions that share it."""
    lengths: set[int] = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ()):
        metadata = PhoneMetadata.metadata_for_region(region)
        mobile = None if metadata is None else mobile_desc(metadata)
        if metadata is not None and mobile is not None and mobile.national_number_pattern:
            lengths.update(mobile.possible_length or _possible_lengths(metadata))
    return frozenset(lengths)


@cache
def whole_lengths(code: int) -> frozenset[int]:
    """The lengths of all numbers after a country code that can be dialled from anywhere; none where it is no code."""
    lengths: set[int] = set()
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ()):
        metadata = PhoneMetadata.metadata_for_region(region) or PhoneMetadata.metadata_for_nongeo_region(code)
        if metadata is not None:
            lengths.update(_possible_lengths(metadata))
    return frozenset(lengths)


def has_whole_length(digits: str) -> bool:
    """Whether digits begin with a country code and are as long as some number of that country."""
    lengths = range(1, min(COUNTRY_CODE_DIGITS_MAX, len(digits)) + 1)
    return any(digits[0] != "0" and len(digits) - length in whole_lengths(int(digits[:length])) for length in lengths)


def _possible_lengths(metadata: PhoneMetadata) -> tuple[int, ...]:
    return () if metadata.general_desc is None else metadata.general_desc.possible_length


def one_mobile_length(code: int) -> int | None:
    """The length of mobiles after a country code; ``None`` where they have several, or the country has none."""
    lengths = mobile_lengths(code)
    return next(iter(lengths)) if len(lengths) == 1 else None


def has_mobile_length(number: PhoneNumber) -> bool:
    """Whether a number is as long as every mobile of its country: it may be of a new range."""
    length = len(phonenumbers.national_significant_number(number))
    return length == one_mobile_length(number.country_code or 0) and len(e164(number)) <= E164_DIGITS_MAX
