"""Reads one connection: some pages a step, applied in one transaction with the cursor behind them.

Calls are made outside of any transaction. What records mean, and what follows from a failure, is
``rules/connections``'s. No SQL.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from msgspec.structs import replace
from pyroaring import BitMap64

from daftari.connectors import (
    AsksCarts,
    Caller,
    Connector,
    ConnectorFailed,
    CountsRecords,
    MakesWebhooks,
    Page,
    Record,
    Usage,
)
from daftari.errors import GroupIsMirrored, SealBroken
from daftari.model.carts import LastAnswer, StoredCart
from daftari.model.projects import Project
from daftari.model.secrets import Secret
from daftari.rules.connections import (
    abandoned,
    addresses,
    cart_questions,
    counting,
    former,
    mark_outcomes,
    plan,
    sync,
    walks,
    webhook_upkeep,
)
from daftari.rules.connections import announced as webhook_reading
from daftari.rules.connections.model import Opened, open_connector, read_webhook
from daftari.rules.connections.sync import Claim, Done
from daftari.rules.connections.webhook_events import Announced
from daftari.rules.erasure import foreign
from daftari.store import Store, Tx, WriteTx
from daftari.worker.leases import WORKER
from daftari.worker.work import MayContinue, Provider, Steps

P = ParamSpec("P")
T = TypeVar("T")

RECORDS_PER_STEP = 1_000
"""Records that are read before they are written, but for what one more page has."""
READ_SECONDS = 1.0
"""How long pages are read before what came is written."""
REMOVAL_PAUSE_SECONDS = 5.0
"""How long to wait before a webhook that could not be removed is removed again."""
WAIT_SECONDS = 0.5
"""How often a long wait asks whether to stop."""

log = logging.getLogger("daftari.connections")


class SyncClock:
    """The time, and waits that end when the worker is to stop."""

    def __init__(self, may_continue: MayContinue) -> None:
        self._may_continue = may_continue

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def wait(self, seconds: float) -> None:
        """Wait, at most until the worker is to stop."""
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0 and self._may_continue():
            time.sleep(min(left, WAIT_SECONDS))


class Members(Container[str]):
    """The ids of a list's members. Those that are whole numbers take a few bits each."""

    def __init__(self) -> None:
        self._numbers = BitMap64()
        self._texts: set[str] = set()

    def update(self, ids: Iterable[str]) -> None:
        """Add some."""
        for one in ids:
            if _is_number(one):
                self._numbers.add(int(one))
            else:
                self._texts.add(one)

    def __contains__(self, one: object) -> bool:
        return int(one) in self._numbers if isinstance(one, str) and _is_number(one) else one in self._texts


def _is_number(one: str) -> bool:
    """Whether the number of an id is written as the id is."""
    return one.isascii() and one.isdecimal() and len(one) < 19 and str(int(one)) == one


class Walk:
    """The list that is walked: its members so far, what is still to be read of it, and how far the links are."""

    def __init__(self, source: str, pieces: Iterator[Sequence[str]]) -> None:
        self.source = source
        self.pieces = pieces
        self.members = Members()
        self.leaving: Mapping[int, int] = {}
        self.after = ""


def divide_pages(pages: Sequence[Page], cursor: str) -> Iterator[Sequence[Page]]:
    """The pages to write together. The cursor before a long page stays until the last piece of it."""
    if sum(len(page.records) for page in pages) <= 2 * RECORDS_PER_STEP:
        yield pages
        return
    for page in pages:
        last = max(len(page.records) - 1, 0) // RECORDS_PER_STEP * RECORDS_PER_STEP
        for first in range(0, last, RECORDS_PER_STEP):
            piece = page.records[first : first + RECORDS_PER_STEP]
            piece_page = replace(page, records=piece, cursor=cursor, complete_until=None, seen_until=None)
            yield [replace(piece_page, has_more=True, ends_deleted=False)]
        yield [replace(page, records=page.records[last:])]
        cursor = page.cursor


class SyncWork(Steps):
    """The readings of one connection; a step is about a second of pages."""

    def __init__(
        self,
        store: Store,
        project: Project,
        *,
        subject: str,
        may_continue: MayContinue,
        provider: Provider | None,
        clock: SyncClock | None = None,
    ) -> None:
        assert provider is not None, "a worker that makes no calls takes no job that reads"
        self._store = store
        self._project = project
        self._connection_id = int(subject)
        self._may_continue = may_continue
        self._client = provider.client
        self._databases = provider.databases
        self._public_url = provider.public_url
        self._clock = clock or SyncClock(may_continue)
        self._fence = 0
        self._usage = Usage()
        self._connector: Connector | None = None
        self._made_of: object = None
        self._walk: Walk | None = None
        self._planned = plan.Counted()
        self._asked_last = False
        self._planned_since = 0
        """When the plan was begun whose numbers these are; 0 where none is under way."""

    def step(self) -> bool:
        """Do what is due. Returns whether there is more to do at once."""
        if not self._fence:
            self._fence = self._write(sync.take_over, connection_id=self._connection_id)
        claim = self._write(sync.claim_task, asked_last=self._asked_last, **self._named())
        self._asked_last = claim.task == "ask_carts"
        self.pause_seconds = claim.wait_seconds
        if claim.task == "nothing" or claim.opened is None:
            return claim.wait_seconds > 0.0
        if claim.task == "remove":
            return self._remove(claim.opened)
        if claim.task == "erase":
            looked = self._store.read(
                self._project, self._now(), foreign.look_at_due, connection_id=self._connection_id
            )
            return self._done(self._write(foreign.erase_due, looked=looked, **self._named()))
        if claim.task == "ask_marks":
            return self._done(self._write(mark_outcomes.ask_links, **self._named()))
        try:
            if claim.task == "idle_carts":
                return self._write(abandoned.take_idle_carts, **self._named())
            connector = self._open(claim.opened)
            return self._read(claim, claim.opened, connector)
        except SealBroken:
            return self._fail(claim, ConnectorFailed("broken", "unsealed", UNSEALED))
        except GroupIsMirrored as taken:
            # One of its groups was deleted, and another connection has the name by now.
            return self._fail(claim, ConnectorFailed("broken", "group_mirrored", taken.message))
        except ConnectorFailed as failure:
            return self._fail(claim, failure)

    def _read(self, claim: Claim, opened: Opened, connector: Connector) -> bool:
        if claim.task == "plan":
            return self._plan(opened, connector)
        if claim.task == "write_back":
            return self._write_back(claim, connector)
        if claim.task == "ask_carts":
            return self._ask_carts(claim, connector)
        if claim.task == "verify":
            return self._done(self._write(sync.take_account, account=connector.check(), **self._named()))
        if claim.task == "webhook":
            return self._look_after_webhook(opened, connector)
        if claim.task == "announced":
            assert claim.announced is not None, "the task is about events"
            return self._read_announced(claim.announced, opened, connector)
        if claim.task == "ask":
            records = connector.read_records(claim.ids)
            return self._done(self._write(sync.take_records, ids=claim.ids, records=records, **self._as_read(opened)))
        if claim.task == "poll":
            pages = self._read_pages(connector, opened.stored.cursor)
            return self._take(sync.take_pages, opened, pages, opened.stored.cursor)
        if claim.task == "groups":
            found = connector.list_groups()
            return self._done(self._write(walks.note_groups, found=found, **self._named()))
        if claim.task == "walk":
            return self._walk_list(connector, claim.ids[0])
        if claim.task == "count":
            return self._count(opened, connector)
        if claim.task == "leave":
            return self._leave_group(opened, claim.group_id)
        comparison = opened.progress.comparison
        assert comparison is not None, "a comparison is under way"
        if comparison.stage == "asking":
            named = {"connection_id": self._connection_id, "number": comparison.number}
            count = 0 if comparison.after else self._look(sync.count_missing, **named)
            return self._done(self._write(sync.ask_missing, count=count, **self._named()))
        pages = self._read_pages(connector, comparison.cursor, until_complete=True)
        return self._take(sync.compare_pages, opened, pages, comparison.cursor)

    def _take(self, take: Callable[..., Done], opened: Opened, pages: Sequence[Page], cursor: str) -> bool:
        """Write pages that were read from a cursor on; long ones in pieces, so that others write between them."""
        done = Done(False)
        for some in divide_pages(pages, cursor):
            done = self._write(take, pages=some, **self._as_read(opened))
            if not done.has_more:
                break
        return done.has_more

    def _read_announced(self, announced: Announced, opened: Opened, connector: Connector) -> bool:
        """Read the records that events name. What was read before a failure is not lost: it is written first."""
        if opened.definition.push_only:
            return self._done(self._write(webhook_reading.take_pushed, announced=announced, **self._named()))
        asked: list[str] = []
        records: list[Record] = []
        ids, ends_at = announced.ids, time.monotonic() + READ_SECONDS
        for start in range(0, len(ids), connector.facts.records_max):
            some = ids[start : start + connector.facts.records_max]
            try:
                records += connector.read_records(some)
            except ConnectorFailed:
                if not asked:
                    raise
                break
            asked += some
            if time.monotonic() >= ends_at or not self._may_continue():
                break
        return self._done(
            self._write(
                webhook_reading.take_announced,
                announced=announced,
                asked=asked,
                records=records,
                **self._as_read(opened),
            )
        )

    def _look_after_webhook(self, opened: Opened, connector: Connector) -> bool:
        """Have the system call this service, where it takes such an order. A failure of this stops no reading."""
        if not isinstance(connector, MakesWebhooks):
            addresses.ensure_addresses(self._store, self._project, now=self._now())
            return self._done(self._write(webhook_upkeep.note_webhook, made=False, usage=self._usage, **self._named()))
        if self._public_url is None:
            return self._done(self._write(webhook_upkeep.note_no_address, **self._named()))
        addresses.ensure_addresses(self._store, self._project, now=self._now())
        try:
            url, secret = self._find_webhook(opened)
            made = connector.require_webhook(url, secret=secret)
        except ConnectorFailed as failure:
            return self._done(
                self._write(webhook_upkeep.note_failure, failure=failure, usage=self._usage, **self._named())
            )
        return self._done(self._write(webhook_upkeep.note_webhook, made=made, usage=self._usage, **self._named()))

    def _find_webhook(self, opened: Opened) -> tuple[str, Secret]:
        """The address that the system is to call, and what it is to prove its calls by."""
        secrets = self._store.read(self._project, self._now(), read_webhook, opened.stored)
        if secrets is None:
            raise ConnectorFailed("broken", "no_address", NO_ADDRESS)
        url = addresses.write_webhook_url(opened.id, secrets.token, public_url=self._public_url or "")
        return url, next(iter(secrets.secrets), Secret(""))

    def _remove(self, opened: Opened) -> bool:
        """Remove the webhook there, then some links here."""
        if not opened.progress.webhook.looked_at:
            return self._write(sync.remove_some, **self._named()).has_more
        addresses.ensure_addresses(self._store, self._project, now=self._now())
        is_removed = not opened.progress.webhook.made_at
        try:
            connector = self._open(opened)
            if isinstance(connector, MakesWebhooks) and not is_removed:
                connector.remove_webhook(self._find_webhook(opened)[0])
            is_removed = True
        except (ConnectorFailed, SealBroken) as failure:
            name = opened.stored.name
            log.warning("the webhook of the removed connection %r could not be removed: %s", name, failure.message)
            self._close()
        if not self._write(webhook_upkeep.forget_webhook, removed=is_removed, **self._named()):
            self.pause_seconds = REMOVAL_PAUSE_SECONDS
        return True

    def _write_back(self, claim: Claim, connector: Connector) -> bool:
        """Write some marks. A worker that is killed before their outcomes are written does it again."""
        marks = claim.marks
        if not marks.marks:
            return marks.has_more
        outcomes = connector.write_back(marks.marks, now=self._now())
        return self._done(
            self._write(mark_outcomes.take_outcomes, marks=marks, outcomes=outcomes, usage=self._usage, **self._named())
        )

    def _ask_carts(self, claim: Claim, connector: Connector) -> bool:
        """Ask the shop about carts for which messages wait. What it answered before a failure is written first."""
        assert isinstance(connector, AsksCarts), "its kind has carts"
        answers: list[cart_questions.Answered] = []
        ends_at, failures, stopped = time.monotonic() + READ_SECONDS, 0, None
        for place, cart in enumerate(claim.carts):
            asked_at, said = self._now(), cart_questions.UNREACHABLE
            try:
                said = self._ask_cart(connector, cart)
            except ConnectorFailed as failed:
                if failed.kind != "again":
                    stopped = failed
                    break
                failures += 1
            answers.append(cart_questions.Answered(cart.key, asked_at, said))
            if failures > 1:
                # It is not this cart alone.
                rest = claim.carts[place + 1 :]
                answers += [cart_questions.Answered(one.key, asked_at, said) for one in rest]
                break
            if time.monotonic() >= ends_at or not self._may_continue():
                break
        is_ours = self._write(cart_questions.take_answers, answers=answers, usage=self._usage, **self._named())
        if stopped is not None:
            raise stopped
        return is_ours

    def _ask_cart(self, connector: AsksCarts, cart: StoredCart) -> LastAnswer:
        """What the shop answers about a cart, which counts as bought as well when another one of its number was."""
        question, *others = self._look(cart_questions.write_questions, cart=cart)
        said = connector.ask_cart(question).outcome
        if said == "open" and any(connector.ask_cart(other).outcome == "bought" for other in others):
            return "bought"
        return said

    def _count(self, opened: Opened, connector: Connector) -> bool:
        """Count the records there. What is refused stops no reading: the next count may be given."""
        assert isinstance(connector, CountsRecords), "its facts say that it counts"
        count: int | None = None
        try:
            seen_until = max(opened.stored.complete_until, opened.progress.seen_until)
            count = connector.count_records(made_before=seen_until)
        except ConnectorFailed as failure:
            if failure.kind != "again":
                raise
        return self._done(self._write(counting.take_count, count=count, usage=self._usage, **self._named()))

    def _leave_group(self, opened: Opened, group_id: int) -> bool:
        """Have some members leave who were in a group before it was in step."""
        leaving = 0
        if not opened.progress.former[str(group_id)]:
            leaving = self._look(former.count_former, connection_id=self._connection_id, group_id=group_id)
        return self._done(self._write(former.leave_former, group_id=group_id, leaving=leaving, **self._named()))

    def _walk_list(self, connector: Connector, source: str) -> bool:
        """Read some members of a list; when all are known, have some numbers join or leave."""
        if self._walk is None or self._walk.source != source:
            self._walk = Walk(source, iter(connector.list_ids(group=source)))
        walk = self._walk
        ends_at = time.monotonic() + READ_SECONDS
        for piece in walk.pieces:
            walk.members.update(piece)
            if time.monotonic() >= ends_at or not self._may_continue():
                return True
        named = {"connection_id": self._connection_id}
        if not walk.after:
            walk.leaving = self._look(walks.count_leaving, source=source, members=walk.members, **named)
        walked = self._write(
            walks.walk_links,
            source=source,
            members=walk.members,
            leaving=walk.leaving,
            after=walk.after,
            **self._named(),
        )
        walk.after = walked.after
        if not walked.has_more:
            self._walk = None
        return True

    def _plan(self, opened: Opened, connector: Connector) -> bool:
        assert opened.progress.plan is not None, "a plan is under way"
        if self._planned_since != opened.progress.plan.started_at:
            self._planned.clear()
            self._planned_since = opened.progress.plan.started_at
            return self._write(plan.begin_plan, **self._named())
        pages = self._read_pages(connector, opened.progress.plan.cursor, until_complete=True)
        counted = self._look(plan.foresee_pages, pages=pages, seen=self._planned, **self._named())
        return counted is not None and self._write(plan.take_counts, counted=counted, **self._named())

    def _read_pages(self, connector: Connector, cursor: str, *, until_complete: bool = False) -> list[Page]:
        """Some pages that follow one another. What was read before a failure is not lost: it is written first."""
        pages: list[Page] = []
        count, ends_at = 0, time.monotonic() + READ_SECONDS
        while True:
            try:
                page = connector.read_changes(cursor, now=self._now())
            except ConnectorFailed:
                if not pages:
                    raise
                return pages
            pages.append(page)
            cursor, count = page.cursor, count + len(page.records)
            is_over = not page.has_more or (until_complete and page.complete_until is not None)
            if is_over or count >= RECORDS_PER_STEP or time.monotonic() >= ends_at or not self._may_continue():
                return pages

    def _open(self, opened: Opened) -> Connector:
        """The connector, made again when the connection was changed."""
        made_of = (opened.definition, opened.stored.credentials, opened.stored.account, opened.progress.time_zone)
        if self._connector is None or self._made_of != made_of:
            self._close()
            progress = opened.progress
            self._usage = Usage(progress.day, progress.used, progress.allowed)
            caller = Caller(self._client.send, self._clock, usage=self._usage)
            self._connector = self._look(open_connector, opened=opened, caller=caller, databases=self._databases)
            self._made_of = made_of
        return self._connector

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._connector is not None:
            self._connector.close()
            self._connector = None

    def _fail(self, claim: Claim, failure: ConnectorFailed) -> bool:
        self._close()
        self._walk = None
        if failure.kind == "broken":
            name = claim.opened.stored.name if claim.opened is not None else ""
            log.warning("the connection %r of project %r stopped: %s", name, self._project.name, failure.message)
        if claim.task == "plan":
            self._planned_since = 0
            self._write(plan.fail_plan, failure=failure, **self._named())
            return False
        if claim.task == "ask_carts":
            self._write(cart_questions.fail_questions, asked=claim.carts, failure=failure, **self._named())
            if failure.kind == "again":
                # Whether it can be read is found by its readings.
                return True
        if claim.announced is not None:
            failed = webhook_reading.fail_announced
            return self._done(
                self._write(failed, announced=claim.announced, failure=failure, usage=self._usage, **self._named())
            )
        if claim.task == "write_back":
            return self._done(
                self._write(mark_outcomes.fail_marks, failure=failure, usage=self._usage, **self._named())
            )
        return self._done(self._write(sync.take_failure, failure=failure, usage=self._usage, **self._named()))

    def _done(self, done: Done) -> bool:
        self.pause_seconds = done.wait_seconds
        return done.has_more

    def _named(self) -> dict[str, int]:
        return {"connection_id": self._connection_id, "fence": self._fence}

    def _as_read(self, opened: Opened) -> dict[str, Any]:
        """What goes with records: who read them, and as what connection."""
        return {**self._named(), "usage": self._usage, "read_as": opened.definition}

    def _now(self) -> int:
        return int(self._clock.now() * 1_000_000)

    def _look(self, rule: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._store.read(self._project, self._now(), rule, *args, **kwargs)

    def _write(self, rule: Callable[Concatenate[WriteTx, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._store.write(self._project, WORKER, self._now(), rule, *args, **kwargs)


NO_ADDRESS = "The connection was made before its system could announce changes: make it again."
UNSEALED = (
    "Its credentials cannot be read: they were sealed with another secret than that of DAFTARI_SECRET or its file. "
    "Give the right one, or give the credentials again."
)
