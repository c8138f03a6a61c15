"""Objects that a program sends are read in a short way where nothing in them needs a careful look: with one result."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daftari.files import ColumnUse, Layout, Record
from daftari.model.contacts import TEXT_FIELDS
from daftari.rules.imports.model import ImportSettings, ReadChunk
from daftari.rules.imports.parse import RowReader
from daftari.rules.imports.stream import SYNC_FIELDS
from tests.support.stores import NOW

NUMBERS = st.sampled_from(
    ["+254722000001", "0722000001", "254722000001", "722 000 002", "12", "", "n/a", "=0722", None]
)
MOBILES = NUMBERS | st.integers(254_722_000_000, 254_722_000_003) | st.booleans() | st.lists(NUMBERS, max_size=2)
TEXTS = st.sampled_from(["Amina", " Amina ", "", "n/a", "=A1", "a ::: b", "x" * 256, "a\nb", "\x00", "é"])
VALUES = TEXTS | st.none() | st.integers(0, 9) | st.booleans() | st.lists(TEXTS, max_size=2)
GROUPS = st.lists(st.sampled_from(["vip", "VIP", " vip ", "STOP", "", "a/contacts", "é"]), max_size=3)
OBJECTS = st.fixed_dictionaries(
    {"mobile": MOBILES},
    optional={
        **dict.fromkeys(TEXT_FIELDS, VALUES),
        "name": VALUES,
        "groups": GROUPS | TEXTS,
        "record": TEXTS,
        "attributes": st.dictionaries(st.sampled_from(["a", "b"]), VALUES, max_size=2),
        "other": VALUES,
    },
)


def settings_of() -> ImportSettings:
    return ImportSettings(
        name="crm",
        bytes=0,
        layout=Layout("ndjson", SYNC_FIELDS),
        uses=tuple(ColumnUse(field, field) for field in SYNC_FIELDS),
        region="KE",
        created_at=NOW,
        streamed=True,
    )


def read(reader: RowReader, objects: list[dict[str, Any]]) -> ReadChunk:
    return reader.read_chunk([Record(number, one) for number, one in enumerate(objects, 1)], number=0, bytes_read=0)


@given(st.lists(OBJECTS, min_size=1, max_size=8))
def test_the_short_way_says_what_the_careful_one_does(objects: list[dict[str, Any]]) -> None:
    careful = RowReader(settings_of())
    careful._is_of_objects = False
    found, expected = read(RowReader(settings_of()), objects), read(careful, objects)
    for member in ReadChunk.__struct_fields__:
        assert getattr(found, member) == getattr(expected, member), member
