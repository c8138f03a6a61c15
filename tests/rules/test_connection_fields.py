"""What a record says by the fields and the filter of its connection. Decided without a database."""

from __future__ import annotations

from typing import Any

import pytest

from daftari.connectors import Record
from daftari.model.connections import ConnectionDefinition, ConnectionProgress, GroupMapping, StoredConnection
from daftari.model.consent import ANY, Scope
from daftari.rules.connections.mapping import RecordReader, Said, read_consent_target, read_time_target
from daftari.rules.connections.model import SCOPE_BITS, Opened
from tests.support.connection_steps import mobile


def reader(fields: dict[str, str], **given: Any) -> RecordReader:
    definition = ConnectionDefinition(fields=fields, **given)
    stored = StoredConnection(1, "crm", "pipedrive", "", "", b"", b"", "live", "", "", 0, "", 0, 0, 0, 0)
    progress = ConnectionProgress(time_zone="Africa/Nairobi")
    return RecordReader(Opened(stored, definition, progress), region="KE")


def read(fields: dict[str, str], record: Record | None = None, /, **values: Any) -> Said:
    return reader(fields).read(record or Record("1", 1, values))


def scopes(bits: int) -> set[tuple[str, str]]:
    return {(scope.channel, scope.purpose) for scope, bit in SCOPE_BITS.items() if bits & bit}


# ---- numbers --------------------------------------------------------------------------------------------


def test_the_first_number_that_can_be_read_counts() -> None:
    fields = {"a": "mobile", "b": "mobile"}
    assert read(fields, a="0722000001", b="0722000002").mobile == mobile(1)
    assert read(fields, a="ask her", b="0722000002").mobile == mobile(2)
    assert read(fields, a=["12", "0722000003"]).mobile == mobile(3)
    assert read(fields).mobile == 0 and not read(fields).why


def test_what_is_wrong_with_a_number_names_the_field_and_not_the_number() -> None:
    why = read({"a": "mobile"}, a="0722 12").why
    assert why.startswith("The field a") and "0722" not in why.split("write it")[0]


def test_a_value_that_the_connector_could_not_take_is_named() -> None:
    said = read({"a": "mobile"}, Record("1", 1, unreadable={"a": "is 7.22E+08, which is ruined."}))
    assert (said.mobile, said.why) == (0, "The field a is 7.22E+08, which is ruined.")


# ---- fields ---------------------------------------------------------------------------------------------


def test_fields_become_texts_and_attributes_and_blank_ones_are_left_out() -> None:
    said = read(
        {
            "p": "mobile", "f": "fname", "c": "city",
            "n": "attributes.orders", "t": "attributes.tags", "x": "attributes.x",
        },
        p="0722000001", f="Lucy", c="", n=3, t=["a", "b"], x=None,
    )  # fmt: skip
    assert said.values == {"mobile": "0722000001", "fname": "Lucy", "attributes": {"orders": 3, "tags": "a, b"}}


def test_the_digest_is_of_what_is_used_alone() -> None:
    fields = {"p": "mobile", "f": "fname"}
    first = read(fields, p="0722000001", f="Lucy", other=1)
    assert first.digest == read(fields, p="0722000001", f="Lucy", other=2).digest != 0
    assert first.digest != read(fields, p="0722000001", f="Joel").digest
    assert first.digest != read(fields | {"g": "lname"}, p="0722000001", f="Lucy").digest


# ---- consent --------------------------------------------------------------------------------------------

SMS = ("sms", "marketing")


@pytest.mark.parametrize(
    ("target", "value", "outs", "ins"),
    [
        ("opt_out", True, {SMS}, set()),
        ("opt_out", "yes", {SMS}, set()),
        ("opt_out", False, set(), set()),
        ("opt_out.any.any", "1", {("*", "*")}, set()),
        ("opt_out.whatsapp", "true", {("whatsapp", "*")}, set()),
        ("accepts", "no", {SMS}, set()),
        ("accepts", "yes", set(), {SMS}),
        ("accepts", "no_consent", set(), set()),
        ("status.sms.any", "UNSUBSCRIBED", {("sms", "*")}, set()),
        ("status.sms.any", "SUBSCRIBED", set(), {("sms", "*")}),
        ("status", "NEVER_SUBSCRIBED", set(), set()),
        ("status", "NOT_SUBSCRIBED", set(), set()),
        ("status", "PENDING", set(), set()),
        ("status", "", set(), set()),
        ("status", None, set(), set()),
        ("status", ["SUBSCRIBED", "UNSUBSCRIBED"], {SMS}, set()),
    ],
)
def test_a_field_about_consent_says_an_opt_out_or_that_nothing_is_said(
    target: str, value: object, outs: set[Any], ins: set[Any]
) -> None:
    said = read({"p": "mobile", "s": target}, p="0722000001", s=value)
    assert (scopes(said.outs), scopes(said.ins)) == (outs, ins)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-26T12:00:00Z", 1_795_694_400_000_000),
        ("2026-11-26T15:00:00", 1_795_694_400_000_000),
        ("1795694400000", 1_795_694_400_000_000),
        ("yesterday", None),
    ],
)
def test_when_a_person_opted_out_is_read_in_the_accounts_zone(written: str, at: int | None) -> None:
    said = read({"p": "mobile", "s": "opt_out", "t": "opt_out_at"}, p="0722000001", s="yes", t=written)
    assert said.at(Scope("sms", ANY, "marketing")) == at


def test_each_channel_may_have_the_time_of_its_own_opt_out() -> None:
    consents = {"s": "opt_out.sms.any", "w": "opt_out.whatsapp.any", "t": "opt_out_at", "u": "opt_out_at.sms"}
    fields = {"p": "mobile", **consents}
    given = {"p": "0722000001", "s": "yes", "w": "yes", "t": "2026-11-26T12:00:00Z", "u": "2026-11-26T13:00:00Z"}
    said = read(fields, **given)
    assert said.at(Scope("sms", ANY, ANY)) == 1_795_698_000_000_000
    assert said.at(Scope("whatsapp", ANY, ANY)) == said.at(Scope(ANY, ANY, ANY)) == 1_795_694_400_000_000


def test_a_time_is_of_a_channel_that_there_is() -> None:
    assert [read_time_target(one) for one in ("fname", "opt_out_at", "opt_out_at.sms")] == [None, ANY, "sms"]
    with pytest.raises(ValueError, match="must name a channel"):
        read_time_target("opt_out_at.fax")


@pytest.mark.parametrize("target", ["opt_out.fax", "opt_out.sms.spam", "accepts.sms.any.more"])
def test_a_channel_or_purpose_that_is_none_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="must name a channel"):
        read_consent_target(target)


# ---- filter and groups ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "value", "passes"),
    [
        (("customer", "lead"), "Customer", True),
        (("customer",), "other", False),
        (("customer",), None, False),
        ((), "anything", True),
        ((), "", False),
        (("true",), True, True),
        (("vip",), ["new", "VIP"], True),
    ],
)
def test_a_filter_lets_in_who_has_one_of_its_values(words: tuple[str, ...], value: object, passes: bool) -> None:
    said = reader({"p": "mobile"}, filter={"stage": words}).read(Record("1", 1, {"p": "0722000001", "stage": value}))
    assert said.passes is passes


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        ("kisumu", ["lake"]),
        (["Nairobi", " Kisumu "], ["lake"]),
        ("Kisumu East", []),
        ("", []),
        (None, []),
    ],
)
def test_a_group_of_a_value_has_the_records_with_this_value(value: object, groups: list[str]) -> None:
    mapping = GroupMapping("property:city=Kisumu", "lake", group_id=7)
    said = reader({"p": "mobile"}, groups=(mapping,)).read(Record("1", 1, {"p": "0722000001", "city": value}))
    assert [group.group for group in said.in_groups] == groups
