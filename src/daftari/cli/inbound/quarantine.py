"""``daftari inbound quarantine`` and ``replay``: requests that were refused, and verifying them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions, PublicUrlOption
from daftari.cli.terminal.output import format_optional_time, print_list, say
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundToken, Quarantined, StoredToken
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.store import Store, Tx

COLUMNS = ("id", "provider", "start", "received_at", "reason")
REQUESTS_PER_READ = 100

app = command_group()


@command(
    app,
    "quarantine",
    "daftari inbound quarantine --project Shopify",
    "daftari inbound quarantine --json",
    note="'daftari inbound replay' verifies them again.",
)
def list_quarantine(*, as_json: JsonOption = False, where: ProjectOptions) -> None:
    """List the requests that were refused."""
    with where.open_project() as (store, project):
        known = _list_tokens(store)
        rows = store.read(project, current_time(), _list_rows, known=known)
    print_list(COLUMNS, rows, as_json=as_json)
    if not rows:
        say("No refused requests are kept.")


@command(
    app,
    "replay",
    "daftari inbound set-secret 9fK2xq_1Bv --secret-file auth-token.txt",
    "daftari inbound replay --project Shopify",
    note="Requests that are refused again are kept.",
)
def replay(*, public_url: PublicUrlOption = None, where: ProjectOptions) -> None:
    """Verify again the requests that were refused, and accept the valid ones.

    Uses the present secrets and public URL. An accepted request counts from the time when it was received.
    """
    settings = where.read_settings(public_url=public_url)
    counts: Counter[bool] = Counter()
    with where.open_project() as (store, project):
        known = _list_tokens(store)
        for kept in _iterate_quarantine(store, project):
            counts[_replay_one(store, project, kept, known[kept.token_id], public_url=settings.public_url)] += 1
    say(f"{counts[True]} accepted, {counts[False]} refused again.")


def _list_rows(tx: Tx, *, known: dict[int, InboundToken]) -> list[tuple[object, ...]]:
    from daftari.rules.inbound import quarantine

    return [
        (
            *(kept.id, known[kept.token_id].provider, known[kept.token_id].start),
            *(format_optional_time(kept.received_at), kept.reason),
        )
        for kept in quarantine.walk_quarantine(tx)
    ]


def _list_tokens(store: Store) -> dict[int, InboundToken]:
    from daftari.rules.access import inbound_tokens

    return {token.id: token for token in store.system_read(current_time(), inbound_tokens.list_tokens)}


def _replay_one(
    store: Store, project: Project, kept: Quarantined, token: InboundToken, *, public_url: str | None
) -> bool:
    """Accepts a request as of the time at which it came, if it is valid now. Returns whether it is."""
    from daftari.rules.access import inbound_tokens
    from daftari.rules.inbound import quarantine

    stored = store.system_read(current_time(), inbound_tokens.get_stored_token, start=token.start)
    if token.connection_id is not None:
        return _replay_delivery(store, project, kept, stored, connection_id=token.connection_id)
    try:
        events = quarantine.read_again(kept, stored, public_url=public_url)
    except (Forged, Malformed) as error:
        say(f"Request {kept.id} of {token.provider}: {error.message}")
        return False
    actor = Actor(None, "inbound replay")
    store.write(project, actor, current_time(), quarantine.release_request, kept=kept, stored=stored, events=events)
    return True


def _replay_delivery(
    store: Store, project: Project, kept: Quarantined, stored: StoredToken, *, connection_id: int
) -> bool:
    """The same for a delivery to a connection."""
    from daftari.rules.connections import addresses, webhook_events

    now = current_time()
    try:
        account = store.read(project, now, addresses.read_account, connection_id=connection_id)
        events = addresses.read_again(kept, stored, account=account)
    except (Forged, Malformed) as error:
        say(f"Request {kept.id} of {stored.token.provider}: {error.message}")
        return False
    actor = Actor(None, "inbound replay")
    store.write(project, actor, now, webhook_events.release_delivery, kept=kept, stored=stored, events=events)
    return True


def _iterate_quarantine(store: Store, project: Project) -> Iterator[Quarantined]:
    """Every refused request, some at a time, since those that are accepted leave the quarantine."""
    from daftari.rules.inbound.quarantine import list_quarantine

    after = 0
    while found := store.read(project, current_time(), list_quarantine, after=after, limit=REQUESTS_PER_READ):
        yield from found
        after = found[-1].id
