"""Schemas come from records: types, limits and defaults as msgspec knows them, texts from docstrings."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct, field

from daftari.api.reference.records import BadText, ref, schemas_of

Paint = Annotated[str, Meta(title="Paint", min_length=1, description="A paint.")]
Gloss = Annotated[str, Meta(title="Paint", min_length=2)]


class ShadeView(Struct, frozen=True):
    """A shade."""

    of: Paint
    depth: Annotated[int, Meta(ge=0)] | None
    """How deep it is,
    if that is known."""


class Colour(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A colour."""

    name: Literal["red", "blue", "amber"]
    """What it is called."""
    kind: Literal["primary"]
    dark: bool = False
    """There when it is dark."""
    shades: tuple[ShadeView, ...] = ()
    main: ShadeView | None
    more: ShadeView | None = None
    from_: Literal["sun", "lamp"] | None = field(name="from")
    size: int | str


class PaleColour(Colour, frozen=True, kw_only=True, tag_field="message", tag="Pale"):
    name: Literal["pink"]
    """Only one is pale."""


class Empty(Struct, frozen=True, omit_defaults=True):
    note: str | None = None


class Glossy(Struct, frozen=True):
    paint: Paint
    gloss: Gloss


SHADE = {
    "type": "object",
    "description": "A shade.",
    "additionalProperties": False,
    "required": ["of", "depth"],
    "properties": {
        "of": ref("schemas", "Paint"),
        "depth": {"type": ["integer", "null"], "minimum": 0, "description": "How deep it is, if that is known."},
    },
}


def test_a_record_becomes_a_closed_schema_with_its_docstrings() -> None:
    assert schemas_of([ShadeView]) == {
        "Paint": {"type": "string", "minLength": 1, "description": "A paint."},
        "Shade": SHADE,
    }


def test_a_member_with_a_default_is_left_out_where_it_has_that_value() -> None:
    colour = schemas_of([Colour])["Colour"]
    assert colour["required"] == ["name", "kind", "main", "from", "size"]
    assert colour["properties"] == {
        "name": {"type": "string", "enum": ["red", "blue", "amber"], "description": "What it is called."},
        "kind": {"type": "string", "const": "primary"},
        "dark": {"type": "boolean", "const": True, "description": "There when it is dark."},
        "shades": {"type": "array", "items": ref("schemas", "Shade"), "minItems": 1},
        "main": {**SHADE, "type": ["object", "null"]},
        "more": ref("schemas", "Shade"),
        "from": {"type": ["string", "null"], "enum": ["sun", "lamp", None]},
        "size": {"type": ["integer", "string"]},
    }


def test_a_record_inherits_members_and_their_docstrings() -> None:
    pale = schemas_of([PaleColour])["PaleColour"]["properties"]
    colour = schemas_of([Colour])["Colour"]["properties"]
    assert pale["message"] == {"type": "string", "const": "Pale"}
    assert pale["name"] == {"type": "string", "const": "pink", "description": "Only one is pale."}
    assert {name: pale[name] for name in colour if name != "name"} == {
        name: one for name, one in colour.items() if name != "name"
    }


def test_a_record_that_may_have_no_member_has_at_least_one() -> None:
    assert schemas_of([Empty])["Empty"]["minProperties"] == 1


def test_two_types_of_one_title_are_refused() -> None:
    with pytest.raises(BadText, match=r"^Paint: two types"):
        schemas_of([Glossy])
