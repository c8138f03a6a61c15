"""What ``daftari serve --demo`` makes in an empty book and prints: a project, its key, and calls to paste."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from shutil import which

import msgspec

from daftari.cli.terminal.options import open_settled
from daftari.cli.terminal.output import say
from daftari.model.time import current_time
from daftari.rules.access.keys import create_key
from daftari.rules.access.projects import create_project, list_projects
from daftari.settings import DEFAULT_DATABASE, Settings
from daftari.store import SystemTx

PROJECT = "Demo"
GROUP = "Friends"
MOBILES = ("254725164290", "254725164291")


def print_demo(settings: Settings, *, address: str) -> None:
    """In an empty book make the project, and print its key and the calls; else say where the key went."""
    store = open_settled(settings)
    try:
        secret = store.system_write(current_time(), _create_demo)
    finally:
        store.close()
    if secret is None:
        say("The key of a new project is shown once, when it is made. To make another one:")
        say(f"  {_command()} key create --project {PROJECT}{_database_option(settings)}")
        return
    lines = [
        f"Project {PROJECT} is made. Its key, shown this once:",
        f"  {secret}",
        "The five calls, to paste in order:",
    ]
    lines += [f"# {what}\n{line}" for what, line in demo_calls(address, secret=secret)]
    print("", *lines, sep="\n\n", flush=True)


def demo_calls(address: str, *, secret: str) -> list[tuple[str, str]]:
    """The five calls as curl lines, each with what it does."""
    url = f"{address}/v1/contacts"
    contacts = [
        {"fname": "Lawrence", "mobile": MOBILES[0], "city": "Nairobi"},
        {"fname": "Lucy", "mobile": MOBILES[1], "city": "Kitui"},
    ]
    change = {"contact": {"company": "Ivy Ltd."}}

    def call(method: str, place: str, body: object = None) -> str:
        words = ["curl", "-sS", "-w", "\\n", *(["-X", method] if method != "GET" else []), place]
        words += ["-H", f"Authorization: Bearer {secret}"]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "-d", msgspec.json.encode(body).decode()]
        return shlex.join(words)

    return [
        ("create two contacts in a group", call("POST", url, {"group": GROUP, "contacts": contacts})),
        ("list the group", call("GET", f"{url}?group={GROUP}")),
        ("get one contact by its mobile", call("GET", f"{url}/{MOBILES[0]}")),
        ("update it", call("PUT", f"{url}/{MOBILES[0]}", change)),
        ("delete the other one", call("DELETE", f"{url}/{MOBILES[1]}")),
    ]


def _create_demo(tx: SystemTx) -> str | None:
    """The first key of the project made, or ``None`` in a book that has projects."""
    if list_projects(tx):
        return None
    project = create_project(tx, name=PROJECT, region="KE", on_error="refuse", first_id=1)
    secret, _ = create_key(tx, project=project, label="first", read_only=False, expires_at=None)
    return secret


def _database_option(settings: Settings) -> str:
    """Nothing for the usual file."""
    usual = settings.database == DEFAULT_DATABASE
    return "" if usual else f" --database {shlex.quote(settings.shown_database)}"


def _command() -> str:
    """How this program was called, so that a printed line works when pasted."""
    if which("daftari"):
        return "daftari"
    here = Path(sys.argv[0])
    return shlex.quote(os.path.relpath(here)) if here.name == "daftari" else f"{shlex.quote(sys.executable)} -m daftari"
