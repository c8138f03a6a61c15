"""How lines of the log are written: one line a message, whatever a client sent. Knows nothing of what is logged."""

from __future__ import annotations

import logging
import re
from types import TracebackType

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What ends a line, or changes how a terminal shows it."""
_INDENT = "    "

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class LineFormatter(logging.Formatter):
    """Escapes control characters. The lines of a traceback are indented, so that none looks like a message."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, and the lines of its traceback below it."""
        record.message = escape_controls(record.getMessage())
        lines = [self.formatMessage(record)]
        if record.exc_info:
            lines.append(self.formatException(record.exc_info))
        return "\n".join(lines)

    def formatException(self, ei: ExceptionInfo) -> str:
        """The traceback, whose exceptions may quote what a client sent."""
        return "\n".join(_INDENT + escape_controls(line) for line in super().formatException(ei).split("\n"))


def escape_controls(text: str) -> str:
    """The text with its control characters as Python writes them, such as ``\\n`` and ``\\x1b``."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
