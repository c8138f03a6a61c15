"""The Python client against the service: every call, in both modes."""

from __future__ import annotations

import pytest

from daftari_client import errors
from daftari_client.records import AudienceEnd
from tests.conftest import NewDatabase
from tests.support.client_modes import MODES, QUICK, Ask, Caller
from tests.support.clients import Answer, Body, Client, Headers

SUZAN, LUCY, JOEL = "254777222555", "254725164291", "254725164290"


@pytest.fixture
def database(new_database: NewDatabase) -> str:
    """One engine is enough, because the client is tested here."""
    return new_database("sqlite")


@pytest.fixture(params=MODES)
def book(request: pytest.FixtureRequest, ana: Client) -> Caller:
    """Ana's client."""
    return Caller(request.param, "http://127.0.0.1:8000", {"key": ana.secret, "retries": QUICK}, ana.send)


@pytest.fixture
def three(book: Caller) -> Caller:
    """Ana's client, and three people in the group VIP."""
    book(lambda b: b.contacts.create([{"mobile": m} for m in (SUZAN, LUCY, JOEL)], group="VIP"))
    return book


def test_a_contact_is_created_read_changed_and_deleted(book: Caller) -> None:
    given = {"fname": "Suzan", "mobile": "0777 222 555", "attributes": {"tier": 2}}
    created = book(lambda b: b.contacts.create([given], group="VIP", results=True))
    assert (created.created, created.updated, created.results[0].mobile) == (1, 0, SUZAN)
    for reference in (created.results[0].id, "+254 777-222 555", SUZAN):
        contact = book(lambda b, reference=reference: b.contacts.get(reference, include=["groups"]))
        assert (contact.fname, contact.mobile, contact.attributes) == ("Suzan", SUZAN, {"tier": 2})
        assert contact.groups == ["VIP"] and contact.consent is None
    assert contact.created_at.tzinfo is not None
    assert not book(lambda b: b.contacts.update(SUZAN, {"city": "Kitui", "fname": None}, group="Silver")).suppressed
    changed = book(lambda b: b.contacts.get(SUZAN, include=["groups", "consent", "updated_at"]))
    assert (changed.city, changed.fname, changed.groups) == ("Kitui", None, ["Silver"])
    assert changed.consent.suppressed is False and changed.updated_at >= changed.created_at
    assert book(lambda b: b.contacts.delete(SUZAN, reason="STOP")).message
    with pytest.raises(errors.ContactNotFound):
        book(lambda b: b.contacts.get(SUZAN))
    assert book(lambda b: b.contacts.consent(SUZAN)).suppressed


def test_contacts_are_searched(three: Caller) -> None:
    three(lambda b: b.contacts.update(LUCY, {"city": "Kitui"}))
    found = three(lambda b: b.search("kit", group="VIP", include=["groups"]))
    assert [(contact.mobile, contact.groups) for contact in found.contacts] == [(LUCY, ["VIP"])]
    assert found.next is found.indexed_until is None
    page = three(lambda b: b.search("0725", limit=1))
    assert ([contact.mobile for contact in page.contacts], page.next) == ([LUCY], "2")
    assert [c.mobile for c in three(lambda b: b.search("0725", after=page.next)).contacts] == [JOEL]
    assert [contact.mobile for contact in three(lambda b: b.iterate_search("254"))] == [SUZAN, LUCY, JOEL]


def test_contacts_are_found_by_their_ids(three: Caller) -> None:
    three(lambda b: b.opt_outs.create([LUCY]))
    page = three(lambda b: b.contacts.list(ids=[1, 2, 77], include=["groups"]))
    assert [(contact.mobile, contact.suppressed, contact.groups) for contact in page.data] == [
        (SUZAN, False, ["VIP"]),
        (LUCY, True, []),
    ]
    assert (page.missing, page.seq) == ([77], None)


def test_a_walk_and_then_the_feed_miss_nothing(three: Caller) -> None:
    page = three(lambda b: b.contacts.list(after_id=0, suppressed=True))
    three(lambda b: b.contacts.delete(LUCY, reason="removal"))
    three(lambda b: b.groups.rename("VIP", "Silver"))
    found = three(lambda b: b.changes.iterate(after=page.seq, wait=0))
    assert [(change.type, change.contact_ids, change.group) for change in found] == [
        ("group.left", [[2, 2]], "VIP"),
        ("contacts.deleted", [[2, 2]], None),
        ("group.renamed", [], "Silver"),
    ]
    last = three(lambda b: b.changes.list(after=page.seq, types=["group.renamed"], limit=5))
    assert (last.changes[0].former_name, last.next, last.oldest) == ("VIP", last.last, 1)
    assert last.changes[0].by.source == "api"


def test_a_feed_that_does_not_go_on_is_an_error_that_says_where_it_is(three: Caller) -> None:
    shown = three(lambda b: b.changes.list())
    with pytest.raises(errors.FeedReset) as caught:
        three(lambda b: b.changes.list(after=shown.next, epoch="another"))
    assert (caught.value.epoch, caught.value.oldest, caught.value.last) == (shown.epoch, 1, shown.last)


def test_a_contact_that_was_read_can_be_sent_back(three: Caller) -> None:
    contact = three(lambda b: b.contacts.get(LUCY, include=["groups", "consent", "updated_at"]))
    assert three(lambda b: b.contacts.create([contact])).unchanged == 1
    three(lambda b: b.contacts.update(contact.id, contact))
    assert three(lambda b: b.contacts.get(LUCY, include=["groups"])).groups == ["VIP"]


def test_a_write_with_if_match_is_refused_once_the_contact_has_changed(three: Caller) -> None:
    seen = three(lambda b: b.contacts.get(LUCY))
    changed = three(lambda b: b.contacts.update(LUCY, {"city": "Kitui"}, if_match=seen.etag))
    assert changed.etag == three(lambda b: b.contacts.get(LUCY)).etag != seen.etag
    for ask in (
        lambda b: b.contacts.update(LUCY, {"city": "Nakuru"}, if_match=seen.etag),
        lambda b: b.contacts.delete(LUCY, if_match=seen.etag),
    ):
        with pytest.raises(errors.PreconditionFailed):
            three(ask)
    assert three(lambda b: b.contacts.get(LUCY)).city == "Kitui"


def test_all_contacts_are_iterated_page_by_page(three: Caller) -> None:
    first = three(lambda b: b.contacts.list(group="VIP", per_page=2))
    assert (first.total, first.last_page, [contact.mobile for contact in first.data]) == (3, 2, [SUZAN, LUCY])
    found = three(lambda b: b.contacts.iterate(group="VIP", per_page=2, include=["groups"]))
    assert [(contact.mobile, contact.groups) for contact in found] == [(m, ["VIP"]) for m in (SUZAN, LUCY, JOEL)]
    assert three(lambda b: b.contacts.iterate(group="none")) == []
    assert [contact.mobile for contact in three(lambda b: b.contacts.iterate(per_page=1), first=2)] == [SUZAN, LUCY]


def test_contacts_may_be_deleted_while_they_are_iterated(three: Caller, ana: Client) -> None:
    def send(method: str, path: str, headers: Headers, body: Body) -> Answer:
        """Deletes whatever a page shows."""
        answer = ana.send(method, path, headers, body)
        for contact in answer.json()["contacts"]["data"]:
            ana.delete(f"/v1/contacts/{contact['id']}")
        return answer

    after = three(lambda b: b.contacts.list(after_id=1, per_page=1))
    assert ([contact.mobile for contact in after.data], after.current_page, after.last_page) == ([LUCY], 2, 3)
    deleting = Caller(three.mode, three.base_url, three.options, send)
    assert [one.mobile for one in deleting(lambda b: b.contacts.iterate(per_page=1))] == [SUZAN, LUCY, JOEL]
    assert three(lambda b: b.contacts.list()).total == 0


def test_groups_are_made_renamed_joined_left_and_deleted(three: Caller) -> None:
    assert three(lambda b: b.groups.create("a/b & c?")).contacts == 0
    with pytest.raises(errors.GroupTaken):
        three(lambda b: b.groups.create("A/B & C?"))
    joined = three(lambda b: b.groups.join("a/b & c?", ids=[1], mobiles=[LUCY, "0700000001"]))
    assert (joined.joined, joined.unknown) == (2, 1)
    assert three(lambda b: b.groups.leave("a/b & c?", mobiles=[LUCY])).left == 1
    assert three(lambda b: b.groups.rename("a/b & c?", "Silver")).contacts == 1
    assert [group.name for group in three(lambda b: b.groups.iterate())] == ["VIP", "Silver"]
    listed = three(lambda b: b.groups.list(limit=1))
    assert listed.next is not None
    assert [group.name for group in three(lambda b: b.groups.list(after=listed.next)).items] == ["Silver"]
    assert three(lambda b: b.groups.delete("Silver")).message
    with pytest.raises(errors.GroupNotFound):
        three(lambda b: b.groups.get("Silver"))


def test_opt_outs_hold_and_opt_ins_lift_them(three: Caller) -> None:
    given = [LUCY, {"mobile": JOEL, "sender": "20414"}, "O725"]
    recorded = three(lambda b: b.opt_outs.create(given, purpose="marketing", channel="sms", results=True))
    assert [row.outcome for row in recorded.results] == ["recorded", "recorded", "invalid"]
    assert [fact.mobile for fact in three(lambda b: b.opt_outs.iterate(channel="sms"))] == [LUCY, JOEL]
    assert three(lambda b: b.opt_outs.list(sender="20415", limit=1)).items[0].mobile == LUCY
    answers = three(lambda b: b.may_message([LUCY, SUZAN], ids=[3, 99], channel="sms", purpose="marketing"))
    assert [answer.allowed for answer in answers] == [False, True, False, False]
    assert answers[0].reasons[0].fact.purpose == "marketing"
    assert answers[3].reasons[0].code == "unknown_contact"
    assert [answer.mobile for answer in three(lambda b: b.may_message(ids=[1], channel="whatsapp"))] == [SUZAN]
    assert three(lambda b: b.opt_ins.create([LUCY], source="form", evidence="ticked the box")).recorded == 1
    assert three(lambda b: b.may_message([LUCY], channel="sms"))[0].allowed
    assert three(lambda b: b.opt_outs.near_misses()) == []
    assert [fact.kind for fact in three(lambda b: b.contacts.consent(LUCY)).facts] == ["opt_out", "opt_in"]


def test_audiences_are_streamed_frozen_rechecked_and_compared(three: Caller) -> None:
    three(lambda b: b.opt_outs.create([LUCY], channel="sms", sender="20414"))
    ends: list[AudienceEnd] = []
    found = three(lambda b: b.audiences.stream(["VIP"], channel="sms", sender="20414", on_end=ends.append))
    assert [member.mobile for member in found] == [SUZAN, JOEL]
    assert (ends[0].count, ends[0].excluded) == (2, {"opted_out": 1})
    assert len(three(lambda b: b.audiences.stream(everyone=True, channel="whatsapp"), first=1)) == 1
    frozen = three(lambda b: b.audiences.freeze(["VIP"], channel="whatsapp"))
    other = three(lambda b: b.audiences.freeze(["VIP"], channel="sms", not_groups=["VIP"]))
    assert (frozen.count, other.count, other.not_groups) == (3, 0, ["VIP"])
    three(lambda b: b.opt_outs.create([JOEL]))
    assert three(lambda b: b.audiences.iterate(frozen.id)) == [LUCY, SUZAN]
    assert three(lambda b: b.audiences.iterate(frozen.id, as_frozen=True)) == [JOEL, LUCY, SUZAN]
    page = three(lambda b: b.audiences.get(frozen.id, per_page=1, page=2))
    assert (page.audience.digest, page.mobiles.data, page.mobiles.total) == (frozen.digest, [LUCY], 3)
    assert [blocked.mobile for blocked in three(lambda b: b.audiences.iterate_blocked(frozen.id))] == [JOEL]
    assert three(lambda b: b.audiences.recheck(frozen.id, limit=1)).items[0].reasons[0].code == "opted_out"
    assert three(lambda b: b.audiences.compare(frozen.id, other.id)).counts.only_in_this == 3
    with pytest.raises(errors.AudienceNotFound):
        three(lambda b: b.audiences.get(99))


def test_a_person_is_exported_and_erased(three: Caller) -> None:
    export = three(lambda b: b.contacts.export(LUCY))
    assert (export.mobile, export.contact.mobile, export.groups) == (LUCY, LUCY, ["VIP"])
    assert three(lambda b: b.erase(LUCY)).removed["contacts"] == 1
    assert not three(lambda b: b.may_message([LUCY], channel="sms"))[0].allowed


def test_reviews_are_listed_and_settled(three: Caller) -> None:
    listed = three(lambda b: b.reviews.list())
    assert (listed.items, listed.next, listed.quarantined) == ([], None, 0)
    assert three(lambda b: b.reviews.iterate()) == []
    with pytest.raises(errors.ReviewNotFound):
        three(lambda b: b.reviews.settle(1, "dismiss"))


def test_imports_are_paused_resumed_cancelled_and_listed(book: Caller) -> None:
    for name in ("first.csv", "second.csv"):
        book(lambda b, name=name: b.imports.create(b"phone\n0722000001\n", name=name, group="VIP"))
    first = book(lambda b: b.imports.get(1))
    assert (first.state, first.phase, first.name, first.columns[0].field) == ("queued", "apply", "first.csv", "mobile")
    assert book(lambda b: b.imports.pause(1)).state == "paused"
    assert book(lambda b: b.imports.wait(1)).state == "paused"
    assert book(lambda b: b.imports.resume(1)).state == "queued"
    assert book(lambda b: b.imports.cancel(2)).state == "cancelled"
    assert [(each.id, each.state) for each in book(lambda b: b.imports.iterate())] == [(2, "cancelled"), (1, "queued")]
    part = book(lambda b: b.imports.list(limit=1))
    assert [each.id for each in book(lambda b: b.imports.list(after=part.next)).items] == [1]
    with pytest.raises(errors.WrongImportState):
        book(lambda b: b.imports.apply(1))


def test_senders_are_added_changed_checked_and_deleted(book: Caller) -> None:
    log = {"gateway": "log", "channel": "sms"}
    added = book(lambda b: b.senders.create("DUKA", **log, answers_as=["20414"], part_price=0.8))
    assert (added.name, added.gateway, added.part_price, added.answers_as) == ("DUKA", "log", "0.8", ["20414"])
    with pytest.raises(errors.SenderTaken):
        book(lambda b: b.senders.create("duka", **log))
    with pytest.raises(errors.ValidationFailed) as refused:
        book(lambda b: b.senders.create("Kapu", gateway="africas_talking", channel="sms"))
    assert refused.value.errors.keys() == {"settings.username", "credentials.api_key"}
    assert book(lambda b: b.senders.update(added.id, name="Kapu", part_price="")).answers_as == ["20414", "DUKA"]
    assert book(lambda b: b.senders.pause(added.id)).paused
    assert book(lambda b: b.senders.resume(added.id)).paused is None
    assert book(lambda b: b.senders.check(added.id)).works is None
    assert [sender.name for sender in book(lambda b: b.senders.list())] == ["Kapu"]
    assert book(lambda b: b.senders.get(added.id)).part_price == ""
    assert book(lambda b: b.senders.delete(added.id)).message
    with pytest.raises(errors.SenderNotFound):
        book(lambda b: b.senders.get(added.id))


def test_exports_are_listed_and_deleted(three: Caller) -> None:
    first, second = (three(lambda b, f=form: b.exports.create(f, group="VIP")) for form in ("csv", "vcard"))
    assert (first.state, first.format, first.group, first.consent) == ("queued", "csv", "VIP", False)
    part = three(lambda b: b.exports.list(limit=1))
    assert [export.id for export in part.items] == [first.id]
    assert [export.id for export in three(lambda b: b.exports.list(after=part.next)).items] == [second.id]
    assert three(lambda b: b.exports.delete(first.id)).message
    assert [export.id for export in three(lambda b: b.exports.iterate())] == [second.id]
    with pytest.raises(errors.ExportNotFound):
        three(lambda b: b.exports.get(first.id))


def test_errors_are_the_servers_own(book: Caller, ben: Client) -> None:
    with pytest.raises(errors.ValidationFailed) as refused:
        book(lambda b: b.contacts.create([{"fname": "Lucy"}, {"mobile": "O725"}]))
    error = refused.value
    assert (error.status, error.code, error.retryable) == (422, "VALIDATION_FAILED", False)
    assert set(error.errors) == {"contacts.0.mobile", "contacts.1.mobile"} and error.request_id
    assert str(error) == error.message
    with pytest.raises(errors.ContactNotFound) as gone:
        book(lambda b: b.contacts.delete("0700000009"))
    assert gone.value.opt_out_recorded
    with pytest.raises(errors.ReadOnlyKey):
        book.with_options(key=ben.secret)(lambda b: b.groups.create("x"))
    with pytest.raises(errors.ManageKeyRequired):
        book.with_options(key=ben.secret)(lambda b: b.erase(SUZAN))
    with pytest.raises(errors.Unauthenticated):
        book.with_options(key="nonsense")(lambda b: b.groups.list())


def test_the_project_is_sent_with_every_kind_of_call(book: Caller) -> None:
    asks: list[Ask] = [
        lambda b: b.contacts.list(),
        lambda b: b.groups.create("x"),
        lambda b: b.groups.delete("x"),
        lambda b: b.may_message([SUZAN], channel="sms"),
        lambda b: b.audiences.stream(everyone=True, channel="sms"),
    ]
    for ask in asks:
        with pytest.raises(errors.WrongProject):
            book.with_options(project="Kalro")(ask)
        book.with_options(project=" shopify ")(ask)


def test_health_needs_no_key(book: Caller) -> None:
    assert book.with_options(key=None)(lambda b: b.health()).status == "ready"


def test_a_contact_holds_in_both_prefixes(three: Caller) -> None:
    other = Caller(three.mode, "http://127.0.0.1:8000/api/v1/", three.options, three.send)
    assert other(lambda b: b.contacts.get(SUZAN)).mobile == SUZAN
