"""Where a connection's credentials come from: a file, a variable, or the terminal; never the value of an option."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from daftari.cli.terminal.output import FAILED, WRONG_USAGE, fail
from daftari.cli.terminal.prompts import ask_credential, read_credentials_file

if TYPE_CHECKING:
    from daftari.connectors import ConnectorKind

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
        found[(about.push_way or about.credentials)[0]] = _read_key(key_file)
    missing = [name for name in about.credentials if name not in found]
    found |= {name: value for name in missing if (value := os.environ.get(VARIABLES + name.upper()))}
    if file is None and key_file is None and sys.stdin.isatty():
        found |= _ask(about, found)
    return {name: value.strip() for name, value in found.items() if value.strip()}


def _ask(about: ConnectorKind, found: Mapping[str, str]) -> dict[str, str]:
    """What is typed of the credentials that are not known; of a way to connect nothing, if its first one is blank."""
    typed: dict[str, str] = {}
    for way in (*about.ways, about.push_way) if about.ways else (about.credentials,):
        if about.ways and way != about.push_way and about.can_call({*found, *typed}):
            continue
        for place, name in enumerate(way):
            if name not in found:
                is_needed = not about.ways or place > 0
                value = ask_credential(about.title, name, "it is not shown", is_needed=is_needed)
                if not value:
                    break
                typed[name] = value
    return typed


def _read_key(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read().strip()
        with open(file, encoding="utf-8") as opened:
            return opened.read().strip()
    except (OSError, UnicodeDecodeError):
        raise fail(f"The file {file!r} cannot be read.", code=FAILED) from None
