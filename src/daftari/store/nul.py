"""The NUL character, which SQLite would store in a text and PostgreSQL cannot: every text is examined on its way in.

A reader of fields refuses it with the field's own name. What comes another way is refused here, on both engines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from daftari.errors import ValidationFailed

TEXT_COLUMNS = frozenset({
    *("action", "card", "cell", "channel", "code", "contacts", "detail", "digits", "event_name", "evidence", "fields"),
    *("answer", "before", "cart_id", "cart_token", "customer_id", "email", "order_id"),
    *("external_id", "folded", "former_name", "group_ids", "why"),
    *("key", "keyword", "kind", "left_groups", "lists", "merged", "message_digest", "name", "part_states"),
    *("provider_id", "purpose", "reason", "record", "record_ids", "report", "request_id", "says", "sender", "source"),
    *("state", "text", "token", "topic", "type", "what", "word", "words", "written"),
})  # fmt: skip
"""The columns of rows that hold texts. No other value of a row is examined: most are integers, and rows are many."""


def refuse_nul(values: Mapping[str, object]) -> None:
    """Raise ``ValidationFailed`` for a text with a NUL among the values of a statement; rows are not looked into."""
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            raise _nul_in(name)


def refuse_nul_in_rows(columns: Sequence[str], rows: Iterable[Any]) -> None:
    """Raise ``ValidationFailed`` for a text with a NUL in rows; those of one column are its values themselves."""
    if len(columns) == 1:
        (column,) = columns
        if column in TEXT_COLUMNS and "\0" in "".join([text for text in rows if isinstance(text, str)]):
            raise _nul_in(column)
        return
    for place, column in enumerate(columns):
        if column in TEXT_COLUMNS and "\0" in "".join([text for row in rows if isinstance(text := row[place], str)]):
            raise _nul_in(column)


def _nul_in(name: str) -> ValidationFailed:
    return ValidationFailed({name: [f"The {name} field must not contain a NUL character."]})
