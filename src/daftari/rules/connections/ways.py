"""What differs where a system is never called, since its deliveries say what there is to know. No store, no network."""

from __future__ import annotations

from collections.abc import Container

from msgspec.structs import replace

from daftari.connectors import CONNECTORS
from daftari.errors import WrongConnectionState, quote
from daftari.model.connections import WORKING, ConnectionDefinition
from daftari.rules.connections.model import Opened


def refuse_uncallable(opened: Opened, what: str) -> None:
    """Raise ``WrongConnectionState`` for what needs a call, where the system is never called."""
    if opened.definition.push_only:
        raise WrongConnectionState(
            f"The connection {quote(opened.stored.name)} cannot be {what}: it has no app, and what changes in "
            f"{opened.title} is known by webhooks alone."
        )


def with_credentials(definition: ConnectionDefinition, kind: str, credentials: Container[str]) -> ConnectionDefinition:
    """A definition that says which credentials the connection has, and whether its system can be called with them."""
    about = CONNECTORS[kind]
    names = tuple(name for name in about.credentials if name in credentials) if about.ways else ()
    return replace(definition, credentials=names, push_only=not about.can_call(credentials))


def with_way(opened: Opened, credentials: Container[str], *, now: int) -> Opened:
    """A connection with other credentials, and what follows where its system can be called by now, or no more.

    The first time that it can be called everything is read, as of any new connection.
    """
    definition = with_credentials(opened.definition, opened.stored.kind, credentials)
    stored, progress = opened.stored, opened.progress
    if definition.push_only and not opened.definition.push_only:
        # What was to be asked for can be asked no more.
        progress = replace(
            progress, wanted=(), again=(), walks={}, heard_lists={}, walks_all=False, comparison=None, compares=False,
            plan=None, refresh_to=0, count=replace(progress.count, is_due=False), refills=False, heard=False,
        )  # fmt: skip
    elif opened.definition.push_only and not definition.push_only:
        # Who is found by the first reading did not come just now.
        progress = replace(
            progress, pushed_until=now, caught_up_at=stored.complete_until, heard=True,
            webhook=replace(progress.webhook, made_at=0),
        )  # fmt: skip
        if stored.state in WORKING and not stored.complete_until:
            stored = replace(stored, state="importing", reason="")
    return replace(opened, stored=stored, definition=definition, progress=progress)
