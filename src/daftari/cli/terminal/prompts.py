"""The secret of a provider: from a file, from standard input, or typed unseen on a terminal; never as an argument.

This room must not know where it is kept.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from daftari.cli.terminal.output import WRONG_USAGE, fail
from daftari.gateways import Gateway

STDIN = "-"
SECRET_BYTES_MAX = 4_096

SecretFileOption = Annotated[
    str | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        help="The file that holds the provider's secret; - for standard input. Without it a terminal asks.",
    ),
]


def find_secret(gateway: Gateway, file: str | None) -> str | None:
    """The secret for a new address, if there is one. Ends the command where the provider cannot do without."""
    if gateway.secret_required:
        return require_secret(gateway, file)
    if gateway.secret_name is None:
        if file is not None:
            raise fail(f"{gateway.title} proves nothing, so it has no use for a secret.", code=WRONG_USAGE)
        return None
    if file is not None or sys.stdin.isatty():
        return _read(file, f"{gateway.secret_name} for {gateway.title}, or nothing") or None
    return None


def require_secret(gateway: Gateway, file: str | None) -> str:
    """The secret that must be there. Ends the command without one."""
    if gateway.secret_name is None:
        raise fail(f"{gateway.title} proves nothing, so it has no use for a secret.", code=WRONG_USAGE)
    if file is None and not sys.stdin.isatty():
        wanted = f"{gateway.title} needs its {gateway.secret_name}: name its file with --secret-file"
        raise fail(f"{wanted}, or give it on standard input with --secret-file -.", code=WRONG_USAGE)
    secret = _read(file, f"{gateway.secret_name} of {gateway.title}")
    if not secret:
        raise fail(f"{gateway.title} needs its {gateway.secret_name}, and this is blank.", code=WRONG_USAGE)
    return secret


def _read(file: str | None, asked: str) -> str:
    if file is None:
        typed: str = typer.prompt(asked, default="", show_default=False, hide_input=True, err=True)
        return typed.strip()
    try:
        written = sys.stdin.buffer.read(SECRET_BYTES_MAX) if file == STDIN else Path(file).read_bytes()
        return written[:SECRET_BYTES_MAX].decode().strip()
    except OSError as error:
        raise fail(f"The secret file {file} cannot be read: {error.strerror}.", code=WRONG_USAGE) from None
    except UnicodeDecodeError:
        raise fail("The secret is not UTF-8 text.", code=WRONG_USAGE) from None
