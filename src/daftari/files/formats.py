"""The one way in and out: which format a file is in, its layout, its records, and a writer for another like it.

Content decides first, then the name and the media type. No meaning of records.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import BinaryIO

from daftari.errors import UnreadableFile
from daftari.files.contents import IsTelephone, looks_like_telephone
from daftari.files.delimited import DelimitedRecords, DelimitedWriter, read_delimited_layout
from daftari.files.encoding import LINES_JOINED, find_encoding, read_sample
from daftari.files.json import JsonRecords, JsonWriter, LineRecords, LineWriter, read_lines_layout, read_object
from daftari.files.opendocument import OpenDocumentWriter
from daftari.files.record import Format, Layout, Records, TableOptions, Writer
from daftari.files.vcard import CardRecords, CardWriter

ANY_TABLE = TableOptions()
"""Nothing is known of where the table is."""
_MAGIC_BYTES = 8
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE2_BYTES = 256 * 1024
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_FOREIGN = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite f", "a database"),
)
_MARKUP = re.compile(r"\s*<(?:!doctype|html|table|\?xml|head|body|meta)", re.IGNORECASE)
_CARD = re.compile(r"\s*BEGIN\s*:\s*VCARD", re.IGNORECASE)
_JOINED_CARD = re.compile(r"\s*BEGIN\s*:\s*VCARD[ \t]*[^\s][^\r\n]*\s*", re.IGNORECASE)
"""A file whose only line holds a whole card."""
_ARRAY = re.compile(r"\s*\[\s*[{\]]")
_OBJECT = re.compile(r'\s*\{\s*["}]')
_ADVICE = "save it as CSV, XLSX, ODS, vCard or JSON"


def read_layout(
    path: str,
    *,
    name: str,
    media_type: str | None,
    options: TableOptions = ANY_TABLE,
    is_telephone: IsTelephone = looks_like_telephone,
) -> Layout:
    """How a file is laid out. ``name`` is what its owner calls it.

    ``is_telephone`` decides where several columns may hold the number.

    Raises ``UnreadableFile`` for what is not a contact list, or is not safe to open.
    """
    try:
        return _read_layout(path, name, media_type, options, is_telephone)
    except UnreadableFile as error:
        raise UnreadableFile(f"{name}: {error.message}") from error


def _read_layout(
    path: str, name: str, media_type: str | None, options: TableOptions, is_telephone: IsTelephone
) -> Layout:
    with open(path, "rb") as file:
        magic = file.read(_MAGIC_BYTES)
    if not magic:
        raise UnreadableFile("The file is empty.")
    for start, what in _FOREIGN:
        if magic.startswith(start):
            raise UnreadableFile(f"The file is {what}, not a table or an address book; {_ADVICE}.")
    if magic == _OLE2:
        raise UnreadableFile(_about_ole2(path))
    if magic.startswith(b"PK"):
        # What reads and writes workbooks takes long to load, and most processes never meet one.
        from daftari.files.workbook import read_workbook_layout

        return read_workbook_layout(path, format=_workbook_format(path), options=options, is_telephone=is_telephone)
    encoding = find_encoding(path)
    sample, _ = read_sample(path, encoding=encoding)
    match _text_format(sample, name=name, media_type=media_type):
        case "vcard":
            if _JOINED_CARD.fullmatch(sample):
                raise UnreadableFile(LINES_JOINED)
            return Layout(format="vcard", columns=(), encoding=encoding)
        case "ndjson" | "json" as format:
            return read_lines_layout(path, format=format, encoding=encoding, is_telephone=is_telephone)
        case _:
            return read_delimited_layout(path, encoding=encoding, options=options, is_telephone=is_telephone)


def read_records(path: str, *, layout: Layout) -> Records:
    """The records of a file whose layout was read before."""
    readers: dict[Format, Callable[[], Records]] = {
        "csv": lambda: DelimitedRecords(path, layout=layout),
        "xlsx": lambda: _read_workbook(path, layout),
        "ods": lambda: _read_workbook(path, layout),
        "vcard": lambda: CardRecords(path, layout=layout),
        "ndjson": lambda: LineRecords(path, layout=layout),
        "json": lambda: JsonRecords(path, layout=layout),
    }
    return readers[layout.format]()


def open_writer(file: BinaryIO, *, layout: Layout) -> Writer:
    """A writer of a file in this layout, with ``layout.columns`` as the header where there is one."""
    writers: dict[Format, Callable[[], Writer]] = {
        "csv": lambda: DelimitedWriter(file, layout=layout),
        "xlsx": lambda: _write_workbook(file, layout),
        "ods": lambda: OpenDocumentWriter(file, layout=layout),
        "vcard": lambda: CardWriter(file, layout=layout),
        "ndjson": lambda: LineWriter(file, layout=layout),
        "json": lambda: JsonWriter(file, layout=layout),
    }
    return writers[layout.format]()


def _read_workbook(path: str, layout: Layout) -> Records:
    from daftari.files.workbook import WorkbookRecords

    return WorkbookRecords(path, layout=layout)


def _write_workbook(file: BinaryIO, layout: Layout) -> Writer:
    from daftari.files.workbook import WorkbookWriter

    return WorkbookWriter(file, layout=layout)


# ---- which format -------------------------------------------------------------------------------------


def _about_ole2(path: str) -> str:
    with open(path, "rb") as file:
        if _ENCRYPTED in file.read(_OLE2_BYTES):
            return "The workbook is protected with a password; save it without one."
    return "The file is in the old Excel format; save it as XLSX or CSV."


def _workbook_format(path: str) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {info.filename for info in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise UnreadableFile("The workbook is damaged or cut off; save it again.") from error
    if "content.xml" in names:
        return "ods"
    if "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names):
        if any(name.endswith(".bin") and name.startswith("xl/workbook") for name in names):
            raise UnreadableFile("The file is a binary workbook; save it as XLSX or CSV.")
        return "xlsx"
    raise UnreadableFile(f"The file is a zip archive, not a table or an address book; {_ADVICE}.")


def _text_format(sample: str, *, name: str, media_type: str | None) -> Format:
    text = sample.lstrip("\ufeff")
    if not text.strip():
        raise UnreadableFile("The file is empty.")
    if _CARD.match(text):
        return "vcard"
    if _ARRAY.match(text):
        return "json"
    if _OBJECT.match(text):
        return _object_format(text, name=name, media_type=media_type)
    if _MARKUP.match(text):
        raise UnreadableFile(f"The file is a web page or XML, not a table or an address book; {_ADVICE}.")
    _refuse_noise(text)
    return _given_format(text, name=name, media_type=media_type)


def _object_format(text: str, *, name: str, media_type: str | None) -> Format:
    """An object a line, or one object with an array in it: the first line is a whole object, or it is not."""
    first = text.lstrip().partition("\n")[0]
    found = read_object(first)
    if isinstance(found, str):
        return "ndjson" if _ending(name, media_type) == "ndjson" else "json"
    holds_array = any(isinstance(value, list) and value[:1] and isinstance(value[0], dict) for value in found.values())
    alone = not text.lstrip()[len(first) :].strip()
    return "json" if holds_array and alone and _ending(name, media_type) != "ndjson" else "ndjson"


_ENDINGS: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".vcf": "vcard",
    ".vcard": "vcard",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    "text/vcard": "vcard",
    "text/x-vcard": "vcard",
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
}


def _ending(name: str, media_type: str | None) -> str | None:
    """What the name, or else the media type, says that the file is."""
    ending = os.path.splitext(name.lower())[1]
    return _ENDINGS.get(ending) or _ENDINGS.get((media_type or "").partition(";")[0].strip().lower())


def _given_format(text: str, *, name: str, media_type: str | None) -> Format:
    """The format of text that does not show it."""
    match _ending(name, media_type):
        case "ndjson":
            return "ndjson"
        case "vcard" if "BEGIN:VCARD" in text.upper():
            return "vcard"
        case "vcard":
            raise UnreadableFile("The file holds no vCard.")
        case "json":
            raise UnreadableFile("The file holds no JSON array of objects.")
        case _:
            return "csv"


_NOISE = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_NOISE_MIN = 8
_NOISE_SHARE_MAX = 0.05


def _refuse_noise(text: str) -> None:
    if len(_NOISE.findall(text)) > max(_NOISE_MIN, _NOISE_SHARE_MAX * len(text)):
        raise UnreadableFile(f"The file is not text, not a table and not an address book; {_ADVICE}.")
