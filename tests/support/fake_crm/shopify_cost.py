"""The points that a query costs at Shopify, and the bucket that they are taken from.

A field that is an object costs one, a list as many objects as are asked for, and a mutation ten. What a query did not
use is given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

from tests.support.fake_crm.exchange import Clock

MUTATION_POINTS = 10


class Points:
    """At most ``most`` points, of which so many come back each second."""

    def __init__(self, clock: Clock, *, most: float, per_second: float) -> None:
        self.clock = clock
        self.most = most
        self.per_second = per_second
        self.refused = 0
        self._left = most
        self._at = clock.now()

    @property
    def available(self) -> float:
        now = self.clock.now()
        self._left = min(self.most, self._left + (now - self._at) * self.per_second)
        self._at = now
        return self._left

    def take(self, cost: int) -> bool:
        if self.available < cost:
            self.refused += 1
            return False
        self._left -= cost
        return True

    def give_back(self, cost: int) -> None:
        self._left = min(self.most, self._left + cost)


def count_points(schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> int:
    """What a document costs at most."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    count = 0
    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode):
            fields = len(one.selection_set.selections)
            count += MUTATION_POINTS * fields if one.operation is OperationType.MUTATION else 0
            count += _count(one.selection_set, fragments, variables)
    return count


def _count(
    selected: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]
) -> int:
    count = 0
    for one in selected.selections:
        if isinstance(one, FragmentSpreadNode):
            count += _count(fragments[one.name.value].selection_set, fragments, variables)
        elif isinstance(one, InlineFragmentNode):
            count += _count(one.selection_set, fragments, variables)
        elif isinstance(one, FieldNode) and one.selection_set is not None and one.name.value != "pageInfo":
            inner = _count(one.selection_set, fragments, variables)
            times = _times(one, variables)
            is_list = one.name.value in ("nodes", "edges", "node")
            count += inner if is_list and not times else 1 + inner if times is None else 2 + times + times * inner
    return count


def _times(field: FieldNode, variables: Mapping[str, Any]) -> int | None:
    """How many objects a field asks for; ``None`` where it is one."""
    for argument in field.arguments or ():
        value = argument.value
        if argument.name.value == "first":
            return int(value.value) if isinstance(value, IntValueNode) else int(variables[_name(value)])
        if argument.name.value == "ids":
            return len(variables[_name(value)])
    return None


def _name(value: object) -> str:
    assert isinstance(value, VariableNode)
    return value.name.value
