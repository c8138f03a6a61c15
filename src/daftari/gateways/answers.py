"""From the end of a call to one outcome for each of its messages. No provider's format.

What the transport proves is asked of ``outbound.proof``. A status of 200 proves nothing: only the answer's own
word about a number, or about our id, does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import Malformed
from daftari.gateways.fields import Fields, read_object
from daftari.gateways.protocol import Checked, LogLine, Outcome, OutcomeWord, OutgoingMessage, SendingAccount
from daftari.model.limits import MESSAGE_ID_MAX, REASON_MAX
from daftari.outbound.exchange import NotSent, OutboundResponse, OutboundResult, PerhapsSent
from daftari.outbound.proof import Proof, proof_of

CODE_MAX = 64
"""Characters of a provider's code."""
CREDENTIAL_MIN = 4
"""Characters of a credential that is looked for in what a provider says; a shorter one would hide ordinary words."""
_ALL = "all"
"""In the place of a number: an entry about every message."""
_CAUTION: Mapping[str, int] = {"accepted": 0, "unknown": 1}
_LEFT_OUT = "The answer leaves this message out."
_UNREADABLE = "The answer cannot be read."


class Entry(Struct, frozen=True, kw_only=True):
    """An answer's word about one number, about one id of ours, or, when both are blank, about all messages.

    ``word`` is ``None`` for a code that we do not know.
    """

    word: OutcomeWord | None
    number: str = ""
    own_id: str = ""
    code: str = ""
    says: str = ""
    provider_id: str = ""
    parts: int | None = None
    cost: str = ""


Read = Callable[[OutboundResponse], Iterable[Entry]]
"""Reads a whole response. Raises ``Malformed`` when it is not the provider's."""


def digits_of(written: str) -> str:
    """The digits of a number in international form, with or without ``+``, ``00`` or a channel's prefix."""
    digits = "".join(filter(str.isdecimal, written)) if written.isascii() else ""
    return digits.removeprefix("00")


def read_outcomes(
    result: OutboundResult | LogLine,
    messages: Sequence[OutgoingMessage],
    account: SendingAccount,
    *,
    read: Read,
    trust_503: bool = False,
) -> list[Outcome]:
    """One outcome for each message, in their order. Credentials that an answer repeats are left out of it."""
    if isinstance(result, LogLine):
        raise TypeError("A line of a log is no answer of a provider.")
    proof = proof_of(result, trust_503=trust_503)
    word: OutcomeWord = "unknown" if proof == "body" else proof
    entries: list[Entry] = []
    if isinstance(result, OutboundResponse):
        entries = _read_entries(result, read, proof)
        rest = Entry(word=word, code=_code_of(result), says=_LEFT_OUT if entries else _UNREADABLE)
    else:
        rest = Entry(word=word, code=result.cause, says=result.message)
    found = zip(messages, _match(messages, entries), strict=True)
    return [outcome_of(message, entry or rest, account) for message, entry in found]


def _read_entries(response: OutboundResponse, read: Read, proof: Proof) -> list[Entry]:
    """What a response says, each entry with a word; where its code is not known, the status decides."""
    try:
        entries = [] if response.incomplete else list(read(response))
    except Malformed:
        return []
    if proof == "unknown":
        # Whatever it says, the request may have been obeyed.
        return [replace(entry, word="unknown") for entry in entries]
    if proof == "body":
        # A 400 with the provider's own error took nothing.
        proof = "refused" if response.status == 400 else "unknown"
    return [replace(entry, word=entry.word or proof, code=entry.code or _code_of(response)) for entry in entries]


def _code_of(response: OutboundResponse) -> str:
    """The code of an answer that has none of its own."""
    return "" if 200 <= response.status <= 299 else f"HTTP {response.status}"


def _match(messages: Sequence[OutgoingMessage], entries: Iterable[Entry]) -> Iterator[Entry | None]:
    """The entry of each message: by our id, by a number that is one message's alone, or of all messages."""
    ids = {message.id for message in messages}
    times = Counter(str(message.mobile) for message in messages)
    by_id: dict[str, Entry] = {}
    by_number: dict[str, Entry] = {}
    for entry in entries:
        if entry.own_id in ids:
            _keep(by_id, entry.own_id, entry)
        elif entry.number or not entry.own_id:
            _keep(by_number, digits_of(entry.number) if entry.number else _ALL, entry)
    for message in messages:
        mobile = str(message.mobile)
        found = by_id.get(message.id) or (by_number.get(mobile) if times[mobile] == 1 else None)
        yield found or by_number.get(_ALL)


def _keep(entries: dict[str, Entry], key: str, entry: Entry) -> None:
    """Of entries that contradict each other, keep the one after which least is sent again."""
    if key not in entries or _CAUTION.get(entry.word or "", 2) < _CAUTION.get(entries[key].word or "", 2):
        entries[key] = entry


def outcome_of(message: OutgoingMessage, entry: Entry, account: SendingAccount) -> Outcome:
    """The outcome that an entry means, cut to what is kept, and without credentials."""
    return Outcome(
        message=message,
        word=entry.word or "unknown",
        code=entry.code[:CODE_MAX],
        says=without_credentials(entry.says.replace("\0", ""), account)[:REASON_MAX],
        provider_id=entry.provider_id[:MESSAGE_ID_MAX],
        parts=entry.parts,
        cost=entry.cost[:CODE_MAX],
    )


def without_credentials(text: str, account: SendingAccount) -> str:
    """What a provider says, without the credentials that it may repeat."""
    for value in sorted(account.credentials.values(), key=len, reverse=True):
        if len(value) >= CREDENTIAL_MIN:
            text = text.replace(value, "…")
    return text


def read_json_answer(response: OutboundResponse) -> Fields:
    """The members of an answer that is a JSON object. Raises ``Malformed``."""
    return read_object(response.body)


def read_entries(items: Iterable[Fields], read: Callable[[Fields], Entry]) -> list[Entry]:
    """The entries of several items. One that cannot be read hides no other one."""
    entries = []
    for item in items:
        try:
            item.require_object()
            entries.append(read(item))
        except Malformed:
            continue
    return entries


def read_count(fields: Fields, *names: str) -> int | None:
    """A number of parts; ``None`` where there is none, or none that can be."""
    written = fields.text(*names)
    return int(written) if written.isascii() and written.isdecimal() and 0 < int(written[:6]) < 1_000 else None


def read_listed(result: OutboundResult, name: str) -> list[Fields]:
    """The items of a list that was asked for; none if it did not come."""
    if not isinstance(result, OutboundResponse) or result.status != 200 or result.incomplete:
        return []
    try:
        return read_json_answer(result).each(name)
    except Malformed:
        return []


def read_check_answer(result: OutboundResult, account: SendingAccount, *, read: Callable[[Fields], Checked]) -> Checked:
    """What a check found; ``read`` reads an answer of 200."""
    match result:
        case NotSent() | PerhapsSent():
            return Checked(works=False, says=result.message)
        case OutboundResponse(status=200, incomplete=None):
            try:
                return read(read_json_answer(result))
            except Malformed:
                return Checked(works=False, says=_UNREADABLE)
        case OutboundResponse():
            said = without_credentials(_said(result), account)[:REASON_MAX]
            return Checked(works=False, says=f"The provider answered {result.status}{f': {said}' if said else '.'}")


def _said(response: OutboundResponse) -> str:
    """The words of an error, wherever the provider has them."""
    try:
        fields = read_json_answer(response)
    except Malformed:
        return ""
    inner = (fields, fields.part("error"), fields.part("requestError").part("serviceException"))
    return next(filter(None, (part.text("message", "text", "description", "errorMessage") for part in inner)), "")
