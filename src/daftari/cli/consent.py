"""``daftari opt-out`` and ``daftari opt-in``: records what people want. Valid numbers are recorded despite others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

import typer

from daftari.cli.terminal.commands import Options, command, command_group
from daftari.cli.terminal.numbers import STDIN, NumbersArgument, read_batches
from daftari.cli.terminal.options import ProjectOptions
from daftari.cli.terminal.output import FAILED, print_list, say
from daftari.cli.terminal.scope import ScopeOptions
from daftari.model.consent import FactOutcome, GivenSource
from daftari.model.projects import Actor
from daftari.model.time import current_time

COLUMNS = ("mobile", "outcome", "left_groups", "why")
COUNTS = ("recorded", "unchanged", "refused", "invalid")
REFUSED = (
    "it cannot lift the person's own opt-out: give --evidence of 10 characters or more, for a list --override too, "
    "and no narrower scope or earlier time than the opt-out's."
)
STILL_BILLED = "A paid subscription of this number is still active."
_EXIT_CODES = "Exit codes: 0 done, 1 a number was invalid or refused, 2 wrong usage."

app = command_group()


class FactOptions(Options, frozen=True, kw_only=True):
    """When and how a fact became known."""

    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="When it happened, such as 2026-11-01T08:30:00Z. [default: now]"),
    ] = None
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="TEXT", help="How this is known, for later questions.")
    ] = None
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help=f"One of: {', '.join(get_args(GivenSource))}. [default: console; bulk for standard input]",
        ),
    ] = None


@command(
    app,
    "opt-out",
    "daftari opt-out 0722000000 --project Shopify",
    "daftari opt-out 0722000000 0733000000 --channel sms --purpose marketing",
    "daftari opt-out - --source provider --at 2026-11-01T00:00:00Z < stopped.txt",
    note=_EXIT_CODES,
)
def record_opt_outs(numbers: NumbersArgument, *, scope: ScopeOptions, fact: FactOptions, where: ProjectOptions) -> None:
    """Record that people want no more messages.

    Without --channel, --sender and --purpose the opt-out is from all messages.
    """
    _record("opt_out", numbers, scope, fact, where)


@command(
    app,
    "opt-in",
    'daftari opt-in 0722000000 --project Shopify --evidence "asked for it on the telephone"',
    "daftari opt-in - < subscribers.txt",
    'daftari opt-in 0722000000 --source bulk --override --evidence "form 2024-118"',
    note=_EXIT_CODES,
)
def record_opt_ins(
    numbers: NumbersArgument,
    *,
    scope: ScopeOptions,
    fact: FactOptions,
    override: Annotated[
        bool, typer.Option("--override", help="Lift also the person's own opt-out; needs --evidence.")
    ] = False,
    where: ProjectOptions,
) -> None:
    """Record that people want messages.

    Lifts earlier opt-outs within its scope; groups are not joined again. An opt-out that the person sent is lifted only
    with --evidence of 10 characters or more. An opt-in of source bulk, as numbers from standard input are, lifts no
    opt-out of one person without --override.
    """
    _record("opt_in", numbers, scope, fact, where, override=override)


def _record(
    kind: Literal["opt_out", "opt_in"],
    numbers: Sequence[str],
    scope: ScopeOptions,
    fact: FactOptions,
    where: ProjectOptions,
    **more: object,
) -> None:
    from daftari.rules.consent.facts import read_facts, record_given

    source = fact.source or ("bulk" if STDIN in numbers else "console")
    common: dict[str, object] = {"channel": scope.channel, "sender": scope.sender, "purpose": scope.purpose}
    common |= {"at": fact.at, "evidence": fact.evidence, "source": source, **more}
    counts: Counter[str] = Counter()
    actor = Actor(None, kind.replace("_", "-"))
    with where.open_project() as (store, project):
        for batch in read_batches(numbers):
            now = current_time()
            given = read_facts(batch, common=common, kind=kind, writer="console", region=project.region, now=now)
            recorded = store.write(project, actor, now, record_given, given=given, kind=kind)
            counts.update(recorded.counts)
            rows = [(row.mobile or batch[row.index], *_format_outcome(row)) for row in recorded.rows]
            print_list(COLUMNS, rows, as_json=False)
    say(f"{project.name}: {', '.join(f'{counts[name]:,} {name}' for name in COUNTS)}.")
    if counts["invalid"] or counts["refused"]:
        raise typer.Exit(FAILED)


def _format_outcome(row: FactOutcome) -> tuple[str, str, str]:
    """The outcome of a number, the groups that it left, and why."""
    why = [sentence for sentences in (row.errors or {}).values() for sentence in sentences]
    if row.outcome == "refused":
        why.append(REFUSED)
    if row.still_billed:
        why.append(STILL_BILLED)
    return row.outcome, ", ".join(row.left_groups), " ".join(why)
