"""Shopify: checks, groups, records, points, tokens, and what each failure says."""

from __future__ import annotations

import pytest

from daftari.connectors.protocol import ConnectorFailed, Record
from daftari.connectors.shopify import api, tokens
from daftari.model.secrets import Secret
from tests.connectors.connections import shopify
from tests.support.fake_crm import Answer, Clock, FakeShopify
from tests.support.fake_crm.reader import Reader
from tests.support.fake_crm.shopify import TOKEN, WEBHOOK_SECRET

HALF_A_DAY = 43_200.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeShopify:
    return FakeShopify(1, clock, lag_seconds=0.0)


def people(fake: FakeShopify, count: int) -> list[int]:
    return [fake.truth.create(f"P{place}", f"07220{place:05}") for place in range(count)]


def failure_of(fake: FakeShopify, clock: Clock, **given: object) -> ConnectorFailed:
    """What a poll fails with."""
    with pytest.raises(ConnectorFailed) as caught:
        shopify(fake, clock, **given).read_changes("", now=clock.moment)
    return caught.value


def answering(fake: FakeShopify, *answers: Answer) -> None:
    """The next answers of the fake, whatever it is asked."""
    waiting, real = [*answers], fake.answer
    fake.answer = lambda call: waiting.pop(0) if waiting else real(call)


# ---- check ------------------------------------------------------------------------------------------


def test_a_check_describes_the_shop(fake: FakeShopify, clock: Clock) -> None:
    ids = people(fake, 3)
    fake.truth.edit(ids[0], tags=("vip",))
    fake.truth.make_segment(12, "Kisumu", ids[:2])
    account = shopify(fake, clock, groups=["segment:12"], account="").check()
    assert (account.id, account.name, account.time_zone) == ("ziwa.myshopify.com", "Ziwa", "Africa/Nairobi")
    assert account.count == 3 and not account.missing and not account.warnings
    assert [(group.name, group.title) for group in account.groups] == [("tag:vip", "vip"), ("segment:12", "Kisumu")]
    assert {"phones", "sms_consent", "sms_consent_at"} <= {field.name for field in account.fields}


def test_a_check_shows_the_customers_that_changed_last(fake: FakeShopify, clock: Clock) -> None:
    ids = people(fake, 12)
    clock.at += 1.0
    fake.truth.edit(ids[4], first_name="Amina")
    sample = shopify(fake, clock).check().sample
    assert len(sample) == 10 and sample[0].id == str(ids[4]) and sample[0].values["first_name"] == "Amina"


def test_a_check_names_the_scopes_that_are_missing(fake: FakeShopify, clock: Clock) -> None:
    fake.scopes = ["read_customers"]
    assert shopify(fake, clock).check().missing == ["read_orders", "write_customers"]
    assert shopify(fake, clock, write_back=False).check().missing == ["read_orders"]
    fake.scopes = []
    account = shopify(fake, clock).check()
    assert account.missing == ["read_customers", "read_orders", "write_customers"] and account.count is None


def test_the_right_to_write_has_the_right_to_read_in_it(fake: FakeShopify, clock: Clock) -> None:
    fake.scopes = ["write_customers", "read_orders"]
    assert not shopify(fake, clock).check().missing


@pytest.mark.parametrize("word", ["hides", "denies"])
def test_a_check_stops_where_the_shops_plan_hides_personal_data(fake: FakeShopify, clock: Clock, word: str) -> None:
    people(fake, 3)
    setattr(fake, word, True)
    with pytest.raises(ConnectorFailed) as caught:
        shopify(fake, clock).check()
    assert (caught.value.kind, caught.value.code) == ("broken", "protected_data")
    assert caught.value.message == (
        "Shopify hides names and phone numbers from this app: the shop's plan must be above Basic, or use the shop's "
        "own webhooks."
    )


def test_a_check_warns_of_what_is_not_there(fake: FakeShopify, clock: Clock) -> None:
    fake.truth.create("Amina")
    account = shopify(fake, clock, fields=["phones", "fax"], groups=["segment:99"]).check()
    assert list(account.warnings) == [
        "None of the 1 customers that changed last has a phone number.",
        'Shopify has no customer field "fax".',
        'Shopify has no segment or tag "segment:99".',
    ]


def test_an_api_that_falls_forward_is_warned_of(fake: FakeShopify, clock: Clock) -> None:
    fake.version = "2027-10"
    says = (
        "Shopify answers with version 2027-10 of its API instead of 2026-10, which it no longer serves: use a newer "
        "Daftari."
    )
    connector = shopify(fake, clock)
    assert list(connector.check().warnings) == [says]
    assert list(connector.read_changes("", now=clock.moment).warnings) == [says]


def test_an_app_on_another_shop_is_refused(fake: FakeShopify, clock: Clock) -> None:
    fake.truth.domain = "kikapu.myshopify.com"
    with pytest.raises(ConnectorFailed, match=r"installed on the shop kikapu.myshopify.com, the connection is to ziwa"):
        shopify(fake, clock).check()


@pytest.mark.parametrize("shop", ["ziwa", "ziwa.myshopify.com", "https://ziwa.myshopify.com/", " ZIWA "])
def test_a_shop_may_be_written_in_several_ways(fake: FakeShopify, clock: Clock, shop: str) -> None:
    assert shopify(fake, clock, shop=shop)._api.shop == "ziwa.myshopify.com"


@pytest.mark.parametrize("shop", ["", "ziwa.example", "ziwa/../", "-ziwa", "ziwa@evil"])
def test_what_is_no_shop_says_so(fake: FakeShopify, clock: Clock, shop: str) -> None:
    with pytest.raises(ConnectorFailed, match="is no shop of Shopify") as caught:
        shopify(fake, clock, shop=shop)
    assert caught.value.code == "shop_unknown"


# ---- records and groups -----------------------------------------------------------------------------


def test_a_record_has_the_fields_that_were_asked_for_and_no_blanks(fake: FakeShopify, clock: Clock) -> None:
    address = {"phone": "0733 000 001", "city": "Kisumu", "country_code": "KE"}
    amina = fake.truth.create("Amina", "+254722000001", address=address, tags=("vip", "farm"))
    fake.truth.consent(amina, "sms", "UNSUBSCRIBED", at=clock.at - 60.0)
    fields = ["phones", "first_name", "last_name", "city", "country", "sms_consent", "sms_consent_at"]
    (record,) = shopify(fake, clock, fields=fields).read_changes("", now=clock.moment).records
    assert record == Record(
        id=str(amina),
        version=int(clock.at) * 1_000_000,
        values={
            "phones": ["+254722000001", "0733 000 001"],
            "first_name": "Amina",
            "city": "Kisumu",
            "country": "KE",
            "sms_consent": "UNSUBSCRIBED",
            "sms_consent_at": "2026-11-20T09:59:00Z",
        },
        groups=["tag:vip", "tag:farm"],
        url=f"https://ziwa.myshopify.com/admin/customers/{amina}",
    )


def test_each_channel_has_the_time_of_its_own_consent(fake: FakeShopify, clock: Clock) -> None:
    amina = fake.truth.create("Amina", "+254722000001")
    fake.truth.consent(amina, "sms", "SUBSCRIBED", at=clock.at - 10.0)
    fake.truth.consent(amina, "whatsapp", "UNSUBSCRIBED", at=clock.at - 60.0)
    fields = ["sms_consent", "whatsapp_consent", "sms_consent_at", "whatsapp_consent_at"]
    (record,) = shopify(fake, clock, fields=fields).read_records([str(amina)])
    assert record.values == {
        "sms_consent": "SUBSCRIBED",
        "whatsapp_consent": "UNSUBSCRIBED",
        "sms_consent_at": "2026-11-20T09:59:50Z",
        "whatsapp_consent_at": "2026-11-20T09:59:00Z",
    }


def test_records_are_read_by_id_and_those_that_are_gone_are_left_out(fake: FakeShopify, clock: Clock) -> None:
    one, two, three = people(fake, 3)
    fake.truth.delete(two)
    found = shopify(fake, clock).read_records([str(one), str(two), str(three), "x", "99"])
    assert {record.id for record in found} == {str(one), str(three)}


def test_a_field_that_does_not_exist_stops_the_reading(fake: FakeShopify, clock: Clock) -> None:
    failure = failure_of(fake, clock, fields=["fax"])
    assert (failure.kind, failure.code) == ("broken", "field_missing")


def test_a_redacted_customer_is_erased_and_hidden_data_is_not(fake: FakeShopify, clock: Clock) -> None:
    one, two = people(fake, 2)
    fake.truth.redact(one)
    (record,) = shopify(fake, clock).read_records([str(one)])
    assert record.gone == "erased"
    fake.hides = True
    with pytest.raises(ConnectorFailed, match="hides names and phone numbers"):
        shopify(fake, clock).read_records([str(one), str(two)])


def test_customers_that_were_redacted_together_are_erased(fake: FakeShopify, clock: Clock) -> None:
    """Those who changed last have no data then, but others have."""
    ids = people(fake, 30)
    clock.at += 60.0
    for one in ids[15:]:
        fake.truth.redact(one)
    found = shopify(fake, clock).read_records([*map(str, ids[15:])])
    assert {record.gone for record in found} == {"erased"}


def test_data_that_is_hidden_later_changes_nothing(fake: FakeShopify, clock: Clock) -> None:
    ids = people(fake, 3)
    reader = Reader(shopify(fake, clock), clock)
    reader.poll()
    before = {**reader.links}
    clock.at += 3_600.0
    fake.truth.edit_all(ids, tags=("vip",))
    fake.hides = True
    clock.at += 60.0
    with pytest.raises(ConnectorFailed, match="hides names and phone numbers"):
        reader.connector.read_changes(reader.cursor, now=clock.moment)
    assert reader.links == before


def test_members_of_a_segment_are_ascending_and_complete(fake: FakeShopify, clock: Clock) -> None:
    ids = people(fake, 30)
    fake.truth.make_segment(5, "Kisumu", ids[:25])
    fake.points_max = 20
    pieces = [*shopify(fake, clock).list_ids(group="segment:5")]
    assert [one for piece in pieces for one in piece] == [str(one) for one in sorted(ids[:25])]
    assert [*shopify(fake, clock).list_ids(group="segment:5", after=str(ids[19]))] == [[*map(str, ids[20:25])]]


def test_a_segment_that_misses_members_is_not_taken(fake: FakeShopify, clock: Clock) -> None:
    fake.truth.make_segment(5, "Kisumu", people(fake, 3))
    real = fake._members
    fake._members = lambda info, **given: {**real(info, **given), "totalCount": 4}
    with pytest.raises(ConnectorFailed, match="fewer members of segment 5 than it counts") as caught:
        [*shopify(fake, clock).list_ids(group="segment:5")]
    assert caught.value.kind == "again"


def test_a_segment_that_was_deleted_is_named(fake: FakeShopify, clock: Clock) -> None:
    with pytest.raises(ConnectorFailed, match="has no segment 5 now: choose another one") as caught:
        [*shopify(fake, clock).list_ids(group="segment:5")]
    assert (caught.value.kind, caught.value.code) == ("broken", "group_gone")


def test_ids_are_listed_by_tag_and_without_a_group(fake: FakeShopify, clock: Clock) -> None:
    ids = people(fake, 5)
    fake.truth.edit_all(ids[1:3], tags=("O'Hara \\ vip",))
    connector = shopify(fake, clock)
    assert [*connector.list_ids()] == [[*map(str, ids)]]
    assert [*connector.list_ids(after=str(ids[2]))] == [[*map(str, ids[3:])]]
    assert [*connector.list_ids(group="tag:O'Hara \\ vip")] == [[*map(str, ids[1:3])]]


@pytest.mark.parametrize("group", ["list:1", "segment:x", "tag:", "segment:"])
def test_what_is_no_group_says_so(fake: FakeShopify, clock: Clock, group: str) -> None:
    with pytest.raises(ConnectorFailed, match="is no group of Shopify"):
        [*shopify(fake, clock).list_ids(group=group)]


def test_a_filter_that_shopify_ignores_is_noticed(fake: FakeShopify, clock: Clock) -> None:
    """It answers everything where it does not understand a filter; pages by id would never end."""
    ids = people(fake, 5)
    real = fake._customers
    fake._customers = lambda info, **given: real(info, **{**given, "query": None})
    with pytest.raises(ConnectorFailed, match="not in the order of their ids"):
        [*shopify(fake, clock).list_ids(after=str(ids[2]))]


# ---- points -----------------------------------------------------------------------------------------


def test_a_page_that_costs_too_much_is_halved_and_stays_so(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 260)
    reader = Reader(shopify(fake, clock), clock)
    reader.poll()
    assert len(reader.links) == 260 and not reader.failures
    fake.calls.clear()
    reader.compare()
    assert fake.calls.count("Customers") == 3, "pages of 125"


def test_points_are_never_overdrawn(fake: FakeShopify, clock: Clock) -> None:
    """Each answer says how many are left, so a call waits for its own."""
    people(fake, 2_000)
    fake.points.most = 1_000.0
    started = clock.at
    reader = Reader(shopify(fake, clock), clock)
    reader.poll()
    assert len(reader.links) == 2_000 and fake.points.refused <= 1
    assert clock.waited > 0.0 and clock.at - started < 250.0


def test_a_throttled_call_waits_as_long_as_the_points_take(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 3)
    connector = shopify(fake, clock)
    connector.read_changes("", now=clock.moment)
    clock.at += 60.0
    fake.points.take(int(fake.points.available))
    waited = clock.waited
    assert len(connector.read_changes("", now=clock.moment).records) == 3
    assert 5.0 < clock.waited - waited < 15.0


def test_a_limit_without_a_body_is_waited_for(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 3)
    connector = shopify(fake, clock, token=TOKEN)
    fake.faults.next = ["bare_limit", "limit", None]
    assert len(connector.read_changes("", now=clock.moment).records) == 3


def test_another_program_that_uses_all_points_ends_the_run(fake: FakeShopify, clock: Clock) -> None:
    fake.faults.next = ["limit"] * 3
    failure = failure_of(fake, clock, token=TOKEN)
    assert (failure.kind, failure.code) == ("limited", "rate_limit")
    assert failure.until is not None and failure.until > clock.moment


# ---- tokens -----------------------------------------------------------------------------------------


def test_a_token_is_asked_for_once_and_renewed_at_half_its_life(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 1)
    reader = Reader(shopify(fake, clock), clock)
    reader.poll()
    reader.poll()
    assert len(fake.tokens) == 2
    clock.at += HALF_A_DAY - 60.0
    reader.poll()
    assert len(fake.tokens) == 2
    clock.at += 120.0
    reader.poll()
    assert len(fake.tokens) == 3


def test_a_week_of_polls_is_never_refused(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 2)
    reader = Reader(shopify(fake, clock), clock)
    for _ in range(7 * 24):
        clock.at += 3_600.0
        reader.poll()
    assert not reader.failures and len(fake.tokens) == 15


def test_a_renewal_that_fails_uses_the_token_of_before(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 1)
    connector = shopify(fake, clock)
    connector.read_changes("", now=clock.moment)
    clock.at += HALF_A_DAY + 60.0
    fake.faults.next = ["error"] * 3
    assert len(connector.read_changes("", now=clock.moment).records) == 1
    assert len(fake.tokens) == 2
    clock.at += tokens.AGAIN_SECONDS
    connector.read_changes("", now=clock.moment)
    assert len(fake.tokens) == 3


def test_a_renewal_that_fails_for_longer_than_the_token_lives_says_so(fake: FakeShopify, clock: Clock) -> None:
    connector = shopify(fake, clock)
    connector.read_changes("", now=clock.moment)
    clock.at += 2 * HALF_A_DAY
    fake.faults.next = ["error"] * 3
    with pytest.raises(ConnectorFailed, match="when a token is asked for") as caught:
        connector.read_changes("", now=clock.moment)
    assert caught.value.kind == "again"


def test_a_token_that_is_refused_before_its_time_is_asked_for_again(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 1)
    connector = shopify(fake, clock)
    connector.read_changes("", now=clock.moment)
    fake.tokens = dict.fromkeys(fake.tokens, 0.0)
    assert len(connector.read_changes("", now=clock.moment).records) == 1


def test_a_secret_that_was_changed_is_named_and_not_shown(fake: FakeShopify, clock: Clock) -> None:
    connector = shopify(fake, clock)
    fake.client = ("kikapu-app", "shpss_new")
    with pytest.raises(ConnectorFailed) as caught:
        connector.read_changes("", now=clock.moment)
    failure = caught.value
    assert (failure.kind, failure.code) == ("broken", "key_refused")
    assert 'with "daftari connection key shop"' in failure.message and "shpss" not in failure.message


def test_an_old_token_is_used_as_it_is_and_named_when_it_is_withdrawn(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 1)
    connector = shopify(fake, clock, token=TOKEN)
    assert len(connector.read_changes("", now=clock.moment).records) == 1 and len(fake.tokens) == 1
    del fake.tokens[TOKEN]
    with pytest.raises(ConnectorFailed, match="refused the token") as caught:
        connector.read_changes("", now=clock.moment)
    assert (caught.value.kind, caught.value.code) == ("broken", "key_refused")


# ---- what a failure says ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "code", "says"),
    [
        (Answer.of({"errors": "Payment Required"}, 402), "broken", "frozen", "is frozen"),
        (Answer.of({"errors": "Not Found"}, 404), "broken", "shop_unknown", "There is no shop ziwa.myshopify.com"),
        (Answer.of({"errors": "[API] no"}, 403), "broken", "forbidden", "refuses this app a call"),
        (Answer.page(403), "limited", "blocked", "too many came from here"),
        (Answer.page(430), "limited", "blocked", "too many came from here"),
        (Answer.of({"errors": [{"message": "odd"}]}), "again", "refused", "refused a call: odd"),
        (Answer(200, b'{"data": {"cust'), "again", "unavailable", "not what its documentation says"),
        (Answer.of({"data": {"customers": {"nodes": "x"}}}), "again", "unavailable", "not what its documentation says"),
    ],
)
def test_a_failure_says_what_is_wrong(
    fake: FakeShopify, clock: Clock, answer: Answer, kind: str, code: str, says: str
) -> None:
    answering(fake, answer)
    failure = failure_of(fake, clock, token=TOKEN)
    assert (failure.kind, failure.code) == (kind, code) and says in failure.message


@pytest.mark.parametrize("answer", [Answer.page(200), Answer.page(502), Answer.of({}, 423), Answer.of({}, 503)])
def test_a_failure_that_may_pass_is_tried_again(fake: FakeShopify, clock: Clock, answer: Answer) -> None:
    people(fake, 1)
    answering(fake, answer, answer)
    assert len(shopify(fake, clock, token=TOKEN).read_changes("", now=clock.moment).records) == 1
    answering(fake, answer, answer, answer)
    assert failure_of(fake, clock, token=TOKEN).kind == "again"


def test_half_an_answer_is_none(fake: FakeShopify, clock: Clock) -> None:
    """A field that is null because of an error must not look blank."""
    people(fake, 1)
    said = {"data": {"customers": None}, "errors": [{"message": "timed out", "extensions": {"code": "TIMEOUT"}}]}
    answering(fake, *[Answer.of(said)] * 3)
    assert failure_of(fake, clock, token=TOKEN).kind == "again"


def test_a_scope_that_is_withdrawn_is_named(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 1)
    fake.scopes = ["read_orders"]
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("broken", "scope_missing")
    assert failure.message == (
        "The app may not do this: add the scope read_customers, release it and install it again."
    )


def test_points_start_with_those_of_the_smallest_plan() -> None:
    points = api.Points()
    points.cost = 600.0
    assert points.take(0.0) == 0.0
    assert points.take(0.0) == pytest.approx(2.0)


# ---- without an app ---------------------------------------------------------------------------------

PAGE = {"webhook_secret": Secret(WEBHOOK_SECRET)}


def test_a_shop_of_which_nothing_is_given_says_where_the_key_is_found(fake: FakeShopify, clock: Clock) -> None:
    with pytest.raises(ConnectorFailed, match="give the signing key that the page then shows") as caught:
        shopify(fake, clock, credentials={"webhook_secret": Secret("")}).check()
    assert caught.value.code == "no_credentials"


def test_a_shop_without_an_app_is_checked_and_says_what_is_not_possible(fake: FakeShopify, clock: Clock) -> None:
    connector = shopify(fake, clock, credentials=PAGE)
    account = connector.check()
    assert (account.id, account.name, account.count) == ("ziwa.myshopify.com", "ziwa", None)
    assert "the shop cannot be asked" in account.warnings[0]
    page = connector.read_changes("", now=clock.moment)
    assert (page.records, page.complete_until, page.has_more) == ((), None, False)
    assert not fake.calls


def test_a_shop_that_gets_an_app_later_is_read_from_the_first_customer_on(fake: FakeShopify, clock: Clock) -> None:
    people(fake, 3)
    cursor = shopify(fake, clock, credentials=PAGE).read_changes("", now=clock.moment).cursor
    assert len(shopify(fake, clock).read_changes(cursor, now=clock.moment).records) == 3


def test_without_an_app_nothing_is_said_to_be_gone(fake: FakeShopify, clock: Clock) -> None:
    """A record that is left out would be taken for a deleted one."""
    with pytest.raises(ConnectorFailed, match="This connection has no app") as caught:
        shopify(fake, clock, credentials=PAGE).read_records(["1"])
    assert caught.value.code == "no_app"
