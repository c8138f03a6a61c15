"""A connection to the fake HubSpot, and a worker that reads it on a clock of the test's."""

from __future__ import annotations

from typing import Any

from daftari.model.projects import Project
from daftari.store import Store
from tests.support.crm_sync import CrmSync
from tests.support.fake_crm import Clock, FakeHubSpot

FIELDS = {
    "mobilephone": "mobile",
    "phone": "mobile",
    "firstname": "fname",
    "lastname": "lname",
    "city": "attributes.city",
}


class HubSpotSync(CrmSync):
    """A connection to a fake HubSpot. Nothing is read before ``run``."""

    def __init__(self, store: Store, project: Project, *, seed: int = 1, **given: Any) -> None:
        clock = Clock()
        self.fake = FakeHubSpot(seed, clock)
        values = {
            "name": "crm",
            "kind": "hubspot",
            "credentials": {"key": self.fake.key},
            "settings": {"base_url": "https://hubspot.example"},
            "fields": FIELDS,
            **given,
        }
        super().__init__(store, project, fake=self.fake, clock=clock, values=values)
