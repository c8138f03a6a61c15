"""Reads what people set of the carts of a shop. No store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from msgspec.structs import replace

from daftari.connectors import ConnectorKind
from daftari.errors import quote
from daftari.model.connections import CartsNeed, ConnectionDefinition
from daftari.rules.fields import Problems, fold_name, read_group_name

NEEDS: tuple[CartsNeed, ...] = get_args(CartsNeed)


def read_cart_settings(
    about: ConnectorKind, given: Mapping[str, object], *, before: ConnectionDefinition, problems: Problems
) -> ConnectionDefinition:
    """A definition with what is given of carts; what is left out stays as it is."""
    found = before
    for name in ("carts_need", "carts_group"):
        if not about.carts and given.get(name) not in (None, ""):
            problems.add(name, f"is not for {about.title}, which has no carts.")
    if "carts_need" in given:
        found = replace(found, carts_need=problems.read("carts_need", given["carts_need"], _read_need) or NEEDS[0])
    if "carts_group" in given:
        group = problems.read("carts_group", given["carts_group"], read_group_name) or ""
        is_same = fold_name(group) == fold_name(before.carts_group)
        found = replace(found, carts_group=group, carts_group_id=before.carts_group_id if is_same else 0)
    if found.carts_group and fold_name(found.carts_group) in {fold_name(one.group) for one in found.groups}:
        name = "carts_group" if "carts_group" in given else "groups"
        problems.add(name, f"names {quote(found.carts_group)} twice: who left a cart needs a group without records.")
    return found


def _read_need(value: object) -> CartsNeed:
    if value in (None, ""):
        return NEEDS[0]
    if value not in NEEDS:
        raise ValueError(f"is {quote(value)}; it must be one of: {', '.join(NEEDS)}.")
    return value
