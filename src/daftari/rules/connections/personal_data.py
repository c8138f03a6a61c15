"""What links hold about a person: erased, but for the record's id, and shown in an export. No HTTP, no SQL."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import CONNECTORS
from daftari.model.connections import LINK_STATES, Link, LinkState
from daftari.model.erasures import Person, Removed
from daftari.model.members import Text
from daftari.rules.connections.marks import erase_marks
from daftari.rules.connections.model import ERASED, as_connector_sees, counted, get_connection
from daftari.rules.connections.saving import add_counts
from daftari.store import Tx, WriteTx, connections


class LinkView(Struct, frozen=True):
    """A record of a connected system that has the number."""

    connection: Text
    """The connection's name."""
    id: Text
    """The record's id there."""
    url: Text | None
    """Where a person sees it there."""
    state: LinkState


def erase(tx: WriteTx, person: Person) -> Removed:
    """Take the number out of every link. The record's id stays, so that it does not bring the person back unnoticed."""
    found = connections.find_links_by_mobile(tx, mobiles=[person.mobile])
    erased = [_without_number(link) for link in found]
    connections.save_links(tx, links=erased)
    changes: dict[int, Counter[str]] = {}
    for before, after in zip(found, erased, strict=True):
        counts = changes.setdefault(before.connection_id, Counter())
        counts.subtract(counted(before))
        counts.update(counted(after))
    for connection_id, counts in changes.items():
        add_counts(tx, connection_id=connection_id, counts=counts)
        links = [link for link in found if link.connection_id == connection_id]
        erase_marks(tx, get_connection(tx, connection_id=connection_id), links)
    return {"external_links": len(erased)}


def _without_number(link: Link) -> Link:
    return replace(link, mobile=0, digest=0, state=ERASED, group_ids="", flags=0, problems=0, why="")


def export(tx: Tx, person: Person) -> dict[str, object]:
    """Every record that has the number."""
    found = connections.find_links_by_mobile(tx, mobiles=[person.mobile])
    opened = {number: get_connection(tx, connection_id=number) for number in {link.connection_id for link in found}}
    return {
        "external_links": [
            LinkView(
                connection=(connection := opened[link.connection_id]).stored.name,
                id=link.external_id,
                url=CONNECTORS[connection.stored.kind].record_url(as_connector_sees(connection, {}), link.external_id)
                or None,
                state=LINK_STATES[link.state],
            )
            for link in found
        ]
    }
