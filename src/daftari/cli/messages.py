"""``daftari message``: a text to one number or to some: sent, listed and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from daftari.cli.terminal.commands import Options, command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions
from daftari.cli.terminal.output import FAILED, WRONG_USAGE, fail, format_count, print_json, print_list, say
from daftari.model.limits import MESSAGES_PER_CALL_MAX
from daftari.model.projects import Actor
from daftari.model.time import current_time

if TYPE_CHECKING:
    from daftari.model.messages import MessageState

app = command_group("Messages: a text to one number, or to some.")

SENT_COLUMNS = ("mobile", "outcome", "id", "said")
COLUMNS = ("id", "mobile", "state", "reason", "code", "sender", "campaign", "trigger", "parts", "sent_at", "settled_at")
LISTED = 100


class TextOptions(Options, frozen=True, kw_only=True):
    """What is said, by which sender, and when."""

    sender: Annotated[str, typer.Option("--sender", metavar="SENDER", help="The name or id of a sender.")]
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="CHANNEL", help="Where several senders have the name.")
    ] = None
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="The text, such as 'Hello {{ fname | there }}'.")
    ] = None
    plain: Annotated[bool, typer.Option("--plain", help="Replace typographic characters where that saves parts.")] = (
        False
    )
    template: Annotated[
        str | None, typer.Option("--template", metavar="NAME", help="An approved WhatsApp template.")
    ] = None
    language: Annotated[str | None, typer.Option("--language", metavar="CODE", help="Its language.")] = None
    params: Annotated[
        list[str] | None, typer.Option("--param", metavar="TEXT", help="A text for each of its parameters; repeatable.")
    ] = None
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", metavar="PURPOSE", help="marketing or transactional. [default: the sender's]"),
    ] = None
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="The same key for the same number is one message.")
    ] = None
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When it is sent, such as 2026-11-27T08:00:00+03:00.")
    ] = None
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="When it is too late; it is not sent after it.")
    ] = None

    def read(self) -> dict[str, object]:
        """What was given, by the API's names."""
        names = ("sender", "channel", "text", "template", "language", "params", "purpose", "key", "at", "until")
        given: dict[str, object] = {name: getattr(self, name) for name in names}
        given["plain"] = self.plain or None
        return {name: value for name, value in given.items() if value is not None}


@command(
    app,
    "send",
    "daftari message send 0722000001 --sender DUKA --text 'Your order is ready.' --key order-1204",
    "daftari message send 0722000001 0733000002 --sender DUKA --text 'Hello {{ fname | there }}' --json",
    note="The service or 'daftari worker' must be running. Exit codes: 0 all wait, 1 a number is wrong.",
)
def send_messages(
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Phone numbers.")],
    *,
    what: TextOptions,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """Have the worker send a text to some numbers, and print the ids of the messages.

    Whether a number may be messaged is decided when the message is sent.
    """
    from daftari.rules.messages import create

    if len(numbers) > MESSAGES_PER_CALL_MAX:
        raise fail(f"At most {MESSAGES_PER_CALL_MAX:,} numbers can be named.", code=WRONG_USAGE)
    with where.open_project() as (store, project):
        now = current_time()
        given = create.read_messages(numbers, common=what.read(), region=project.region, now=now)
        outcomes = store.write(project, Actor(None, "message send"), now, create.create_messages, given=given)
    rows = []
    for one in outcomes:
        wrong = " ".join(said for sentences in (one.errors or {}).values() for said in sentences)
        rows.append((one.mobile or numbers[one.index], one.outcome, one.id, wrong or one.warning))
    print_list(SENT_COLUMNS, rows, as_json=as_json)
    invalid = sum(one.outcome == "invalid" for one in outcomes)
    if invalid:
        say(f"{format_count(invalid, 'number')} wrong.")
        raise typer.Exit(FAILED)


@command(
    app,
    "list",
    "daftari message list --mobile 0722000001",
    "daftari message list --state unknown --json",
)
def list_messages(
    *,
    mobile: Annotated[str | None, typer.Option("--mobile", metavar="NUMBER", help="Only those to this number.")] = None,
    state: Annotated[str | None, typer.Option("--state", metavar="STATE", help="Only those in this state.")] = None,
    trigger: Annotated[
        int | None, typer.Option("--trigger", metavar="ID", min=1, help="Only those of this trigger.")
    ] = None,
    after: Annotated[int, typer.Option("--after", metavar="ID", min=0, help="Only those after this one.")] = 0,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", min=1, max=MESSAGES_PER_CALL_MAX, help="List at most N messages."),
    ] = LISTED,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """List messages of calls, campaigns and triggers, the oldest first."""
    from daftari.rules.campaigns.log import refuse_unknown_state
    from daftari.rules.consent.questions import find_mobile
    from daftari.rules.messages import views
    from daftari.rules.numbers import Reference

    refuse_unknown_state(state or "")
    chosen = cast("MessageState | None", state)
    with where.open_project() as (store, project):
        now, number = current_time(), None
        if mobile is not None:
            number, _ = store.read(project, now, find_mobile, reference=Reference(mobile, project.region))
        page = store.read(
            project,
            now,
            views.list_messages,
            mobile=number,
            state=chosen,
            trigger_id=trigger,
            after=after,
            limit=limit,
        )
    if as_json:
        print_json(page.messages)
    else:
        print_list(COLUMNS, [[getattr(one, column) for column in COLUMNS] for one in page.messages], as_json=False)
    if page.following is not None:
        say(f"There may be more: --after {page.following}")
    elif not page.messages:
        say("There are no such messages.")


@command(app, "show", "daftari message show 40")
def show_message(
    message_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="The id of the message.")],
    *,
    where: ProjectOptions,
) -> None:
    """Show a message, its state and what the person wrote after it, as JSON."""
    from daftari.rules.messages.views import get_message

    with where.open_project() as (store, project):
        print_json(store.read(project, current_time(), get_message, message_id=message_id))
