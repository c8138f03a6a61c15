"""Fields of a form or a query string by name: repeated ones, and those that PHP nests with brackets.

``contacts[0][mobile]=0722000001`` is the list ``contacts`` with one object in it, as PHP reads it; ``group[]=a`` and
``ids[0]=1`` are fields that may be repeated. Knows neither how fields are encoded nor which fields a call has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from daftari.errors import Malformed

FORM_DEPTH_MAX = 8
"""Pairs of brackets in the name of one field: more than any call takes."""

Fields = Mapping[str, list[str] | msgspec.Raw]
"""Texts by the name of their field, in the order in which they came; what is nested as JSON."""
INDEX_DIGITS_MAX = 18
"""Digits of an index after which ``[]`` counts on; PHP takes a longer one for a name too."""


class Tree(dict[str, Any]):
    """What stands in the brackets after a name, by key. ``following`` is the index that ``[]`` stands for."""

    following = 0

    def index(self, written: str) -> str:
        """The key that was written; for ``[]`` the one after the highest index so far."""
        key = written or str(self.following)
        if _is_index(key) and len(key) <= INDEX_DIGITS_MAX:
            self.following = max(self.following, int(key) + 1)
        return key


def fold_fields(pairs: Iterable[tuple[str, str]]) -> Fields:
    """The fields of names and texts, in linear time. Raises ``Malformed`` where one is nested too deep."""
    flat: dict[str, list[str]] = {}
    trees: dict[str, Tree] = {}
    for written, text in pairs:
        name, keys = _split_name(written)
        if not keys or (len(keys) == 1 and _is_index(keys[0])):
            flat.setdefault(name, []).append(text)
        else:
            _insert(trees.setdefault(name, Tree()), keys, text)
    return {**flat, **{name: msgspec.Raw(msgspec.json.encode(_as_list(tree))) for name, tree in trees.items()}}


def _split_name(written: str) -> tuple[str, list[str]]:
    """``contacts[0][mobile]`` as ``contacts`` and its keys. A name whose brackets do not fit is a name."""
    name, bracket, rest = written.partition("[")
    if not bracket or not name or not rest.endswith("]"):
        return written, []
    keys = rest[:-1].split("][", FORM_DEPTH_MAX)
    if len(keys) > FORM_DEPTH_MAX:
        raise Malformed(f"A field of the form is nested deeper than {FORM_DEPTH_MAX} brackets.")
    return name, keys


def _insert(node: Tree, keys: list[str], text: str) -> None:
    """Put a text into a tree. Of two that contradict, the later one counts."""
    *way, last = keys
    for written in way:
        key = node.index(written)
        inner = node.setdefault(key, Tree())
        if not isinstance(inner, Tree):
            inner = node[key] = Tree()
        node = inner
    node[node.index(last)] = text


def _as_list(tree: Tree) -> Tree | list[Any]:
    """A list where only numbers stand in the first brackets. Further in, brackets hold the names of members."""
    return list(tree.values()) if all(map(_is_index, tree)) else tree


def _is_index(key: str) -> bool:
    return not key or (key.isascii() and key.isdigit())
