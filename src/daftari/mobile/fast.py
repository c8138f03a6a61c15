"""A regular expression per region for its mobiles in the most common forms, made of the library's own data.

It answers only where ``reading`` would answer the same; docs/numbers.md explains why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc

from daftari.mobile.plans import E164_DIGITS_MAX, metadata_of, mobile_desc


@cache
def fast_pattern(region: str) -> re.Pattern[str] | None:
    """The mobiles of a region in their usual forms, or ``None`` where no form is unambiguous.

    The national number is the group ``nsn``; the group ``bare`` matches where nothing stands before it, so that the
    digits may be a foreign number too. Each look-ahead is one condition under which the rule would turn another way;
    what fails one is read by it.
    """
    metadata = metadata_of(region)
    code = metadata.country_code
    general, mobile = metadata.general_desc, mobile_desc(metadata)
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
    is_of_length = "|".join(f"\\d{{{length}}}\\Z" for length in lengths)
    national_number = f"(?={is_of_length}){leading}(?={is_general})(?P<nsn>{mobile.national_number_pattern})\\Z"
    return re.compile(f"(?:{'|'.join(_forms(metadata, is_general))}){national_number}", re.ASCII)


def _forms(metadata: PhoneMetadata, is_general: str) -> Iterator[str]:
    """What may stand before a national number, with what must not follow for the rule to see it so."""
    code, trunk = metadata.country_code, metadata.national_prefix_for_parsing
    not_trunk = f"(?!{trunk})" if trunk else ""
    abroad = metadata.international_prefix
    not_abroad = f"(?!00|{abroad})" if abroad else "(?!00)"
    yield f"\\+{code}"
    yield f"00{code}"
    yield f"{not_abroad}(?!{is_general}){code}{not_trunk}"
    yield f"{not_abroad}(?!{code}){not_trunk}(?P<bare>)"
    if trunk and not metadata.national_prefix_transform_rule:
        # Atomic, as the library's own match is: it never tries a second way to strip the prefix.
        yield f"{not_abroad}(?!{code})(?>{trunk})"


def _whole_lengths(general: PhoneNumberDesc, mobile: PhoneNumberDesc, *, longest: int) -> list[int]:
    allowed = set(mobile.possible_length or general.possible_length) & set(general.possible_length)
    allowed -= set(general.possible_length_local_only)
    return sorted(length for length in allowed if length <= longest)
