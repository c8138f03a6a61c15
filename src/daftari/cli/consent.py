"""``daftari opt-out`` and ``daftari opt-in``: record what people want, one number or a million.

Good numbers are always recorded; a bad one is named and stops nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from daftari.cli.terminal.numbers import STDIN, NumbersArgument, take_calls
from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    ProjectOption,
    chosen_project,
    examples,
    opened_store,
)
from daftari.cli.terminal.output import FAILED, print_list, say
from daftari.cli.terminal.scope import ChannelOption, PurposeOption, SenderOption
from daftari.model.consent import FactOutcome, Source
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.rules.consent import facts
from daftari.store import Store

COLUMNS = ("mobile", "outcome", "left_groups", "why")
COUNTS = ("recorded", "unchanged", "refused", "invalid")
REFUSED = "This opt-in came in bulk and lifts no opt-out of the person's own; --override with --evidence does."
STILL_BILLED = "There is a paid subscription that is still active."
_ENDS = "Exit codes: 0 done, 1 a number was invalid or refused, 2 wrong usage."

OPT_OUT_EPILOG = examples(
    "daftari opt-out 0722000000 --project Shopify",
    "daftari opt-out 0722000000 0733000000 --channel sms --purpose marketing",
    "daftari opt-out - --source provider --at 2026-11-01T00:00:00Z < stopped.txt",
    note=_ENDS,
)
OPT_IN_EPILOG = examples(
    'daftari opt-in 0722000000 --project Shopify --evidence "asked for it on the telephone"',
    "daftari opt-in - < subscribers.txt",
    'daftari opt-in 0722000000 --source bulk --override --evidence "form 2024-118"',
    note=_ENDS,
)

AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="When it happened, such as 2026-11-01T08:30:00Z. [default: now]"),
]
EvidenceOption = Annotated[
    str | None, typer.Option("--evidence", metavar="TEXT", help="How this is known, for whoever asks later.")
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="SOURCE",
        help=f"Where it comes from: {', '.join(facts.SOURCES)}. [default: console; bulk when numbers come from stdin]",
    ),
]


def record_opt_outs(
    numbers: NumbersArgument,
    project: ProjectOption = None,
    channel: ChannelOption = None,
    sender: SenderOption = None,
    purpose: PurposeOption = None,
    at: AtOption = None,
    evidence: EvidenceOption = None,
    source: SourceOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Record that people want no more messages: of everything, or of a channel, a sender, a purpose."""
    common: dict[str, object] = {"channel": channel, "sender": sender, "purpose": purpose}
    common |= {"at": at, "evidence": evidence, "source": source or _usual_source(numbers)}
    with opened_store(config, database) as store:
        _record(store, chosen_project(store, project), numbers, common, kind="opt_out")


def record_opt_ins(
    numbers: NumbersArgument,
    project: ProjectOption = None,
    channel: ChannelOption = None,
    sender: SenderOption = None,
    purpose: PurposeOption = None,
    at: AtOption = None,
    evidence: EvidenceOption = None,
    source: SourceOption = None,
    override: Annotated[
        bool, typer.Option("--override", help="Lift even the person's own opt-out; needs --evidence.")
    ] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Record that people want messages. It lifts earlier opt-outs that it covers, and restores no group.

    Numbers from stdin are --source bulk: nobody who said STOP is brought back.
    """
    common: dict[str, object] = {"channel": channel, "sender": sender, "purpose": purpose}
    common |= {"at": at, "evidence": evidence, "source": source or _usual_source(numbers), "override": override}
    with opened_store(config, database) as store:
        _record(store, chosen_project(store, project), numbers, common, kind="opt_in")


def _usual_source(numbers: Sequence[str]) -> Source:
    return "bulk" if STDIN in numbers else "console"


def _record(
    store: Store, project: Project, numbers: Sequence[str], common: dict[str, object], *, kind: facts.Kind
) -> None:
    counts: Counter[str] = Counter()
    actor = Actor(None, kind.replace("_", "-"))
    for call in take_calls(numbers):
        now = current_time()
        given = facts.read_facts(call, common=common, kind=kind, region=project.region, now=now)
        outcome = store.write(project, actor, now, facts.record_given, given=given, kind=kind)
        counts.update(outcome.counts)
        rows = [(row.mobile or call[row.index], *_told(row)) for row in outcome.rows]
        print_list(COLUMNS, rows, as_json=False)
    say(f"{project.name}: {', '.join(f'{counts[name]:,} {name}' for name in COUNTS)}.")
    if counts["invalid"] or counts["refused"]:
        raise typer.Exit(FAILED)


def _told(row: FactOutcome) -> tuple[str, str, str]:
    """The outcome of a number, the groups that it left, and what there is to say about it."""
    why = [sentence for sentences in (row.errors or {}).values() for sentence in sentences]
    if row.outcome == "refused":
        why.append(REFUSED)
    if row.still_billed:
        why.append(STILL_BILLED)
    return row.outcome, ", ".join(row.left_groups), " ".join(why)
