"""What programs and people write where nothing is known: ``N/A``, ``-``, ``#REF!``, ``none``. No columns."""

from __future__ import annotations

from daftari.files.letters import word_set

NO_VALUE_CHARS_MAX = 9
"""Characters of the longest way to say that nothing is known."""
_NO_VALUE = word_set(
    """- -- --- – — _ . .. ... ? ?? n/a n\\a n.a. n.a #n/a #n/a! #value! #ref! #name? #null! #num! #div/0! #error! none
    null <null> (null) [null] \\n nil <nil> nan undefined (none) (blank) (empty)"""
)
"""What programs and people write where nothing is known."""
_SPACES = frozenset(
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
NO_VALUE_STARTS = frozenset(letter for word in _NO_VALUE for letter in (word[0], word[0].upper())) | _SPACES
"""How these begin: few cells need a closer look."""
_NOTHING = word_set("na x hana hakuna 0")
"""What also stands for nothing, unless it is what the column is about."""
_NO_NUMBER = _NOTHING | word_set(
    """xx xxx no unknown blank empty missing tba tbd haina sina aucun aucune inconnu nenhum ninguno nao 00 000
    0000000000 000000000 false true yes / // * ** #"""
)
"""The same, where a number is meant."""


def is_no_value(cell: object) -> bool:
    """Whether a cell is blank, or says in another way that nothing is known."""
    if type(cell) is not str:
        return cell is None
    if not cell or cell[0] not in NO_VALUE_STARTS:
        return not cell
    text = cell.strip()
    return len(text) <= NO_VALUE_CHARS_MAX and (not text or text.casefold() in _NO_VALUE)


def is_blank(cell: object) -> bool:
    """The same of a cell of a column that is not known yet."""
    return is_no_value(cell) or (isinstance(cell, str) and cell.strip().casefold() in _NOTHING)


def is_no_number(cell: object) -> bool:
    """The same of a cell where a number is meant."""
    if isinstance(cell, str):
        return is_no_value(cell) or cell.strip().casefold() in _NO_NUMBER
    return cell is None or cell == []
