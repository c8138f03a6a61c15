"""Where a connection's credentials come from: a file, a variable, or the terminal; never the value of an option."""

from __future__ import annotations

import os
import sys

from daftari.cli.terminal.output import FAILED, WRONG_USAGE, fail
from daftari.cli.terminal.prompts import ask_credential, read_credentials_file

VARIABLES = "DAFTARI_CONNECTION_"
"""Before the name of a credential in capitals: a variable that holds it."""


def find_credentials(kind: str, key_file: str | None, file: str | None) -> dict[str, str]:
    """Credentials from a file, then from variables, then from the terminal. Blank ones are left out."""
    from daftari.connectors import CONNECTORS

    about = CONNECTORS.get(kind)
    if about is None:
        raise fail(f"KIND is {kind!r}; it must be one of: {', '.join(CONNECTORS)}.", code=WRONG_USAGE)
    found = {} if file is None else read_credentials_file(file)
    if key_file is not None and about.credentials:
        found[about.credentials[0]] = _read_key(key_file)
    missing = [name for name in about.credentials if name not in found]
    found |= {name: value for name in missing if (value := os.environ.get(VARIABLES + name.upper()))}
    if file is None and key_file is None and sys.stdin.isatty():
        for name in about.credentials:
            if name not in found:
                found[name] = ask_credential(about.title, name, "it is not shown", is_needed=True)
    return {name: value.strip() for name, value in found.items() if value.strip()}


def _read_key(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read().strip()
        with open(file, encoding="utf-8") as opened:
            return opened.read().strip()
    except (OSError, UnicodeDecodeError):
        raise fail(f"The file {file!r} cannot be read.", code=FAILED) from None
