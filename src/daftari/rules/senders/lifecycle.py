"""Senders as people make and change them. No HTTP, no SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeVar, cast, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from daftari.errors import (
    SealBroken,
    SenderBusy,
    SenderNotFound,
    SendersFull,
    SenderTaken,
    ValidationFailed,
    quote,
)
from daftari.gateways import GATEWAYS, SENDING_GATEWAYS, SendingAccount, SendingGateway
from daftari.gateways.accounts import find_account_mistakes
from daftari.model.consent import ANY, CHANNELS
from daftari.model.limits import (
    ACCOUNT_FIELD_MAX,
    ANSWERS_AS_MAX,
    IN_FLIGHT_MAX,
    MESSAGES_PER_DAY_MAX,
    PARTS_PER_SECOND_MAX,
    SENDER_MAX,
    SENDERS_MAX,
    SUFFIX_MAX,
)
from daftari.model.members import Number, Time
from daftari.model.messages import MessagePurpose, OnUnknown, SenderDefinition, StoredSender
from daftari.model.secrets import Secret
from daftari.model.time import format_time
from daftari.rules.access.inbound_tokens import write_token
from daftari.rules.consent.facts import read_channel
from daftari.rules.consent.quiet_hours import OFF, read_hours
from daftari.rules.consent.state import fold_sender
from daftari.rules.events import Action, record
from daftari.rules.fields import Problems, read_text
from daftari.rules.firing import read_definition as read_trigger
from daftari.rules.senders.addresses import UNSEALED, ShownAddress
from daftari.rules.senders.meter import HOUR_MICROSECONDS, Meter, read_meter, write_meter
from daftari.rules.senders.model import (
    NO_SECRET,
    Secrets,
    decode_definition,
    find_wait,
    read_message_purpose,
    read_secrets,
    seal_secrets,
)
from daftari.store import Tx, WriteTx, campaigns, messages, senders, triggers

NAMED_MAX = 10
"""Senders that an error names."""
ASK_FOR_ADDRESS = "GET /v1/senders/{id} shows the address to a key of kind manage."
STORED = Secret("…")
"""In place of a credential that is stored: that it is there is all that is asked."""
PAUSED = "paused by a person"
_PRICE = re.compile(r"([A-Z]{3} )?[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
_encode = msgspec.json.encode
T = TypeVar("T")

FIELDS = (
    *("name", "gateway", "channel", "settings", "credentials", "purpose", "parts_per_second", "daily_max", "in_flight"),
    *("hours", "suffix", "part_price", "on_unknown", "keyword", "answers_as"),
)
"""What a sender is given as."""


class GivenSender(Struct, frozen=True):
    """A sender as it was given and found good. ``credentials``: those that were given; others are kept."""

    channel: str
    name: str
    definition: SenderDefinition
    credentials: Mapping[str, Secret]


class SenderView(Struct, frozen=True, kw_only=True):
    """A sender, without its credentials."""

    id: Number
    name: str
    """What people see a message come from."""
    channel: str
    gateway: str
    """The provider that takes the messages."""
    settings: dict[str, str]
    """What the provider needs and is no secret."""
    credentials: list[str]
    """The names of the credentials that are stored; no call returns one."""
    purpose: MessagePurpose
    parts_per_second: int
    daily_max: int
    in_flight: int
    hours: str
    suffix: str
    part_price: str
    on_unknown: OnUnknown
    keyword: str
    answers_as: tuple[str, ...]
    paused: str | None
    """Why it sends nothing, until it is resumed; `null` otherwise."""
    waits_for: str | None
    """What is needed before it sends anything; `null` when nothing is missing."""
    sent_today: int
    """Messages of the last 24 hours."""
    reports_url: str | None
    """The address to give the provider for reports and replies. Only a key of kind `manage` sees it."""
    verify_token: str | None
    """What the provider's check of the address must repeat, where there is one."""
    reports_note: str | None
    """What to know about the address."""
    created_at: Time


def read_sender(given: Mapping[str, object], *, before: StoredSender | None) -> GivenSender:
    """Read a sender's fields; where there is one already, those that are left out stay as they are.

    A field that is ``None`` has its default again. Raises ``ValidationFailed``, which names every field that is wrong.
    """
    problems = Problems()
    blank = SenderDefinition(gateway="")
    known = blank if before is None else decode_definition(before.definition)
    defaults = asdict(blank)
    values = asdict(known) | {name: defaults.get(name) if value is None else value for name, value in given.items()}
    if before is not None:
        fixed = {"channel": before.channel, "gateway": known.gateway}
        for field, kept in fixed.items():
            if given.get(field) not in (None, kept):
                problems.add(field, f"is {quote(given[field])}, and stays {kept!r}: add another sender instead.")
        values |= {**fixed, "name": given.get("name") or before.name}
    name = _read(problems, values, "name", _read_name)
    gateway = _read(problems, values, "gateway", _read_gateway)
    channel = _read(problems, values, "channel", _read_channel)
    definition = SenderDefinition(
        gateway="" if gateway is None else gateway.name,
        purpose=_read(problems, values, "purpose", read_message_purpose) or known.purpose,
        parts_per_second=_whole(problems, values, "parts_per_second", least=1, most=PARTS_PER_SECOND_MAX),
        daily_max=_whole(problems, values, "daily_max", least=0, most=MESSAGES_PER_DAY_MAX),
        in_flight=_whole(problems, values, "in_flight", least=1, most=IN_FLIGHT_MAX),
        hours=_read(problems, values, "hours", _read_hours) or known.hours,
        suffix=_text(problems, values, "suffix", most=SUFFIX_MAX),
        part_price=_read(problems, values, "part_price", _read_price) or "",
        on_unknown=_read(problems, values, "on_unknown", _read_on_unknown) or known.on_unknown,
        keyword=_text(problems, values, "keyword", most=SENDER_MAX),
        answers_as=_read(problems, values, "answers_as", _read_names) or (),
    )
    if channel == "premium_sms" and not definition.keyword:
        problems.add("keyword", "is required: the word of the premium service, which every message is asked for with.")
    settings = _texts(problems, "settings", values["settings"])
    credentials = _texts(problems, "credentials", given.get("credentials") or {})
    secret = {name: Secret(value) for name, value in credentials.items()}
    stored = known.credential_names
    definition = replace(definition, settings=settings, credential_names=tuple(sorted({*stored, *secret})))
    if gateway is not None:
        account = SendingAccount(
            channel=channel or "", name=name or "", purpose=definition.purpose, keyword=definition.keyword,
            settings=settings, credentials={**dict.fromkeys(stored, STORED), **secret},
        )  # fmt: skip
        for field, said in _find_mistakes(gateway, account):
            if not problems.has(field):
                problems.include({field: [said]})
    problems.refuse()
    return GivenSender(channel or "", name or "", definition, secret)


def _find_mistakes(gateway: SendingGateway, account: SendingAccount) -> list[tuple[str, str]]:
    """What is wrong with an account, by the path of the field."""
    secret = {field.name for field in gateway.credentials} | (account.credentials.keys() - account.settings.keys())
    paths = {"channel": "channel", **{name: f"credentials.{name}" for name in secret}}
    found = find_account_mistakes(gateway, account)
    return [(paths.get(name, f"settings.{name}"), said) for name, said in found.items()]


def _texts(problems: Problems, name: str, given: object) -> dict[str, str]:
    """An object of texts without blank ones; numbers in it are taken as they are written."""
    if isinstance(given, str):
        with suppress(msgspec.DecodeError):
            given = msgspec.json.decode(given)
    if not isinstance(given, Mapping):
        problems.add(name, 'must be an object of texts, such as {"username": "shop"}.')
        return {}
    found: dict[str, str] = {}
    for key, value in given.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        text = problems.read(f"{name}.{key}", value, lambda value: read_text(value, most=ACCOUNT_FIELD_MAX))
        if text:
            found[str(key)] = text
    return found


def _read(
    problems: Problems, values: Mapping[str, object], name: str, reader: Callable[[object], T | None]
) -> T | None:
    """A field's value; what is wrong with it is noted and quoted. For nothing secret."""
    value = values.get(name)
    try:
        return reader(value)
    except ValueError as error:
        problems.add(name, str(error) if value in (None, "", (), []) else f"{error} It is {quote(value)}.")
        return None


def _text(problems: Problems, values: Mapping[str, object], name: str, *, most: int) -> str:
    return _read(problems, values, name, lambda value: read_text(value, most=most)) or ""


def _whole(problems: Problems, values: Mapping[str, object], name: str, *, least: int, most: int) -> int:
    def read(value: object) -> int:
        written = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not written.isascii() or not written.isdecimal() or not least <= int(written[:12]) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}.")
        return int(written)

    found = _read(problems, values, name, read)
    return least if found is None else found


def _read_name(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = read_text(value, most=SENDER_MAX)
    if text is None or text in (ANY, "any"):
        raise ValueError("is required: what people see a message come from, such as DUKA or 254711000000.")
    return text


def _read_gateway(value: object) -> SendingGateway:
    if value not in SENDING_GATEWAYS:
        raise ValueError(f"must be one of: {', '.join(SENDING_GATEWAYS)}.")
    return SENDING_GATEWAYS[str(value)]


def _read_channel(value: object) -> str:
    with suppress(ValueError):
        channel = read_channel(value)
        if channel != ANY:
            return channel
    raise ValueError(f"is required, and must be one of: {', '.join(CHANNELS)}.")


def _read_hours(value: object) -> str:
    text = read_text(value)
    return OFF if text is None else read_hours(text)


def _read_price(value: object) -> str:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else read_text(value)
    if text is not None and not _PRICE.fullmatch(text):
        raise ValueError("must be an amount with or without its currency, such as 0.8 or KES 0.80.")
    return text or ""


def _read_on_unknown(value: object) -> OnUnknown:
    if value not in get_args(OnUnknown):
        raise ValueError("must be one of: hold, resend. With resend, a person may get a message twice.")
    return cast(OnUnknown, value)


def _read_names(value: object) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or len(names) > ANSWERS_AS_MAX:
        raise ValueError(f"must be a list of at most {ANSWERS_AS_MAX} names or numbers.")
    read = [read_text(name, most=SENDER_MAX) for name in names]
    return tuple(dict.fromkeys(name for name in read if name))


def create_sender(tx: WriteTx, *, given: GivenSender, token: str) -> SenderView:
    """A new sender; ``token`` is that of the address for its reports and replies.

    Raises ``SenderTaken`` and ``SendersFull``.
    """
    _refuse_taken(tx, given, None)
    if len(senders.list_senders(tx)) >= SENDERS_MAX:
        raise SendersFull(SENDERS_MAX)
    number = senders.insert_sender(
        tx,
        channel=given.channel,
        name=given.name,
        folded=fold_sender(given.name),
        definition=_encode(given.definition).decode(),
        credentials=b"",
        meter=write_meter(Meter(at=tx.now, epoch=tx.epoch())),
    )
    _save(tx, get_sender(tx, sender_id=number), Secrets(given.credentials, Secret(token)))
    record(tx, Action.CREATE_SENDER, detail={"sender": number})
    return show_sender(tx, get_sender(tx, sender_id=number))


def change_sender(tx: WriteTx, *, sender_id: int, values: Mapping[str, object]) -> SenderView:
    """Change what is given of a sender, as ``read_sender`` and ``update_sender`` say."""
    before = get_sender(tx, sender_id=sender_id)
    return update_sender(tx, sender_id=sender_id, given=read_sender(values, before=before))


def update_sender(tx: WriteTx, *, sender_id: int, given: GivenSender) -> SenderView:
    """Change a sender. What people may answer it as is never less than before, and has its former name.

    Raises ``SenderTaken``, and ``ValidationFailed`` when a credential that is kept cannot be read.
    """
    before = get_sender(tx, sender_id=sender_id)
    _refuse_taken(tx, given, sender_id)
    known = decode_definition(before.definition)
    names = {fold_sender(name): name for name in (*known.answers_as, before.name, *given.definition.answers_as)}
    names.pop(fold_sender(given.name), None)
    if len(names) > ANSWERS_AS_MAX + 1:
        said = f"would have {len(names)} names, since none that it had is taken away; {ANSWERS_AS_MAX} are allowed."
        raise ValidationFailed({"answers_as": [f"The answers_as field {said}"]})
    secrets = _keep_secrets(tx, before, given)
    definition = replace(
        given.definition, answers_as=tuple(names.values()), credential_names=tuple(sorted(secrets.credentials))
    )
    _save(tx, replace(before, name=given.name, definition=_encode(definition).decode()), secrets)
    record(tx, Action.UPDATE_SENDER, detail={"sender": sender_id})
    return show_sender(tx, get_sender(tx, sender_id=sender_id))


def _keep_secrets(tx: Tx, before: StoredSender, given: GivenSender) -> Secrets:
    """What a changed sender keeps sealed.

    Every credential must be given again where the stored ones cannot be read, in which case the address for reports is
    another; and where they would be sent to another server, since a key could have them sent to its own.
    """
    known, why = decode_definition(before.definition), ""
    try:
        secrets = read_secrets(tx, before)
    except SealBroken:
        secrets = Secrets(token=Secret(write_token()))
        why = "it was sealed with another secret than that of DAFTARI_SECRET or its file"
    if _find_urls(known.settings) != _find_urls(given.definition.settings):
        why = "the settings name another server, to which it would be sent"
    lost = [f"credentials.{name}" for name in known.credential_names if name not in given.credentials]
    if why and lost:
        raise ValidationFailed({name: [f"The {name} field is required again: {why}."] for name in lost})
    token = secrets.token or Secret(write_token())
    return Secrets({**secrets.credentials, **given.credentials}, token, secrets.former_until)


def _find_urls(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that say which server is called."""
    return {name: value for name, value in settings.items() if name == "url" or name.endswith("_url")}


def delete_sender(tx: WriteTx, *, sender_id: int) -> None:
    """Delete a sender and its credentials. What it sent stays.

    Raises ``SenderBusy`` while something waits for it or is being sent, or a trigger sends with it.
    """
    before = get_sender(tx, sender_id=sender_id)
    using = [trigger for trigger in triggers.list_triggers(tx) if trigger.sender_id == sender_id]
    if using:
        raise SenderBusy(before.name, used_by=[read_trigger(one.definition).name for one in using[:NAMED_MAX]])
    is_busy = messages.has_open_messages(tx, sender_id=sender_id)
    if is_busy or campaigns.list_active_campaigns(tx, sender_id=sender_id):
        raise SenderBusy(before.name)
    gone = replace(before, deleted_at=tx.now)
    _save(tx, gone, Secrets(token=NO_SECRET))
    record(tx, Action.DELETE_SENDER, detail={"sender": sender_id})


def pause_sender(tx: WriteTx, *, sender_id: int) -> SenderView:
    """Send nothing until it is resumed. Acts within a second."""
    meter = get_sender(tx, sender_id=sender_id).meter
    senders.save_meter(tx, sender_id=sender_id, meter=meter, paused=PAUSED)
    record(tx, Action.UPDATE_SENDER, detail={"sender": sender_id})
    return show_sender(tx, get_sender(tx, sender_id=sender_id))


def pause_unsealed(tx: WriteTx, *, sender_id: int) -> None:
    """Send nothing with credentials that cannot be read, until a person gave them again."""
    senders.save_meter(tx, sender_id=sender_id, meter=get_sender(tx, sender_id=sender_id).meter, paused=UNSEALED)


def resume_sender(tx: WriteTx, *, sender_id: int) -> SenderView:
    """Resume sending. What waited for the sender is not late."""
    meter = read_meter(get_sender(tx, sender_id=sender_id).meter)
    meter.resumed_at, meter.epoch = tx.now, tx.epoch()
    senders.save_meter(tx, sender_id=sender_id, meter=write_meter(meter), paused="")
    record(tx, Action.UPDATE_SENDER, detail={"sender": sender_id})
    return show_sender(tx, get_sender(tx, sender_id=sender_id))


def rotate_address(tx: WriteTx, *, sender_id: int, token: str, keep_hours: int) -> SenderView:
    """Another address for reports and replies; the former ones are accepted for so many hours, or not at all.

    Raises ``ValidationFailed`` when the sender's credentials, which are sealed with the address, cannot be read.
    """
    before = get_sender(tx, sender_id=sender_id)
    try:
        secrets = read_secrets(tx, before)
    except SealBroken:
        raise ValidationFailed({"credentials": [f"The credentials field is required first. {UNSEALED}"]}) from None
    former_until = tx.now + keep_hours * HOUR_MICROSECONDS
    _save(tx, before, Secrets(secrets.credentials, Secret(token), former_until))
    record(tx, Action.UPDATE_SENDER, detail={"sender": sender_id})
    return show_sender(tx, before)


def list_senders(tx: Tx) -> list[SenderView]:
    """All senders, in order of creation."""
    return [show_sender(tx, sender) for sender in senders.list_senders(tx)]


def get_sender(tx: Tx, *, sender_id: int) -> StoredSender:
    """One sender. Raises ``SenderNotFound``."""
    found = senders.get_sender(tx, sender_id=sender_id)
    if found is None or found.deleted_at is not None:
        raise SenderNotFound
    return found


def find_sender(tx: Tx, *, written: str, channel: str) -> StoredSender:
    """The sender that a call names, by its name or its id. Raises ``ValidationFailed``."""
    known = [sender for sender in senders.list_senders(tx) if channel in ("", ANY, sender.channel)]
    found = [sender for sender in known if fold_sender(sender.name) == fold_sender(written)]
    found = found or [sender for sender in known if str(sender.id) == written]
    if len(found) == 1:
        return found[0]
    if found:
        channels = ", ".join(sender.channel for sender in found)
        raise ValidationFailed({"channel": [f"The channel field is required: {written!r} is a sender of {channels}."]})
    names = ", ".join(repr(sender.name) for sender in known[:NAMED_MAX]) or "none yet"
    raise ValidationFailed({"sender": [f"There is no sender called {written!r}; there are: {names}."]})


def read_sender_of(tx: Tx, values: Mapping[str, object]) -> StoredSender:
    """The sender that a campaign or trigger names in ``sender`` and ``channel``. Raises ``ValidationFailed``."""
    problems = Problems()
    written = problems.read("sender", values.get("sender"), read_text)
    channel = problems.read("channel", values.get("channel"), read_channel)
    if written is None and not problems:
        problems.add("sender", "is required: the name of a sender, as GET /v1/senders lists it.")
    problems.refuse()
    return find_sender(tx, written=written or "", channel=channel or "")


def show_sender(tx: Tx, sender: StoredSender) -> SenderView:
    """A sender as callers see it."""
    definition, meter = decode_definition(sender.definition), read_meter(sender.meter)
    return SenderView(
        id=sender.id,
        name=sender.name,
        channel=sender.channel,
        credentials=[*definition.credential_names],
        paused=sender.paused or None,
        waits_for=find_wait(definition) or None,
        reports_url=None,
        verify_token=None,
        reports_note=ASK_FOR_ADDRESS if definition.gateway in GATEWAYS else None,
        sent_today=meter.sent_in_a_day(now=tx.now),
        created_at=format_time(sender.created_at),
        **{name: value for name, value in asdict(definition).items() if name != "credential_names"},
    )


def name_address(view: SenderView, address: ShownAddress) -> SenderView:
    """A sender with the address for its reports and replies."""
    return replace(view, reports_url=address.url, verify_token=address.verify_token, reports_note=address.note)


def _save(tx: WriteTx, sender: StoredSender, secrets: Secrets) -> None:
    sealed = seal_secrets(tx, secrets, sender_id=sender.id)
    folded = None if sender.deleted_at is not None else fold_sender(sender.name)
    senders.update_sender(tx, sender=replace(sender, credentials=sealed), folded=folded)


def _refuse_taken(tx: Tx, given: GivenSender, sender_id: int | None) -> None:
    for sender in senders.list_senders(tx):
        same = sender.channel == given.channel and fold_sender(sender.name) == fold_sender(given.name)
        if same and sender.id != sender_id:
            raise SenderTaken(given.name, given.channel)
