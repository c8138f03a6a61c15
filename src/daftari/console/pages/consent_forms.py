"""What the forms about consent have in common: how a fact is typed and read, and what is said when it is written."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.typed_times import read_typed_time, write_typed_time
from daftari.rules.consent import facts
from daftari.rules.consent.facts import EVIDENCE_CHARACTERS_MIN, Given, Kind
from daftari.rules.senders.lifecycle import list_senders
from daftari.web.responses import Response

SCOPE = ("channel", "sender", "purpose")
EVIDENCE_TYPED_MAX = 2_000


def blank_fact(page: Page) -> dict[str, str]:
    """What stands in the fields of a fact at first: now, and about everything."""
    now = write_typed_time(page.now, page.require_project())
    return {**dict.fromkeys((*SCOPE, "evidence"), ""), "at": now, "now": now}


def list_sender_names(page: Page) -> list[str]:
    """The senders that a field offers."""
    return sorted({sender.name for sender in page.read(list_senders)})


def require_evidence(page: Page) -> None:
    """Note it where it is not said how someone agreed."""
    evidence = page.params.text("evidence", most=EVIDENCE_TYPED_MAX)
    if evidence is None:
        page.params.problems.add("evidence", "is required.")
    elif len(evidence) < EVIDENCE_CHARACTERS_MIN:
        page.params.problems.add("evidence", f"must be longer: {EVIDENCE_CHARACTERS_MIN} characters at least.")


def read_given(page: Page, mobile: str, *, kind: Kind) -> Given:
    """The fact that was typed, about a number as it was written. Raises ``ValidationFailed``."""
    at = read_moment(page)
    page.params.refuse_wrong()
    common = {
        **{name: page.params.given(name) for name in (*SCOPE, "evidence")},
        "at": at,
        "source": "console",
    }
    region = page.require_project().region
    given = facts.read_facts([mobile], common=common, kind=kind, writer="console", region=region, now=page.now)
    page.params.refuse_wrong(*given.invalid.values())
    return given


def read_moment(page: Page) -> str | None:
    """A time as a browser writes it, in the project's zone; none, or the minute that the form proposed, for now."""
    typed, project = page.params.given("at"), page.require_project()
    if typed == page.params.given("now"):
        return None
    return page.params.problems.read("at", typed, lambda one: read_typed_time(one, project))


def say_agreed(page: Page, place: str, *, is_allowed: bool) -> Response:
    """The answer to an opt-in that was written down."""
    if not is_allowed:
        said = _("Written down. They still may not be messaged so: an opt-out is later, or about more than this.")
        return page.done(place, said, tone="warn")
    return page.done(place, _("Written down. They may be messaged so from now on."))
