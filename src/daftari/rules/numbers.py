"""How what is written becomes a number of the project: the one way, for every call and every file.

A number is read before any lock. Digits that are two numbers, the one with ``+`` before them and another one of the
region, are then looked up: they are the former if the project knows it. All of a call are looked up at once, and nearly
none needs to be. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress

from msgspec import Struct

from daftari.mobile import AmbiguousMobile, Reader, Written, reader_for
from daftari.model.limits import ID_MAX, MOBILE_TEXT_MAX
from daftari.rules.fields import EMPTY_WORDS
from daftari.store import Tx, numbers
from daftari.store.numbers import Mark

NOT_A_NUMBER = "must be a telephone number."
NOW = Mark()
"""What is known now."""


class WrittenNumber(Struct, frozen=True, gc=False):
    """A number as it was read, and the digits that were written where they may be another number."""

    number: int
    digits: int | None = None

    def chosen(self, known: AbstractSet[int]) -> int:
        """The number that is meant."""
        return self.number if self.digits is None or self.digits not in known else self.digits

    def other(self, known: AbstractSet[int]) -> int | None:
        """The number that may be meant instead."""
        return self.number if self.digits in known else None


def read_number(written: object, *, region: str) -> WrittenNumber:
    """What was written, as a person of this region means it. Raises ``ValueError``."""
    return read_number_with(reader_for(region), written)


def read_number_with(reader: Reader, written: object) -> WrittenNumber:
    """As ``read_number``, with a region's reader at hand."""
    if written is None or (isinstance(written, str) and not written.strip()):
        raise ValueError("is required.")
    if isinstance(written, list):
        raise ValueError("must be one telephone number, and is a list.")
    if isinstance(written, bool) or not isinstance(written, Written):
        raise ValueError(NOT_A_NUMBER)
    if isinstance(written, str) and written.strip().casefold() in EMPTY_WORDS:
        raise ValueError(f"is required; '{written.strip()}' is what a program writes for an empty value.")
    try:
        return WrittenNumber(reader(written))
    except AmbiguousMobile as error:
        return WrittenNumber(error.number, error.digits)


def read_international(written: str, *, region: str) -> WrittenNumber:
    """What a provider wrote: with ``+`` it is international, and only else as people of the region write it.

    Not every number that a provider calls international is. Raises ``ValueError``.
    """
    if written.startswith("+"):
        with suppress(ValueError):
            return read_number(written, region=region)
    return read_number(written.removeprefix("+"), region=region)


def find_known(tx: Tx, digits: Iterable[int | None], *, before: Mark = NOW) -> AbstractSet[int]:
    """Those digits that are a number which the project knows, or knew at a moment."""
    wanted = {one for one in digits if one is not None}
    return numbers.find_known(tx, mobiles=sorted(wanted), before=before) if wanted else frozenset()


def choose_numbers(tx: Tx, readings: Iterable[WrittenNumber]) -> list[int]:
    """The numbers that are meant, in the order given."""
    found = list(readings)
    known = find_known(tx, (reading.digits for reading in found))
    return [reading.chosen(known) for reading in found]


def ambiguous(number: int, digits: int) -> str:
    """What is wrong with digits that are two numbers where one must not be guessed: the end of a sentence."""
    return str(AmbiguousMobile(number=number, digits=digits))


class Reference(Struct, frozen=True):
    """What a path names: perhaps an id, perhaps a mobile, perhaps either; nothing can match what is neither."""

    written: str
    region: str

    @property
    def id(self) -> int | None:
        """The id, if these are digits without a leading 0."""
        digits = self.written.isascii() and self.written.isdigit() and self.written[0] != "0"
        if not digits or len(self.written) > MOBILE_TEXT_MAX:
            return None
        return number if (number := int(self.written)) <= ID_MAX else None

    @property
    def reading(self) -> WrittenNumber | None:
        """The number, if one can be read. Not needed, and not cheap, where an id was found already."""
        try:
            return read_number(self.written, region=self.region)
        except ValueError:
            return None

    def find_mobile(self, tx: Tx) -> int | None:
        """The number that is meant, if one can be read."""
        reading = self.reading
        return None if reading is None else choose_numbers(tx, [reading])[0]
