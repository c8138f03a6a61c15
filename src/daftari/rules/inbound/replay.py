"""Refused requests of an address, verified again with the secret and the public URL of now. No HTTP, no SQL."""

from __future__ import annotations

from msgspec import Struct

from daftari.errors import Forged, Malformed
from daftari.model.inbound import StoredToken
from daftari.model.projects import Actor
from daftari.rules.inbound import quarantine
from daftari.store import Store, inbound

REPLAYED_MAX = 1_000
"""Requests that are verified again at a time."""
REQUESTS_PER_READ = 50


class Replayed(Struct, frozen=True):
    """How many requests were taken in, and how many were refused again."""

    accepted: int
    refused: int


def replay_address(store: Store, stored: StoredToken, *, actor: Actor, now: int, public_url: str | None) -> Replayed:
    """Take in the refused requests of an address that are right now, each in a transaction of its own."""
    after = accepted = refused = 0
    while accepted + refused < REPLAYED_MAX:
        found = store.read(
            stored.project,
            now,
            inbound.list_token_quarantine,
            token_id=stored.token.id,
            after=after,
            limit=REQUESTS_PER_READ,
        )
        if not found:
            break
        for kept in found:
            after = kept.id
            try:
                events = quarantine.read_again(kept, stored, public_url=public_url)
            except (Forged, Malformed):
                refused += 1
                continue
            taken = store.write(
                stored.project, actor, now, quarantine.release_request, kept=kept, stored=stored, events=events
            )
            accepted += taken is not None
    return Replayed(accepted, refused)
