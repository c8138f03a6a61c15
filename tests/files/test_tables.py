"""Tables as text: whatever their delimiter, encoding and accidents, each record is read or refused with a reason."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daftari.files import Layout, make_plain, make_safe, open_writer, read_records
from tests.support.cases import each
from tests.support.files import layout_of, put, read, refusal, values, write

DELIMITERS = (",", ";", "\t", "|", ":", "^")


# ---- found out by itself ------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = (("name", "phone", "city"), ("Ana, B.", "0725164293", "Nairobi"), ("Wanjiku", "0722503129", ""))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path = put(tmp_path, "a.csv", text.getvalue())
    assert layout_of(path).delimiter == delimiter
    assert values(path) == [list(row) for row in rows[1:]]


def test_a_delimiter_within_the_cells_is_not_taken(tmp_path: Path) -> None:
    path = put(
        tmp_path, "a.csv", "name;phone;since\nMwangi, Ana;0725164293;07:06:37\nOtieno, Ben;0722503129;08:00:00\n"
    )
    assert layout_of(path).delimiter == ";"
    assert values(path)[0] == ["Mwangi, Ana", "0725164293", "07:06:37"]


def test_most_records_decide_when_some_are_ragged(tmp_path: Path) -> None:
    rows = "".join(f"Ana|07251642{n:02}|a, b\n" for n in range(50))
    path = put(tmp_path, "a.csv", "name|phone|note\nAna\nBen|1|2|3|4\n" + rows)
    assert layout_of(path).delimiter == "|"


@pytest.mark.parametrize("text", ["0725164293\n0722503129\n", "0725164293\r0722503129", "0725164293\n\n0722503129"])
def test_a_list_of_numbers_is_a_table_without_a_header(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, "a.txt", text)
    assert (layout_of(path).columns, layout_of(path).header) == (("mobile",), False)
    assert values(path) == [["0725164293"], ["0722503129"]]


def test_a_list_of_numbers_may_have_a_header(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "phone\n0722 503 129\n  \n0725164293")
    assert layout_of(path).columns == ("phone",)
    assert values(path) == [["0722 503 129"], ["0725164293"]]


@pytest.mark.parametrize("first", ["Ana,0725164293", "Ana,+254 (725) 164-293", "Ana,ana@example.com"])
def test_a_first_record_of_a_person_is_no_header(tmp_path: Path, first: str) -> None:
    path = put(tmp_path, "a.csv", first + "\nBen,0722503129\n")
    assert layout_of(path).columns == ("column 1", "column 2")
    assert [row[0] for row in values(path)] == ["Ana", "Ben"]


def test_the_first_line_of_excel_names_the_delimiter(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", 'sep=;\r\nname;phone\r\n"a;b";1\r\n')
    assert values(path) == [["a;b", "1"]]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "jina;simu\nZoë;1\nمريم;2\nאביגיל;3\n👩‍👩‍👧;4\n"),
        ("utf-8-sig", "jina;simu\nZoë;1\n"),
        ("utf-16", "jina;simu\nZoë;1\nمريم;2\n"),
        ("utf-16-le", "jina;simu\nZoe;1\nBen;2\n"),
        ("utf-16-be", "jina;simu\nZoe;1\nBen;2\n"),
        ("utf-32", "jina;simu\nZoë;1\n"),
        ("cp1252", "Name;Telefon\nJosé Núñez;1\nZoë Müller – “x”;2\nFrançois €;3\n"),
        ("cp1251", "Имя;Телефон\nИван Петров;1\nМария Иванова;2\nОльга Смирнова;3\n"),
        ("cp1250", "Imię;Tel\nŁukasz Wójcik;1\nŚwiętosława Żak;2\nGrażyna Dąbrowska;3\n"),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, text: str) -> None:
    path = put(tmp_path, "a.csv", text.encode(encoding))
    header, *rows = [line.split(";") for line in text.splitlines()]
    assert layout_of(path).columns == tuple(header)
    assert values(path) == rows


def test_an_encoding_shows_itself_late_in_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", b"name,phone\n" + b"Ana,1\n" * 30_000 + "Иван,2\nМария,3\n".encode("cp1251") * 20)
    assert layout_of(path).encoding == "cp1251"
    assert values(path)[-2:] == [["Иван", "2"], ["Мария", "3"]]


def test_lines_of_another_encoding_stop_no_other_lines(tmp_path: Path) -> None:
    lines = (b"n;p\n", "José;1\n".encode(), "Zoë €\x81;2\n".encode("cp1252", "replace"), "Łukasz;3\n".encode())
    path = put(tmp_path, "a.csv", b"".join(lines).replace(b"?", b"\x81"))
    assert values(path) == [["José", "1"], ["Zoë €\x81", "2"], ["Łukasz", "3"]]


# ---- accidents ----------------------------------------------------------------------------------------


def test_records_that_are_too_short_or_too_long(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "a,b\n1\n1,2,,\n1,2,3\n\n , \n4,5")
    good_short, good_blank, bad, last = read(path)
    assert (good_short.values, good_blank.values, last.values) == (["1", None], ["1", "2"], ["4", "5"])
    assert (bad.why, bad.text) == ("has 3 cells where the header has 2", "1,2,3\n")


def test_quotes_keep_line_ends_and_delimiters(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", 'a,b\r\n"x\r\ny","1,2"\r\n"say ""hi""",3\r\n')
    assert values(path) == [["x\r\ny", "1,2"], ['say "hi"', "3"]]


def test_quoted_line_ends_survive_where_pieces_meet(tmp_path: Path) -> None:
    rows = [[f"name\n{n}", f"0722{n:06}"] for n in range(40_000)]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["a", "b"], *rows])
    assert values(put(tmp_path, "a.csv", text.getvalue())) == rows


def test_a_quote_that_never_ends_takes_one_record(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", 'a,b\n1,"x\n' + "2,3\n" * 100_000)
    bad, *rest = read(path)
    assert bad.text == '1,"x\n' and bad.why and "quote that never ends" in bad.why
    assert len(rest) == 100_000 and all(record.values == ["2", "3"] for record in rest)


def test_a_quote_that_is_open_at_the_end_takes_one_record(tmp_path: Path) -> None:
    first, last = read(put(tmp_path, "a.csv", 'a,b\n1,"x\n2,3'))
    assert first.why and last.values == ["2", "3"]


def test_endless_quotes_everywhere_take_no_endless_time(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "a,b\n" + '"a,b","c\n' * 200_000)
    records = read_records(path, layout=layout_of(path))
    next(iter(records))
    assert records.bytes_read < 1_600_000, "the open record is given up before the file ends"
    found = read(path)
    assert 10 < len(found) < 200 and all(record.why for record in found)


def test_a_record_with_a_nul_is_reported_and_stops_no_other(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", b"a,b\n1,\x002\n3,4\n")
    bad, good = read(path)
    assert (bad.why, good.values) == ("holds a NUL character", ["3", "4"])


def test_a_header_without_people_is_an_empty_table(tmp_path: Path) -> None:
    for text in ("phone,name\n", "phone,name"):
        path = put(tmp_path, "a.csv", text)
        assert (layout_of(path).columns, values(path)) == (("phone", "name"), [])


def test_columns_without_a_name_get_one(tmp_path: Path) -> None:
    assert layout_of(put(tmp_path, "a.csv", "phone,, name \n1,2,3\n")).columns == ("phone", "column 2", "name")


def test_a_table_of_ten_million_columns_is_refused_at_once(tmp_path: Path) -> None:
    assert "more than 1,000 columns" in refusal(put(tmp_path, "a.csv", b"a," * 10_000_000))
    assert "more than 1,000 columns" in refusal(put(tmp_path, "b.csv", b"a," * 1_000 + b"b\n1\n"))


def test_a_line_of_a_hundred_megabytes_is_one_record_and_takes_no_memory(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "a,b\n1,2\n")
    with open(path, "ab") as file:
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\n3,4\n")
    script = (
        "import re, sys; from daftari.files import read_layout, read_records;"
        "layout = read_layout(sys.argv[1], name='a', media_type=None);"
        "print([r.values for b in read_records(sys.argv[1], layout=layout) for r in b],"
        "int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) < 60_000)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[['1', '2'], None, ['3', '4']] True"
    assert "no table" in refusal(put(tmp_path, "b.csv", b"x" * 2_000_000))


def test_progress_grows_to_the_size_of_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", "a,b\n" + "Ana,0725164293\n" * 50_000)
    records = read_records(path, layout=layout_of(path))
    seen = []
    for batch in records:
        assert 0 < len(batch) <= 1_000
        seen.append(records.bytes_read)
    assert seen == sorted(seen) and seen[0] < seen[-1] == Path(path).stat().st_size
    assert sum(map(len, records)) == 50_000, "each iteration begins again"


# ---- read back ----------------------------------------------------------------------------------------

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8) | st.sampled_from(
    [
        *("=1+1", "'=x", "''@", "-", "+254725164293", "\t=", "\r-1", "'", "a;b", 'say "x"', "l\nm", "é", "0725164293"),
        *("＝1", "\ufeff=1", "' =x", "\u200b", "'\u200b＋"),
    ]
)


@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=12),
    delimiter=st.sampled_from(DELIMITERS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "shift_jis"]),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str, encoding: str
) -> None:
    layout = Layout(format="csv", columns=("phone", "name", "note"), encoding=encoding, delimiter=delimiter)
    path = write(str(tmp_path_factory.getbasetemp() / "written.csv"), layout, rows)
    written_in = encoding if encoding.startswith("utf-") else "utf-8-sig"
    same = Layout(format="csv", columns=layout.columns, encoding=written_in, delimiter=delimiter)
    found = [record.values for batch in read_records(path, layout=same) for record in batch]
    assert found == [row for row in rows if any(map(str.strip, row))]


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=8),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_a_foreign_table_is_read_as_its_makers_module_reads_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], encoding: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows([["phone", "name"], *rows])
    path = put(tmp_path_factory.getbasetemp(), "foreign.csv", text.getvalue().encode(encoding))
    expected = [[make_plain(cell) for cell in row] for row in rows if any(map(str.strip, row))]
    assert values(path) == expected


@given(st.text())
@example("'=")
@example("''")
@example("=")
@example("'\r")
def test_a_cell_made_safe_is_read_as_it_was(cell: str) -> None:
    safe = make_safe(cell)
    assert make_plain(safe) == cell
    assert make_plain(make_safe(safe)) == safe
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert safe == cell or safe == "'" + cell


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹢"])
@each("before", ["", " ", "\ufeff", "\u200b", "\u2060\u00a0", "\n", "\r\n", "\x1f", "\u00ad", "\u202e", "\u3000"])
def test_a_formula_is_made_safe_in_full_width_and_after_marks_without_width(before: str, sign: str) -> None:
    cell = f"{before}{sign}cmd|' /C calc'!A0"
    assert make_safe(cell) == "'" + cell and make_plain("'" + cell) == cell


@pytest.mark.parametrize("delimiter", [",", "\t", "＝"])
def test_a_formula_after_a_mark_without_width_is_read_as_it_was(tmp_path: Path, delimiter: str) -> None:
    rows = [["\ufeff=1", "＝2"], ["' =3", "\u200b-4"], [" = ", "'Ana"]]
    path = write(str(tmp_path / "a.csv"), Layout(format="csv", columns=("a", "b"), delimiter=delimiter), rows)
    layout = Layout(format="csv", columns=("a", "b"), delimiter=delimiter)
    assert [record.values for batch in read_records(path, layout=layout) for record in batch] == rows


@given(
    st.lists(CELLS | st.none() | st.integers() | st.booleans(), min_size=2, max_size=2),
    st.sampled_from([*DELIMITERS, "-"]),
)
def test_no_cell_that_is_written_runs_as_a_formula(cells: list[str | int | bool | None], delimiter: str) -> None:
    file = io.BytesIO()
    writer = open_writer(file, layout=Layout(format="csv", columns=("a", "b"), delimiter=delimiter))
    writer.write([cells])
    writer.close()
    _, row = csv.reader(io.StringIO(file.getvalue().decode(), newline=""), delimiter=delimiter)
    for written, cell in zip(row, cells, strict=True):
        assert not isinstance(cell, str) or make_plain(written) == cell
        assert not isinstance(cell, str) or not written.startswith(("=", "+", "-", "@", "\t", "\r"))
