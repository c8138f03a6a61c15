"""The truth of the fake Pipedrive: persons, fields, filters, and the events of its webhooks. No HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from tests.support.fake_crm.exchange import Clock

Filter = Callable[["Person"], bool]


@dataclass
class Person:
    """Times are seconds since 1970, as Pipedrive's are."""

    id: int
    name: str
    updated: int
    phones: list[dict[str, object]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    custom: dict[str, object] = field(default_factory=dict)
    deleted_at: int | None = None
    merged_into: int | None = None

    @property
    def is_live(self) -> bool:
        return self.deleted_at is None


@dataclass
class PersonField:
    key: str
    name: str
    type: str
    options: dict[int, str] = field(default_factory=dict)


@dataclass
class Event:
    """What a webhook announces; ``number`` makes its id."""

    number: int
    action: str
    person_id: int
    at: float
    merged_to: int | None = None
    merged_from: int | None = None


class PipedriveTruth:
    """One company. ``recents_name_deleted``: no documentation says whether they do, so each seed has its own answer."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.random = Random(seed)
        self.clock = clock
        self.recents_name_deleted = self.random.random() < 0.5
        self.company = 100
        self.is_admin = True
        self.persons: dict[int, Person] = {}
        self.events: list[Event] = []
        """What was not delivered yet."""
        self.filters: dict[int, tuple[str, Filter]] = {}
        self.fields = {
            "name": PersonField("name", "Name", "varchar"),
            "phone": PersonField("phone", "Phone", "phone"),
            "label_ids": PersonField("label_ids", "Labels", "set", {4: "VIP", 5: "Wholesale"}),
        }
        self.rejects: set[int] = set()
        self._next_id = 7
        self._next_event = 1
        self._next_option = 101

    @property
    def now(self) -> int:
        return int(self.clock.now())

    # ---- what people do there -------------------------------------------------------------------------

    def create(self, name: str, *phones: str, labels: Iterable[int] = ()) -> int:
        person = Person(self._next_id, name, self.now, labels=[*labels])
        person.phones = [
            {"value": phone, "primary": place == 0, "label": "work" if place == 0 else "mobile"}
            for place, phone in enumerate(phones)
        ]
        self._next_id += self.random.randint(1, 4)
        self.persons[person.id] = person
        self._announce("create", person.id)
        return person.id

    def edit(self, person_id: int, **changes: object) -> None:
        self.edit_all([person_id], **changes)

    def edit_all(self, ids: Iterable[int], **changes: object) -> None:
        for person_id in ids:
            person = self.persons[person_id]
            for name, value in changes.items():
                setattr(person, name, value)
            person.updated = self.now
            self._announce("change", person_id)

    def write(self, person_id: int, custom: dict[str, object]) -> None:
        self.edit(person_id, custom={**self.persons[person_id].custom, **custom})

    def delete(self, person_id: int) -> None:
        self.persons[person_id].deleted_at = self.now
        self._announce("delete", person_id)

    def restore(self, person_id: int) -> None:
        person = self.persons[person_id]
        person.deleted_at = None
        person.updated = self.now
        self._announce("change", person_id)

    def merge(self, winner_id: int, loser_id: int) -> None:
        winner, loser = self.persons[winner_id], self.persons[loser_id]
        winner.phones = [*winner.phones, *({**phone, "primary": False} for phone in loser.phones)]
        winner.updated = self.now
        loser.deleted_at, loser.merged_into = self.now, winner_id
        self._announce("delete", loser_id, merged_to=winner_id)
        self._announce("change", winner_id, merged_from=loser_id)

    def make_field(self, name: str, type: str, options: Iterable[str] = ()) -> PersonField:
        key = f"{self.random.getrandbits(160):040x}"
        labels = list(options)
        made = PersonField(key, name, type, {self._next_option + place: one for place, one in enumerate(labels)})
        self._next_option += len(labels)
        self.fields[key] = made
        return made

    # ---- what can be asked ------------------------------------------------------------------------------

    def live(self) -> dict[int, Person]:
        return {person.id: person for person in self.persons.values() if person.is_live}

    def take_events(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def _announce(self, action: str, person_id: int, **merged: int) -> None:
        self.events.append(Event(self._next_event, action, person_id, self.clock.now(), **merged))
        self._next_event += 1
