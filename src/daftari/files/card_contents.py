"""The properties of one vCard, parsed by ``vobject``. A line that cannot be read costs that line, not the card.

It takes long to load, and most processes never meet a card. No meaning of properties.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from typing import Any

import vobject.base

from daftari.files.encoding import split_lines
from daftari.files.labels import label_rank

Contents = dict[str, list[Any]]
"""Lines by the name of their property, in lower case."""

_FOLD = re.compile(r"(?:\r\n|\n|\r)[ \t]")
_PARAMETER = r';[\w-]++(?:=(?:"[^"]*+"|[^";:,]*+)(?:,(?:"[^"]*+"|[^";:,]*+))*+)?+'
_PROPERTY = re.compile(rf"(?:[\w-]++\.)?+[\w-]++(?:;(?=[;:]))?+(?:{_PARAMETER})*+:")
"""The beginning of a property with parameters. Of a line that has none, ``vobject`` tries every way to split it."""
_TELEPHONE = re.compile(r"(?:[\w-]+\.)?TEL\s*(;.*):([^:]*)$", re.IGNORECASE | re.DOTALL)
"""A line with a number, however its parameters are written."""
_BASE64 = re.compile(r"[^:]*ENCODING=B|[^:]*;BASE64", re.IGNORECASE)
_PERSON = frozenset(("n", "fn", "tel", "email", "org"))
"""What must be left of a card when lines are left out."""
_ERRORS = (vobject.base.VObjectError, ValueError, LookupError, AttributeError, TypeError, StopIteration)


def read_contents(card: str) -> Contents:
    """The properties of a card. Raises ``ValueError`` when it is none."""
    # The end of a line may be a CR alone.
    card = card if "\n" in card else card.replace("\r", "\n")
    text = card if _is_sound(card) else "".join(_repaired(card))
    try:
        return _parse(text)
    except _ERRORS as error:
        said = " ".join(str(error).split())[:200]
    try:
        contents = _parse("".join(_readable(text)))
    except _ERRORS:
        raise ValueError(said) from None
    if not contents.keys() & _PERSON:
        raise ValueError(said)
    return contents


def _parse(text: str) -> Contents:
    found = next(vobject.base.readComponents(text, transform=False, validate=False, allowQP=True))
    contents: Contents = found.contents
    return contents


def _properties(text: str) -> Iterator[list[str]]:
    """The lines of each property: values in quoted-printable have lines of their own."""
    lines: list[str] = []
    for line in split_lines(_FOLD.sub("", text)):
        if lines and not lines[-1].rstrip("\r\n").endswith("="):
            yield lines
            lines = []
        lines.append(line)
    if lines:
        yield lines


def _is_sound(text: str) -> bool:
    return all(";" not in first or _PROPERTY.match(first) for first, *_ in _properties(text))


def _repaired(text: str) -> Iterator[str]:
    """The lines of a card without those that ``vobject`` must not see; of a telephone the number is kept."""
    for lines in _properties(text):
        if ";" not in lines[0] or _PROPERTY.match(lines[0]):
            yield from lines
        elif found := _TELEPHONE.match(lines[0]):
            # A label of a person's own may be in quoted-printable, and have signs that no parameter has.
            label = quopri.decodestring(found[1].encode(errors="replace")).decode(errors="replace")
            rank = label_rank(label)
            if rank is not None:
                yield f"TEL;{'CELL' if rank == 0 else 'VOICE'}:{found[2]}"


def _readable(text: str) -> Iterator[str]:
    """The lines of a card that ``vobject`` can read by themselves."""
    for lines in _properties(text):
        if _BASE64.match(lines[0]):
            # Pictures, whose value may be cut off.
            continue
        try:
            vobject.base.textLineToContentLine("".join(lines).rstrip("\r\n"))
        except _ERRORS:
            continue
        yield from lines
