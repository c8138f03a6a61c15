"""The interfaces of a gateway: one turns a provider's requests into inbound events, the other one sends.

A gateway keeps nothing, decides nothing and calls nothing: it reads what arrived, composes a request, and reads the
result of it. No database, no rules, no network.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from daftari.errors import Forged
from daftari.model.inbound import InboundEvent, InboundRequest
from daftari.model.secrets import Secret
from daftari.outbound.exchange import OutboundRequest, OutboundResult

RECEIVED = ("application/json", b'{"message":"Received"}')
"""What most providers are answered: they look at the status alone."""


# ---- what providers send to us ----------------------------------------------------------------------


class Proof(msgspec.Struct, frozen=True):
    """What the operator stored to prove where a request comes from. A blank is nothing."""

    secret: Secret | None
    """What the gateway's ``secret_name`` says."""
    verify_token: Secret | None = None
    """What the provider's GET check must repeat."""


class Gateway(Protocol):
    """One provider. [Inbound](docs/inbound.md#adding-a-provider) lists what a new one needs."""

    name: str
    """As it stands in a URL."""
    title: str
    """As people write it."""
    secret_name: str | None = None
    """What the operator must give, in the provider's words; ``None`` when the provider proves nothing."""
    proof_headers: tuple[str, ...] = ()
    """The headers that ``verify`` reads, in lower case. No other header reaches a gateway or is stored."""
    secret_required: bool = False
    """Whether nothing is accepted without a secret. Otherwise the unguessable path is proof enough."""
    has_check: bool = False
    """Whether the provider checks the address with a GET before it sends anything."""
    accepts_get: bool = False
    """Whether the provider may be set to send with GET, all fields in the query."""
    signs_url: bool = False
    """Whether the proof is about the address too, so that a refused request is kept with it, the token included."""
    reply: tuple[str, bytes] = RECEIVED
    """The media type and body of the answer to what was read."""

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        """Raise ``Forged`` unless the request is the provider's."""
        ...

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        """The events in a request, in its order; the same for the same request. Raises ``Malformed``."""
        ...

    def check(self, request: InboundRequest, *, proof: Proof) -> bytes:
        """What to answer to a GET check. Raises ``Forged``."""
        raise Forged(f"{self.title} checks no address.")


# ---- what we send -----------------------------------------------------------------------------------

Reference = Literal["own_id", "echo", "list", "none"]
"""What settles a message whose answer was lost.

- ``own_id``: the provider knows our id and refuses a second message with it, so the same call may be repeated.
- ``echo``: the provider repeats our id in its reports, so a report settles it.
- ``list``: the provider lists what it sent, by number and day.
- ``none``: nothing does.
"""

OutcomeWord = Literal["accepted", "slow", "again", "refused", "dead", "opt_out", "stop", "unknown"]
"""What is known of one message after its call.

- ``accepted``: the provider took it.
- ``slow``: not taken, for speed or volume; it waits, and the sender slows down.
- ``again``: not taken; it may be sent again at once.
- ``refused``: not taken, this message only.
- ``dead``: not taken, and the number takes no messages.
- ``opt_out``: not taken, because the person opted out.
- ``stop``: not taken, and nothing will be until a person has changed the account, the sender or the template.
- ``unknown``: nothing is proved; only a person, or a report, settles it.
"""


class OutgoingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one number. ``text`` is blank when an approved ``template`` is sent."""

    id: str
    """Our own id of this attempt: at most 64 ASCII characters."""
    mobile: int
    text: str = ""
    parts: int = 1
    """As we counted them."""
    encoding: Literal["gsm7", "ucs2"] = "gsm7"
    template: str = ""
    language: str = ""
    params: tuple[str, ...] = ()
    valid_seconds: int | None = None
    """How long the provider may try to deliver it; ``None`` leaves that to the provider."""
    link_id: str = ""
    """Of premium on demand: the request that this message answers."""


class SendingAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A sender as its gateway sees it."""

    channel: str
    name: str
    """What people see the message come from."""
    purpose: str = ""
    keyword: str = ""
    """Of a premium service."""
    settings: Mapping[str, str] = {}
    credentials: Mapping[str, Secret] = {}
    reports_url: str = ""
    """Where the provider sends its reports; blank when there is no address for them."""

    def setting(self, name: str, default: str = "") -> str:
        """A setting; the default when it is blank or absent."""
        return self.settings.get(name, "").strip() or default


class AccountField(msgspec.Struct, frozen=True):
    """A setting or credential that a gateway reads."""

    name: str
    help: str
    """What to enter, and where it is found."""
    is_required: bool = False
    default: str = ""
    one_of: tuple[str, ...] = ()
    """The only values; none means any."""


class LogLine(msgspec.Struct, frozen=True):
    """What a gateway without a network has to say: a line for the service's log.

    ``text`` is the message itself, which is logged only where the operator asked for it.
    """

    line: str
    text: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one message. ``code`` and ``says`` are the provider's own."""

    message: OutgoingMessage
    word: OutcomeWord
    code: str = ""
    says: str = ""
    provider_id: str = ""
    parts: int | None = None
    """As the provider counted them."""
    cost: str = ""
    """With its currency, as the provider wrote it."""


class Checked(msgspec.Struct, frozen=True):
    """What a check of an account found. ``says`` is a sentence; ``balance`` has its currency."""

    works: bool
    says: str
    balance: str = ""


class SendingGateway(Protocol):
    """One way to send. [Senders](docs/senders.md#adding-a-provider) lists what a new one needs."""

    name: str
    title: str
    channels: tuple[str, ...]
    settings: tuple[AccountField, ...] = ()
    credentials: tuple[AccountField, ...] = ()
    signing_credential: str | None = None
    """The credential by which the provider's reports and replies are verified; ``None`` if it signs none."""
    pool_setting: str | None = None
    """The setting with which the provider chooses among several numbers, so that people answer others than the name."""
    reference: Reference = "none"
    personal: bool = True
    """Whether each message of a call may have a text of its own."""
    codes: Mapping[str, OutcomeWord] = {}
    """What each code of the provider means. As a code of a report it says why the message failed."""
    lookup_channels: tuple[str, ...] = ()
    """The channels on which ``compose_lookup`` finds messages."""
    template_codes: frozenset[str] = frozenset()
    """The codes that say ``stop`` for a template, and so for a campaign, rather than for the sender."""

    def call_max(self, account: SendingAccount) -> int:
        """How many messages one call may carry."""
        return 1

    def find_mistakes(self, account: SendingAccount) -> dict[str, str]:
        """What is wrong with an account, beyond a field that is missing: a sentence for each field."""
        return {}

    def find_signing_secret(self, account: SendingAccount) -> Secret | None:
        """What the provider's reports and replies are verified by, as in ``Proof``."""
        return account.credentials.get(self.signing_credential or "")

    def compose(self, messages: Sequence[OutgoingMessage], account: SendingAccount) -> OutboundRequest | LogLine:
        """The call that sends these messages, which ``group_messages`` put together."""
        ...

    def outcomes(
        self, result: OutboundResult | LogLine, messages: Sequence[OutgoingMessage], account: SendingAccount
    ) -> list[Outcome]:
        """One outcome for each message, in their order. ``result`` is how the call ended, or the line that was logged.

        An answer is matched by number or by our id, never by position; a message that it leaves out is ``unknown``.
        """
        ...

    @property
    def checks_accounts(self) -> bool:
        """Whether the provider has a call that shows whether an account works."""
        return type(self).compose_check is not SendingGateway.compose_check

    def compose_check(self, account: SendingAccount) -> OutboundRequest | None:
        """A request that shows whether the account works and sends nothing; ``None`` if the provider has none."""
        return None

    def read_check(self, result: OutboundResult, account: SendingAccount) -> Checked:
        """What that request found."""
        return Checked(works=False, says=f"{self.title} has no call that checks an account.")

    def compose_lookup(
        self, message: OutgoingMessage, account: SendingAccount, *, sent_at: int
    ) -> OutboundRequest | None:
        """A request that looks for a message whose answer was lost; ``None`` if the provider lists nothing.

        ``sent_at`` is when it was sent, in microseconds since 1970. Lists may lag by a minute or two.
        """
        return None

    def read_lookup(
        self,
        result: OutboundResult,
        message: OutgoingMessage,
        account: SendingAccount,
        *,
        sent_at: int,
        known: Collection[str],
    ) -> Outcome | None:
        """The outcome of a message that was found; ``None`` when it was not, which proves nothing.

        ``known`` are the provider's ids of other messages to the same number.
        """
        return None
