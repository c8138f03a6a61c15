"""The part of Shopify's schema that the fake has is what Shopify publishes, and our operations are valid in the whole.

Shopify publishes its schemas within the npm package ``@shopify/dev-mcp``, which is only unpacked here.
"""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    parse,
    validate,
)

from daftari.connectors.shopify.operations import OPERATIONS, VERSION
from tests.support.fake_crm.shopify import read_schema

PACKAGE = Path(__file__).parent.parent.parent / ".honest" / "shopify-dev-mcp-1.16.0.tgz"


@cache
def official(version: str) -> GraphQLSchema:
    with tarfile.open(PACKAGE) as package:
        member = package.extractfile(f"package/dist/data/admin_{version}.json.gz")
        assert member is not None
        return build_client_schema(json.loads(gzip.decompress(member.read()))["data"], assume_valid=True)


def describe(schema: GraphQLSchema) -> Iterator[str]:
    """Every field, argument and value of a schema, each in a line with its type."""
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}: {field.type}, {field.deprecation_reason}"
                yield from (f"{name}.{field_name}({key}: {one.type})" for key, one in field.args.items())
        elif isinstance(kind, GraphQLInputObjectType):
            yield from (f"{name}.{key}: {one.type}" for key, one in kind.fields.items())
        elif isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{value}" for value in kind.values)
        else:
            yield name


def test_the_part_that_the_fake_has_is_what_shopify_publishes() -> None:
    assert {*describe(read_schema())} <= {*describe(official(VERSION))}


@pytest.mark.parametrize("version", [VERSION, "unstable"])
def test_our_operations_are_valid(version: str) -> None:
    wrong = {one.name: validate(official(version), parse(one.text)) for one in OPERATIONS}
    assert not {name: errors for name, errors in wrong.items() if errors}
