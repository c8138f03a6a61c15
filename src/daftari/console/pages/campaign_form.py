"""A campaign as it is written: its draft, what it would send, a test to one's own number, and its deletion."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec import Struct

from daftari.console import campaign_words
from daftari.console.forms import Form
from daftari.console.languages import format_mobile
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.contacts import OFFERED_MAX
from daftari.console.typed_times import read_typed_time, write_typed_time
from daftari.console.wording import explain_field
from daftari.errors import CampaignNotFound, ValidationFailed
from daftari.model.audiences import MATCHES
from daftari.model.contacts import Group
from daftari.model.limits import ID_MAX, TEST_NUMBERS_MAX
from daftari.model.messages import StoredCampaign
from daftari.rules.campaigns import lifecycle, testing
from daftari.rules.campaigns.preview import PreviewedDraft, preview_draft
from daftari.rules.campaigns.testing import TestOutcome
from daftari.rules.contacts import groups, many
from daftari.rules.messages.progress import read_definition
from daftari.rules.numbers import read_number
from daftari.rules.senders.lifecycle import SenderView, list_senders
from daftari.web.params import read_id
from daftari.web.responses import Response

SECTION = "/campaigns"
EVERYONE = "everyone"
TEST = "test"
"""The form that sends a test."""
FIELDS = ("fname", "city", "company")
"""What the form offers to fill in."""
TICKED_MAX = 30
"""Groups that are offered as boxes to tick; more of them are typed."""
PREVIEWED_MAX = 20_000
"""Contacts of a book whose drafts are previewed without being asked: more of them take a while."""


class Look(Struct, frozen=True):
    """What a draft would send, or why that cannot be said."""

    draft: PreviewedDraft | None
    wrong: tuple[tuple[str, str], ...] = ()
    """The label of each field that is wrong, and a sentence."""

    @property
    def reached(self) -> int:
        """How many people get something."""
        return 0 if self.draft is None else sum(self.draft.preview.parts.values())


# ---- the form -------------------------------------------------------------------------------------------


def show_new(page: Page) -> Response:
    """``GET /p/{project}/campaigns/new``; ``like``: begin with what another one says; else with whom it is for."""
    like = page.params.cursor("like") if page.refusal is None else 0
    whom = _read_whom(page) if page.refusal is None else {}
    page.params.refuse_wrong()
    known = page.read(lifecycle.get_campaign, campaign_id=like) if like else None
    initial = _blank(page) if known is None else _as_typed(page, known, again=True)
    initial |= {name: value for name, value in whom.items() if value}
    return _show_form(page, None, page.form(**initial), look=None)


def _read_whom(page: Page) -> dict[str, object]:
    """The audience that a link to the form names, and the sender, where there is one of that name."""
    params = page.params
    named = [*params.names("groups"), *filter(None, [params.name("group")])]
    match, sender = params.given("match"), params.given("sender")
    known = [
        str(one.id) for one in page.read(list_senders) if (one.name, one.channel) == (sender, params.given("channel"))
    ]
    whom: dict[str, object] = {"groups": named, "not": list(params.names("not"))}
    if match in (*MATCHES, EVERYONE):
        whom["match"] = match
    return {**whom, "sender": known[0]} if known else whom


def show_draft(page: Page, campaign: StoredCampaign) -> Response:
    """The page of a campaign that is a draft, for who may write it."""
    is_saved = page.refusal is None or page.refusal.is_of(TEST)
    wanted = page.refusal is None and page.params.flag("preview")
    page.params.refuse_wrong()
    look = None
    if is_saved and (wanted or _is_quick(page)):
        look = look_at(page, campaign.id, {})
    return _show_form(page, campaign, page.form(**_as_typed(page, campaign)), look=look)


def _show_form(page: Page, campaign: StoredCampaign | None, form: Form, *, look: Look | None) -> Response:
    found = page.read(list_senders)
    offered = page.read(groups.list_groups, after=0, limit=OFFERED_MAX)
    return page.show(
        "campaign_form.html",
        section=SECTION,
        campaign=campaign,
        name="" if campaign is None else read_definition(campaign.definition).name,
        form=form,
        test=page.form(TEST, mobiles=""),
        senders=[(str(one.id), campaign_words.sender_option(one)) for one in found],
        has_texts=any(one.channel != "whatsapp" for one in found),
        has_whatsapp=any(one.channel == "whatsapp" for one in found),
        offered=offered,
        ticked={field: list_ticked(form, offered, field) for field in ("groups", "not")},
        is_live=_is_quick(page),
        look=look,
        fields=FIELDS,
    )


def list_ticked(form: Form, offered: list[Group], field: str) -> list[tuple[str, int | None]]:
    """The groups that a field shows as boxes, each with its size: few of the book's, or only those chosen already."""
    sizes = {one.name: one.contacts for one in offered}
    chosen = [name for name in dict.fromkeys(form.values(field)) if name.strip()]
    names = [*sizes] if len(sizes) <= TICKED_MAX else []
    return [(name, sizes.get(name)) for name in dict.fromkeys([*names, *chosen])]


def _blank(page: Page) -> dict[str, object]:
    found = page.read(list_senders)
    return {
        **dict.fromkeys(("name", "text", "template", "language", "params", "at", "until"), ""),
        "sender": str(found[0].id) if found else "",
        "match": "any",
        "groups": [],
        "not": [],
    }


def _as_typed(page: Page, campaign: StoredCampaign, *, again: bool = False) -> dict[str, object]:
    """A campaign as it stands in the form; ``again``: for another one, which has no times yet."""
    definition, project = read_definition(campaign.definition), page.require_project()
    content = definition.content
    return {
        "name": definition.name,
        "sender": str(campaign.sender_id),
        "match": EVERYONE if definition.everyone else definition.match,
        "groups": definition.groups,
        "not": definition.without,
        "text": content.text,
        "plain": ["yes"] if content.plain else [],
        "template": content.template,
        "language": content.language,
        "params": "\n".join(content.params),
        "at": "" if again else write_typed_time(definition.at, project),
        "until": "" if again else write_typed_time(definition.until, project),
    }


def _is_quick(page: Page) -> bool:
    return page.overview.contacts <= PREVIEWED_MAX


# ---- written --------------------------------------------------------------------------------------------


def create(page: Page) -> Response:
    """``POST /p/{project}/campaigns/new``."""
    given = _read_given(page)
    return page.write(lifecycle.create_campaign, partial(_continue, page), given=given)


def update(page: Page, number: str) -> Response:
    """``POST /p/{project}/campaigns/{number}``: a draft."""
    given = _read_given(page)
    return page.write(
        lifecycle.update_campaign, partial(_continue, page), campaign_id=read_campaign_id(number), given=given
    )


def _continue(page: Page, campaign: StoredCampaign) -> Response:
    """Go where the button says: to the page that sends it, or back to the draft and what it would send."""
    if page.params.given("then") == "send" and page.may("send"):
        return page.redirect(page.link(f"{SECTION}/{campaign.id}/send"))
    return page.redirect(page.link(f"{SECTION}/{campaign.id}", preview="yes") + "#preview")


def _read_given(page: Page) -> dict[str, object]:
    """The fields of a draft as the rules take them. Raises ``ValidationFailed``."""
    params, project = page.params, page.require_project()
    match = params.choice("match", (*MATCHES, EVERYONE), default=MATCHES[0])
    chosen = _find_sender(page)
    named = {"groups": () if match == EVERYONE else params.names("groups"), "not": params.names("not")}
    for field, names in named.items():
        for name in names:
            if not page.read(many.has_group, name=name):
                params.problems.add(field, f"names no group called {name!r}.")
    given: dict[str, object] = {
        "name": params.given("name"),
        "sender": params.given("sender") if chosen is None else chosen.name,
        "channel": None if chosen is None else chosen.channel,
        "everyone": True if match == EVERYONE else None,
        "match": None if match == EVERYONE else match,
        "groups": named["groups"] or None,
        "not": named["not"],
        **dict.fromkeys(("text", "plain", "template", "language", "params")),
    }
    if chosen is not None and chosen.channel == "whatsapp":
        lines = str(params.given("params") or "").splitlines()
        given |= {name: params.given(name) for name in ("template", "language")}
        given["params"] = [line for line in lines if line.strip()]
    else:
        given |= {"text": params.given("text"), "plain": params.flag("plain")}
    for name in ("at", "until"):
        given[name] = params.problems.read(name, params.given(name), lambda one: read_typed_time(one, project))
    params.refuse_wrong()
    return given


def _find_sender(page: Page) -> SenderView | None:
    written = page.params.given("sender")
    return next((one for one in page.read(list_senders) if str(one.id) == written), None)


# ---- what it would send ---------------------------------------------------------------------------------


def look_at(page: Page, campaign_id: int | None, given: Mapping[str, object]) -> Look:
    """What a draft would send with these fields; what is wrong with them is said, not raised."""
    try:
        return Look(page.read(preview_draft, campaign_id=campaign_id, given=given))
    except ValidationFailed as error:
        return _say_wrong(error)


def _say_wrong(error: ValidationFailed) -> Look:
    said = [(campaign_words.form_label(field), explain_field(one[0])) for field, one in error.errors.items()]
    return Look(None, tuple(said))


def preview(page: Page) -> Response:
    """``POST /p/{project}/campaigns/new/preview``: what is typed, looked at as it is typed; nothing is saved."""
    try:
        given = _read_given(page)
    except ValidationFailed as error:
        look = _say_wrong(error)
    else:
        look = look_at(page, None, {**given, "name": given["name"] or "-"})
    return page.show("campaign_preview.html", section=SECTION, look=look)


# ---- a test, and the end of a draft ----------------------------------------------------------------------


def send_test(page: Page, number: str) -> Response:
    """``POST /p/{project}/campaigns/{number}/test``: to one's own number, now."""
    params, campaign_id = page.params, read_campaign_id(number)
    items = params.items("mobiles")
    if not items:
        params.problems.add("mobiles", "is required.")
    elif len(items) > TEST_NUMBERS_MAX:
        params.problems.add("mobiles", f"must not have more than {TEST_NUMBERS_MAX} items.")
    read = partial(read_number, region=page.require_project().region)
    numbers = [params.problems.read(f"mobiles.{index}", item, read) for index, item in enumerate(items)]
    params.refuse_wrong()

    def respond(results: list[TestOutcome]) -> Response:
        said = [_say_tested(result) for result in results]
        is_sent = all(result.outcome == "waiting" for result in results)
        place = page.link(f"{SECTION}/{campaign_id}", preview="yes")
        return page.done(place, " ".join(said), tone="good" if is_sent else "warn")

    return page.write(
        testing.send_test, respond, campaign_id=campaign_id, numbers=[one for one in numbers if one is not None]
    )


def _say_tested(result: TestOutcome) -> str:
    number = format_mobile(result.mobile)
    if result.outcome == "waiting":
        return _("A test is on its way to %(number)s.", number=number)
    why = campaign_words.test_reason(result.reason or "")
    return _("Nothing is sent to %(number)s: %(why)s.", number=number, why=why)


def show_delete(page: Page, number: str) -> Response:
    """``GET /p/{project}/campaigns/{number}/delete``."""
    campaign = find_campaign(page, number)
    if campaign.state != "draft":
        return page.redirect(page.link(f"{SECTION}/{campaign.id}"))
    name = read_definition(campaign.definition).name
    return page.show("campaign_delete.html", section=SECTION, campaign=campaign, name=name, form=page.form())


def delete(page: Page, number: str) -> Response:
    """``POST /p/{project}/campaigns/{number}/delete``."""

    def respond(_deleted: None) -> Response:
        return page.done(page.link(SECTION), _("The draft is gone. Nothing of it was sent."))

    return page.write(lifecycle.delete_campaign, respond, campaign_id=read_campaign_id(number))


# ---- for the other pages of campaigns --------------------------------------------------------------------


def find_campaign(page: Page, number: str) -> StoredCampaign:
    """The campaign of a path. Raises ``CampaignNotFound``."""
    return page.read(lifecycle.get_campaign, campaign_id=read_campaign_id(number))


def read_campaign_id(number: str) -> int:
    """The id in a path. Raises ``CampaignNotFound``."""
    return min(read_id(number, missing=CampaignNotFound), ID_MAX)
