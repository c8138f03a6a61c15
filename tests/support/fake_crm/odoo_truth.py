"""The truth of the fake Odoo: contacts, tags, the phone blacklist, transactions and modules. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

import phonenumbers

from tests.support.fake_crm.exchange import Clock


@dataclass
class Partner:
    """Times are seconds since 1970."""

    id: int
    name: str
    written: float
    made: float
    phone: str = ""
    mobile: str = ""
    email: str = ""
    city: str = ""
    country: str = ""
    is_company: bool = False
    company: str = ""
    tags: list[int] = field(default_factory=list)
    active: bool = True


@dataclass
class Entry:
    """A number on the blacklist, or one that was."""

    id: int
    number: str
    written: float
    active: bool = True


class Invalid(Exception):
    """A number is none that Odoo takes; the message is the one that its user sees."""


class OdooTruth:
    """One database. ``has_sms``, ``has_phone_validation``: whether these modules are installed. ``has_mobile``: whether
    a module of the community brings that field back.

    A write is seen when its transaction ends, and has the time at which that began: ``began`` is how many seconds ago.
    """

    def __init__(self, seed: int, clock: Clock) -> None:
        self.random = Random(seed)
        self.clock = clock
        self.has_sms = True
        self.has_phone_validation = True
        self.has_mobile = self.random.random() < 0.3
        self.company, self.country = "Ziwa Ltd", "KE"
        self.partners: dict[int, Partner] = {}
        self.tags: dict[int, str] = {}
        self.blacklist: dict[int, Entry] = {}
        self.refused: set[str] = set()
        """Numbers that a rule of the database does not take on the blacklist."""
        self._next_id = 7

    def _id(self) -> int:
        self._next_id += self.random.randint(1, 4)
        return self._next_id

    def _began(self, began: float) -> float:
        return self.clock.now() - began

    # ---- what people do there -------------------------------------------------------------------------

    def create(self, name: str, phone: str = "", *, began: float = 0.0, **more: object) -> int:
        at = self._began(began)
        partner = Partner(self._id(), name, at, at, phone)
        for key, value in more.items():
            setattr(partner, key, value)
        self.partners[partner.id] = partner
        return partner.id

    def edit(self, partner_id: int, *, began: float = 0.0, **changes: object) -> None:
        self.edit_all([partner_id], began=began, **changes)

    def edit_all(self, ids: Iterable[int], *, began: float = 0.0, **changes: object) -> None:
        """One transaction: all of them have the same time of change."""
        for partner_id in ids:
            partner = self.partners[partner_id]
            for key, value in changes.items():
                setattr(partner, key, value)
            # Of two transactions that write one contact the later one is repeated, with a time of its own.
            partner.written = max(partner.written, self._began(began))

    def delete(self, partner_id: int) -> None:
        del self.partners[partner_id]

    def merge(self, winner_id: int, loser_id: int) -> None:
        """The wizard moves what refers to the loser, fills what is blank of the winner, and deletes the loser."""
        winner, loser = self.partners[winner_id], self.partners.pop(loser_id)
        winner.phone, winner.email = winner.phone or loser.phone, winner.email or loser.email
        winner.tags = sorted({*winner.tags, *loser.tags})
        winner.written = self.clock.now()

    def make_tag(self, name: str) -> int:
        tag = self._id()
        self.tags[tag] = name
        return tag

    def delete_tag(self, tag: int) -> None:
        """It changes no contact's time."""
        del self.tags[tag]
        for partner in self.partners.values():
            partner.tags = [one for one in partner.tags if one != tag]

    def block(self, number: str, *, began: float = 0.0) -> int:
        """Put a number on the blacklist."""
        number = self.sanitize(number, self.country)
        if not number or number in self.refused:
            raise Invalid("Invalid number: probably incorrect prefix. Please correct the number and try again.")
        entry = next((one for one in self.blacklist.values() if one.number == number), None)
        if entry is None:
            entry = Entry(self._id(), number, self._began(began))
            self.blacklist[entry.id] = entry
        elif not entry.active:
            self.set_entry(entry.id, active=True, began=began)
        return entry.id

    def set_entry(self, entry_id: int, *, active: bool, began: float = 0.0) -> None:
        entry = self.blacklist[entry_id]
        entry.active, entry.written = active, max(entry.written, self._began(began))

    # ---- what can be asked ------------------------------------------------------------------------------

    def live(self) -> dict[int, Partner]:
        return {one.id: one for one in self.partners.values() if one.active}

    def sanitized(self, partner: Partner) -> str:
        """The first number of a contact that can be read, by its country or that of the company."""
        written = (partner.mobile if self.has_mobile else "", partner.phone)
        return next(filter(None, (self.sanitize(one, partner.country or self.country) for one in written)), "")

    @staticmethod
    def sanitize(written: str, country: str) -> str:
        try:
            number = phonenumbers.parse(written, country)
        except phonenumbers.NumberParseException:
            return ""
        if not phonenumbers.is_valid_number(number):
            return ""
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

    def blocked(self) -> dict[str, Entry]:
        return {one.number: one for one in self.blacklist.values() if one.active}
