"""What programs and people write where nothing is known: ``N/A``, ``-``, ``#REF!``, ``none``. No columns."""

from __future__ import annotations

from itertools import product

from daftari.files.letters import word_set

_NO_VALUE = word_set(
    """- -- --- – — _ . .. ... ? ?? n/a n\\a n.a. n.a #n/a #n/a! #value! #ref! #name? #null! #num! #div/0! #error! none
    null <null> (null) [null] \\n nil <nil> nan undefined (none) (blank) (empty)"""
)
"""What programs and people write where nothing is known."""
NO_VALUES = frozenset("".join(form) for word in _NO_VALUE for form in product(*({one, one.upper()} for one in word)))
"""The same in every mixture of small and capital letters, so that a text can be looked up as it is."""
_NOTHING = word_set("na x hana hakuna 0")
"""What also stands for nothing, unless it is what the column is about."""
_NO_NUMBER = _NOTHING | word_set(
    """xx xxx no unknown blank empty missing tba tbd haina sina aucun aucune inconnu nenhum ninguno nao 00 000
    0000000000 000000000 false true yes / // * ** #"""
)
"""The same, where a number is meant."""


def is_no_value(cell: object) -> bool:
    """Whether a cell is blank, or says in another way that nothing is known."""
    if not isinstance(cell, str):
        return cell is None
    text = cell.strip()
    return not text or text in NO_VALUES


def is_blank(cell: object) -> bool:
    """The same of a cell of a column that is not known yet."""
    return is_no_value(cell) or (isinstance(cell, str) and cell.strip().casefold() in _NOTHING)


def is_no_number(cell: object) -> bool:
    """The same of a cell where a number is meant."""
    if isinstance(cell, str):
        return is_no_value(cell) or cell.strip().casefold() in _NO_NUMBER
    return cell is None or cell == []
