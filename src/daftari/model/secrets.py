"""Secrets of others, such as a provider's signing secret, while they are used. No encryption, no storage."""

from __future__ import annotations


class Secret(str):
    """A text that no ``repr`` shows, and so no record that holds it, and that is never encoded as JSON."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"
