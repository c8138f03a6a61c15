"""Reads telephone numbers as people write them into E.164 digits as an integer: 254725164293.

``read_with_library`` is the rule, in terms of the phonenumbers library. ``reader_for`` puts one regular expression a
region before it, made of the library's own data, for the most common forms; it answers only where the library would
answer the same (docs/numbers.md explains why). No contacts, no projects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from unicodedata import decimal

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberDesc, PhoneNumberType, ValidationResult

from daftari.errors import BadSettings
from daftari.model.limits import MOBILE_TEXT_MAX

E164_DIGITS_MAX = 15
"""Digits of a telephone number, its country code included."""
NATIONAL_DIGITS_MAX = 9
"""Last digits of a number by which it is found in a text; what stands before them is not written everywhere."""
COUNTRY_CODE_DIGITS_MAX = 3
"""Digits of a country code."""

Reader = Callable[[str | int], int]
Reading = tuple[PhoneNumber | None, Callable[[PhoneNumber], bool]]
"""What the digits may mean, and what must hold for that meaning to be taken."""

_NO_NUMBER = "is not a telephone number that can be dialled; write it like +254722000000."
_NO_DIGITS = "is not a telephone number: it holds letters or signs that none has; write it like +254722000000."
_TOO_LONG = f"is not a telephone number: it is longer than {MOBILE_TEXT_MAX} characters."

_DROPPED = (
    "\t \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"  # spaces
    "-\u00ad\u058a\u05be\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b\u30fc\ufe58\ufe63\uff0d"  # dashes
    ".\u00b7\u2024\uff0e()[]\uff08\uff09\uff3b\uff3d/\uff0f"  # dots, brackets, slashes
    "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufeff"  # invisible marks that come with a copy
    "\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069"
)
_PLUSES = "\uff0b\ufe62"
_AS_TYPED: dict[int, str | None] = {
    **dict.fromkeys(map(ord, _DROPPED)),
    **dict.fromkeys(map(ord, _PLUSES), "+"),
    **{ord(kept): kept for kept in "+0123456789"},  # known to the table: a miss costs more than a hit
}


class UnreadableMobile(ValueError):
    """What was written is no telephone number. The message is the end of a sentence: "is not a …"."""


def country_code(region: str) -> str:
    """The digits that numbers of this region begin with."""
    return str(_metadata(region).country_code)


def national_digits(mobile: int) -> str:
    """The digits of a number that every spelling of it ends with: those after its country code."""
    digits = str(mobile)
    parsed = _parse(f"+{digits}", None)
    national = digits if parsed is None else digits.removeprefix(str(parsed.country_code))
    return national[-NATIONAL_DIGITS_MAX:]


def is_region(region: str) -> bool:
    """Whether this is a region that numbers can be read in: two capital letters, as in ISO 3166."""
    return region in phonenumbers.SUPPORTED_REGIONS


@cache
def reader_for(region: str) -> Reader:
    """A function that reads what was written by people of this region, or raises ``UnreadableMobile``."""
    if not is_region(region):
        raise BadSettings(f"{region!r} is not a region; write two capital letters like KE.")
    phonenumbers.enable_pattern_cache()
    return reader_with(fast_pattern(region), region)


def reader_with(pattern: re.Pattern[str] | None, region: str) -> Reader:
    """A reader that asks this pattern first and the library when it does not match."""
    if pattern is None:
        return lambda written: read_with_library(written, region)
    match, nsn, code = pattern.match, pattern.groupindex["nsn"], str(_metadata(region).country_code)

    def read(written: str | int) -> int:
        text = written if type(written) is str else _as_text(written)
        if found := match(text):
            return int(code + found[nsn])
        if len(text) <= MOBILE_TEXT_MAX and (found := match(text.translate(_AS_TYPED))):
            return int(code + found[nsn])
        return _read_digits(as_typed(text), region)

    return read


# ---- what was written, as digits --------------------------------------------------------------------


def as_typed(written: str) -> str:
    """ASCII digits, after a ``+`` if there was one: what a telephone's keys would have sent."""
    if len(written) > MOBILE_TEXT_MAX:
        raise UnreadableMobile(_TOO_LONG)
    typed = written.strip().translate(_AS_TYPED)
    digits = typed[1:] if typed.startswith("+") else typed
    if not digits.isdecimal():
        raise UnreadableMobile(_NO_DIGITS if digits else _NO_NUMBER)
    if digits.isascii():
        return typed
    return typed[: len(typed) - len(digits)] + "".join(str(decimal(digit)) for digit in digits)


def _as_text(written: str | int) -> str:
    """A JSON integer is its digits. A boolean is an int to Python, and no telephone number."""
    if isinstance(written, str):
        return str(written)
    if isinstance(written, bool) or not 0 <= written < 10**MOBILE_TEXT_MAX:
        raise UnreadableMobile(_NO_NUMBER)
    return str(written)


# ---- the rule, in terms of the library ----------------------------------------------------------------


def read_with_library(written: str | int, region: str) -> int:
    """What ``reader_for(region)`` must answer, without its fast path."""
    return _read_digits(as_typed(_as_text(written)), region)


def _read_digits(typed: str, region: str) -> int:
    for number, is_enough in _readings(typed, region):
        if number is not None and is_enough(number):
            digits = _e164(number)
            if len(digits) <= E164_DIGITS_MAX and _stands(digits):
                return int(digits)
    raise UnreadableMobile(_NO_NUMBER)


def _readings(typed: str, region: str) -> Iterator[Reading]:
    """Every meaning the digits may have, the first that holds being the right one."""
    if typed.startswith("+"):
        yield _as_it_stands(typed[1:]), _is_possible
        yield _parse(typed, None), _is_possible
    elif typed.startswith("00"):
        # Some regions dial abroad with more than 00 (0011, 000, 009): theirs is tried before anything is repaired.
        yield _as_it_stands(typed[2:]), _is_possible
        yield _parse(typed, region), _is_valid
        yield _parse("+" + typed[2:], None), _is_possible
    else:
        # Answers carry numbers with no plus. A German or Indonesian one would be valid as a longer national number
        # too; read so, a contact sent back as it was received would be another person's.
        yield _as_it_stands(typed), partial(_is_mobile_of, region)
        yield _parse(typed, region), _is_valid
        yield _as_it_stands(typed), _is_valid
        yield _parse("+" + typed, None), _is_valid
        yield _parse(typed, region), _is_possible


def _parse(typed: str, region: str | None) -> PhoneNumber | None:
    """What the library makes of it, which may strip or repair a trunk prefix: +44 (0)20 … is +44 20 …."""
    try:
        return phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None


def _as_it_stands(digits: str) -> PhoneNumber | None:
    """Country code and the rest, with nothing repaired."""
    for length in range(1, min(COUNTRY_CODE_DIGITS_MAX, len(digits) - 1) + 1):
        if not digits.startswith("0") and int(digits[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            zeros = len(digits) - length - len(digits[length:].lstrip("0"))
            return PhoneNumber(
                country_code=int(digits[:length]),
                national_number=int(digits[length:]),
                italian_leading_zero=zeros > 0,
                number_of_leading_zeros=zeros,
            )
    return None


def _stands(digits: str) -> bool:
    """Whether ``+digits`` reads as these very digits: only such a number may be kept."""
    parsed = _parse("+" + digits, None)
    if parsed is not None and _e164(parsed) == digits:
        return True
    number = _as_it_stands(digits)
    return number is not None and _is_valid(number)


def _is_valid(number: PhoneNumber) -> bool:
    return phonenumbers.is_valid_number(number)


def _is_mobile_of(region: str, number: PhoneNumber) -> bool:
    if number.country_code != phonenumbers.country_code_for_region(region):
        return False
    return phonenumbers.number_type(number) in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def _is_possible(number: PhoneNumber) -> bool:
    """Of a length that can be dialled from anywhere; one that needs an area code first is none."""
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE or _is_valid(number)


def _e164(number: PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


# ---- the fast path ----------------------------------------------------------------------------------


@cache
def fast_pattern(region: str) -> re.Pattern[str] | None:
    """The mobiles of a region in their usual forms, or ``None`` where no form is unambiguous.

    The national number is the group ``nsn``. Each look-ahead is one condition under which the library would
    turn another way; what fails one goes to the library.
    """
    metadata = _metadata(region)
    code = metadata.country_code
    general, mobile = metadata.general_desc, _mobile_desc(metadata)
    # Where regions share a code the library asks the first one first: only there is its answer ours.
    if code is None or phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0] != region:
        return None
    if general is None or mobile is None or not general.national_number_pattern or not mobile.national_number_pattern:
        return None
    lengths = _whole_lengths(general, mobile, longest=E164_DIGITS_MAX - len(str(code)))
    if not lengths:
        return None
    is_general = f"(?:{general.national_number_pattern})\\Z"
    leading = f"(?={metadata.leading_digits})" if metadata.leading_digits else ""
    national_number = f"(?={lengths}){leading}(?={is_general})(?P<nsn>{mobile.national_number_pattern})\\Z"
    return re.compile(f"(?:{'|'.join(_forms(metadata, is_general))}){national_number}", re.ASCII)


def _forms(metadata: PhoneMetadata, is_general: str) -> Iterator[str]:
    """What may stand before a national number, with what must not follow for the library to see it so."""
    code, trunk = metadata.country_code, metadata.national_prefix_for_parsing
    not_trunk = f"(?!{trunk})" if trunk else ""
    abroad = metadata.international_prefix
    not_abroad = f"(?!00|{abroad})" if abroad else "(?!00)"
    yield f"\\+{code}"
    yield f"00{code}"
    yield f"{not_abroad}(?!{is_general}){code}{not_trunk}"
    yield f"{not_abroad}(?!{code}){not_trunk}"
    if trunk and not metadata.national_prefix_transform_rule:
        # Atomic, as the library's own match is: it never tries a second way to strip the prefix.
        yield f"{not_abroad}(?!{code})(?>{trunk})"


def _mobile_desc(metadata: PhoneMetadata) -> PhoneNumberDesc | None:
    """The library never looks at the mobile pattern where it is the same as the fixed lines'."""
    return metadata.fixed_line if metadata.same_mobile_and_fixed_line_pattern else metadata.mobile


def _whole_lengths(general: PhoneNumberDesc, mobile: PhoneNumberDesc, *, longest: int) -> str:
    allowed = set(mobile.possible_length or general.possible_length) & set(general.possible_length)
    allowed -= set(general.possible_length_local_only)
    return "|".join(f"\\d{{{length}}}\\Z" for length in sorted(allowed) if length <= longest)


def _metadata(region: str) -> PhoneMetadata:
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        raise BadSettings(f"{region!r} is not a region; write two capital letters like KE.")
    return metadata
