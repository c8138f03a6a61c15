"""The whole way of a call: composed, sent by the real client, answered by a provider, read, and reported on."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from daftari.errors import Forged
from daftari.gateways import GATEWAYS, SENDING_GATEWAYS, Proof
from daftari.gateways.calls import group_messages
from daftari.gateways.protocol import Outcome, OutgoingMessage, SendingAccount
from daftari.model.inbound import DeliveryReport, InboundRequest
from daftari.model.secrets import Secret
from daftari.outbound.client import OutboundClient
from daftari.outbound.exchange import OutboundRequest, OutboundResult
from tests.support.fake_provider import SECRET, FakeProvider, Reports, Rule, fake_provider
from tests.support.fake_provider.dialects import BAD_KEY
from tests.support.sending import AKINYI, OTIENO, WANJIRU, account, message

NETWORK = [(name, channel) for name, one in SENDING_GATEWAYS.items() if name != "log" for channel in one.channels]
MANY = ("sozuri", "africas_talking", "infobip")
SMS = [name for name, channel in NETWORK if channel == "sms"]
IDS = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[FakeProvider]:
    with fake_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: FakeProvider) -> FakeProvider:
    running.forget()
    return running


@pytest.fixture(scope="module")
def client(running: FakeProvider) -> Iterator[OutboundClient]:
    with OutboundClient(allowed_hosts=[f"127.0.0.1:{running.port}"], read_seconds=5.0) as client:
        yield client


def account_at(provider: FakeProvider, name: str, *, channel: str = "sms", **given: object) -> SendingAccount:
    url = provider.url(name)
    settings = (
        {"base_url": url, "content_url": url}
        if name != "generic"
        else {
            "url": f"{url}/send",
            "body": '{"to": "{{to}}", "from": "{{from}}", "text": "{{text}}", "reports": "{{reports_url}}"}',
        }
    )
    return account(name, channel=channel, settings=settings, keyword="PESA", **given)


def messages_of(channel: str, *mobiles: int) -> list[OutgoingMessage]:
    """One message to each number, with ids that no other test has."""
    given = {"template": "karibu", "language": "sw", "params": ("Akinyi",)} if channel == "whatsapp" else {}
    return [message(mobile, next(IDS), **given) for mobile in mobiles]


def send(client: OutboundClient, sender: SendingAccount, name: str, *messages: OutgoingMessage) -> list[Outcome]:
    """The outcomes of one call."""
    return SENDING_GATEWAYS[name].outcomes(call(client, sender, name, *messages), messages, sender)


def call(client: OutboundClient, sender: SendingAccount, name: str, *messages: OutgoingMessage) -> OutboundResult:
    request = SENDING_GATEWAYS[name].compose(messages, sender)
    assert isinstance(request, OutboundRequest)
    return client.send(request)


# ---- taken and refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "channel"), NETWORK)
def test_a_message_is_taken_and_the_provider_has_what_we_sent(
    provider: FakeProvider, client: OutboundClient, name: str, channel: str
) -> None:
    sender = account_at(provider, name, channel=channel)
    (sent,) = messages_of(channel, AKINYI)
    (outcome,) = send(client, sender, name, sent)
    (taken,) = provider.taken
    assert outcome.word == "accepted" and outcome.provider_id == (sent.id if name == "infobip" else taken.id)
    assert (taken.provider, taken.number) == (name, str(AKINYI))
    assert taken.text == (sent.text if channel != "whatsapp" or name == "generic" else sent.template)
    if SENDING_GATEWAYS[name].reference in ("own_id", "echo"):
        assert taken.own_id == sent.id


@pytest.mark.parametrize("endpoint", ["bulk", "messaging"])
def test_africas_talking_has_two_endpoints_for_sms(
    provider: FakeProvider, client: OutboundClient, endpoint: str
) -> None:
    settings = {"base_url": provider.url("africas_talking"), "endpoint": endpoint}
    sender = account("africas_talking", settings=settings)
    found = send(client, sender, "africas_talking", *messages_of("sms", AKINYI, WANJIRU))
    assert [outcome.word for outcome in found] == ["accepted", "accepted"]
    assert [taken.number for taken in provider.taken] == [str(AKINYI), str(WANJIRU)]


@pytest.mark.parametrize(("name", "channel"), NETWORK)
def test_a_key_that_is_wrong_stops_the_sender(
    provider: FakeProvider, client: OutboundClient, name: str, channel: str
) -> None:
    fields = SENDING_GATEWAYS[name].credentials
    sender = account_at(provider, name, channel=channel, credentials={one.name: Secret(BAD_KEY) for one in fields})
    (outcome,) = send(client, sender, name, *messages_of(channel, AKINYI))
    assert (outcome.word, provider.taken) == ("stop", [])


@pytest.mark.parametrize("name", MANY)
def test_of_many_numbers_each_has_its_own_outcome(provider: FakeProvider, client: OutboundClient, name: str) -> None:
    code = {"sozuri": "18", "africas_talking": "406", "infobip": "14"}[name]
    provider.behave(Rule(codes={str(WANJIRU): code}))
    found = send(client, account_at(provider, name), name, *messages_of("sms", AKINYI, WANJIRU, OTIENO))
    assert [outcome.word for outcome in found] == [
        "accepted",
        "refused" if name == "infobip" else "opt_out",
        "accepted",
    ]
    assert {taken.number for taken in provider.taken} == {str(AKINYI), str(OTIENO)}


@pytest.mark.parametrize("name", MANY)
def test_a_full_call_is_taken_whole(provider: FakeProvider, client: OutboundClient, name: str) -> None:
    sender = account_at(provider, name)
    messages = messages_of("sms", *range(254_711_000_000, 254_711_000_250))
    calls = group_messages(messages, SENDING_GATEWAYS[name], sender)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda one: send(client, sender, name, *one), calls))
    assert [outcome.word for outcomes in found for outcome in outcomes] == ["accepted"] * 250
    assert (provider.calls, provider.seen().taken, provider.seen().twice) == (3, 250, [])


def test_infobip_takes_no_message_of_ours_twice(provider: FakeProvider, client: OutboundClient) -> None:
    sender, (sent,) = account_at(provider, "infobip"), messages_of("sms", AKINYI)
    provider.behave(Rule(calls=1, lose=True))
    assert [outcome.word for outcome in send(client, sender, "infobip", sent)] == ["unknown"]
    assert [outcome.word for outcome in send(client, sender, "infobip", sent)] == ["accepted"]
    assert provider.seen().taken == 1


# ---- bad behaviour of providers -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMS)
@pytest.mark.parametrize(
    ("rule", "word", "is_taken"),
    [
        (Rule(delay_seconds=0.2), "accepted", True),
        (Rule(drip_seconds=0.0005), "accepted", True),
        (Rule(lose=True), "unknown", True),
        (Rule(html=True), "unknown", True),
        (Rule(half=True), "unknown", True),
        (Rule(cut=True), "unknown", True),
        (Rule(status=500), "unknown", False),
        (Rule(status=503, retry_after=3), "unknown", False),
        (Rule(status=401), "stop", False),
        (Rule(status=429, retry_after=7), "slow", False),
        (Rule(status=429, retry_after=7, retry_after_is_date=True), "slow", False),
    ],
    ids=str,
)
def test_however_a_provider_behaves_the_outcome_is_what_is_proved(
    provider: FakeProvider, client: OutboundClient, name: str, rule: Rule, word: str, is_taken: bool
) -> None:
    provider.behave(rule)
    (sent,) = messages_of("sms", AKINYI)
    sender = account_at(provider, name)
    result = call(client, sender, name, sent)
    (outcome,) = SENDING_GATEWAYS[name].outcomes(result, [sent], sender)
    assert (outcome.word, len(provider.taken)) == (word, is_taken)
    if rule.status == 429:
        assert 6 <= result.retry_after_seconds <= 7


@pytest.mark.parametrize("name", MANY)
def test_half_an_answer_settles_half_of_the_messages(provider: FakeProvider, client: OutboundClient, name: str) -> None:
    provider.behave(Rule(half=True))
    found = send(client, account_at(provider, name), name, *messages_of("sms", AKINYI, WANJIRU, OTIENO))
    assert [outcome.word for outcome in found] == ["unknown", "accepted", "unknown"]
    assert provider.seen().taken == 3


def test_an_answer_that_is_held_back_comes_when_it_is_released(provider: FakeProvider, client: OutboundClient) -> None:
    provider.behave(Rule(hold=True))
    found: list[Outcome] = []
    sender, sent = account_at(provider, "twilio"), messages_of("sms", AKINYI)
    sending = threading.Thread(target=lambda: found.extend(send(client, sender, "twilio", *sent)))
    sending.start()
    provider.wait_until_held()
    assert provider.seen().taken == 1 and not found
    provider.release()
    sending.join(10)
    assert [outcome.word for outcome in found] == ["accepted"]


def test_rules_are_followed_in_turn(provider: FakeProvider, client: OutboundClient) -> None:
    provider.behave(Rule(calls=2, status=429), Rule(calls=1, code="21610"))
    sender = account_at(provider, "twilio")
    words = [send(client, sender, "twilio", *messages_of("sms", AKINYI))[0].word for _ in range(4)]
    assert (words, provider.calls) == (["slow", "slow", "opt_out", "accepted"], 4)


@pytest.mark.parametrize("name", ["africas_talking", "twilio", "infobip", "whatsapp"])
def test_a_check_shows_that_an_account_works_and_sends_nothing(
    provider: FakeProvider, client: OutboundClient, name: str
) -> None:
    gateway = SENDING_GATEWAYS[name]
    sender = account_at(provider, name, channel=gateway.channels[0])
    request = gateway.compose_check(sender)
    assert request is not None
    assert gateway.read_check(client.send(request), sender).works
    bad = account_at(provider, name, credentials={one.name: Secret(BAD_KEY) for one in gateway.credentials})
    request = gateway.compose_check(bad)
    assert request is not None
    found = gateway.read_check(client.send(request), bad)
    assert not found.works and "401" in found.says
    assert provider.calls == 0


# ---- looked up --------------------------------------------------------------------------------------------


def look_up(
    client: OutboundClient,
    sender: SendingAccount,
    name: str,
    sent: OutgoingMessage,
    *,
    at: int,
    known: Sequence[str] = (),
) -> Outcome | None:
    gateway = SENDING_GATEWAYS[name]
    request = gateway.compose_lookup(sent, sender, sent_at=at)
    assert request is not None
    return gateway.read_lookup(client.send(request), sent, sender, sent_at=at, known=known)


@pytest.mark.parametrize("name", ["twilio", "infobip"])
def test_a_message_whose_answer_was_lost_is_found(provider: FakeProvider, client: OutboundClient, name: str) -> None:
    sender, (sent,), now = account_at(provider, name), messages_of("sms", AKINYI), time.time_ns() // 1_000
    assert look_up(client, sender, name, sent, at=now) is None
    provider.behave(Rule(calls=1, lose=True))
    assert [outcome.word for outcome in send(client, sender, name, sent)] == ["unknown"]
    found = look_up(client, sender, name, sent, at=now)
    assert found is not None and found.message == sent
    assert (found.word, found.provider_id) == ("accepted", sent.id if name == "infobip" else provider.taken[0].id)
    provider.behave(Rule())
    bad = account_at(provider, name, credentials={"secret": Secret(BAD_KEY), "api_key": Secret(BAD_KEY)})
    assert look_up(client, bad, name, sent, at=now) is None


def test_two_messages_that_it_could_be_prove_nothing_unless_one_is_known(
    provider: FakeProvider, client: OutboundClient
) -> None:
    sender, now = account_at(provider, "twilio"), time.time_ns() // 1_000
    first, second = messages_of("sms", AKINYI, AKINYI)
    (taken,) = send(client, sender, "twilio", first)
    provider.behave(Rule(lose=True))
    send(client, sender, "twilio", second)
    assert look_up(client, sender, "twilio", second, at=now) is None
    found = look_up(client, sender, "twilio", second, at=now, known=[taken.provider_id])
    assert found is not None and found.provider_id == provider.taken[1].id


@pytest.mark.parametrize(
    ("given", "later_seconds"),
    [({"text": "another"}, 0), ({"mobile": WANJIRU}, 0), ({}, 3_600)],
)
def test_another_text_number_or_hour_is_another_message(
    provider: FakeProvider, client: OutboundClient, given: dict[str, object], later_seconds: int
) -> None:
    sender, (sent,), now = account_at(provider, "twilio"), messages_of("sms", AKINYI), time.time_ns() // 1_000
    send(client, sender, "twilio", sent)
    other = message(**{"mobile": AKINYI, "number": next(IDS)} | given)
    assert look_up(client, sender, "twilio", other, at=now + later_seconds * 1_000_000) is None
    renamed = replace(sender, name="SHAMBA")
    assert look_up(client, renamed, "twilio", sent, at=now) is None


@pytest.mark.parametrize(("name", "channel"), [*NETWORK, ("log", "sms")])
def test_where_a_provider_lists_nothing_nothing_is_asked(name: str, channel: str) -> None:
    gateway, (sent,) = SENDING_GATEWAYS[name], messages_of(channel, AKINYI)
    has_list = name == "twilio" or (name, channel) == ("infobip", "sms")
    assert (gateway.compose_lookup(sent, account(name, channel=channel), sent_at=0) is not None) == has_list


# ---- reports ----------------------------------------------------------------------------------------------


class Inbox:
    """An address of ours that proves and reads what comes to it."""

    def __init__(self, name: str) -> None:
        self.gateway = GATEWAYS[name]
        self.reports: list[DeliveryReport] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                self.send_response(inbox.take(self.command, self.path, dict(self.headers.items()), body))
                self.send_header("content-length", "0")
                self.end_headers()

            do_GET = do_POST = answer

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/inbound/{name}/token"
        self.origin = self.url.removesuffix(urlsplit(self.url).path)

    def take(self, method: str, target: str, headers: dict[str, str], body: bytes) -> int:
        """The status that is answered."""
        lower = {name.lower(): value for name, value in headers.items()}
        request = InboundRequest(
            method=method,
            url=self.origin + target,
            query=urlsplit(target).query,
            media_type=lower.get("content-type", ""),
            headers={name: lower[name] for name in self.gateway.proof_headers if name in lower},
            body=body,
        )
        secret = None if self.gateway.name == "generic" else Secret(SECRET)
        try:
            self.gateway.verify(request, proof=Proof(secret=secret))
        except Forged:
            return 401
        self.reports += [event for event in self.gateway.read(request) if isinstance(event, DeliveryReport)]
        return 200


@pytest.fixture
def inbox(request: pytest.FixtureRequest) -> Iterator[Inbox]:
    inbox = Inbox(request.param)
    thread = threading.Thread(target=inbox.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield inbox
    inbox.server.shutdown()
    inbox.server.server_close()
    thread.join()


EVERY = [(name, SENDING_GATEWAYS[name].channels[0]) for name in GATEWAYS]


@pytest.mark.parametrize(("inbox", "channel"), EVERY, indirect=["inbox"])
def test_a_report_is_proved_and_finds_its_message(
    provider: FakeProvider, client: OutboundClient, inbox: Inbox, channel: str
) -> None:
    name = inbox.gateway.name
    sender = account_at(provider, name, channel=channel, reports_url=inbox.url)
    (sent,) = messages_of(channel, AKINYI)
    (outcome,) = send(client, sender, name, sent)
    assert provider.report(Reports(url=inbox.url)) == [200, 200]
    assert [report.state for report in inbox.reports] == ["accepted", "delivered"]
    for report in inbox.reports:
        if name in ("sozuri", "africas_talking"):
            assert report.provider_id == outcome.provider_id != ""
        else:
            assert report.own_id == sent.id
        assert report.number in ("", f"+{AKINYI}")


@pytest.mark.parametrize(("inbox", "channel"), EVERY, indirect=["inbox"])
def test_reports_come_early_twice_and_backwards(
    provider: FakeProvider, client: OutboundClient, inbox: Inbox, channel: str
) -> None:
    name = inbox.gateway.name
    provider.behave(Rule(reports=Reports(url=inbox.url, early=True, times=2, backwards=True)))
    sender = account_at(provider, name, channel=channel, reports_url=inbox.url)
    assert [one.word for one in send(client, sender, name, *messages_of(channel, AKINYI))] == ["accepted"]
    assert [report.state for report in inbox.reports] == ["delivered", "delivered", "accepted", "accepted"]


@pytest.mark.parametrize(
    ("inbox", "channel", "code"),
    [
        ("sozuri", "sms", "18"),
        ("africas_talking", "sms", "406"),
        ("twilio", "sms", "30005"),
        ("infobip", "sms", "603"),
        ("whatsapp", "whatsapp", "131026"),
        ("generic", "sms", "7"),
    ],
    indirect=["inbox"],
)
def test_a_report_of_a_failure_has_the_code_of_the_table(
    provider: FakeProvider, client: OutboundClient, inbox: Inbox, channel: str, code: str
) -> None:
    name = inbox.gateway.name
    sender = account_at(provider, name, channel=channel, reports_url=inbox.url)
    send(client, sender, name, *messages_of(channel, AKINYI))
    provider.report(Reports(states=("failed",), url=inbox.url, code=code))
    (report,) = inbox.reports
    assert (report.state, report.code.removeprefix("EC ")) == ("failed", code)
    assert name == "generic" or report.code in SENDING_GATEWAYS[name].codes


@pytest.mark.parametrize("inbox", ["generic"], indirect=True)
def test_a_report_may_be_about_one_part(provider: FakeProvider, client: OutboundClient, inbox: Inbox) -> None:
    send(client, account_at(provider, "generic", reports_url=inbox.url), "generic", *messages_of("sms", AKINYI))
    provider.report(Reports(states=("delivered",), parts=3))
    assert [(report.part, report.parts) for report in inbox.reports] == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("inbox", "channel"),
    [("twilio", "sms"), ("whatsapp", "whatsapp"), ("sozuri", "sms"), ("infobip", "sms")],
    indirect=["inbox"],
)
def test_a_report_with_another_secret_is_refused(
    provider: FakeProvider, client: OutboundClient, inbox: Inbox, channel: str
) -> None:
    name = inbox.gateway.name
    sender = account_at(provider, name, channel=channel, reports_url=inbox.url)
    send(client, sender, name, *messages_of(channel, AKINYI))
    provider.use_secret("another")
    assert provider.report(Reports(states=("delivered",), url=inbox.url)) == [401]
    provider.use_secret(SECRET)
    assert provider.report(Reports(states=("delivered",), url=inbox.url)) == [200]
    assert len(inbox.reports) == 1
