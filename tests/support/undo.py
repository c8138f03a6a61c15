"""Users who act in the console and undo it, as the rules have them do it. Knows no right answer."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from daftari.model.projects import Actor, Project
from daftari.model.users import Role
from daftari.rules.access.roles import UserAccess, find_access
from daftari.rules.consent import facts
from daftari.rules.contacts import many
from daftari.rules.undo import acts
from daftari.rules.undo.acts import Undone
from daftari.store import Store, WriteTx
from tests.support import calls
from tests.support.stores import NOW
from tests.support.users import Office


class Editor(Struct):
    """A user in a project, whose clock advances by a second with each act."""

    store: Store
    project: Project
    access: UserAccess
    now: int = NOW

    @property
    def actor(self) -> Actor:
        return self.access.actor("a form")

    def write(self, rule: Any, /, **values: Any) -> Any:
        self.now += 1_000_000
        return self.store.write(self.project, self.actor, self.now, rule, **values)

    def create(self, *given: Any, group: str | None = None) -> int:
        calls.create_contacts(self.store, self.project, list(given), group=group, actor=self.actor, now=self.tick())
        return self.last()

    def update(self, reference: str, given: Any, *, group: str | None = None, move: bool = False) -> int:
        calls.update_contact(
            self.store, self.project, reference, given, group=group, move=move, actor=self.actor, now=self.tick()
        )
        return self.last()

    def remove(self, *ids: int) -> int:
        self.write(many.remove_contacts, ids=ids)
        return self.last()

    def move(self, name: str, *ids: int, out_of: str | None = None) -> int:
        self.write(many.move_to_group, ids=ids, name=name, out_of=out_of)
        return self.last()

    def add(self, name: str, *ids: int) -> int:
        self.write(many.add_to_group, ids=ids, name=name)
        return self.last()

    def join(self, name: str, *ids: int) -> int:
        calls.join_group(self.store, self.project, name, ids=list(ids), mobiles=[], actor=self.actor, now=self.tick())
        return self.last()

    def leave(self, name: str, *ids: int) -> int:
        calls.leave_group(self.store, self.project, name, ids=list(ids), mobiles=[], actor=self.actor, now=self.tick())
        return self.last()

    def merge(self, name: str, into: str) -> int:
        self.write(many.merge_groups, name=name, into=into)
        return self.last()

    def say(self, kind: facts.Kind, *mobiles: object, **common: object) -> int:
        """Write down what people said."""
        given = facts.read_facts(
            mobiles, common={"source": "console", **common}, kind=kind, writer="console", region="KE", now=self.now
        )
        self.write(facts.record_given, given=given, kind=kind)
        return self.last()

    def undo(self, seq: int) -> Undone:
        undone: Undone = self.write(acts.undo, access=self.access, seq=seq)
        return undone

    def can_undo(self, seq: int) -> bool:
        return self.store.read(self.project, self.now, acts.can_undo, seq=seq)

    def tick(self) -> int:
        self.now += 1_000_000
        return self.now

    def last(self) -> int:
        """The number of the last act in the journal."""
        return self.store.write(self.project, self.actor, self.now, _last)

    def groups_of(self, contact_id: int) -> list[str]:
        shown = calls.get_contact(self.store, self.project, str(contact_id), include=frozenset({"groups"}))
        return sorted(json_of(shown)["groups"])


def _last(tx: WriteTx) -> int:
    return tx.book.next_seq - 1


def json_of(text: str) -> Any:
    return msgspec.json.decode(text)


def sit_down(store: Store, project: Project, name: str = "Asha", role: Role = "editor") -> Editor:
    """A user with a role, signed in."""
    office = Office(store)
    signed_in = office.join(name, project, role)
    access = store.system_read(NOW, find_access, signed_in=signed_in, project_id=project.id)
    return Editor(store, project, access)
