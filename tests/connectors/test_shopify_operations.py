"""Every operation that is sent to Shopify is one that its schema has."""

from __future__ import annotations

import pytest
from graphql import NoDeprecatedCustomRule, parse, validate

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.shopify import answers
from daftari.connectors.shopify.operations import OPERATIONS, VERSION, Operation
from tests.connectors.connections import shopify
from tests.support.fake_crm import Clock, FakeShopify
from tests.support.fake_crm.shopify import SCHEMA, read_schema


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_is_valid(operation: Operation) -> None:
    document = parse(operation.text)
    assert not validate(read_schema(), document)
    assert document.definitions[0].name.value == operation.name


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_uses_nothing_that_is_deprecated(operation: Operation) -> None:
    assert not validate(read_schema(), parse(operation.text), [NoDeprecatedCustomRule])


def test_the_schema_is_that_of_the_version_that_is_asked_for() -> None:
    assert SCHEMA.name == f"shopify_admin_{VERSION.replace('-', '_')}.graphql"


def test_the_fake_answers_no_operation_that_does_not_exist() -> None:
    clock = Clock()
    api = shopify(FakeShopify(1, clock), clock)._api
    with pytest.raises(ConnectorFailed, match="Cannot query field 'fax' on type 'Shop'"):
        api.ask(Operation("Fax", "query Fax { shop { fax } }"), {}, answers.Shop)
