"""Numbers whose records were erased in a connected system: erased here a day later, or by a person's decision. No SQL.

A number is erased by itself only where its connection alone put it in the book. Whether others did is looked for
without the project's lock, and what was written meanwhile is looked at again with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import ValidationFailed, quote
from daftari.model.connections import Link
from daftari.model.limits import EXTERNAL_ID_MAX, ID_MAX, SETTLED_ERASURES_MAX
from daftari.rules import events
from daftari.rules.connections.lifecycle import look_at_connection
from daftari.rules.connections.model import (
    ERASED,
    ERASURE_PENDING,
    GONE,
    MADE,
    MERGED,
    Opened,
    counted,
    get_connection,
    with_counts,
)
from daftari.rules.connections.saving import save_connection
from daftari.rules.connections.sync import STOPPED, Done, find_held, save_step
from daftari.rules.contacts.merge import read_card
from daftari.rules.erasure.erase import erase_number
from daftari.rules.events import Action
from daftari.rules.imports.lifecycle import get_import
from daftari.store import Tx, WriteTx, connections, consent, contacts, groups, imports, journal
from daftari.store.contacts import StoredContact

Decision = Literal["erase", "keep"]
DECISIONS: tuple[Decision, ...] = ("erase", "keep")
ERASED_PER_STEP = 10
ROWS_PER_QUERY = 1_000
CHUNKS_PER_QUERY = 20
WRITES = frozenset({Action.CREATE_CONTACTS, Action.UPDATE_CONTACT, Action.JOIN_GROUP})
"""What a person or a program does with a contact by a call."""


class Looked(Struct, frozen=True):
    """Why a person has to decide about a record, by its id; blank where its number can be erased.

    ``read_to``: the last row of the journal that was looked at.
    """

    others: Mapping[str, str]
    read_to: int


def look_at_due(tx: Tx, *, connection_id: int) -> Looked:
    """Look who else put some numbers in the book that have waited for a day. Reads much of the journal."""
    opened = get_connection(tx, connection_id=connection_id)
    due = [external_id for external_id, at in opened.progress.erasures.items() if at <= tx.now][:ERASED_PER_STEP]
    links = [link for link in connections.find_links(tx, connection_id=opened.id, ids=due) if _waits(link)]
    newest = journal.list_newest_journal(tx, after=0, before=ID_MAX, limit=1)
    found = _find_contacts(tx, links)
    others = {link.external_id: _find_trace(tx, link, found.get(link.mobile)) for link in links}
    asked = {
        link.external_id: found[link.mobile] for link in links if not others[link.external_id] and link.mobile in found
    }
    written = _find_writes(tx, asked.values(), after=0)
    imported = _find_imports(tx, opened, asked.values())
    for external_id, contact in asked.items():
        others[external_id] = written.get(contact.id) or imported.get(contact.id, "")
    return Looked({one: others.get(one, "") for one in due}, newest[0].seq if newest else 0)


def erase_due(tx: WriteTx, *, connection_id: int, fence: int, looked: Looked) -> Done:
    """Erase the numbers that no one else put in the book; for the others a person decides."""
    opened = find_held(tx, connection_id, fence)
    if opened is None:
        return STOPPED
    links = connections.find_links(tx, connection_id=connection_id, ids=sorted(looked.others))
    waiting = [link for link in links if _waits(link)]
    found = _find_contacts(tx, waiting)
    written = _find_writes(tx, found.values(), after=looked.read_to)
    kept = []
    erased: set[int] = set()
    for link in waiting:
        if link.mobile in erased:
            continue
        contact = found.get(link.mobile)
        why = looked.others[link.external_id] or _find_trace(tx, link, contact)
        why = why or (written.get(contact.id, "") if contact is not None else "")
        if why:
            kept.append(replace(link, why=why))
        else:
            erase_number(tx, mobile=link.mobile)
            erased.add(link.mobile)
    # What was looked at before its number went must not bring it back.
    connections.save_links(tx, links=[link for link in kept if link.mobile not in erased])
    opened = _without_waiting(get_connection(tx, connection_id=connection_id), looked.others)
    return save_step(tx, opened, has_more=True)


def settle_erasures(tx: WriteTx, *, connection_id: int, ids: Sequence[str], decision: str) -> Opened:
    """A person decides about records that were erased there: their numbers are erased here too, or are kept.

    Raises ``ConnectionNotFound`` and ``ValidationFailed``.
    """
    opened = look_at_connection(tx, connection_id=connection_id)
    wrong: dict[str, list[str]] = {}
    if decision not in DECISIONS:
        wrong["decision"] = [f"The decision field is {quote(decision)}; it must be one of: {', '.join(DECISIONS)}."]
    if not ids or len(ids) > SETTLED_ERASURES_MAX or max(map(len, ids)) > EXTERNAL_ID_MAX:
        said = f"must be from 1 to {SETTLED_ERASURES_MAX} ids of records, each of at most {EXTERNAL_ID_MAX} characters."
        wrong["ids"] = [f"The ids field {said}"]
    if wrong:
        raise ValidationFailed(wrong)
    links = connections.find_links(tx, connection_id=opened.id, ids=sorted(set(ids)))
    waiting = {link.external_id: link for link in links if _waits(link)}
    if absent := [one for one in ids if one not in waiting]:
        said = f"names {quote(absent[0])}, which is no record with the problem erasure_pending."
        raise ValidationFailed({"ids": [f"The ids field {said}"]})
    if decision == "keep":
        opened = _keep(tx, opened, list(waiting.values()))
    else:
        for mobile in dict.fromkeys(link.mobile for link in waiting.values()):
            erase_number(tx, mobile=mobile)
        opened = get_connection(tx, connection_id=connection_id)
    opened = _without_waiting(opened, waiting)
    save_connection(tx, opened)
    events.record(tx, Action.UPDATE_CONNECTION, detail={"connection": connection_id})
    return opened


def _keep(tx: WriteTx, opened: Opened, links: Sequence[Link]) -> Opened:
    kept = [replace(link, problems=link.problems & ~ERASURE_PENDING, why="") for link in links]
    connections.save_links(tx, links=kept)
    progress = opened.progress
    for before, after in zip(links, kept, strict=True):
        counts = Counter(counted(after))
        counts.subtract(counted(before))
        progress = with_counts(progress, counts)
    return replace(opened, progress=progress)


def _waits(link: Link) -> bool:
    return bool(link.problems & ERASURE_PENDING and link.mobile)


def _without_waiting(opened: Opened, ids: Collection[str]) -> Opened:
    waiting = {one: at for one, at in opened.progress.erasures.items() if one not in ids}
    return replace(opened, progress=replace(opened.progress, erasures=waiting))


# ---- who else put it in the book --------------------------------------------------------------------------


def _find_contacts(tx: Tx, links: Sequence[Link]) -> dict[int, StoredContact]:
    mobiles = sorted({link.mobile for link in links})
    found = contacts.find_contacts_by_mobile(tx, mobiles=mobiles) if mobiles else []
    return {contact.mobile: contact for contact in found}


def _find_trace(tx: Tx, link: Link, contact: StoredContact | None) -> str:
    """Why a person has to decide, as far as links, groups and consent show; blank where they show nothing."""
    links = connections.find_links_by_mobile(tx, mobiles=[link.mobile])
    for other in links:
        if other.connection_id != link.connection_id and other.state != ERASED:
            name = get_connection(tx, connection_id=other.connection_id).stored.name
            return f"The connection {name} has the number too."
        is_itself = other.external_id == link.external_id
        if other.connection_id == link.connection_id and not is_itself and other.state not in (GONE, MERGED, ERASED):
            return f"Another record, {other.external_id}, has the number too."
    facts = consent.find_facts(tx, mobiles=[link.mobile]).get(link.mobile, [])
    retracted = {fact.retracts for fact in facts}
    if any(fact.kind == "opt_in" and fact.id not in retracted for fact in facts):
        return "The person opted in here."
    if contact is None:
        return ""
    if not any(one.flags & MADE for one in links if one.connection_id == link.connection_id):
        return "The contact was here before the record was."
    inside = groups.list_group_names(tx, ids=[contact.id]).get(contact.id, [])
    return f"The contact is in the group {inside[0]} too." if inside else ""


def _find_writes(tx: Tx, asked: Collection[StoredContact], *, after: int) -> dict[int, str]:
    """The contacts that were written by calls, by id, with what is said of it. The newest rows come first."""
    found: dict[int, str] = {}
    ids = {contact.id for contact in asked}
    if not ids:
        return found
    since = min(_created_at(contact) for contact in asked)
    before = ID_MAX
    while rows := journal.list_newest_journal(tx, after=after, before=before, limit=ROWS_PER_QUERY):
        for row in rows:
            if row.action in WRITES:
                named = [contact_id for contact_id in ids - found.keys() if row.names(contact_id)]
                found |= dict.fromkeys(named, "A call has written the contact too.")
        before = rows[-1].seq
        if rows[-1].at < since:
            break
    return found


def _find_imports(tx: Tx, opened: Opened, asked: Collection[StoredContact]) -> dict[int, str]:
    """The contacts that are in an import of anything else, by id, with what is said of it."""
    found: dict[int, str] = {}
    ids = {contact.id for contact in asked}
    own = _own_imports(tx, opened.id)
    number = imports.find_import_after(tx, import_id=0) if ids else None
    while number is not None:
        if number not in own:
            first = 0
            while chunks := imports.list_chunks(tx, import_id=number, first=first, limit=CHUNKS_PER_QUERY):
                for contact_id in ids - found.keys():
                    if any(contact_id in chunk.ids for chunk in chunks):
                        name = get_import(tx, import_id=number).settings.name
                        found[contact_id] = f"The import {name} ({number}) has the number too."
                first = chunks[-1].number + 1
        number = imports.find_import_after(tx, import_id=number)
    return found


def _own_imports(tx: Tx, connection_id: int) -> set[int]:
    own: set[int] = set()
    before = ID_MAX
    while some := imports.list_connection_imports(tx, connection_id=connection_id, before=before, limit=ROWS_PER_QUERY):
        own.update(one.id for one in some)
        before = some[-1].id
    return own


def _created_at(contact: StoredContact) -> int:
    """When a contact was made, in microseconds."""
    return int(datetime.fromisoformat(read_card(contact.card).created_at).timestamp() * 1_000_000)
