"""The NUL character, which SQLite would store in a text and PostgreSQL cannot: every text is examined on its way in.

A reader of fields refuses it with the field's own name. What comes another way is refused here, on both engines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from daftari.errors import ValidationFailed


def refuse_nul(values: Mapping[str, object]) -> None:
    """Raise ``ValidationFailed`` for a text with a NUL among the values of a statement, or in rows among them."""
    for name, value in values.items():
        if isinstance(value, str):
            if "\0" in value:
                raise _nul_in(name)
        elif isinstance(value, list | tuple):
            for row in value:
                if isinstance(row, list | tuple):
                    refuse_nul_in_rows([name] * len(row), [row])
                elif isinstance(row, str) and "\0" in row:
                    raise _nul_in(name)


def refuse_nul_in_rows(names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Raise ``ValidationFailed`` for a text with a NUL in rows whose values have these names."""
    for row in rows:
        for place, value in enumerate(row):
            if isinstance(value, str) and "\0" in value:
                raise _nul_in(names[place])


def _nul_in(name: str) -> ValidationFailed:
    return ValidationFailed({name: [f"The {name} field must not contain a NUL character."]})
