"""Detects a file's encoding and decodes its lines in large pieces.

A line in another encoding than the rest is read as Windows-1252. A line without an end takes no memory. No meaning of
lines.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator

from msgspec import Struct

from daftari.files.record import RECORD_CHARS_MAX, UNREADABLE_TEXT_MAX

PIECE_BYTES = 256 * 1024
SAMPLE_BYTES_MAX = 64 * 1024
"""Leading bytes from which a file's layout is detected, and as many of later lines that are not ASCII."""
SEARCH_BYTES_MAX = 64 * 1024 * 1024
"""Bytes in which lines that are not ASCII are looked for."""

LINES_JOINED = (
    "The file has no line ends: all its records are in one line. curl -d removes them; send the file with "
    "--data-binary @FILE, or with -F file=@FILE."
)
"""What is said of a file whose lines were joined on their way."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LEFT_OPEN = {0xDC00 + byte: byte for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
_LINE_END = re.compile(r"\r\n|\n|\r")
_WESTERN = re.compile("[A-Za-zÀ-ÖØ-öø-ÿŒœŠšŽžŸªº‘’“”–—…€«»°·´¿¡\\s\\d!-/:-@\\[-`{-~]*")
_WORD = re.compile(r"\w*[^\W\d_A-Za-z]\w*")
_FOREIGN_SHARE_MAX = 0.5
"""Of the letters in words that are not plain ASCII: beyond this share of accents, the words are of another script."""
_FOREIGN_MIN = 3
"""Letters that do not identify a script."""
_BETWEEN_WORDS = re.compile(rb'[\s,;"0-9]+')
"""None of these bytes is a part of a letter in any of the encodings below."""
_LATIN_CHARSETS = ("cp1250", "cp1252", "cp1254", "cp1257", "cp1258", "iso8859_2", "mac_roman", "cp437", "cp850")
_OTHER_CHARSETS = (
    *("cp1251", "cp1253", "cp1255", "cp1256", "cp874", "koi8_r", "koi8_u", "iso8859_5", "iso8859_7"),
    *("shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"),
)


class LongLine(Struct, frozen=True):
    """Stands for a line that is longer than any record may be; ``start`` is how it begins."""

    start: str


# ---- which encoding ---------------------------------------------------------------------------------


def find_encoding(path: str) -> str:
    """The name of the file's encoding, by its first bytes and by what its lines that are not ASCII look like."""
    with open(path, "rb") as file:
        sample = file.read(SAMPLE_BYTES_MAX)
        for bom, encoding in _BOMS:
            if sample.startswith(bom):
                return encoding
        wide = _wide_encoding(sample)
        if wide:
            return wide
        lines = [*_foreign_lines(sample), *_later_foreign_lines(file)]
    if not lines or sum(map(_is_utf8, lines)) * 2 >= len(lines):
        return "utf-8"
    return _charset(b"\n".join(lines))


def read_sample(path: str, *, encoding: str) -> tuple[str, bool]:
    """The file's first whole lines, and whether they are all of it. A first line that is too long comes cut."""
    with open(path, "rb") as file:
        held = file.read(SAMPLE_BYTES_MAX)
        if line_end(_decoded(held, encoding)) == 0:
            held += file.read(RECORD_CHARS_MAX)
        whole = not file.read(1)
    text = _decoded(held, encoding)
    return text if whole else text[: line_end(text) or None], whole


def _decoded(held: bytes, encoding: str) -> str:
    return repair(decoder_for(encoding).decode(held), encoding=encoding)


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of plain text is zero."""
    half = len(sample) // 2
    if sample[1::2].count(0) > 0.4 * half and not sample[::2].count(0):
        return "utf-16-le"
    if sample[::2].count(0) > 0.4 * half and not sample[1::2].count(0):
        return "utf-16-be"
    return None


def _foreign_lines(piece: bytes) -> list[bytes]:
    """The lines with bytes beyond ASCII; one that the piece cuts in the middle of a character is left out."""
    if piece.isascii():
        return []
    lines = piece.splitlines(keepends=True)
    if len(lines) > 1 and not lines[-1].endswith((b"\n", b"\r")):
        lines.pop()
    return [line[:SAMPLE_BYTES_MAX] for line in lines if not line.isascii()]


def _later_foreign_lines(file: io.BufferedReader) -> Iterator[bytes]:
    """Such lines of the rest of the file, few enough to be looked at."""
    left, searched = SAMPLE_BYTES_MAX, 0
    file.readline(PIECE_BYTES)
    while left > 0 and searched < SEARCH_BYTES_MAX and (piece := file.read(PIECE_BYTES)):
        searched += len(piece)
        if piece.isascii():
            continue
        for line in _foreign_lines(piece)[1:]:
            left -= len(line)
            if left < 0:
                return
            yield line


def _is_utf8(line: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(line)
    except UnicodeDecodeError:
        return False
    return True


def _charset(lines: bytes) -> str:
    """The encoding of lines that are not UTF-8. Western accents are distinguished from other scripts by their share."""
    sample = lines[:SAMPLE_BYTES_MAX]
    western = _as_western(sample)
    words = "".join(_WORD.findall(western))
    accents = sum(not letter.isascii() for letter in words)
    is_latin = accents <= max(_FOREIGN_SHARE_MAX * len(words), _FOREIGN_MIN)
    if is_latin and _WESTERN.fullmatch(western):
        return "cp1252"
    import charset_normalizer

    charsets = _LATIN_CHARSETS if is_latin else _OTHER_CHARSETS
    # Each word once and no digits: a table repeats itself more than the texts that the library knows.
    distinctive = b" ".join(dict.fromkeys(word for word in _BETWEEN_WORDS.split(sample) if not word.isascii()))
    best = charset_normalizer.from_bytes(distinctive, cp_isolation=list(charsets)).best()
    return best.encoding if best is not None else "cp1252"


# ---- reading ----------------------------------------------------------------------------------------


def decoder_for(encoding: str) -> codecs.IncrementalDecoder:
    """A decoder that never fails: bytes that are not of the encoding are kept apart for ``repair``."""
    return codecs.getincrementaldecoder(encoding)("replace" if _is_wide(encoding) else "surrogateescape")


def repair(text: str, *, encoding: str) -> str:
    """The text with each line that was not of the encoding read as Windows-1252."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(_mend_line(line, encoding) for line in split_lines(text))
    return text


def split_lines(text: str) -> io.StringIO:
    """The lines with their ends, which are those of files (LF, CR LF, CR) and not those of Unicode."""
    return io.StringIO(text, newline="")


def line_end(text: str) -> int:
    """Where the last line that is surely whole ends; 0 when there is none."""
    return max(text.rfind("\n"), text.rfind("\r", 0, len(text) - 1)) + 1


class TextFile:
    """A file's text. ``bytes_read`` grows as the pieces are taken."""

    def __init__(self, path: str, *, encoding: str, piece_bytes: int = PIECE_BYTES) -> None:
        self._path = path
        self._piece_bytes = piece_bytes
        self._encoding = encoding
        self.bytes_read = 0

    def pieces(self) -> Iterator[str | LongLine]:
        """The text in pieces of whole lines; only the last may have no line end."""
        rest, skipping = "", False
        for text in self.texts():
            if skipping:
                ends = _LINE_END.search(text)
                if ends is None:
                    continue
                text, skipping = text[ends.end() :], False
            rest += text
            end = line_end(rest)
            if end:
                yield repair(rest[:end], encoding=self._encoding)
                rest = rest[end:]
            if len(rest) > RECORD_CHARS_MAX:
                yield LongLine(repair(rest[:UNREADABLE_TEXT_MAX], encoding=self._encoding))
                rest, skipping = "", True
        if rest:
            yield repair(rest, encoding=self._encoding)

    def texts(self) -> Iterator[str]:
        """The text cut anywhere and not repaired yet, for formats that may hold no line end."""
        self.bytes_read = 0
        decoder = decoder_for(self._encoding)
        with open(self._path, "rb") as file:
            while piece := file.read(self._piece_bytes):
                self.bytes_read += len(piece)
                yield decoder.decode(piece)
        yield decoder.decode(b"", True)


def _is_wide(encoding: str) -> bool:
    return encoding.startswith(("utf-16", "utf-32"))


def _mend_line(line: str, encoding: str) -> str:
    try:
        line.encode()
    except UnicodeEncodeError:
        codec = "utf-8" if encoding == "utf-8-sig" else encoding
        try:
            return _as_western(line.encode(codec, "surrogateescape"))
        except UnicodeEncodeError:
            # A few codecs read what they do not write.
            return line.encode("utf-8", "replace").decode()
    return line


def _as_western(raw: bytes) -> str:
    """Windows-1252, with the five bytes that it leaves open as Latin-1 has them."""
    return raw.decode("cp1252", "surrogateescape").translate(_LEFT_OPEN)
