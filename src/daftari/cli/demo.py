"""What ``daftari serve --demo`` makes in an empty database and prints: a project with a sender, and calls to paste."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from shutil import which

import msgspec

from daftari.cli.terminal.options import open_settings_store
from daftari.cli.terminal.output import say
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.access.inbound_tokens import write_token
from daftari.rules.access.projects import create_first_project
from daftari.rules.senders.lifecycle import create_sender, read_sender
from daftari.settings import DEFAULT_DATABASE, Settings
from daftari.store import Store

PROJECT = "Demo"
REGION = "KE"
GROUP = "Friends"
SENDER = "log"
MOBILES = ("254725164290", "254725164291")


def print_demo(settings: Settings, *, address: str) -> None:
    """In an empty database, creates the project and prints its key and the calls. Else says how to get a key."""
    store = open_settings_store(settings)
    try:
        created = store.system_write(current_time(), create_first_project, name=PROJECT, region=REGION)
        if created is not None:
            _add_sender(store, created[0])
    finally:
        store.close()
    if created is None:
        say("The API key of a project is shown only once, when it is created. To create another one:")
        say(f"  {_find_command()} key create --project {PROJECT} --kind manage{_database_option(settings)}")
        return
    _, key = created
    lines = [
        f"Project {PROJECT} is created. Its API key, shown only this once:",
        f"  {key}",
        f"It has a sender called {SENDER}, which delivers nothing: each message becomes a line of this log.",
        "Six calls to paste in this order:",
    ]
    lines += [f"# {what}\n{line}" for what, line in demo_calls(address, key=key)]
    print("", *lines, sep="\n\n", flush=True)


def _add_sender(store: Store, project: Project) -> None:
    """A sender of the gateway ``log``, so that messages can be tried without an account."""
    # Marketing would wait for the morning.
    values = {"name": SENDER, "gateway": "log", "channel": "sms", "purpose": "transactional"}
    given = read_sender(values, before=None)
    store.write(project, Actor(None, "serve"), current_time(), create_sender, given=given, token=write_token())


def demo_calls(address: str, *, key: str) -> list[tuple[str, str]]:
    """The calls as ``curl`` commands, each with what it does."""
    url = f"{address}/v1/contacts"
    contacts = [
        {"fname": "Lawrence", "mobile": MOBILES[0], "city": "Nairobi"},
        {"fname": "Lucy", "mobile": MOBILES[1], "city": "Kitui"},
    ]
    message = {"sender": SENDER, "text": "Hello {{ fname | there }}", "mobiles": [MOBILES[0]]}
    change = {"contact": {"company": "Ivy Ltd."}}

    def call(method: str, target: str, body: object = None) -> str:
        words = ["curl", "-sS", "-w", "\\n", *(["-X", method] if method != "GET" else []), target]
        words += ["-H", f"Authorization: Bearer {key}"]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "-d", msgspec.json.encode(body).decode()]
        return shlex.join(words)

    return [
        ("create two contacts in a group", call("POST", url, {"group": GROUP, "contacts": contacts})),
        ("list the group", call("GET", f"{url}?group={GROUP}")),
        ("get one contact by its mobile", call("GET", f"{url}/{MOBILES[0]}")),
        ("update it", call("PUT", f"{url}/{MOBILES[0]}", change)),
        ("delete the other one", call("DELETE", f"{url}/{MOBILES[1]}")),
        (f"send a message through {SENDER}", call("POST", f"{address}/v1/messages", message)),
    ]


def _database_option(settings: Settings) -> str:
    """The option that names the database; empty for the default file."""
    is_default = settings.database == DEFAULT_DATABASE
    return "" if is_default else f" --database {shlex.quote(settings.masked_database)}"


def _find_command() -> str:
    """How this program was called, so that a printed line works when pasted."""
    if which("daftari"):
        return "daftari"
    here = Path(sys.argv[0])
    return shlex.quote(os.path.relpath(here)) if here.name == "daftari" else f"{shlex.quote(sys.executable)} -m daftari"
