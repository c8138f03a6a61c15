"""A whole name as the three that a contact has. This room must not know where names come from."""

from __future__ import annotations


def split_name(name: str) -> tuple[str | None, str | None, str | None]:
    """First, middle and last name: the first word, the last one, and all between. ``Last, First`` is turned round."""
    last, comma, rest = name.partition(",")
    if comma and last.strip() and rest.strip():
        first, *middle = rest.split()
        return first, " ".join(middle) or None, " ".join(last.split())
    words = name.split()
    if len(words) < 2:
        return (words[0] if words else None), None, None
    return words[0], " ".join(words[1:-1]) or None, words[-1]
