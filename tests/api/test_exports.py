"""Exports: a book or group as a file, from one snapshot, made by the worker and fetched with any key that may read."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.files import Layout, make_safe, open_writer, read_layout, read_records
from daftari.model.consent import Fact, NewFact, Scope
from daftari.model.jobs import JobKind
from daftari.model.limits import EXPORTS_MAX
from daftari.model.projects import Actor
from daftari.rules.access.projects import delete_project
from daftari.rules.consent.ledger import record_facts
from daftari.rules.consent.state import derive_state
from daftari.rules.exports import lifecycle
from daftari.rules.exports import rows as export_rows
from daftari.rules.exports.lifecycle import BROKEN, TRIES_MAX
from daftari.rules.exports.snapshot import Counted
from daftari.rules.exports.write import write_export
from daftari.rules.fields import read_time
from daftari.store import Store, Tx
from daftari.store.jobs import finish_job, is_job_due, release_job, renew_job, request_job, take_job
from daftari.worker import exports as making
from daftari.worker import run_worker
from tests.conftest import People
from tests.rules.test_consent_rule import histories
from tests.support.builders import create, mobile, opt_out, refusal, rows, rows_of, wrong_fields
from tests.support.clients import Answer, Client
from tests.support.schema import end_leases
from tests.support.stores import NOW
from tests.support.waiting import wait_for

EXPORTS = "/v1/exports"
NOT_FOUND = (404, "EXPORT_NOT_FOUND")
CELLS = ("", '"', ",", "a\rb", "a\nb", "=1", "'=1", "\r=", "-", " ", "a;b")
HOUR_MICROSECONDS = 3_600_000_000
WORKER = Actor(None, "worker")


def ask(client: Client, **asked: object) -> dict[str, Any]:
    """An export that is asked for."""
    answer = client.post(EXPORTS, asked)
    assert answer.status == 202, answer.body
    export: dict[str, Any] = answer.json()["export"]
    return export


def show(client: Client, export: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"{EXPORTS}/{export['id']}")
    assert answer.status == 200, answer.body
    shown: dict[str, Any] = answer.json()["export"]
    return shown


def fetch(client: Client, export: dict[str, Any]) -> Answer:
    return client.get(f"{EXPORTS}/{export['id']}/file")


def work(store: Store) -> None:
    """A worker works until there is nothing to do."""
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)


def after_reading(may_continue: Callable[[], bool]) -> Callable[[], bool]:
    """May read, which it asks once for a few rows; ``may_continue`` says whether it may keep parts."""
    reads = iter([True])
    return lambda: next(reads, False) or may_continue()


def now() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def export(ana: Client, store: Store) -> Callable[..., Answer]:
    """What Ana gets when she exports."""

    def export(**asked: object) -> Answer:
        asked_for = ask(ana, **asked)
        work(store)
        answer = fetch(ana, asked_for)
        assert answer.status == 200, answer.body
        return answer

    return export


def table(answer: Answer) -> list[dict[str, str]]:
    """The rows of a CSV, without what is blank."""
    text = answer.body.decode()
    assert text.endswith("\r\n")
    read = csv.DictReader(io.StringIO(text, newline=""))
    return [{name: cell for name, cell in row.items() if cell} for row in read]


def lines(answer: Answer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.body.splitlines()]


# ---- what stands in it --------------------------------------------------------------------------------


def test_a_table_has_the_contacts_in_order_with_all_their_groups(ana: Client, export: Callable[..., Answer]) -> None:
    wanjiru = {"fname": "Wanjiru", "lname": "Kamau", "email": "w@example.com", "city": "Thika", "company": "Duka, Ltd"}
    create(ana, {"mobile": mobile(1), **wanjiru, "attributes": {"tier": "gold", "points": 3}}, group="VIP")
    create(ana, {"mobile": mobile(2)}, {"mobile": mobile(1)}, group="Nairobi")
    create(ana, {"mobile": mobile(3)})
    answer = export()
    header = answer.body.decode().splitlines()[0]
    assert header == "id,fname,mname,lname,mobile,email,city,company,created_at,groups,attributes"
    first, second, third = table(answer)
    assert first.pop("created_at").endswith("Z")
    assert first == {
        "id": "1", "mobile": mobile(1), **wanjiru, "groups": "VIP; Nairobi",
        "attributes": '{"tier":"gold","points":3}',
    }  # fmt: skip
    assert (second["groups"], third.get("groups")) == ("Nairobi", None)


def test_ndjson_has_the_cards_as_they_are_served(ana: Client, export: Callable[..., Answer]) -> None:
    create(ana, {"mobile": mobile(1), "fname": 'Ö "Ö"', "attributes": {"a": 1.0}}, group="VIP")
    create(ana, *rows(2, first=2))
    answer = export(format="ndjson")
    served = ana.get("/v1/contacts", query={"include": "groups"}).body
    assert answer.headers["content-type"] == "application/x-ndjson"
    for line in answer.body.splitlines():
        assert line.replace(b"}", b',"groups":[]}') in served or line in served
    assert [line.get("groups") for line in lines(answer)] == [["VIP"], None, None]


def test_an_empty_book_is_a_header_or_nothing(export: Callable[..., Answer]) -> None:
    assert table(export()) == []
    assert export(format="ndjson").body == b""


def test_groups_whose_names_would_be_ambiguous_are_json(ana: Client, export: Callable[..., Answer]) -> None:
    for group in ("a; b", "c"):
        create(ana, {"mobile": mobile(1)}, group=group)
    create(ana, {"mobile": mobile(2)}, group="[d]")
    create(ana, {"mobile": mobile(3)}, group="e, f")
    assert [row["groups"] for row in table(export())] == ['["a; b","c"]', '["[d]"]', "e, f"]


def test_names_of_every_script_and_cells_like_formulas_come_back_as_they_were(
    ana: Client, export: Callable[..., Answer], tmp_path: Path
) -> None:
    written = ["=1+1", "+254", "-x", "@me", "'=quoted", "عائشة", 'says "hi", twice\nand again', "Ω≈ç"]
    create(ana, *({"mobile": mobile(place), "fname": name} for place, name in enumerate(written)), group="🎉 VIP 🚀")
    for format in ("csv", "xlsx"):
        answer = export(format=format)
        if format == "csv":
            assert b",'=1+1," in answer.body, "no spreadsheet may run it"
        file = tmp_path / f"book.{format}"
        file.write_bytes(answer.body)
        layout = read_layout(str(file), name=file.name, media_type=None)
        records = [record for batch in read_records(str(file), layout=layout) for record in batch]
        found = [dict(zip(layout.columns, record.values or (), strict=True)) for record in records]
        assert [row["fname"] for row in found] == written
        assert {row["groups"] for row in found} == {"🎉 VIP 🚀"}
        assert [str(row["mobile"]) for row in found] == [mobile(place) for place in range(len(written))]


def test_an_address_book_has_a_card_a_contact(ana: Client, export: Callable[..., Answer]) -> None:
    create(ana, {"mobile": mobile(1), "fname": "Wanjiru", "lname": "Kamau; Jr"}, group="VIP, gold")
    answer = export(format="vcard")
    assert answer.headers["content-disposition"].endswith('.vcf"')
    text = answer.body.decode()
    assert text.count("BEGIN:VCARD") == text.count("END:VCARD") == 1
    assert f"tel:+{mobile(1)}" in text
    assert "Kamau\\; Jr" in text and "VIP\\, gold" in text


def test_a_groups_export_has_its_members_and_all_their_groups(ana: Client, export: Callable[..., Answer]) -> None:
    create(ana, *rows(4), group="Old")
    create(ana, *rows(2, first=2), group="VIP")
    assert [(row["id"], row["groups"]) for row in table(export(group="vip"))] == [("2", "Old; VIP"), ("3", "Old; VIP")]
    assert ana.delete("/v1/groups/Old").status == 200
    assert [row.get("groups") for row in table(export())] == [None, "VIP", "VIP", None], "deleted ones are not named"


def test_all_turns_together_have_every_contact_once(
    ana: Client, export: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ana, *rows(7), group="One")
    create(ana, *rows(3, first=5), group="Two")
    monkeypatch.setattr("daftari.rules.exports.snapshot.CONTACTS_PER_STEP", 2)
    monkeypatch.setattr("daftari.store.exports.MEMBERSHIPS_PER_STEP", 2)
    wanted = [(str(number), "One; Two" if number > 4 else "One") for number in range(1, 8)]
    assert [(row["id"], row["groups"]) for row in table(export())] == wanted
    assert [(row["id"], row["groups"]) for row in table(export(group="Two"))] == wanted[4:]


@given(
    table=st.lists(st.lists(st.one_of(st.none(), st.text(), st.sampled_from(CELLS), st.integers()), min_size=1)),
    delimiter=st.sampled_from(",;\t|"),
)
def test_the_quick_way_of_writing_a_table_writes_what_csv_does(table: list[list[Any]], delimiter: str) -> None:
    safe = [[make_safe(cell) if isinstance(cell, str) else cell for cell in row] for row in table]
    wanted, written = io.StringIO(newline=""), io.BytesIO()
    csv.writer(wanted, delimiter=delimiter).writerows([["a"], *safe])
    writer = open_writer(written, layout=Layout("csv", ("a",), delimiter=delimiter))
    writer.write(table)
    writer.close()
    assert written.getvalue() == wanted.getvalue().encode(errors="replace")


# ---- consent --------------------------------------------------------------------------------------------


def test_consent_goes_with_the_contact_and_that_of_other_numbers_comes_last(
    ana: Client, export: Callable[..., Answer]
) -> None:
    create(ana, *rows(3))
    opt_out(ana, mobile(1), channel="sms", sender="DUKA", purpose="marketing", at="2024-03-21T07:06:37Z")
    opt_out(ana, mobile(2))
    opt_out(ana, mobile(9), source="form", evidence={"note": "by post"})
    assert ana.delete(f"/v1/contacts/{mobile(3)}").status == 200
    found = [
        (row.get("id"), row["mobile"], json.loads(row["consent"]) if "consent" in row else None)
        for row in table(export(consent=True))
    ]
    assert [(number, called) for number, called, _ in found] == [
        ("1", mobile(1)), ("2", mobile(2)), (None, mobile(3)), (None, mobile(9)),
    ]  # fmt: skip
    at = "2024-03-21T07:06:37.000000Z"
    scope = {"channel": "sms", "sender": "DUKA", "purpose": "marketing"}
    assert found[0][2] == [{"kind": "opt_out", **scope, "at": at, "source": "api", "single": True}]
    assert [set(fact) for fact in found[1][2]] == [{"kind", "at", "source", "single"}]
    assert [fact["source"] for fact in found[2][2]] == ["delete"]
    assert [fact["evidence"] for fact in found[3][2]] == [{"note": "by post"}]
    named = lines(export(consent=True, format="ndjson"))
    assert [line["consent"] for line in named] == [said for _, _, said in found]


def test_without_asking_no_consent_and_in_a_group_no_other_numbers(ana: Client, export: Callable[..., Answer]) -> None:
    create(ana, *rows(2), group="VIP")
    opt_out(ana, mobile(2), channel="sms")
    opt_out(ana, mobile(9))
    assert [list(line)[-1] for line in lines(export(format="ndjson"))] == ["groups", "groups"]
    of_group = lines(export(format="ndjson", group="VIP", consent=True))
    assert [(line["id"], "consent" in line) for line in of_group] == [(1, False), (2, True)]


def test_erased_numbers_are_left_out_until_they_are_created_again(ana: Client, export: Callable[..., Answer]) -> None:
    create(ana, *rows(2))
    assert ana.post("/v1/erasures", {"mobile": mobile(1)}).status == 201
    assert [row["mobile"] for row in table(export(consent=True))] == [mobile(2)]
    create(ana, *rows(1))
    (back,) = (row for row in table(export(consent=True)) if row["mobile"] == mobile(1))
    assert [(fact["kind"], fact["source"]) for fact in json.loads(back["consent"])] == [("opt_out", "erasure")]


def test_who_left_a_group_stays_away_from_it_under_both_of_its_names(
    ana: Client, people: People, store: Store, export: Callable[..., Answer]
) -> None:
    create(ana, *rows(1), group="Old name")
    given = NewFact(0, int(mobile(1)), "left_group", Scope(), now(), "inbound", keyword="old name", group_id=1)
    store.write(people.shopify, WORKER, now(), record_facts, facts=[given])
    assert ana.put("/v1/groups/Old%20name", {"name": "New Name"}).status == 200
    (row,) = table(export(consent=True))
    assert [fact["keyword"] for fact in json.loads(row["consent"])] == ["old name", "new name"]


@given(facts=histories, taken_back=st.sets(st.integers(0, 8)))
def test_the_facts_of_an_export_lead_to_the_same_state(facts: list[Fact], taken_back: set[int]) -> None:
    ids = [fact.id for place, fact in enumerate(facts) if place in taken_back]
    retractions = [Fact(100 + one, "retraction", Scope(), 1, 1, "console", retracts=one) for one in ids]
    listed = [*facts, *retractions]
    written = export_rows.write_facts(listed, group_names={})
    read = msgspec.json.decode(written or "[]", type=list[export_rows.WrittenFact])
    again = [
        Fact(
            id=number,
            kind=fact.kind,
            scope=Scope(fact.channel, fact.sender, fact.purpose),
            at=read_time(fact.at, now=None) or 0,
            recorded_at=0,
            source=fact.source,
            keyword=fact.keyword,
            override=fact.override,
        )
        for number, fact in enumerate(read)
    ]
    before, after = derive_state(listed), derive_state(again)
    assert (after.cells, after.subscribed) == (before.cells, before.subscribed)
    assert {name for _, name in after.left} == {name for _, name in before.left}


# ---- the calls ------------------------------------------------------------------------------------------


def test_an_export_is_queued_made_and_fetched(ana: Client, ben: Client, store: Store) -> None:
    create(ana, *rows(3))
    asked = ask(ana)
    assert (asked["state"], asked["format"], asked["group"], asked["consent"]) == ("queued", "csv", None, False)
    assert refusal(fetch(ana, asked)) == (409, "EXPORT_NOT_READY")
    assert fetch(ana, asked).headers["retry-after"] == "2"
    work(store)
    shown = show(ana, asked)
    answer = fetch(ben, asked)
    assert (shown["state"], shown["rows"], shown["bytes"]) == ("done", 3, len(answer.body))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="shopify-{shown["created_at"][:10]}.csv"'
    assert ana.call("HEAD", f"{EXPORTS}/{asked['id']}/file").headers["content-length"] == str(len(answer.body))


def test_a_key_that_may_only_read_fetches_and_does_not_ask_or_delete(ana: Client, ben: Client) -> None:
    asked = ask(ana)
    assert refusal(ben.post(EXPORTS, {})) == (403, "READ_ONLY_KEY")
    assert refusal(ben.delete(f"{EXPORTS}/{asked['id']}")) == (403, "READ_ONLY_KEY")
    assert show(ben, asked) == asked


def test_what_cannot_be_exported_is_refused(ana: Client) -> None:
    assert wrong_fields(ana.post(EXPORTS, {"group": "Nobody"})) == ["group"]
    assert wrong_fields(ana.post(EXPORTS, {"format": "pdf", "consent": "perhaps"})) == ["format", "consent"]
    assert wrong_fields(ana.post(EXPORTS, {"format": "vcard", "consent": True})) == ["consent"]
    for path in ("4711", "x", "9" * 30):
        for call in (f"{EXPORTS}/{path}", f"{EXPORTS}/{path}/file"):
            assert refusal(ana.get(call)) == NOT_FOUND
        assert refusal(ana.delete(f"{EXPORTS}/{path}")) == NOT_FOUND


def test_exports_are_listed_and_no_more_than_so_many_are_kept(ana: Client) -> None:
    made = [ask(ana)["id"] for _ in range(EXPORTS_MAX)]
    assert refusal(ana.post(EXPORTS, {})) == (409, "EXPORTS_FULL")
    first = ana.get(EXPORTS, query={"limit": 15}).json()
    rest = ana.get(EXPORTS, query={"limit": 15, "after": first["next"]}).json()
    assert [export["id"] for export in [*first["exports"], *rest["exports"]]] == made
    assert rest["next"] is None
    assert ana.delete(f"{EXPORTS}/{made[0]}").status == 200
    assert ask(ana)["id"] > made[-1]


def test_a_write_is_in_the_journal_without_ids(ana: Client, database: str) -> None:
    ana.delete(f"{EXPORTS}/{ask(ana)['id']}")
    assert rows_of(database, "SELECT action, contacts FROM journal ORDER BY seq") == [
        ("export", ""), ("delete_export", ""),
    ]  # fmt: skip


# ---- the worker -----------------------------------------------------------------------------------------


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in parts of 100 bytes, two a turn, so that a few contacts are many turns."""
    for name, value in (("PART_BYTES", 100), ("PARTS_PER_STEP", 2)):
        monkeypatch.setattr(making, name, value)
    monkeypatch.setattr("daftari.store.exports.PARTS_PER_STEP", 2)


def parts(database: str) -> int:
    return int(rows_of(database, "SELECT COUNT(*) FROM file_part")[0][0])


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("turns", [0, 1, 3])
def test_killed_anywhere_an_export_starts_again_and_is_whole(
    ana: Client, people: People, store: Store, database: str, turns: int
) -> None:
    create(ana, *rows(20))
    asked = ask(ana)
    store.system_write(now(), request_job, project_id=people.shopify.id, kind=JobKind.EXPORT)
    assert store.system_write(now(), take_job, owner="killed") is not None
    end_leases(database)
    going = iter([True] * turns)

    class Killed(BaseException):
        pass

    def may_continue() -> bool:
        if not next(going, False):
            raise Killed
        return True

    with pytest.raises(Killed):
        making.ExportWork(store, people.shopify, may_continue=after_reading(may_continue)).step()
    assert (show(ana, asked)["state"], parts(database)) == ("running", 2 * turns)
    create(ana, *rows(5, first=21))
    work(store)
    assert (show(ana, asked)["state"], len(table(fetch(ana, asked)))) == ("done", 25)
    assert parts(database) == -(-show(ana, asked)["bytes"] // 100)
    assert rows_of(database, "SELECT COUNT(*) FROM job") == [(0,)]


@pytest.mark.usefixtures("small_parts")
def test_an_export_that_kills_its_worker_fails_in_the_end_and_those_after_it_are_made(
    ana: Client, people: People, store: Store
) -> None:
    create(ana, *rows(20))
    killing, other = ask(ana), ask(ana, format="ndjson")

    class Killed(BaseException):
        pass

    def die() -> bool:
        raise Killed

    def erase_and_die() -> bool:
        assert ana.post("/v1/erasures", {"mobile": mobile(90)}).status == 201
        raise Killed

    for may_continue in (*TRIES_MAX * [erase_and_die], *TRIES_MAX * [die]):
        with pytest.raises(Killed):
            making.ExportWork(store, people.shopify, may_continue=after_reading(may_continue)).step()
    work(store)
    assert (show(ana, killing)["state"], show(ana, killing)["error"]) == ("failed", BROKEN)
    assert refusal(fetch(ana, killing)) == (409, "EXPORT_FAILED")
    assert show(ana, other)["state"] == "done"


@pytest.mark.usefixtures("small_parts")
def test_a_worker_that_was_overtaken_keeps_nothing_more(
    ana: Client, people: People, store: Store, database: str
) -> None:
    create(ana, *rows(20))
    asked = ask(ana)
    seen: list[int] = []
    others = iter([True])

    def may_continue() -> bool:
        if not seen:
            # Another one starts again meanwhile, and keeps one turn of parts.
            making.ExportWork(store, people.shopify, may_continue=after_reading(lambda: next(others, False))).step()
        seen.append(parts(database))
        return True

    making.ExportWork(store, people.shopify, may_continue=after_reading(may_continue)).step()
    assert seen == [2], "the first one stops at once"
    assert (show(ana, asked)["state"], parts(database)) == ("running", 2)
    work(store)
    assert len(table(fetch(ana, asked))) == 20


def test_what_is_asked_for_while_a_worker_finishes_is_not_lost(ana: Client, store: Store) -> None:
    ask(ana)
    job = store.system_write(now(), take_job, owner="me")
    assert job is not None
    ask(ana)
    assert store.system_write(now(), renew_job, job=job), "no other worker takes it away"
    assert not store.system_read(now(), is_job_due)
    assert not store.system_write(NOW, finish_job, job=job), "there is more to do"
    store.system_write(NOW, release_job, job=job)
    assert store.system_read(now(), is_job_due)


def test_a_worker_that_stops_while_it_reads_gives_the_job_back(
    ana: Client, store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ana, *rows(3))
    asked = ask(ana)
    reads = threading.Event()

    def read_without_end(tx: Tx, *, watch: Callable[[int], None], **values: object) -> None:
        reads.set()
        while True:
            watch(0)

    with monkeypatch.context() as patch:
        patch.setattr(making, "write_export", read_without_end)
        run_worker(reads.wait, store=store)
    assert rows_of(database, "SELECT lease_owner FROM job WHERE kind = 'export'") == [(None,)]
    work(store)
    assert len(table(fetch(ana, asked))) == 3


def test_the_lease_is_renewed_while_a_long_snapshot_is_read(
    ana: Client, store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ana, *rows(3))
    asked = ask(ana)
    monkeypatch.setattr("daftari.worker.loop.RENEWAL_SECONDS", 0.0)
    monkeypatch.setattr("daftari.worker.loop.IDLE_SECONDS", 0.01)
    leases: set[object] = set()

    def read_slowly(tx: Tx, **values: Any) -> Counted:
        wait_for(lambda: len(leases) >= 4)
        return write_export(tx, **values)

    def look(pause_seconds: float) -> bool:
        leases.update(rows_of(database, "SELECT lease_until FROM job WHERE lease_until IS NOT NULL"))
        return pause_seconds > 0

    monkeypatch.setattr(making, "write_export", read_slowly)
    run_worker(look, store=store)
    assert len(table(fetch(ana, asked))) == 3


def test_another_export_asked_for_meanwhile_disturbs_no_other_and_is_made_too(
    ana: Client, people: People, store: Store, database: str
) -> None:
    create(ana, *rows(3))
    first = ask(ana)
    later: list[dict[str, Any]] = []

    def look(pause_seconds: float) -> bool:
        if not later and rows_of(database, "SELECT 1 FROM job WHERE lease_owner IS NOT NULL"):
            later.append(ask(ana, format="ndjson"))
            assert rows_of(database, "SELECT 1 FROM job WHERE lease_owner IS NOT NULL"), "the lease is still held"
        return pause_seconds > 0

    run_worker(look, store=store)
    assert [show(ana, export)["state"] for export in (first, *later)] == ["done", "done"]
    assert rows_of(database, "SELECT attempts FROM export ORDER BY id") == [(1,), (1,)]


def test_no_snapshot_is_open_while_the_file_is_kept(ana: Client, people: People, store: Store) -> None:
    """This thread has one connection to read with, and a snapshot within a snapshot is refused by either engine."""
    create(ana, *rows(3))
    ask(ana)
    seen: list[int] = []

    def may_continue() -> bool:
        seen.append(len(store.read(people.shopify, now(), lifecycle.list_exports, after=0, limit=9)))
        return True

    making.ExportWork(store, people.shopify, may_continue=after_reading(may_continue)).step()
    assert seen == [1]


@pytest.mark.usefixtures("small_parts")
def test_deleted_and_expired_exports_are_gone_at_once_and_their_files_soon(
    ana: Client, people: People, store: Store, database: str
) -> None:
    create(ana, *rows(5))
    deleted, expired, waiting = ask(ana), ask(ana), ask(ana)
    assert ana.delete(f"{EXPORTS}/{waiting['id']}").status == 200
    work(store)
    assert ana.delete(f"{EXPORTS}/{deleted['id']}").status == 200
    assert refusal(fetch(ana, deleted)) == NOT_FOUND
    assert refusal(ana.delete(f"{EXPORTS}/{deleted['id']}")) == NOT_FOUND
    later = now() + 24 * HOUR_MICROSECONDS + 1
    assert not store.read(people.shopify, now(), lifecycle.has_expired_export)
    assert store.read(people.shopify, later, lifecycle.list_exports, after=0, limit=9) == []
    assert store.write(people.shopify, WORKER, later, lifecycle.expire_export)
    assert not store.read(people.shopify, later, lifecycle.has_expired_export)
    assert refusal(ana.get(f"{EXPORTS}/{expired['id']}")) == NOT_FOUND
    work(store)
    assert (parts(database), rows_of(database, "SELECT COUNT(*) FROM export")) == (0, [(0,)])


@pytest.mark.usefixtures("small_parts")
def test_an_erasure_takes_every_file_that_may_name_the_person(
    ana: Client, people: People, store: Store, database: str
) -> None:
    create(ana, *rows(20))
    done = ask(ana)
    work(store)
    running = ask(ana, format="ndjson")
    turns: list[int] = []

    def may_continue() -> bool:
        turns.append(1)
        if len(turns) == 2:
            removed = ana.post("/v1/erasures", {"mobile": mobile(7)}).json()["removed"]
            assert removed["exports"] == 1
        return True

    making.ExportWork(store, people.shopify, may_continue=after_reading(may_continue)).step()
    assert refusal(fetch(ana, done)) == (409, "EXPORT_FAILED")
    assert show(ana, done)["error"] == "It held a number that was erased; export again."
    work(store)
    assert mobile(7).encode() not in fetch(ana, running).body
    assert len(lines(fetch(ana, running))) == 19
    kept = b"".join(bytes(part) for (part,) in rows_of(database, "SELECT bytes FROM file_part ORDER BY part"))
    assert kept == fetch(ana, running).body, "nothing else is kept"


def test_a_deleted_project_takes_its_exports_with_it(
    ana: Client, chao: Client, people: People, store: Store, database: str
) -> None:
    for client in (ana, chao):
        create(client, *rows(2))
        ask(client)
    work(store)
    ask(ana)
    store.system_write(now(), delete_project, name="Shopify")
    work(store)
    for name in ("export", "file_part"):
        assert rows_of(database, f"SELECT DISTINCT project_id FROM {name}") == [(people.kalro.id,)]
    assert rows_of(database, "SELECT COUNT(*) FROM job") == [(0,)]


def test_an_export_that_cannot_be_made_says_why(ana: Client, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    create(ana, {"mobile": mobile(1), "fname": "x" * 200}, group="VIP")
    gone = ask(ana, group="VIP")
    assert ana.delete("/v1/groups/VIP").status == 200
    monkeypatch.setattr("daftari.rules.exports.write.WORKBOOK_CELL_MAX", 100)
    long = ask(ana, format="xlsx")
    work(store)
    assert (show(ana, gone)["state"], show(ana, gone)["error"]) == ("failed", "The group was deleted.")
    assert "contact 1 needs a cell of 200 characters" in show(ana, long)["error"]
    assert refusal(fetch(ana, long)) == (409, "EXPORT_FAILED")
