"""Address books: vCard 2.1, 3.0 and 4.0. One record a telephone number; pictures are passed over unread.

Cards are cut out of the file here and parsed one by one, so that a broken one does not stop the rest. No meaning of
records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote

from msgspec import Struct

if TYPE_CHECKING:
    from daftari.files.card_contents import Contents

from daftari.files.card_groups import MEMBERS_MAX, has_group_cards, is_group_card, members_of, uid_of
from daftari.files.columns import split_name
from daftari.files.encoding import LongLine, TextFile, split_lines
from daftari.files.labels import is_system_label, label_rank
from daftari.files.record import RECORDS_PER_BATCH, Layout, Record, Row

CARD_CHARS_MAX = 64 * 1024
"""Characters of one card without its pictures, sounds and keys."""
NUMBERS_MAX = 50
"""Numbers of one card: each is a record with all that the card says."""

_BEGIN = re.compile(r"\s*BEGIN\s*:\s*VCARD\s*$", re.IGNORECASE)
_END = re.compile(r"\s*END\s*:\s*VCARD\s*$", re.IGNORECASE)
_AGENT = re.compile(r"(?:[\w-]+\.)?AGENT\s*(?:;[^:]*)?:\s*(BEGIN\s*:\s*VCARD\s*)?$", re.IGNORECASE)
"""Of vCard 2.1: the card of another person comes within the card, in this line or after it."""
_SKIPPED = re.compile(r"(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY|X-ABPHOTO)\s*[;:]", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_QUOTED_PRINTABLE = re.compile(r"[^:]*QUOTED-PRINTABLE", re.IGNORECASE)
_PART = re.compile(r"((?:[^\\;]++|\\.|\\$)*+)(?:;|$)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T.*)?")
_LINE_BYTES_MAX = 75
"""As the standard has it, without the line end."""
_PRODUCT = "-//Daftari//Contacts//EN"
"""Names the program that wrote a card, in ``PRODID``."""
_END_LINE = re.compile(r"^[ \t]*END[ \t]*:[ \t]*VCARD[ \t]*\r?\n?\Z", re.IGNORECASE | re.MULTILINE)


class Card(Struct, frozen=True):
    """A card as it stands in the file. ``why``: what is wrong with it already."""

    text: str
    why: str | None = None


class CardRecords:
    """The people of an address book, one record a number of theirs."""

    def __init__(self, path: str, *, layout: Layout) -> None:
        self._text = TextFile(path, encoding=layout.encoding)

    @property
    def bytes_read(self) -> int:
        return self._text.bytes_read

    def __iter__(self) -> Iterator[list[Record]]:
        groups = _read_groups(self._text)
        number, batch = 1, list[Record]()
        for card in CardCutter().cards(self._text):
            if card.why is None and is_group_card(card.text):
                continue
            records = read_card(card, first=number, groups=groups)
            number += len(records)
            batch += records
            while len(batch) >= RECORDS_PER_BATCH:
                yield batch[:RECORDS_PER_BATCH]
                del batch[:RECORDS_PER_BATCH]
        if batch:
            yield batch


def _read_groups(text: TextFile) -> dict[str, list[str]]:
    """The names of groups by the ids of their members, where groups are cards of their own."""
    groups: dict[str, list[str]] = {}
    if not has_group_cards(text.pieces()):
        return groups
    left = MEMBERS_MAX
    for card in CardCutter().cards(text):
        if card.why is None and is_group_card(card.text):
            name = _group_name(card.text)
            members = members_of(card.text)[:left] if name and not is_system_label(name) else []
            left -= len(members)
            for member in members:
                groups.setdefault(member, []).append(name)
    return groups


def _group_name(card: str) -> str:
    try:
        contents = _read_contents(card)
    except ValueError:
        return ""
    return _text(contents, "fn") or " ".join(filter(None, _parts(contents, "n")))


# ---- cards out of a file ------------------------------------------------------------------------------


class CardCutter:
    """Cuts text into cards, line by line."""

    def __init__(self) -> None:
        self._lines: list[str] | None = None
        """Of the card that has begun; ``None`` between cards."""
        self._chars = 0
        self._is_too_long = False
        self._skips = self._continues = False
        """Whether the last property is passed over; whether its line continues in the next."""
        self._nested = 0
        """How many cards within the card have begun."""
        self._may_nest = False
        """Whether a card that begins now is one of those."""

    def cards(self, text: TextFile) -> Iterator[Card]:
        for piece in text.pieces():
            lines = [piece.start] if isinstance(piece, LongLine) else split_lines(piece)
            for line in lines:
                yield from self._take(line, is_cut=isinstance(piece, LongLine))
        if self._lines is not None:
            yield self._finish("has no END:VCARD")

    def _take(self, line: str, *, is_cut: bool) -> Iterator[Card]:
        if self._lines is not None and self._is_nested(line):
            self._belongs(line)
        elif not self._continues and _BEGIN.match(line):
            if self._lines is not None:
                yield self._finish("has no END:VCARD")
            self._lines, self._skips = [line], False
        elif self._lines is None:
            if line.strip():
                yield Card(line, "stands outside of any card")
        elif not self._continues and _END.match(line):
            self._lines.append(line)
            yield self._finish(None)
        elif self._belongs(line):
            self._chars += len(line)
            self._is_too_long |= is_cut or self._chars > CARD_CHARS_MAX
            if not self._is_too_long:
                self._lines.append(line)

    def _is_nested(self, line: str) -> bool:
        """Whether a line is of a card within the card: that of an agent, whose numbers are not this person's."""
        if self._continues or not line.strip():
            return self._nested > 0
        agent, begins = _AGENT.match(line), _BEGIN.match(line) is not None
        if (begins and self._may_nest) or (agent is not None and agent[1]):
            self._nested += 1
        elif begins:
            # The card within has no end, and neither has the one around it.
            self._nested = 0
        elif self._nested and _END.match(line):
            self._nested, self._may_nest = self._nested - 1, False
            return True
        self._may_nest = agent is not None and not agent[1]
        return self._nested > 0

    def _belongs(self, line: str) -> bool:
        """Whether a line of a card is kept; pictures and their continuation lines are not."""
        continues = line[:1] in (" ", "\t") or self._continues
        if not continues and not (self._skips and _BASE64.fullmatch(line)):
            self._skips = _SKIPPED.match(line) is not None
            self._continues = _QUOTED_PRINTABLE.match(line) is not None
        self._continues = self._continues and line.rstrip("\r\n").endswith("=")
        return not self._skips

    def _finish(self, why: str | None) -> Card:
        text = "".join(self._lines or ())
        if self._is_too_long:
            why = f"is longer than {CARD_CHARS_MAX:,} characters without its pictures"
        self._lines, self._chars = None, 0
        self._is_too_long = self._skips = self._continues = self._may_nest = False
        self._nested = 0
        return Card(text, why)


# ---- people out of cards ------------------------------------------------------------------------------

CARD_COLUMNS = (
    *("mobile", "fname", "mname", "lname", "email", "city", "company", "groups"),
    *("note", "birthday", "title", "url"),
)
"""What records of cards may say; a file of cards names no columns itself."""


def read_card(card: Card, *, first: int, groups: Mapping[str, list[str]]) -> list[Record]:
    """The records of a card: one a number, one if it has none, one if it cannot be read.

    ``groups`` are those that other cards put people in, by the id of a card.
    """
    if card.why is not None:
        return [Record(first, None, card.why, card.text)]
    try:
        contents = _read_contents(card.text)
    except ValueError as error:
        return [Record(first, None, f"is not a readable card: {error}", card.text)]
    person, numbers = _person(contents, groups), _numbers(contents)
    if len(numbers) > NUMBERS_MAX:
        return [Record(first, None, f"has more than {NUMBERS_MAX} numbers", card.text)]
    values = [{**person, "mobile": number} for number in numbers] or [person]
    return [Record(place, found, None, card.text) for place, found in enumerate(values, first)]


def _read_contents(text: str) -> Contents:
    from daftari.files.card_contents import read_contents

    return read_contents(text)


def _person(contents: Contents, groups: Mapping[str, list[str]]) -> dict[str, Any]:
    """The members of the card other than its numbers; absent ones are left out."""
    organisation, address = _parts(contents, "org"), _parts(contents, "adr")
    found = {
        **_names(contents),
        "email": _text(contents, "email"),
        "city": address[3] if len(address) > 3 else None,
        "company": organisation[0] if organisation else None,
        "groups": [*dict.fromkeys((*_groups(contents), *groups.get(uid_of(_text(contents, "uid") or ""), ())))],
        "note": _text(contents, "note"),
        "birthday": _day(_text(contents, "bday")),
        "title": _text(contents, "title"),
        "url": _text(contents, "url"),
    }
    return {name: value for name, value in found.items() if value}


def _names(contents: Contents) -> dict[str, str | None]:
    parts = [*_parts(contents, "n"), "", "", ""]
    if any(parts[:3]):
        return {"fname": parts[1], "mname": parts[2], "lname": parts[0]}
    whole = _text(contents, "fn") or ""
    if whole in _parts(contents, "org")[:1] or whole in {*map(_digits, _numbers(contents))}:
        # A card must have a name; without one, a company or a number stands in its place.
        whole = ""
    fname, mname, lname = split_name(whole)
    return {"fname": fname, "mname": mname, "lname": lname}


def _numbers(contents: Contents) -> list[str]:
    """The numbers, each once: mobiles first, else in the card's order, without fax and pager."""
    labels = {line.group: str(line.value) for line in contents.get("x-ablabel", ()) if line.group}
    ranks: dict[str, int] = {}
    for line in contents.get("tel", ()):
        kinds = [*line.singletonparams, *line.params.get("TYPE", ()), labels.get(line.group, "")]
        number = str(line.value).strip()
        if number.lower().startswith("tel:"):
            number = unquote(number[4:].partition(";")[0])
        rank = label_rank(" ".join(kinds))
        if number and rank is not None:
            ranks.setdefault(number, rank)
    return sorted(ranks, key=lambda number: ranks[number])


def _digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))


def _groups(contents: Contents) -> list[str]:
    groups: dict[str, None] = {}
    for line in contents.get("categories", ()):
        listed = line.value if isinstance(line.value, list) else str(line.value).split(",")
        groups.update(dict.fromkeys(group.strip() for group in listed))
    is_ours = _text(contents, "prodid") == _PRODUCT
    return [group for group in groups if group and (is_ours or not is_system_label(group))]


def _text(contents: Contents, name: str) -> str | None:
    """The first value of a property."""
    for line in contents.get(name, ()):
        text = str(line.value).strip()
        if text:
            return text
    return None


def _parts(contents: Contents, name: str) -> list[str]:
    """The parts of the first value of a property whose value has several, between semicolons."""
    written = _text(contents, name)
    if written is None:
        return []
    return [_plain(part).strip() for part in _PART.findall(written)]


def _plain(part: str) -> str:
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], part)


def _day(written: str | None) -> str | None:
    """A day as ISO text; one without a year as it was written."""
    found = _DAY.fullmatch(written or "")
    return "-".join(found.groups()) if found else written


# ---- writing ------------------------------------------------------------------------------------------


class CardWriter:
    """Writes vCard 4.0 from objects with the members that reading gives; a text is written as it is."""

    def __init__(self, file: BinaryIO, *, layout: Layout) -> None:
        self._file = file

    def write(self, rows: Iterable[Row]) -> None:
        cards = (written_card(row) if isinstance(row, dict) else str(row) for row in rows)
        self._file.write("".join(cards).encode("utf-8", "replace"))

    def close(self) -> None:
        self._file.flush()


def written_card(person: dict[str, Any]) -> str:
    """A person as a card. What is blank is left out."""
    given = {name: value for name, value in person.items() if value not in (None, "", [])}
    names = [str(given.get(name, "")) for name in ("lname", "fname", "mname")]
    whole = " ".join(str(given[name]) for name in ("fname", "mname", "lname") if name in given)
    mobile = str(given.get("mobile", "")).removeprefix("+")
    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        f"PRODID:{_PRODUCT}",
        f"FN:{_escaped(whole or str(given.get('company', mobile)))}",
        f"N:{';'.join(map(_escaped, names))};;",
    ]
    if mobile:
        is_whole = mobile.isascii() and mobile.isdigit()
        lines.append(f"TEL;VALUE=uri:tel:+{mobile}" if is_whole else f"TEL:{_escaped(str(given['mobile']))}")
    if "city" in given:
        lines.append(f"ADR:;;;{_escaped(str(given['city']))};;;")
    if "groups" in given:
        lines.append(f"CATEGORIES:{','.join(_escaped(str(group)) for group in given['groups'])}")
    lines += [f"{line}:{_escaped(str(given[name]))}" for name, line in _LINES.items() if name in given]
    return "".join(map(_folded, [*lines, "END:VCARD"]))


_LINES = {
    "email": "EMAIL",
    "company": "ORG",
    "title": "TITLE",
    "birthday": "BDAY",
    "url": "URL",
    "note": "NOTE",
    "why": "X-WHY",
}


def explain_card(card: str, *, why: str) -> str:
    """The text of a card with a line ``X-WHY`` before its end."""
    line = _folded(f"X-WHY:{_escaped(why)}")
    end = _END_LINE.search(card)
    if end is None:
        return f"{card}{'' if card.endswith(chr(10)) else chr(13) + chr(10)}{line}"
    return f"{card[: end.start()]}{line}{end[0].rstrip()}\r\n"


def _escaped(text: str) -> str:
    for mark in "\\;,":
        text = text.replace(mark, "\\" + mark)
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _folded(line: str) -> str:
    """The line with its end, in pieces of at most 75 bytes; no character is cut."""
    if len(line) * 4 <= _LINE_BYTES_MAX or len(line.encode("utf-8", "replace")) <= _LINE_BYTES_MAX:
        return line + "\r\n"
    pieces, left = [""], _LINE_BYTES_MAX
    for letter in line:
        size = len(letter.encode("utf-8", "replace"))
        if size > left:
            pieces.append("")
            left = _LINE_BYTES_MAX - 1
        pieces[-1] += letter
        left -= size
    return "\r\n ".join(pieces) + "\r\n"
