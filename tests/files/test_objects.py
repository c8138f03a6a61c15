"""JSON and NDJSON: objects one by one, however long the file and whatever stands between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.files import Format, Layout, find_member, json, match_columns, plain_value
from daftari.files.json import ElementScanner
from daftari.model.limits import JSON_DEPTH_MAX
from tests.support.files import layout_of, put, read, refusal, values, write


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a", '{"mobile": 1}\n{"mobile": 2}\n', "ndjson"),
        ("a", '\n{"mobile": 1}', "ndjson"),
        ("a.json", '{"mobile": 1, "tags": [{"a": 1}]}\n{"mobile": 2}', "ndjson"),
        ("a.ndjson", '{"mobile": 1, "tags": [{"a": 1}]}', "ndjson"),
        ("a.ndjson", '{"mobile": 1\n{"mobile": 2}', "ndjson"),
        ("a", '[{"mobile": 1}]', "json"),
        ("a.csv", '{"contacts": [{"mobile": 1}]}', "json"),
        ("a", '{\n "contacts": [\n{"mobile": 1}]}', "json"),
        ("a.csv", "[x],mobile\n1,2\n", "csv"),
    ],
)
def test_the_format_is_recognised_by_the_content_first(tmp_path: Path, name: str, text: str, format: Format) -> None:
    assert layout_of(put(tmp_path, name, text)).format == format


def test_a_name_that_says_csv_counts_for_more_than_a_media_type(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "mobile\n0722000001\n")
    assert layout_of(path, media_type="application/json").format == "csv"
    assert layout_of(path, media_type="text/vcard").format == "csv"


def test_the_columns_are_the_members_in_order_of_appearance(tmp_path: Path) -> None:
    text = '{"mobile": 1, "b": 2}\nx\n{"a": 1, "mobile": 2}\n' + '{"mobile": 3}\n' * 1_000 + '{"late": 1}\n'
    assert layout_of(put(tmp_path, "a.ndjson", text)).columns == ("mobile", "b", "a")


def test_a_broken_line_is_one_record(tmp_path: Path) -> None:
    deep = '{"a":' + "[" * JSON_DEPTH_MAX + "]" * JSON_DEPTH_MAX + "}"
    shallow = '{"a":' + "[" * (JSON_DEPTH_MAX - 1) + "]" * (JSON_DEPTH_MAX - 1) + "}"
    lines = ('{"a":1}', "{bad", "[1]", "", "5", deep, shallow, '{"a":' + "[" * 100_000, '{"a":2}')
    found = read(put(tmp_path, "a.ndjson", "\n".join(lines)))
    assert [record.why is None for record in found] == [True, False, False, False, False, True, False, True]
    assert found[1].text == "{bad" and found[2].why == "is not an object"
    assert found[4].why == f"is nested deeper than {JSON_DEPTH_MAX}"


def test_a_line_that_is_too_long_is_one_record(tmp_path: Path) -> None:
    path = put(tmp_path, "a.ndjson", '{"a":1}\n{"a":"' + "x" * 2_000_000 + '"}\n{"a":2}\n')
    assert [record.why is None for record in read(path)] == [True, False, True]


def test_a_broken_element_is_one_record(tmp_path: Path) -> None:
    path = put(tmp_path, "a.json", '[{"a":"]}\\"["}, 5, "x{", [1], {"a":}, {"a":[{}]}\n]')
    assert [(record.values, record.text) for record in read(path)] == [
        ({"a": ']}"['}, None),
        (None, "5"),
        (None, '"x{"'),
        (None, "[1]"),
        (None, '{"a":}'),
        ({"a": [{}]}, None),
    ]


def test_what_is_no_object_is_a_record_each(tmp_path: Path) -> None:
    records = read(put(tmp_path, "a.json", '[{"a":1},5,"x, \\", y",null\n, true]'))
    assert [record.text for record in records[1:]] == ["5", '"x, \\", y"', "null", "true"]
    many = read(put(tmp_path, "b.json", '[{"a":1}' + ",123456" * 300_000 + "]"))
    assert len(many) == 300_001
    assert {record.why for record in many[1:]} == {"is not an object"}


def test_an_array_that_is_cut_off_keeps_what_came_before(tmp_path: Path) -> None:
    good, bad = read(put(tmp_path, "a.json", '[{"a":1},{"a":"x'))
    assert good.values == {"a": 1}
    assert bad.why == "is cut off: the file ends before its array does" and bad.text == '{"a":"x'


def test_the_one_array_within_an_object_is_read(tmp_path: Path) -> None:
    text = '{"meta":{"x":[{"a":9}]},"tags":["a"],"contacts":[{"a":1},{"a":2}],"more":[{"a":3}]}'
    assert values(put(tmp_path, "a.json", text)) == [{"a": 1}, {"a": 2}]


def test_json_without_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    assert "no JSON array of objects" in refusal(put(tmp_path, "a.json", '{\n"a": {"b": 1}}'))
    assert "no JSON array of objects" in refusal(put(tmp_path, "b.json", "[" * 100_000))


def test_an_element_that_is_too_long_is_one_record(tmp_path: Path) -> None:
    for inside in ('"' + 'x\\"]' * 700_000 + '"', "[" * 550_000 + "]" * 550_000, '"' + "\\\\" * 900_000 + '"'):
        found = read(put(tmp_path, "a.json", '[{"a":1},{"a":' + inside + '},{"a":2}]'))
        assert [record.values for record in found] == [{"a": 1}, None, {"a": 2}]
        assert found[1].why and "longer than" in found[1].why


MEMBERS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('a"\\[]{},: é', max_size=6),
    lambda within: st.lists(within, max_size=3) | st.dictionaries(st.text('a"]', max_size=2), within, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(st.text('ab"{', max_size=2), MEMBERS, max_size=3), max_size=5)


@given(objects=OBJECTS, size=st.integers(1, 9), wrapped=st.booleans())
def test_the_scanner_finds_every_element_wherever_the_text_is_cut(
    objects: list[dict[str, Any]], size: int, wrapped: bool
) -> None:
    text = msgspec.json.encode({"n": 1, "of": objects, "z": [{}]} if wrapped else objects).decode()
    scanner = ElementScanner()
    found = [item for start in range(0, len(text), size) for item in scanner.scan(text[start : start + size])]
    assert [msgspec.json.decode(str(item)) for item in found] == objects
    assert scanner.is_done


@given(
    values=st.lists(st.none() | st.integers() | st.text('a"\\[]{},: ', max_size=60) | st.just({"a": ["x" * 40]})),
    size=st.integers(1, 30),
    between=st.sampled_from([",", " ,\n"]),
)
def test_every_value_is_one_element_wherever_the_text_is_cut_and_however_long_some_are(
    values: list[Any], size: int, between: str
) -> None:
    written = [msgspec.json.encode(value).decode() for value in ({}, *values)]
    text = f"[{between.join(written)}] , 7"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json, "RECORD_CHARS_MAX", 30)
        scanner = ElementScanner()
        found = [item for start in range(0, len(text), size) for item in scanner.scan(text[start : start + size])]
    begins = [(item if isinstance(item, str) else item.start)[:20] for item in found]
    assert begins == [value[:20] for value in written]
    assert not any(isinstance(item, str) for item, value in zip(found, written, strict=True) if len(value) > 30)


@given(objects=OBJECTS)
@pytest.mark.parametrize("format", ["ndjson", "json"])
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, format: Format, objects: list[dict[str, Any]]
) -> None:
    objects = [{"n": 1}, *objects]
    path = write(str(tmp_path_factory.getbasetemp() / f"a.{format}"), Layout(format=format, columns=()), objects)
    assert values(path) == objects


def test_rows_of_cells_are_written_under_their_columns(tmp_path: Path) -> None:
    layout = Layout(format="ndjson", columns=("mobile", "why"))
    assert values(write(str(tmp_path / "a"), layout, [[1, "x"], {"mobile": 2}])) == [
        {"mobile": 1, "why": "x"},
        {"mobile": 2},
    ]


# ---- members within members ---------------------------------------------------------------------------


NAMES = {"name.first": "fname", "name.last": "lname"}


def test_members_of_a_member_are_columns_where_a_field_is_called_after_them(tmp_path: Path) -> None:
    billing = {"phone": "0722001101", "city": "Nyeri", "vat": 4}
    shop = {"first_name": "Mary", "billing": billing, "owner": {"email": "x"}}
    crm = {"id": "51", "properties": {"firstname": "Mary", "phone": "0722001101"}}
    for values_, columns in (
        (shop, {"first_name": "fname", "billing.phone": "mobile", "billing.city": "city", "owner.email": "email"}),
        (crm, {"id": "id", "properties.firstname": "fname", "properties.phone": "mobile"}),
        ({"simu": {"number": "0722001101"}}, {"simu": "mobile"}),
        (
            {"name": {"first": "M", "last": "N"}, "tel": ""},
            {"name.first": "fname", "name.last": "lname", "tel": "mobile"},
        ),
    ):
        layout = layout_of(put(tmp_path, "a.json", msgspec.json.encode([values_])))
        uses = match_columns(layout.columns, given={}, contents=layout.contents)
        assert {use.name: use.field for use in uses if use.field is not None} == columns
    assert find_member(shop, "billing.phone") == "0722001101"
    assert find_member({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert find_member({"a": "x"}, "a.b") is None and find_member({}, "a.b") is None


def test_the_value_of_a_list_or_an_object_is_its_first_one() -> None:
    assert plain_value([{"value": "", "label": "x"}, {"label": "work", "value": "m@x.example"}]) == "m@x.example"
    assert plain_value({"id": 5, "name": "Duka"}) == "Duka"
    assert plain_value(["", "a", "b"]) == "a"
    assert plain_value([]) is None and plain_value({"id": 5}) is None
    assert plain_value(7.0) == 7
