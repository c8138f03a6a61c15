"""What stands in the cells of a file other than one plain value: several numbers, a name, a label, a quote.

No columns, no database, and no knowledge of what makes a number valid: a reader is asked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from daftari.files import NEUTRAL_LABEL, IsTelephone, label_rank
from daftari.files.labels import FAX_LABELS, MOBILE_LABELS
from daftari.files.letters import fold_letters, word_set
from daftari.mobile import AmbiguousMobile, Reader, UnreadableMobile, reader_for

NUMBERS_PER_CELL_MAX = 10
"""Numbers that one cell is searched for."""
TWO_NUMBERS_CHARS_MIN = 15
"""Characters of the shortest cell that holds two numbers."""
_TWO_NUMBERS_DIGITS_MIN = 14
_CELL_CHARS_MAX = 2_000
"""A longer cell is no list of numbers."""
_PART_DIGITS_MIN = 9
"""Digits of each of two numbers that only a space divides: of fewer it is a guess."""
_NUMBER_DIGITS_MIN = 7


# ---- one value ----------------------------------------------------------------------------------------

_WHOLE = re.compile(r"(\+?\d+)\.0+")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3}){2,4}")
"""As a spreadsheet shows a number with marks of thousands: 254,722,000,342."""
_FORMULA = re.compile(r'=\s*"([^"]*)"')
_QUOTES = "'\u2018\u2019\u201b`\u00b4\u2032\"\u201c\u201d\u201e\u00ab\u00bb"


def plain_text(cell: str) -> str:
    """A text without what programs put around it so that a spreadsheet takes it for text: ``="…"``."""
    found = _FORMULA.fullmatch(cell.strip()) if "=" in cell else None
    return cell if found is None else found[1]


def first_value(cell: str) -> str:
    """The first of several values, as Google Contacts writes them into one cell."""
    return cell.partition(":::")[0].strip() if ":::" in cell else cell


def repair_number(written: object) -> Any:
    """A number without what a spreadsheet adds: ``="…"``, quotes, 254722000000.0; other types as text."""
    if isinstance(written, float) and math.isfinite(written) and written.is_integer():
        return int(written)
    if isinstance(written, str):
        text = plain_text(written).strip()
        if text and (text[0] in _QUOTES or text[-1] in _QUOTES):
            text = text.strip(_QUOTES).strip()
        if found := _WHOLE.fullmatch(text):
            return found[1]
        return text.replace(",", "") if "," in text and _THOUSANDS.fullmatch(text) else text
    return written if written is None or (isinstance(written, int) and not isinstance(written, bool)) else str(written)


# ---- numbers ------------------------------------------------------------------------------------------


class FoundNumber(Struct, frozen=True):
    """A number in a cell as it was written, readable or not, the name next to it, and what its label says."""

    text: Any
    name: str | None = None
    is_mobile: bool | None = None
    """``None`` where no label says it."""
    is_fax: bool = False


_MOBILE_LABELS = MOBILE_LABELS | word_set("m wa sms")
_FAX_LABELS = FAX_LABELS | {"f"}
_OTHER_LABELS = word_set(
    """home work office main business landline land line direct hq fixed company reception h w o l off res
    residence nyumbani ofisi ofisini kazi kazini bureau domicile maison fixe travail casa trabalho trabajo
    escritorio oficina fixo fijo"""
)
_NEUTRAL_LABELS = word_set(
    """phone tel telephone telefone telefono number no nr num numero t p ph personal private other primary
    secondary alternative alt contact simu namba nambari ya my yangu and or"""
)
_LABELS = _MOBILE_LABELS | _FAX_LABELS | _OTHER_LABELS | _NEUTRAL_LABELS

_SEPARATOR = re.compile(
    r"\s*(?::::|[;|,&\n\r\t]|/|\\n|\\|<br\s*/?>|(?<=\d)\s*[+=_~]\s*(?=0\d)"
    r"|\s(?:or|and|au|ama|na|ou|et|o|u|y|e|oder|und|plus)\s)\s*",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![^\W_])[+\uff0b]?\(?[\d*•●](?:[\d\s().\-\u2010-\u2015\u2212\u00a0*•●#/]|[xX](?=[xX\d*]))*[\d*•●xX)](?![^\W_])"
)
_NAME_WORD = re.compile(r"[^\W\d_]+(?:[.'\u2019-]+[^\W\d_]+)*[.']?")
_AROUND = ' \t\r\n-\u2010\u2011\u2012\u2013\u2014\u2015:;,|/()[]<>*"'
_EXTENSIONS = word_set("ext extn extension x poste ramal")
_AFTER_NUMBER = re.compile(r"[\s\-.\u2010-\u2015]+")


def telephone_test(region: str) -> IsTelephone:
    """Whether people of a region dial what is in a cell, for a file whose columns are not known yet."""
    read = reader_for(region)

    def is_telephone(written: str | int) -> bool:
        try:
            read(written)
        except UnreadableMobile as error:
            return isinstance(error, AmbiguousMobile)
        return True

    return is_telephone


def find_numbers(cell: object, *, reader: Reader) -> list[FoundNumber]:
    """The numbers in a cell, at least one of which can be read; none, when none can.

    A cell that is one number as it stands is that number. A list holds one an item, or objects with a ``value``.
    """
    if isinstance(cell, list | dict):
        items = cell if isinstance(cell, list) else [cell]
        found = [one for item in items[:NUMBERS_PER_CELL_MAX] for one in _find_in_item(item, reader)]
        return found if all(isinstance(item, str | int | float | dict) for item in items) else []
    written = repair_number(cell)
    if is_readable(written, reader):
        return [FoundNumber(written)]
    if not isinstance(written, str) or len(written) > _CELL_CHARS_MAX or _is_undivided(written):
        return []
    by_number = {_identity(one.text, reader): one for one in reversed([*_find_parts(written, reader)])}
    return [*reversed(by_number.values())] if any(isinstance(known, int) for known in by_number) else []


def may_hold_two(cell: object) -> bool:
    """Whether a cell may hold two numbers, by simple looks; a fast answer for the many that hold one."""
    if not isinstance(cell, str):
        return isinstance(cell, list)
    if len(cell) < TWO_NUMBERS_CHARS_MIN or _is_undivided(cell):
        return False
    return sum(map(str.isdigit, cell)) >= _TWO_NUMBERS_DIGITS_MIN


def _is_undivided(cell: str) -> bool:
    """Whether a cell is nothing but digits in a row, which are one number or none."""
    return cell.removeprefix("+").isdecimal()


def messageable(found: Sequence[FoundNumber]) -> list[FoundNumber]:
    """Those of a person's numbers that take messages: never a fax, and where labels name a mobile no other line."""
    without_fax = [one for one in found if not one.is_fax]
    if any(one.is_mobile for one in without_fax):
        return [one for one in without_fax if one.is_mobile is not False]
    return without_fax


def _find_in_item(item: object, reader: Reader) -> list[FoundNumber]:
    """The numbers in an item of a list: a value, an object with one and perhaps its label, or one by each label."""
    if not isinstance(item, dict):
        return find_numbers(item, reader=reader)
    value = next((item[name] for name in ("value", "number", "phone") if item.get(name)), None)
    if value is not None:
        label = next((item[name] for name in ("label", "type", "kind", "rel") if isinstance(item.get(name), str)), None)
        return [*_labelled(value, label, reader)]
    by_label = [*item.items()][:NUMBERS_PER_CELL_MAX]
    return [one for label, value in by_label if label_rank(label) != NEUTRAL_LABEL
            for one in _labelled(value, label, reader)]  # fmt: skip


def _labelled(value: object, label: str | None, reader: Reader) -> Iterator[FoundNumber]:
    """The numbers in a value, with what their label makes them."""
    rank = label_rank(label)
    for one in find_numbers(value, reader=reader) if isinstance(value, str | int | float) else ():
        is_mobile = one.is_mobile if rank == NEUTRAL_LABEL else rank is not None and rank < NEUTRAL_LABEL
        yield replace(one, is_mobile=is_mobile, is_fax=one.is_fax or rank is None)


def _identity(written: Any, reader: Reader) -> int | str:
    """The number that a text is, or the text where it is none."""
    try:
        return reader(written)
    except AmbiguousMobile as error:
        # Which of two numbers it is depends on what the project knows.
        return error.number
    except UnreadableMobile:
        return str(written)


def is_readable(written: Any, reader: Reader) -> bool:
    """Whether what was written is a number by itself."""
    return isinstance(written, str | int) and written != "" and isinstance(_identity(written, reader), int)


def _find_parts(text: str, reader: Reader) -> Iterator[FoundNumber]:
    """The numbers between separators; of a part that is none, those that only spaces divide."""
    alone = _find_one(text)
    if alone is not None and is_readable(alone.text, reader):
        yield alone
        return
    parts = [part for part in _SEPARATOR.split(text) if part.strip(f"{_AROUND}.")]
    if len(parts) <= 1:
        yield from _divide(text, reader) or _find_labelled(text, reader)
        return
    for part in parts[:NUMBERS_PER_CELL_MAX]:
        one = _find_one(part)
        if one is not None and is_readable(one.text, reader):
            yield one
        elif divided := _divide(part, reader) or _find_labelled(part, reader):
            yield from divided
        elif any(map(str.isdigit, part)):
            yield one or FoundNumber(part.strip())


def _find_labelled(text: str, reader: Reader) -> list[FoundNumber]:
    """Several whole numbers that only their labels or names divide: ``Mobile: 0722 000342 Office: 020 2012345``."""
    places = [found.span() for found in _NUMBER.finditer(text)]
    if not 2 <= len(places) <= NUMBERS_PER_CELL_MAX:
        return []
    # Words belong to the number before them when the text begins with a number.
    leads = places[0][0] == 0
    cuts = [start for start, _ in places[1:]] if leads else [end for _, end in places[:-1]]
    parts = [text[first:last] for first, last in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = [one for part in parts if (one := _find_one(part)) is not None and is_readable(one.text, reader)]
    return found if len(found) == len(parts) else []


def number_in(cell: str) -> str:
    """What of a cell with no readable number is most like one: without the name next to it."""
    one = None if len(cell) > _CELL_CHARS_MAX or _is_undivided(cell) else _find_one(cell)
    return cell if one is None else str(one.text)


def _find_one(text: str) -> FoundNumber | None:
    """The only number in a text, with the label and the name next to it; ``None`` when something else is."""
    text = text.strip()
    found = _NUMBER.search(text)
    if found is None:
        return None
    number = found[0]
    if sum(letter.isdigit() or letter in "*•●xX" for letter in number) < _NUMBER_DIGITS_MIN:
        # Too little to stand next to words.
        return FoundNumber(text) if number == text and any(map(str.isdigit, text)) else None
    before, after = (_words_of(part) for part in (text[: found.start()], text[found.end() :]))
    name, behind = ([word for word in part if _as_label(word) not in _LABELS] for part in (before, after))
    if not (_is_name(name) and _is_name(behind)):
        return None
    # Of words on both sides those behind are the name: "Customer Transfer from 254722000801 - MARY NJERI".
    name = behind or name
    kinds = {*map(_as_label, (*before, *after))} & _LABELS
    return FoundNumber(
        number.strip(),
        " ".join(name) or None,
        True if kinds & _MOBILE_LABELS else False if kinds & (_OTHER_LABELS | _FAX_LABELS) else None,
        bool(kinds & _FAX_LABELS),
    )


def _as_label(word: str) -> str:
    return fold_letters(word).rstrip(".")


def _words_of(text: str) -> list[str]:
    return [word for word in (each.strip(_AROUND) for each in text.split()) if word.strip(".")]


def _is_name(words: Sequence[str]) -> bool:
    """Whether words may be a person's name, or are none; a lone letter may be a mistyped digit."""
    if not all(_NAME_WORD.fullmatch(word) and _as_label(word) not in _EXTENSIONS for word in words):
        return False
    return not words or max(map(len, words)) > 1


def _divide(text: str, reader: Reader) -> list[FoundNumber]:
    """Two or more whole numbers that nothing but spaces, dots or hyphens divide, if they can be cut in one way only."""
    if any(letter.isalpha() for letter in text):
        return []
    pieces = [piece for piece in _AFTER_NUMBER.split(re.sub(r"(?<!^)\+", " +", text.strip())) if piece]
    if not 2 <= len(pieces) <= 3 * NUMBERS_PER_CELL_MAX:
        return []
    ways = list(_cuts(pieces, reader, {}))
    return [FoundNumber(number) for number in ways[0]] if len(ways) == 1 and len(ways[0]) > 1 else []


def _cuts(pieces: Sequence[str], reader: Reader, known: dict[tuple[str, ...], list[list[str]]]) -> Iterable[list[str]]:
    """Each way to cut pieces into whole numbers; at most two, since more than one is none."""
    key = tuple(pieces)
    if key in known:
        return known[key]
    ways: list[list[str]] = [[]] if not pieces else []
    for count in range(1, min(len(pieces), 6) + 1):
        number = " ".join(pieces[:count])
        if "+" in number[1:]:
            break
        if sum(map(str.isdigit, number)) >= _PART_DIGITS_MIN and is_readable(number, reader):
            ways += [[number, *rest] for rest in _cuts(pieces[count:], reader, known)]
    known[key] = ways[:2]
    return known[key]
