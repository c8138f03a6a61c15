"""Schemas of the records that calls answer with: types from msgspec, texts from docstrings. It knows no route."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pkgutil import iter_modules
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from daftari.api import views

Node = dict[str, Any]


class BadText(Exception):
    """Texts, records and routes do not fit together. The message says where."""


def ref(kind: str, name: str) -> Node:
    """A reference to a component of the document."""
    return {"$ref": f"#/components/{kind}/{name}"}


def read_records() -> Node:
    """The schemas of all records in ``api/views``, of the records in them, and of types with a title; by name."""
    modules = [import_module(f"{views.__name__}.{found.name}") for found in iter_modules(views.__path__)]
    return schemas_of([one for module in modules for one in vars(module).values() if _is_record(one)])


def schemas_of(records: list[type[Struct]]) -> Node:
    """The schemas of some records, and of all that is in them."""
    return _Schemas([kind for record in records for kind in _kinds_in(record)]).named


def _is_record(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct) and kind is not Struct


def _kinds_in(kind: Any) -> Iterator[Any]:
    """A type, and all types of its members."""
    yield kind
    for inner in get_type_hints(kind, include_extras=True).values() if _is_record(kind) else get_args(kind):
        yield from _kinds_in(inner)


class _Schemas:
    def __init__(self, kinds: list[Any]) -> None:
        records = {kind.__name__: kind for kind in kinds if _is_record(kind)}
        # msgspec sorts the words of a Literal; they have an order of their own.
        self._words = {frozenset(get_args(kind)): get_args(kind) for kind in kinds if get_origin(kind) is Literal}
        _, self._given = msgspec.json.schema_components(records.values(), ref_template="{name}")
        self._texts = {name: _texts_of(record) for name, record in records.items()}
        self.named: Node = {}
        for name in self._given:
            self._record(name)

    def _record(self, name: str) -> Node:
        shown = name.removesuffix("View")
        if shown not in self.named:
            given = self._given[name]
            members = {member: self._member(one) for member, one in given.get("properties", {}).items()}
            for member, text in self._texts[name].items():
                members[member] |= {"description": text}
            about = {"description": given["description"]} if "description" in given else {}
            # A record of which nothing must be there is left out itself where it would be empty.
            filled = {"required": given["required"]} if given["required"] else {"minProperties": 1}
            self.named[shown] = {
                "type": "object",
                **about,
                "additionalProperties": False,
                **filled,
                "properties": members,
            }
        return ref("schemas", shown)

    def _member(self, given: Node) -> Node:
        """The schema of a member. One with a default is left out where it has that value."""
        match given.get("default", ...):
            case None:
                return self._schema({"anyOf": [one for one in given["anyOf"] if one != {"type": "null"}]})
            case False:
                return self._schema(given) | {"const": True}
            case []:
                return self._schema(given) | {"minItems": 1}
            case _:
                return self._schema(given)

    def _schema(self, given: Node) -> Node:
        schema = {member: one for member, one in given.items() if member not in ("title", "default", "enum")}
        if "$ref" in given:
            name = given["$ref"]
            about = {"description": given["description"]} if "description" in given else {}
            return about | (self._record(name) if name in self._given else ref("schemas", name))
        if "anyOf" in given:
            return self._any_of([self._schema(one) for one in given["anyOf"]])
        if "enum" in given:
            words: Any = self._words.get(frozenset(given["enum"]), given["enum"])
            schema["type"] = "string"
            schema |= {"enum": list(words)} if len(words) > 1 else {"const": words[0]}
        for member in ("items", "additionalProperties"):
            if isinstance(schema.get(member), dict):
                schema[member] = self._schema(schema[member])
        if "title" in given:
            if self.named.setdefault(given["title"], schema) != schema:
                raise BadText(f"{given['title']}: two types have this title.")
            return ref("schemas", given["title"])
        return schema

    def _any_of(self, schemas: list[Node]) -> Node:
        """One schema in place of several, which differ in their types: mostly in that one is null."""
        if len(schemas) == 1:
            return schemas[0]
        merged: Node = {}
        types = []
        for one in schemas:
            merged |= self.named[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
            types.append(merged["type"])
        null = {"enum": [*merged["enum"], None]} if "enum" in merged else {}
        return {**merged, "type": types, **null}


def _texts_of(record: type[Struct]) -> dict[str, str]:
    """The docstrings of a record's members, by the names that they have in JSON."""
    names = {field.name: field.encode_name for field in msgspec.structs.fields(record)}
    texts: dict[str, str] = {}
    for kind in record.__mro__:
        if _is_record(kind):
            (source,) = ast.parse(inspect.getsource(kind)).body
            assert isinstance(source, ast.ClassDef)
            for member, text in pairwise(source.body):
                if isinstance(member, ast.AnnAssign) and isinstance(text, ast.Expr):
                    texts.setdefault(names[ast.unparse(member.target)], " ".join(ast.literal_eval(text.value).split()))
    return texts
