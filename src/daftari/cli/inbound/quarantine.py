"""``daftari inbound quarantine`` and ``replay``: refused requests of providers, listed and read again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    JsonOption,
    ProjectOption,
    PublicUrlOption,
    chosen_project,
    examples,
    opened_store,
    settings_from,
)
from daftari.cli.terminal.output import print_list, say, shown_time
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundToken, Quarantined
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.access import inbound_tokens
from daftari.rules.inbound import quarantine
from daftari.store import Store, Tx

EPILOG = examples(
    "daftari inbound quarantine --project Shopify",
    "daftari inbound quarantine --json",
    note="'daftari inbound replay' reads them again.",
)
REPLAY_EPILOG = examples(
    "daftari inbound set-secret 9fK2xq_1Bv --secret-file auth-token.txt",
    "daftari inbound replay --project Shopify",
    note="Requests that are refused again stay where they are.",
)

COLUMNS = ("id", "provider", "start", "received_at", "reason")
TURN = 100
"""Requests that are read at a time."""


def list_quarantine(
    project: ProjectOption = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """List the requests that were refused and are kept."""
    with opened_store(config, database) as store:
        chosen = chosen_project(store, project)
        known = _tokens(store)
        rows = store.read(chosen, current_time(), _list_rows, known=known)
    print_list(COLUMNS, rows, as_json=as_json)
    if not rows:
        say("Nothing is in quarantine.")


def replay(
    project: ProjectOption = None,
    public_url: PublicUrlOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Verify and read again what was refused, with the secrets of now, and take in what is good."""
    settings = settings_from(config, database=database, public_url=public_url)
    counts: Counter[bool] = Counter()
    with opened_store(config, database) as store:
        chosen = chosen_project(store, project)
        known = _tokens(store)
        for kept in _walk(store, chosen):
            counts[_replay_one(store, chosen, kept, known[kept.token_id], public_url=settings.public_url)] += 1
    say(f"{counts[True]} taken in, {counts[False]} still refused.")


def _list_rows(tx: Tx, *, known: dict[int, InboundToken]) -> list[tuple[object, ...]]:
    return [
        (kept.id, known[kept.token_id].provider, known[kept.token_id].start, shown_time(kept.received_at), kept.reason)
        for kept in quarantine.walk_quarantine(tx)
    ]


def _tokens(store: Store) -> dict[int, InboundToken]:
    return {token.id: token for token in store.system_read(current_time(), inbound_tokens.list_tokens)}


def _walk(store: Store, project: Project) -> Iterator[Quarantined]:
    """Every refused request, read some at a time, since those that are received leave the quarantine."""
    after = 0
    while found := store.read(project, current_time(), quarantine.list_quarantine, after=after, limit=TURN):
        yield from found
        after = found[-1].id


def _replay_one(
    store: Store, project: Project, kept: Quarantined, token: InboundToken, *, public_url: str | None
) -> bool:
    """Receive a request as of the time at which it came, if it is valid now. Returns whether it is."""
    stored = store.system_read(current_time(), inbound_tokens.get_stored_token, start=token.start)
    try:
        events = quarantine.read_again(kept, stored, public_url=public_url)
    except (Forged, Malformed) as error:
        say(f"Request {kept.id} of {token.provider}: {error.message}")
        return False
    actor = Actor(None, "inbound replay")
    store.write(project, actor, current_time(), quarantine.release_request, kept=kept, stored=stored, events=events)
    return True
