"""``daftari campaign``: one text to everyone in some groups: written, looked at, started, followed to the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from daftari.cli.terminal.commands import Options, command, command_group
from daftari.cli.terminal.files import write_output
from daftari.cli.terminal.options import JsonOption, OutputOption, ProjectOptions, YesOption
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_json, print_list, say
from daftari.cli.terminal.prompts import confirm
from daftari.cli.terminal.scope import read_option
from daftari.model.limits import CAMPAIGNS_PER_PAGE_MAX, TEST_NUMBERS_MAX
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.store import Store, Tx, WriteTx

if TYPE_CHECKING:
    from daftari.model.messages import StoredCampaign
    from daftari.rules.campaigns.log import Wanted
    from daftari.rules.campaigns.views import CampaignView

app = command_group("Campaigns: one text to everyone in groups, or in the book.")

COLUMNS = ("id", "name", "state", "reason", "sender", "count", "states", "parts", "resumes_at", "created_at")
IdArgument = Annotated[int, typer.Argument(metavar="ID", min=1, help="The id of the campaign.")]
AtOption = Annotated[
    str | None, typer.Option("--at", metavar="TIME", help="When it starts, such as 2026-11-27T08:00:00+03:00.")
]


class CampaignOptions(Options, frozen=True, kw_only=True):
    """What a campaign says, and to whom."""

    sender: Annotated[str | None, typer.Option("--sender", metavar="SENDER", help="The name or id of a sender.")] = None
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="CHANNEL", help="Where several senders have the name.")
    ] = None
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="The text, such as 'Hello {{ fname | there }}'.")
    ] = None
    plain: Annotated[
        bool | None, typer.Option("--plain/--not-plain", help="Replace typographic characters where that saves parts.")
    ] = None
    template: Annotated[
        str | None, typer.Option("--template", metavar="NAME", help="An approved WhatsApp template.")
    ] = None
    language: Annotated[str | None, typer.Option("--language", metavar="CODE", help="Its language.")] = None
    params: Annotated[
        list[str] | None, typer.Option("--param", metavar="TEXT", help="A text for each of its parameters; repeatable.")
    ] = None
    group: Annotated[list[str] | None, typer.Option("--group", metavar="GROUP", help="A group; repeatable.")] = None
    everyone: Annotated[bool, typer.Option("--everyone", help="All contacts instead of groups.")] = False
    match: Annotated[
        str | None, typer.Option("--match", metavar="WORD", help="Members of any of the groups, or of all of them.")
    ] = None
    without: Annotated[
        list[str] | None, typer.Option("--not", metavar="GROUP", help="A group to leave out; repeatable.")
    ] = None
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", metavar="PURPOSE", help="marketing or transactional. [default: the sender's]"),
    ] = None
    at: AtOption = None
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="When it is too late; nothing is sent after it.")
    ] = None

    def read(self) -> dict[str, object]:
        """What was given, by the API's names; a blank text takes a field away."""
        names = (
            "sender",
            "channel",
            "text",
            "plain",
            "template",
            "language",
            "params",
            "match",
            "purpose",
            "at",
            "until",
        )
        given: dict[str, object] = {name: getattr(self, name) for name in names}
        given |= {"groups": self.group, "not": self.without, "everyone": self.everyone or None}
        return {name: value or None for name, value in given.items() if value is not None}


# ---- drafts ---------------------------------------------------------------------------------------------


@command(
    app,
    "add",
    "daftari campaign add 'Easter offer' --sender DUKA --group VIP --text 'Hello {{ fname | there }}, come by today.'",
    "daftari campaign add News --sender DUKA --everyone --not staff --text 'We moved.' --at 2026-11-27T08:00:00+03:00",
    note="Nothing is sent before 'daftari campaign start'.",
)
def add_campaign(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call it.")],
    *,
    what: CampaignOptions,
    where: ProjectOptions,
) -> None:
    """Write a campaign as a draft, and print its id."""
    from daftari.rules.campaigns.lifecycle import create_campaign

    with where.open_project() as (store, project):
        shown = _write(store, project, "add", create_campaign, given={"name": name, **what.read()})
    say(f"The campaign {shown.name!r} is written; look at it with 'daftari campaign preview {shown.id}'.")
    typer.echo(shown.id)


@command(app, "list", "daftari campaign list", "daftari campaign list --json")
def list_campaigns(
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=CAMPAIGNS_PER_PAGE_MAX, help="List at most N campaigns.")
    ] = CAMPAIGNS_PER_PAGE_MAX,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """List the campaigns, the newest first."""
    with where.open_project() as (store, project):
        found = store.read(project, current_time(), _list_shown, limit=limit)
    if as_json:
        print_json(found)
    else:
        rows = [[_cell(getattr(view, column)) for column in COLUMNS] for view in found]
        print_list(COLUMNS, rows, as_json=False)
    if not found:
        say("There are no campaigns; write one with 'daftari campaign add'.")


@command(app, "show", "daftari campaign show 12")
def show_campaign(campaign_id: IdArgument, *, where: ProjectOptions) -> None:
    """Show a campaign and how far it is, as JSON."""
    with where.open_project() as (store, project):
        print_json(store.read(project, current_time(), _get_shown, campaign_id=campaign_id))


@command(
    app,
    "change",
    "daftari campaign change 12 --text 'Hello {{ fname | there }}, come by tomorrow.'",
    "daftari campaign change 12 --until ''",
    note="A blank value takes a field away.",
)
def change_campaign(
    campaign_id: IdArgument,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    what: CampaignOptions,
    where: ProjectOptions,
) -> None:
    """Change a draft. What is not given stays as it is."""
    from daftari.rules.campaigns.lifecycle import update_campaign

    given = {**what.read(), **({} if name is None else {"name": name})}
    if not given:
        raise fail("Nothing is to be changed; see 'daftari campaign change --help'.", code=WRONG_USAGE)
    with where.open_project() as (store, project):
        shown = _write(store, project, "change", update_campaign, campaign_id=campaign_id, given=given)
    say(f"The campaign {shown.name!r} is changed.")


@command(app, "delete", "daftari campaign delete 12")
def delete_campaign(campaign_id: IdArgument, *, where: ProjectOptions) -> None:
    """Delete a draft."""
    from daftari.rules.campaigns.lifecycle import delete_campaign as delete

    with where.open_project() as (store, project):
        store.write(project, Actor(None, "campaign delete"), current_time(), delete, campaign_id=campaign_id)
    say(f"The campaign {campaign_id} is deleted.")


@command(app, "preview", "daftari campaign preview 12", note="Nothing is sent.")
def preview_campaign(campaign_id: IdArgument, *, where: ProjectOptions) -> None:
    """Count whom a campaign would reach, what it would cost and when it would end, as JSON."""
    from daftari.rules.campaigns.preview import preview_campaign as preview

    with where.open_project() as (store, project):
        print_json(store.read(project, current_time(), preview, campaign_id=campaign_id))


@command(app, "test", "daftari campaign test 12 0722000001", note="The service or 'daftari worker' must be running.")
def send_test(
    campaign_id: IdArgument,
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Up to five phone numbers.")],
    *,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """Send the text to a few numbers now, outside the counts.

    One that may not be messaged is refused, with the reason.
    """
    from daftari.rules.campaigns import testing
    from daftari.rules.numbers import read_number

    if len(numbers) > TEST_NUMBERS_MAX:
        raise fail(f"At most {TEST_NUMBERS_MAX} numbers can be named.", code=WRONG_USAGE)
    with where.open_project() as (store, project):
        read = [
            read_option("NUMBER", number, lambda value: read_number(value, region=project.region)) for number in numbers
        ]
        actor = Actor(None, "campaign test")
        found = store.write(project, actor, current_time(), testing.send_test, campaign_id=campaign_id, numbers=read)
    columns = ("mobile", "outcome", "reason", "id")
    print_list(columns, [[getattr(one, column) for column in columns] for one in found], as_json=as_json)


# ---- started --------------------------------------------------------------------------------------------


@command(
    app,
    "start",
    "daftari campaign start 12",
    "daftari campaign start 12 --expected 1204 --at 2026-11-27T08:00:00+03:00",
    note="The service or 'daftari worker' must be running to send.",
)
def start_campaign(
    campaign_id: IdArgument,
    *,
    at: AtOption = None,
    expected: Annotated[
        int | None,
        typer.Option("--expected", metavar="N", min=0, help="How many people it should reach; it may be 5 % off."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh/--no-fresh", help="Read the connections first that fill its groups.")
    ] = True,
    yes: YesOption = False,
    where: ProjectOptions,
) -> None:
    """Fix a campaign's text and audience, and let the worker send.

    Without --expected it asks to type how many people it reaches. Where connections fill its groups, it starts once
    these were read.
    """
    from daftari.rules.campaigns import lifecycle
    from daftari.rules.fields import read_time

    starts_at = None if at is None else read_option("--at", at, lambda value: read_time(value, now=None))
    with where.open_project() as (store, project):
        start = store.read(
            project, current_time(), lifecycle.find_start, campaign_id=campaign_id, at=starts_at, fresh=fresh
        )
        if expected is None and not yes:
            expected = store.read(project, current_time(), lifecycle.count_recipients, start=start)
            confirm(
                f"It reaches {expected:,} people; type that number to start it",
                is_right=lambda typed: typed.strip().replace(",", "") == str(expected),
            )
        shown = _write(store, project, "start", lifecycle.start_campaign, start=start, expected=expected)
    said = f"starts at {shown.at}" if shown.state == "scheduled" else f"is running, to {shown.count:,} people"
    if shown.reason == "refreshing":
        said = "starts when its groups were read"
    say(f"The campaign {shown.name!r} {said}.")


@command(app, "pause", "daftari campaign pause 12")
def pause_campaign(campaign_id: IdArgument, *, where: ProjectOptions) -> None:
    """Pause a campaign, within a second."""
    from daftari.rules.campaigns.lifecycle import pause_campaign as pause

    _change(where, "pause", pause, campaign_id)


@command(app, "resume", "daftari campaign resume 12")
def resume_campaign(
    campaign_id: IdArgument,
    *,
    fresh: Annotated[
        bool | None,
        typer.Option(
            "--fresh/--no-fresh",
            help="Of one that has not started: read the connections first that fill its groups, or take the groups as "
            "they are. [default: as at the start]",
            show_default=False,
        ),
    ] = None,
    where: ProjectOptions,
) -> None:
    """Continue a campaign where it was paused."""
    from daftari.rules.campaigns.lifecycle import resume_campaign as resume

    _change(where, "resume", partial(resume, fresh=fresh), campaign_id)


@command(app, "cancel", "daftari campaign cancel 12")
def cancel_campaign(campaign_id: IdArgument, *, where: ProjectOptions) -> None:
    """Cancel a campaign permanently.

    What was sent, or is being sent, stays.
    """
    from daftari.rules.campaigns.lifecycle import cancel_campaign as cancel

    _change(where, "cancel", cancel, campaign_id)


@command(app, "retry", "daftari campaign retry 12", "daftari campaign retry 12 --state unknown --may-repeat")
def retry_campaign(
    campaign_id: IdArgument,
    *,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="failed or unknown; repeatable. [default: failed]"),
    ] = None,
    may_repeat: Annotated[
        bool, typer.Option("--may-repeat", help="A person may get the text twice; needed for unknown.")
    ] = False,
    where: ProjectOptions,
) -> None:
    """Try again what failed, or what may have been sent or not. Consent is asked again."""
    from daftari.rules.campaigns.lifecycle import retry_campaign as retry

    with where.open_project() as (store, project):
        shown = _write(
            store, project, "retry", retry, campaign_id=campaign_id, states=state or ["failed"], may_repeat=may_repeat
        )
    say(f"The campaign {shown.name!r} is {shown.state}; the worker makes the new attempts.")


@command(
    app,
    "messages",
    "daftari campaign messages 12 > log.ndjson",
    "daftari campaign messages 12 --state failed --csv --output failed.csv",
)
def write_messages(
    campaign_id: IdArgument,
    *,
    state: Annotated[str | None, typer.Option("--state", metavar="STATE", help="Only people in this state.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="REASON", help="Only people with this reason.")
    ] = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV. [default: a JSON object a line]", show_default=False)
    ] = False,
    output: OutputOption = None,
    where: ProjectOptions,
) -> None:
    """Print a line for everyone of a campaign's audience."""
    from daftari.rules.campaigns.log import Wanted, refuse_unknown_state

    wanted = Wanted(state or "", reason or "")
    refuse_unknown_state(wanted.state)
    with write_output(output) as file, where.open_project() as (store, project):
        store.read(
            project, current_time(), _write_log, campaign_id=campaign_id, wanted=wanted, file=file, as_csv=as_csv
        )


# ---- over the store -------------------------------------------------------------------------------------


def _change(where: ProjectOptions, verb: str, rule: Callable[..., StoredCampaign], campaign_id: int) -> None:
    with where.open_project() as (store, project):
        shown = _write(store, project, verb, rule, campaign_id=campaign_id)
    states = ", ".join(f"{many:,} {state}" for state, many in shown.states.items())
    say(f"The campaign {shown.name!r} is {shown.state}{f': {states}' if states else ''}.")


def _write(
    store: Store, project: Project, verb: str, rule: Callable[..., StoredCampaign], **values: object
) -> CampaignView:
    """A rule's campaign, as callers see it."""
    from daftari.rules.campaigns.views import show_campaign as show

    def write(tx: WriteTx) -> CampaignView:
        return show(tx, rule(tx, **values))

    return store.write(project, Actor(None, f"campaign {verb}"), current_time(), write)


def _get_shown(tx: Tx, *, campaign_id: int) -> CampaignView:
    from daftari.rules.campaigns.lifecycle import get_campaign
    from daftari.rules.campaigns.views import show_campaign as show

    return show(tx, get_campaign(tx, campaign_id=campaign_id))


def _list_shown(tx: Tx, *, limit: int) -> list[CampaignView]:
    from daftari.rules.campaigns.lifecycle import list_campaigns as list_stored
    from daftari.rules.campaigns.views import show_campaign as show

    return [show(tx, campaign) for campaign in list_stored(tx, before=0, limit=limit)]


def _write_log(tx: Tx, *, campaign_id: int, wanted: Wanted, file: BinaryIO, as_csv: bool) -> None:
    """Writes the log from the beginning of the file, since the store may call this again."""
    from daftari.rules.campaigns.log import Cursor, write_log

    file.seek(0)
    file.truncate()
    write_log(tx, campaign_id=campaign_id, wanted=wanted, after=Cursor(), write=file.write, as_csv=as_csv)


def _cell(value: object) -> object:
    return ", ".join(f"{many:,} {state}" for state, many in value.items()) if isinstance(value, Mapping) else value
