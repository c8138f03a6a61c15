"""The options by which ``daftari connection add`` and ``change`` say what is read, and what follows from it."""

from __future__ import annotations

from typing import Annotated

import typer

from daftari.cli.terminal.commands import Options
from daftari.cli.terminal.output import WRONG_USAGE, fail


class ConnectionOptions(Options, frozen=True, kw_only=True):
    """What is read, and what follows from it."""

    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="FIELD=USE",
            help="What a field is used for, such as phone=mobile; repeatable. Name all fields: others are not read.",
        ),
    ] = None
    where_field: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="FIELD=VALUE", help="Only records with this value in a field; repeatable."),
    ] = None
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="FROM=GROUP",
            help="Who is in a group: all=crm, list:12=vip, property:city=Kisumu=kisumu, or list:12=vip:add to take no "
            "one out; repeatable. Name all groups: others are dropped.",
        ),
    ] = None
    list_: Annotated[
        list[str] | None,
        typer.Option("--list", metavar="ID=GROUP", help="As --group list:12=vip; repeatable."),
    ] = None
    setting: Annotated[
        list[str] | None,
        typer.Option("--setting", metavar="NAME=VALUE", help="What the system needs and is no secret; repeatable."),
    ] = None
    poll_seconds: Annotated[
        str | None, typer.Option("--poll-seconds", metavar="SECONDS", help="How often changes are read.")
    ] = None
    region: Annotated[
        str | None, typer.Option("--region", metavar="REGION", help="The country of its numbers, such as KE.")
    ] = None
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="The zone of its times, such as Africa/Nairobi.")
    ] = None
    write_back: Annotated[
        bool | None, typer.Option("--write-back/--no-write-back", help="Write opt-outs back to the system.")
    ] = None
    write_back_opt_ins: Annotated[
        bool | None,
        typer.Option(
            "--write-back-opt-ins/--no-write-back-opt-ins",
            help="Also set the system's own consent to yes for who opted in here by their own word.",
        ),
    ] = None

    fire_triggers: Annotated[
        bool | None,
        typer.Option("--fire-triggers/--no-fire-triggers", help="Let who joins a group from now on fire triggers."),
    ] = None

    carts_group: Annotated[
        str | None,
        typer.Option("--carts-group", metavar="GROUP", help="Who left a cart is in this group; blank for none."),
    ] = None
    carts_need: Annotated[
        str | None,
        typer.Option(
            "--carts-need",
            metavar="WORD",
            help="What a cart needs to be followed up: accepted (the buyer agreed to messages) or number.",
        ),
    ] = None

    def read(self) -> dict[str, object]:
        """What was given, by the API's names."""
        names = (
            *("poll_seconds", "region", "zone", "write_back", "write_back_opt_ins"),
            *("fire_triggers", "carts_group", "carts_need"),
        )
        values: dict[str, object] = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.field:
            values["fields"] = dict(_read_pair("--field", one) for one in self.field)
        if self.setting:
            values["settings"] = dict(_read_pair("--setting", one) for one in self.setting)
        if self.where_field:
            words: dict[str, list[str]] = {}
            for one in self.where_field:
                name, value = _read_pair("--where", one)
                words.setdefault(name, []).extend([value] if value else [])
            values["filter"] = words
        groups = [_read_source("--group", one) for one in self.group or ()]
        groups += [(f"list:{name}", group) for name, group in (_read_pair("--list", one) for one in self.list_ or ())]
        if groups:
            values["groups"] = [_as_group(source, group) for source, group in groups]
        return values


def _read_pair(option: str, written: str) -> tuple[str, str]:
    name, mark, value = written.partition("=")
    if not mark or not name.strip():
        raise fail(f"{option} is {written!r}; write it with =, such as phone=mobile.", code=WRONG_USAGE)
    return name.strip(), value.strip()


def _read_source(option: str, written: str) -> tuple[str, str]:
    """What a group is made of, which names a value after another =, as in property:city=Kisumu=kisumu."""
    source, group = _read_pair(option, written)
    if not source.startswith("property:"):
        return source, group
    value, mark, group = group.partition("=")
    if not mark:
        raise fail(f"{option} is {written!r}; write the group behind it, as in {written}=vip.", code=WRONG_USAGE)
    return f"{source}={value.strip()}", group.strip()


def _as_group(source: str, written: str) -> dict[str, str]:
    group, mark, word = written.rpartition(":")
    if mark and word in ("add", "add_only", "in_step"):
        return {"from": source, "to": group, "keep": "in_step" if word == "in_step" else "add_only"}
    return {"from": source, "to": written}
