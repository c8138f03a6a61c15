"""What is set of the carts of a shop: what a cart needs, and the group of those who left one."""

from __future__ import annotations

from typing import Any

import pytest

from daftari.errors import GroupIsMirrored, ValidationFailed, WrongConnectionState
from daftari.model.projects import Project
from daftari.rules.connections import lifecycle
from daftari.rules.connections.views import ConnectionView, show_connection
from daftari.rules.contacts import groups as group_rules
from daftari.store import Store, groups
from tests.support import calls
from tests.support.cases import ON_SQLITE
from tests.support.connection_steps import Syncing, person
from tests.support.shopify_sync import ShopifySync


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def view(shop: ShopifySync) -> ConnectionView:
    return shop.store.read(shop.project, shop.now, show_connection, connection_id=shop.id)


def wrong(error: pytest.ExceptionInfo[ValidationFailed]) -> list[str]:
    return [one for sentences in error.value.errors.values() for one in sentences]


@ON_SQLITE
def test_a_cart_needs_consent_and_has_no_group_unless_it_is_said(store: Store, project: Project) -> None:
    shop = ShopifySync(store, project)
    assert (view(shop).carts_need, view(shop).carts_group) == ("accepted", None)
    shop.change({"carts_need": "number", "carts_group": " Left  carts "})
    assert (view(shop).carts_need, view(shop).carts_group) == ("number", "Left  carts")
    shop.change({"poll_seconds": 120})
    assert (view(shop).carts_need, view(shop).carts_group) == ("number", "Left  carts")
    shop.change({"carts_need": "", "carts_group": ""})
    assert (view(shop).carts_need, view(shop).carts_group) == ("accepted", None)


@ON_SQLITE
def test_what_is_wrong_is_said_with_what_would_be_right(store: Store, project: Project) -> None:
    with pytest.raises(ValidationFailed) as error:
        ShopifySync(store, project, carts_need="consent", carts_group="left/")
    need, group = wrong(error)
    assert need == "The carts_need field is 'consent'; it must be one of: accepted, number."
    assert group.startswith("The carts_group field must not end in '/'")


@ON_SQLITE
def test_what_has_no_carts_takes_no_settings_of_them(store: Store, project: Project) -> None:
    with pytest.raises(ValidationFailed) as error:
        Syncing(store, project, carts_group="left")
    assert wrong(error) == ["The carts_group field is not for HubSpot, which has no carts."]


@ON_SQLITE
def test_the_group_of_carts_is_none_of_the_records_groups(store: Store, project: Project) -> None:
    groups = [{"from": "all", "to": "Shop"}]
    with pytest.raises(ValidationFailed, match="needs a group without records"):
        ShopifySync(store, project, groups=groups, carts_group="shop")
    shop = ShopifySync(store, project, carts_group="left")
    with pytest.raises(ValidationFailed, match="The groups field"):
        shop.change({"groups": [{"from": "tag:vip", "to": "LEFT"}]})


def test_the_start_makes_the_group_and_people_may_fill_it_too(store: Store, project: Project) -> None:
    shop = ShopifySync(store, project, carts_group="left")
    shop.start()
    group = store.read(project, shop.now, groups.find_group, folded="left")
    assert group is not None and group.mirrored_by == 0
    shop.change({"carts_need": "number"})
    assert not shop.open().progress.compares, "no record says anything else because of it"


def test_a_group_that_a_connection_keeps_in_step_takes_no_carts(store: Store, project: Project) -> None:
    crm = Syncing(store, project, groups=[{"from": "all", "to": "crm"}])
    crm.read(person(1))
    with pytest.raises(GroupIsMirrored):
        ShopifySync(store, project, carts_group="CRM")
    shop = ShopifySync(store, project)
    shop.start()
    with pytest.raises(GroupIsMirrored):
        shop.change({"carts_group": "crm"})


def test_the_group_of_carts_is_kept_in_step_by_no_other_connection(store: Store, project: Project) -> None:
    shop = ShopifySync(store, project, carts_group="left")
    shop.start()
    with pytest.raises(WrongConnectionState, match="since the connection 'shop' adds to it"):
        Syncing(store, project, groups=[{"from": "all", "to": "left"}])


def test_a_renamed_group_of_carts_is_not_kept_in_step_by_its_own_connection(store: Store, project: Project) -> None:
    shop = ShopifySync(store, project, carts_group="left")
    shop.start()
    store.write(project, calls.WORKER, shop.now, group_rules.update_group, name="left", new_name="gone")
    values: dict[str, Any] = {"groups": [{"from": "all", "to": "gone"}]}
    with pytest.raises(WrongConnectionState, match="it is the group of those who left a cart"):
        shop.write(lifecycle.update_connection, connection_id=shop.id, values=values)
