"""A connection to the fake Odoo, and a worker that reads it on a clock of the test's."""

from __future__ import annotations

from typing import Any

from daftari.model.projects import Project
from daftari.store import Store
from tests.support.crm_sync import CrmSync
from tests.support.fake_crm import Clock, FakeOdoo


class OdooSync(CrmSync):
    """A connection to a fake Odoo. Nothing is read before ``run``."""

    def __init__(self, store: Store, project: Project, *, seed: int = 1, **given: Any) -> None:
        clock = Clock()
        self.fake = FakeOdoo(seed, clock)
        values = {
            "name": "erp",
            "kind": "odoo",
            "credentials": {"key": self.fake.key},
            "settings": {"url": "https://odoo.example"},
            **given,
        }
        super().__init__(store, project, fake=self.fake, clock=clock, values=values)
