"""A file in the body of a request: the body itself, or a part of a form.

A body that is no form is a file whatever its media type says. In a form, the part called ``file`` is moved to the
beginning of the file that the body was spooled into, so that it is on disk once; the other parts are fields. A form of
fields alone is read from memory. Knows neither what is in a file nor which fields there are.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from msgspec import Struct
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from daftari.errors import Malformed, ValidationFailed
from daftari.model.limits import TEXT_MAX
from daftari.web.forms import Fields, fold_fields
from daftari.web.routing import RawRequest

FORM = "multipart/form-data"
FILE = "file"
"""The name of the part that holds the file."""
PARTS_MAX = 200
"""Parts of one form."""
FIELD_BYTES_MAX = 64 * 1024
"""Bytes of all fields of a form together."""
READ_BYTES = 256 * 1024
"""Bytes of a form that are read at a time."""

_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)


class Upload(Struct, frozen=True):
    """A file that was sent, at its beginning. ``name`` and ``media_type`` are as its sender gave them, if at all."""

    file: BinaryIO
    name: str | None
    media_type: str | None


def read_upload(request: RawRequest) -> tuple[Upload, Fields]:
    """The file in a body and the other fields. Raises ``Malformed``, and ``ValidationFailed`` without a file."""
    written = request.headers.get("content-type") or ""
    media_type, options = parse_options_header(written)
    if not request.body.seek(0, 2):
        raise _no_file()
    request.body.seek(0)
    if media_type != FORM:
        return Upload(request.body, None, media_type or None), {}
    try:
        form = _Form(request.body, boundary=options.get("boundary", ""))
        form.read()
    except MultipartError as error:
        raise _unreadable(error) from None
    except UnicodeDecodeError:
        raise Malformed("The form in the body is not UTF-8.") from None
    if form.found is None:
        raise _no_file()
    request.body.truncate(form.written)
    request.body.seek(0)
    name = _FOLDERS.sub("", form.found.filename or "")[-TEXT_MAX:]
    return Upload(request.body, name or None, form.found.content_type), fold_fields(form.fields)


def read_fields(content_type: str, body: bytes, *, fields_max: int) -> Fields:
    """The fields of a form that has no file. Raises ``Malformed``, also where it has one."""
    _, options = parse_options_header(content_type)
    fields: list[tuple[str, str]] = []
    name, text = "", bytearray()
    try:
        with PushMultipartParser(options.get("boundary", ""), max_segment_count=fields_max) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    name, text = event.name or "", bytearray()
                    if event.filename:
                        raise Malformed(f"The form has a file in {name[:TEXT_MAX]}, and this call takes none.")
                elif event is None:
                    fields.append((name, text.decode()))
                else:
                    text += event
    except MultipartError as error:
        raise _unreadable(error) from None
    except UnicodeDecodeError:
        raise Malformed("The form in the body is not UTF-8.") from None
    return fold_fields(fields)


def _unreadable(error: MultipartError) -> Malformed:
    return Malformed(f"The form in the body cannot be read: {error}.")


class _Form:
    """A form while it is read. Its file is written over the part that was read already, and never passes it."""

    def __init__(self, body: BinaryIO, *, boundary: str) -> None:
        self.fields: list[tuple[str, str]] = []
        self.found: MultipartSegment | None = None
        self.written = 0
        self._body = body
        self._boundary = boundary
        self._read = 0
        self._room = FIELD_BYTES_MAX

    def read(self) -> None:
        part: MultipartSegment | None = None
        text = bytearray()
        with PushMultipartParser(self._boundary, max_segment_count=PARTS_MAX) as parser:
            for event in parser.parse_blocking(self._read_piece, READ_BYTES):
                if isinstance(event, MultipartSegment):
                    part, text = event, bytearray()
                    self._begin(part)
                elif part is None:
                    continue
                elif event is None:
                    self._end(part, text)
                elif part is self.found:
                    self._write(event)
                elif part.filename is None:
                    self._add(text, event)

    def _read_piece(self, size: int) -> bytes:
        self._body.seek(self._read)
        piece = self._body.read(size)
        self._read += len(piece)
        return piece

    def _begin(self, part: MultipartSegment) -> None:
        if part.name == FILE:
            if self.found is not None:
                raise Malformed("The form has two files; send each by itself.")
            self.found = part

    def _write(self, data: bytes | bytearray) -> None:
        self._body.seek(self.written)
        rest = memoryview(data)
        while rest:
            rest = rest[self._body.write(rest) :]
        self.written += len(data)

    def _add(self, text: bytearray, data: bytes | bytearray) -> None:
        self._room -= len(data)
        if self._room < 0:
            raise Malformed(f"The fields of the form have more than {FIELD_BYTES_MAX} bytes together.")
        text += data

    def _end(self, part: MultipartSegment, text: bytearray) -> None:
        if part is not self.found and part.filename is None:
            self.fields.append((part.name or "", text.decode()))


def _no_file() -> ValidationFailed:
    return ValidationFailed(
        {FILE: ["The file field is required: the file itself, as the body or as a part of a form."]}
    )
