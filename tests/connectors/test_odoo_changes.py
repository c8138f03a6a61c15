"""A reader that follows Odoo's changes ends with what is true there, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daftari.connectors.odoo import Odoo, connector
from tests.connectors.connections import odoo
from tests.support.fake_crm import Clock, FakeOdoo
from tests.support.fake_crm.odoo import stamp
from tests.support.fake_crm.odoo_truth import OdooTruth
from tests.support.fake_crm.reader import Reader

LATE_SECONDS = 1_150.0
"""How long transactions last at most: less than what is read again."""


@pytest.fixture(autouse=True, scope="module")
def small_pages() -> Iterator[None]:
    """So that a few contacts are many pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connector, "PAGE", 6)
        patch.setattr(Odoo, "facts", replace(Odoo.facts, records_max=5))
        yield


class People:
    """The people at an Odoo, by chance. Some of their transactions last long."""

    def __init__(self, truth: OdooTruth, random: Random) -> None:
        self.truth = truth
        self.random = random
        self.tags = [truth.make_tag(name) for name in ("VIP", "Farm", "Retail")]

    def act(self) -> None:
        ids = [*self.truth.partners]
        words = ["create", "create", "edit", "edit", "all", "archive", "block", "unblock", "delete", "merge", "tag"]
        what = self.random.choice(words)
        began = self.random.choice([0.0, 0.0, 30.0, self.random.uniform(0.0, LATE_SECONDS)])
        if what == "create" or len(ids) < 6:
            self.truth.create("Amina", self.phone(), began=began, tags=self.some_tags())
        elif what == "edit":
            self.truth.edit(self.random.choice(ids), began=began, name="Juma", phone=self.phone())
        elif what == "all":
            self.truth.edit_all(self.random.sample(ids, len(ids) // 2), began=began, tags=self.some_tags())
        elif what == "archive":
            one = self.truth.partners[self.random.choice(ids)]
            self.truth.edit(one.id, began=began, active=not one.active)
        elif what == "block":
            self.truth.block(f"+2547220000{self.random.randint(10, 29)}", began=began)
        elif what == "unblock" and self.truth.blacklist:
            entry = self.random.choice([*self.truth.blacklist])
            self.truth.set_entry(entry, active=False, began=began)
        elif what == "delete":
            self.truth.delete(self.random.choice(ids))
        elif what == "merge":
            self.truth.merge(*self.random.sample(ids, 2))
        elif what == "tag" and len(self.truth.tags) > 1 and self.random.random() < 0.2:
            self.truth.delete_tag(self.random.choice([*self.truth.tags]))

    def phone(self) -> str:
        return self.random.choice(["", f"0722 0000{self.random.randint(10, 29)}", "not a number"])

    def some_tags(self) -> list[int]:
        tags = [*self.truth.tags]
        return self.random.sample(tags, self.random.randint(0, len(tags)))


def values_of(truth: OdooTruth, id: int) -> dict[str, object]:
    one, number = truth.partners[id], truth.sanitized(truth.partners[id])
    entry = truth.blocked().get(number)
    values = {
        "phones": [*dict.fromkeys(filter(None, (number, one.mobile if truth.has_mobile else "", one.phone)))],
        "name": one.name,
        "sms_blacklisted": True if entry else "",
        "blacklisted_at": stamp(entry.written).replace(" ", "T") + "Z" if entry else "",
    }
    return {name: value for name, value in values.items() if value}


def assert_equal(reader: Reader, truth: OdooTruth) -> None:
    kept = {id: link for id, link in reader.links.items() if link.gone is None}
    assert {id: link.values for id, link in kept.items()} == {str(id): values_of(truth, id) for id in truth.live()}
    assert {id: link.groups for id, link in kept.items()} == {
        str(id): tuple(f"category:{tag}" for tag in one.tags) for id, one in truth.live().items()
    }


@pytest.mark.parametrize("rate", [0.0, 0.2])
@given(seed=st.integers(0, 2**32))
def test_the_reader_ends_with_the_truth(rate: float, seed: int) -> None:
    """People act, time passes, transactions end late and pages are read, in any order."""
    clock = Clock()
    fake = FakeOdoo(seed, clock)
    fake.faults.rate = rate
    random = Random(seed)
    people = People(fake.truth, random)
    fields = ("phones", "name", "sms_blacklisted", "blacklisted_at")
    reader = Reader(odoo(fake, clock, fields=fields), clock)
    for _ in range(15):
        for _ in range(random.randint(0, 6)):
            people.act()
        for _ in range(random.randint(0, 4)):
            reader.step()
        clock.at += random.choice([0.0, 1.0, 60.0, 1_000.0])
    for _ in range(2):
        # The first ends the window that is under way.
        clock.at += 60.0
        reader.poll()
    gone = {id for id, link in reader.links.items() if link.gone is None} - {str(id) for id in fake.truth.live()}
    assert not gone & {str(id) for id in fake.truth.partners}, "who is archived is known to be"
    for id, one in fake.truth.live().items():
        link = reader.links[str(id)]
        assert link.values == values_of(fake.truth, id)
        assert {f"category:{tag}" for tag in one.tags} <= {*link.groups}, "only a tag that was deleted is left"
    reader.compare()
    assert_equal(reader, fake.truth)


def test_a_transaction_that_lasts_longer_is_found_by_a_comparison() -> None:
    clock = Clock()
    fake = FakeOdoo(1, clock)
    one = fake.truth.create("Amina", "0722 000 011")
    reader = Reader(odoo(fake, clock), clock)
    for _ in range(60):
        clock.at += 60.0
        reader.poll()
    fake.truth.edit(one, began=3_000.0, name="Juma")
    clock.at += 60.0
    reader.poll()
    assert reader.links[str(one)].values["name"] == "Amina"
    reader.compare()
    assert reader.links[str(one)].values["name"] == "Juma"
