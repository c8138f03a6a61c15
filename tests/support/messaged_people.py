"""The steps of people in random lives of messages: they come and go, opt out and in, and are deleted and erased.

They are played on a real book and on a plain one. This module must not know what the right outcome of a message is.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from msgspec.structs import replace

from daftari.errors import DaftariError
from daftari.model.inbound import InboundMessage
from daftari.model.projects import Cap, ConsentSettings
from daftari.rules.senders.lifecycle import change_sender, pause_sender, resume_sender
from daftari.store import Store
from tests.oracles.book import SUBSCRIBERS, Refused
from tests.oracles.sending import SendingBook
from tests.support import calls, consent_calls
from tests.support.message_steps import SECOND, Sending

PEOPLE = [int(f"254{number}") for number in SUBSCRIBERS[10:20]]
INFOBIP = {
    "gateway": "infobip", "settings": {"base_url": "https://x1.api.infobip.com"}, "credentials": {"api_key": "key"},
}  # fmt: skip
people = st.sampled_from(PEOPLE)
group_names = st.sampled_from(["Farmers", "Farmers", "Coast"])
consents = st.builds(
    ConsentSettings,
    require_opt_in=st.sampled_from([False, False, False, True]),
    quiet_hours=st.sampled_from(["off", "off", "08:00-18:00 Africa/Nairobi"]),
    caps=st.sampled_from([{}, {}, {"marketing": Cap(1, 24), "transactional": Cap(2, 1)}]),
)
senders = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["marketing", "transactional"]),
        "parts_per_second": st.sampled_from([2, 5, 1_000]),
        "daily_max": st.sampled_from([0, 0, 12]),
        "hours": st.sampled_from(["off", "off", "08:00-18:00 Africa/Nairobi"]),
        "on_unknown": st.sampled_from(["hold", "hold", "resend"]),
        "answers_as": st.sampled_from([[], ["20880"]]),
    }
)


class MessagedPeople(RuleBasedStateMachine):
    """A book with one sender."""

    def __init__(self, store: Store, turns: count[int]) -> None:
        super().__init__()
        self.store = store
        self.name = f"Shopify {next(turns)}"
        self.step = ""
        """What was played last, where it may change messages."""
        self.resumed_at = 0
        self.latest = 0
        """The latest time so far, by a clock that may be set back."""

    def begin_book(self, consent: ConsentSettings, sender: dict[str, Any], *, knows_ids: bool) -> None:
        """People in two groups. ``knows_ids``: the provider refuses an id that it has had."""
        project = replace(calls.create_project(self.store, self.name), consent=consent)
        self.consent, self.sender, self.knows_ids = consent, sender, knows_ids
        self.book = SendingBook(next_id=1, settings=consent, names=["DUKA", *sender["answers_as"]])
        self.sending = Sending(self.store, project, **sender, **(INFOBIP if knows_ids else {}))
        self.create(PEOPLE[:8], "Farmers", "Ana")

    @property
    def now(self) -> int:
        return self.sending.now

    @property
    def purpose(self) -> str:
        return str(self.sender["purpose"])

    # ---- people ---------------------------------------------------------------------------------------

    def both(self, act: Callable[..., Any], *given: Any, expected: Callable[[SendingBook], Any], **named: Any) -> None:
        """A call on the book and on the plain one, which refuse the same."""
        self.sending.wait(SECOND)
        refused = False
        try:
            act(self.store, self.sending.project, *given, now=self.now, **named)
        except DaftariError:
            refused = True
        try:
            expected(self.book)
        except Refused:
            assert refused
        else:
            assert not refused

    @rule(
        some=st.lists(people, min_size=1, max_size=4), group=st.none() | group_names, fname=st.none() | st.just("Ana")
    )
    def create(self, some: list[int], group: str | None, fname: str | None) -> None:
        given = [{"mobile": f"+{mobile}", "fname": fname} for mobile in some]
        self.both(
            calls.create_contacts, given, group=group,
            expected=lambda book: book.create(given, "contacts.{}", group, False, self.now),
        )  # fmt: skip

    @rule(mobile=people, reason=st.sampled_from([None, "removal"]))
    def delete(self, mobile: int, reason: str | None) -> None:
        self.both(
            calls.delete_contact, f"+{mobile}", reason=reason,
            expected=lambda book: book.delete(f"+{mobile}", reason, None, None, self.now),
        )  # fmt: skip

    @rule(mobile=people, name=group_names, joins=st.booleans())
    def join_or_leave(self, mobile: int, name: str, joins: bool) -> None:
        self.both(
            calls.join_group if joins else calls.leave_group, name, ids=[], mobiles=[mobile],
            expected=lambda book: (book.join_group if joins else book.leave_group)(name, [], [mobile]),
        )  # fmt: skip

    @rule(name=group_names, act=st.sampled_from(["create", "rename", "delete"]))
    def change_group(self, name: str, act: str) -> None:
        match act:
            case "create":
                self.both(calls.create_group, name, expected=lambda book: book.create_group(name, self.now))
            case "rename":
                self.both(calls.update_group, name, "Elders", expected=lambda book: book.update_group(name, "Elders"))
            case _:
                self.both(calls.delete_group, name, expected=lambda book: book.delete_group(name))

    @rule(
        mobile=people,
        kind=st.sampled_from(["opt_out", "opt_out", "opt_in"]),
        common=st.sampled_from(
            [{}, {"channel": "sms"}, {"sender": "20880"}, {"purpose": "marketing"}, {"source": "form"}]
        ),
    )
    def say_for_them(self, mobile: int, kind: Any, common: dict[str, str]) -> None:
        given = [f"+{mobile}"]
        self.both(
            consent_calls.record_given, given, common=common, kind=kind,
            expected=lambda book: book.give(given, common, kind, self.now),
        )  # fmt: skip

    @rule(mobile=people, text=st.sampled_from(["STOP", "START", "STOP FARMERS"]))
    def say(self, mobile: int, text: str) -> None:
        said = [InboundMessage(f"+{mobile}", "sms", "DUKA", text, None, None)]
        self.both(consent_calls.receive_events, said, expected=lambda book: book.receive(said, self.now))

    @rule(mobile=people, is_meant=st.booleans())
    def erase(self, mobile: int, is_meant: bool) -> None:
        if is_meant:
            self.step = "erase"
            self.both(consent_calls.erase_number, mobile, expected=lambda book: book.erase(mobile, self.now))
            self.note_erased(mobile)

    def note_erased(self, mobile: int) -> None:
        """What the plain book does not know of an erased number is the machine's own."""

    # ---- the sender -----------------------------------------------------------------------------------

    @rule(pauses=st.sampled_from([True, False, False]))
    def pause_or_resume(self, pauses: bool) -> None:
        self.sending.write(pause_sender if pauses else resume_sender, sender_id=self.sending.sender_id)
        self.resumed_at = self.resumed_at if pauses else self.now

    @rule(name=st.sampled_from(["DUKA", "SOKO"]))
    def rename(self, name: str) -> None:
        """People who opted out of the former name are not messaged under the new one."""
        self.sending.write(change_sender, sender_id=self.sending.sender_id, values={"name": name})
        self.book.names = [name, *[each for each in self.book.names if each != name]]
