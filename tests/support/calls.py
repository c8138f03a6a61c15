"""The rules as the API and the CLI call them, on a store and a project: input is read, the call made, no more.

For tests below the entry points. This module must not know what the right answer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from daftari.errors import ValidationFailed
from daftari.model.contacts import CreateOutcome, Group, MembershipOutcome, Page, UpdateOutcome
from daftari.model.projects import Actor, KeyKind, Project
from daftari.rules.access import keys, projects
from daftari.rules.contacts import contacts, groups, parse
from daftari.rules.erasure import purge
from daftari.rules.fields import Problems, read_group_name
from daftari.rules.integrity.check import check_project
from daftari.rules.numbers import Reference, WrittenNumber
from daftari.store import Store
from tests.support.stores import NOW

REGION = "KE"
ACTOR = Actor(9, "a request")
WORKER = Actor(None, "worker")
NOTHING: frozenset[str] = frozenset()


def create_project(store: Store, name: str = "Shopify", *, first_id: int = 1) -> Project:
    return store.system_write(
        NOW, projects.create_project, name=name, region=REGION, on_error="refuse", first_id=first_id
    )


def create_key(store: Store, project: Project, kind: KeyKind = "read") -> str:
    """The text of a new key."""
    secret, _ = store.system_write(NOW, keys.create_key, project=project, label="", kind=kind, expires_at=None)
    return secret


def create_contacts(
    store: Store,
    project: Project,
    given: list[Any],
    *,
    group: str | None = None,
    skip: bool = False,
    results: bool = True,
    now: int = NOW,
    actor: Actor = ACTOR,
    fire_triggers: bool = False,
) -> CreateOutcome:
    read = parse.read_contacts(msgspec.json.encode(given), field="contacts", region=REGION, now=now)
    values = {"group": group, "skip": skip, "results": results, "fire_triggers": fire_triggers}
    return _write_rows(store, project, read, at=now, actor=actor, **values)


def create_contact(
    store: Store, project: Project, given: Any, *, group: str | None = None, skip: bool = False, now: int = NOW
) -> CreateOutcome:
    read = parse.read_contact(msgspec.json.encode(given), field="contact", region=REGION, now=now)
    return _write_rows(store, project, read, group=group, skip=skip, results=True, at=now, actor=ACTOR)


def _write_rows(
    store: Store, project: Project, read: parse.Rows, *, at: int, actor: Actor, **values: Any
) -> CreateOutcome:
    if read.errors and not values["skip"]:
        raise ValidationFailed(read.errors)
    values["group"] = _read_group(values["group"], field="group")
    return store.write(project, actor, at, contacts.create_contacts, rows=read, **values)


def get_contact(store: Store, project: Project, reference: str, *, include: frozenset[str] = NOTHING) -> str:
    named = Reference(reference, REGION)
    return store.read_unisolated(project, NOW, contacts.get_contact, reference=named, include=include).served.decode()


def list_contacts(
    store: Store,
    project: Project,
    *,
    group: str | None = None,
    page: int = 1,
    per_page: int = 1_000,
    include: frozenset[str] = NOTHING,
    suppressed: bool = False,
) -> Page:
    return store.read(
        project,
        NOW,
        contacts.list_contacts,
        group=group,
        page=page,
        per_page=per_page,
        include=include,
        suppressed=suppressed,
    )


def list_contacts_after(store: Store, project: Project, after_id: int, **values: Any) -> Page:
    return store.read(project, NOW, contacts.list_contacts_after, after_id=after_id, **values)


def update_contact(
    store: Store,
    project: Project,
    reference: str,
    given: Any,
    *,
    group: str | None = None,
    move: bool = True,
    now: int = NOW,
    actor: Actor = ACTOR,
) -> UpdateOutcome:
    change = None
    if given is not None:
        change = parse.read_change(msgspec.json.encode(given), field="contact", region=REGION)
    return store.write(
        project,
        actor,
        now,
        contacts.update_contact,
        reference=Reference(reference, REGION),
        change=change,
        group=_read_group(group, field="group"),
        move=move,
    )


def delete_contact(
    store: Store,
    project: Project,
    reference: str,
    *,
    reason: str | None = None,
    purpose: str | None = None,
    at: int | None = None,
    now: int = NOW,
    actor: Actor = ACTOR,
) -> int | None:
    named = Reference(reference, REGION)
    deletion = contacts.read_delete(reason=reason, purpose=purpose, at=at, settings=project.consent)
    return store.write(project, actor, now, contacts.delete_contact, reference=named, deletion=deletion)


def list_groups(store: Store, project: Project) -> list[Group]:
    return store.read(project, NOW, groups.list_groups, after=0, limit=1_000)


def get_group(store: Store, project: Project, name: str) -> Group:
    return store.read(project, NOW, groups.get_group, name=name)


def create_group(store: Store, project: Project, name: str, *, now: int = NOW, actor: Actor = ACTOR) -> Group:
    return store.write(project, actor, now, groups.create_group, name=_read_name(name))


def update_group(
    store: Store, project: Project, name: str, new_name: str, *, now: int = NOW, actor: Actor = ACTOR
) -> Group:
    return store.write(project, actor, now, groups.update_group, name=name, new_name=_read_name(new_name))


def delete_group(store: Store, project: Project, name: str, *, now: int = NOW, actor: Actor = ACTOR) -> None:
    store.write(project, actor, now, groups.delete_group, name=name)


def join_group(
    store: Store,
    project: Project,
    name: str,
    *,
    ids: list[int],
    mobiles: Sequence[int],
    now: int = NOW,
    actor: Actor = ACTOR,
    fire_triggers: bool = False,
) -> MembershipOutcome:
    read = [WrittenNumber(mobile) for mobile in mobiles]
    return store.write(
        project, actor, now, groups.join_group, name=name, ids=ids, mobiles=read, fire_triggers=fire_triggers
    )


def leave_group(
    store: Store,
    project: Project,
    name: str,
    *,
    ids: list[int],
    mobiles: Sequence[int],
    now: int = NOW,
    actor: Actor = ACTOR,
) -> MembershipOutcome:
    read = [WrittenNumber(mobile) for mobile in mobiles]
    return store.write(project, actor, now, groups.leave_group, name=name, ids=ids, mobiles=read)


def purge_group(store: Store, project: Project, *, now: int = NOW) -> bool:
    return store.purge(project, WORKER, now, purge.purge_group)


def broken_in(store: Store, project: Project) -> list[tuple[str, bool]]:
    """The names of what is broken in the project's book, and whether it can be repaired."""
    return [(finding.invariant, finding.repairable) for finding in store.read(project, NOW, check_project)]


def _read_name(name: str) -> str:
    read = _read_group(name, field="name")
    assert read is not None
    return read


def _read_group(name: object, *, field: str) -> str | None:
    """Raises ``ValidationFailed``, as the calls do."""
    problems = Problems()
    read = problems.read(field, name, read_group_name)
    problems.refuse()
    return read
