"""What commands ask on a terminal: confirmation, and a provider's secrets. A secret is never an argument."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daftari.cli.terminal.output import WRONG_USAGE, fail

if TYPE_CHECKING:
    from daftari.gateways import Gateway

STDIN = "-"
SECRET_BYTES_MAX = 64 * 1024

SecretFileOption = Annotated[
    str | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        help="The file with the provider's secret; - for standard input. [default: ask on a terminal]",
    ),
]


CredentialsFileOption = Annotated[
    str | None,
    typer.Option(
        "--credentials-file",
        metavar="FILE",
        help="A file with a line NAME=VALUE for each credential; - for standard input. [default: ask on a terminal]",
    ),
]


def confirm(question: str, *, is_right: Callable[[str], bool]) -> None:
    """Asks, and returns when the answer is right. Raises ``typer.Exit`` after its message otherwise."""
    if not sys.stdin.isatty():
        raise fail("There is no terminal to confirm on; add --yes to do it without a question.", code=WRONG_USAGE)
    typed: str = typer.prompt(question, err=True)
    if not is_right(typed):
        raise fail(f"{typed.strip()!r} does not match; nothing was changed.")


def find_secret(gateway: Gateway, file: str | None) -> str | None:
    """The secret for a new address, ``None`` if there is none.

    Raises ``typer.Exit`` after its message when the provider requires a secret, or uses none and one is given.
    """
    if gateway.secret_required:
        return require_secret(gateway, file)
    if gateway.secret_name is None:
        if file is not None:
            raise fail(f"{gateway.title} signs nothing, so it needs no secret.", code=WRONG_USAGE)
        return None
    if file is not None or sys.stdin.isatty():
        return _read_secret(file, f"{gateway.secret_name} for {gateway.title}, or nothing") or None
    return None


def require_secret(gateway: Gateway, file: str | None) -> str:
    """The secret. Raises ``typer.Exit`` after its message when there is none or the provider uses none."""
    if gateway.secret_name is None:
        raise fail(f"{gateway.title} signs nothing, so it needs no secret.", code=WRONG_USAGE)
    if file is None and not sys.stdin.isatty():
        needed = f"{gateway.title} needs its {gateway.secret_name}: name a file with --secret-file"
        raise fail(f"{needed}, or give it on standard input with --secret-file -.", code=WRONG_USAGE)
    secret = _read_secret(file, f"{gateway.secret_name} of {gateway.title}")
    if not secret:
        raise fail(f"{gateway.title} needs its {gateway.secret_name}, and what was given is blank.", code=WRONG_USAGE)
    return secret


def ask_credential(title: str, name: str, help: str, *, is_needed: bool) -> str:
    """A credential, typed without echo; blank where it is not needed."""
    while True:
        typed: str = typer.prompt(
            f"{title} {name}{'' if is_needed else ', or nothing'} ({help})",
            default="", show_default=False, hide_input=True, err=True,
        )  # fmt: skip
        if typed.strip() or not is_needed:
            return typed.strip()


def read_credentials_file(file: str) -> dict[str, str]:
    """The credentials in a file by name. Raises ``typer.Exit`` after a message that quotes none of them."""
    found = {}
    for number, line in enumerate(_read_file(file).splitlines(), 1):
        name, mark, value = line.partition("=")
        if line.strip() and not mark:
            raise fail(f"Line {number} of the credentials is not NAME=VALUE, such as api_key=…", code=WRONG_USAGE)
        if mark:
            found[name.strip()] = value.strip()
    return found


def _read_secret(file: str | None, question: str) -> str:
    if file is None:
        typed: str = typer.prompt(question, default="", show_default=False, hide_input=True, err=True)
        return typed.strip()
    return _read_file(file).strip()


def _read_file(file: str) -> str:
    try:
        written = sys.stdin.buffer.read(SECRET_BYTES_MAX) if file == STDIN else Path(file).read_bytes()
        return written[:SECRET_BYTES_MAX].decode()
    except OSError as error:
        raise fail(f"The secret file {file} cannot be read: {error.strerror}.", code=WRONG_USAGE) from None
    except UnicodeDecodeError:
        raise fail("The secret is not UTF-8 text.", code=WRONG_USAGE) from None
