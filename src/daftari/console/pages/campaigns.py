"""Campaigns: all of them, one with the outcome for each person, and what is done while it runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from daftari.console import campaign_words, delivery_chart
from daftari.console.languages import gettext as _
from daftari.console.page import CSV, Page, name_file
from daftari.console.pages import campaign_form
from daftari.console.pages.campaign_form import SECTION, find_campaign, read_campaign_id
from daftari.console.pages.imports import SECONDS_CHOICES, draw_bar
from daftari.console.wording import name_of
from daftari.model.messages import StoredCampaign
from daftari.rules.campaigns import lifecycle, log
from daftari.rules.campaigns.deliveries import find_deliveries
from daftari.rules.campaigns.log import CampaignMessage
from daftari.rules.campaigns.views import CampaignView, show_campaign
from daftari.rules.messages.campaigns import REPORTED
from daftari.rules.messages.progress import read_definition
from daftari.rules.people.person import find_holders
from daftari.store import Tx
from daftari.web.responses import Response

ROWS = 50
ENDED = ("finished", "cancelled")
TYPED_MIN = 1_000
"""People from whom on their number is typed before anything is sent to them."""
DIGITS_MAX = 12


# ---- all of them ----------------------------------------------------------------------------------------


def show(page: Page) -> Response:
    """``GET /p/{project}/campaigns``: the newest first."""
    after = page.params.cursor("after")
    page.params.refuse_wrong()
    found = page.read(_list_shown, before=after, limit=ROWS + 1)
    return page.show(
        "campaigns.html",
        section=SECTION,
        campaigns=found[:ROWS],
        following=found[ROWS - 1].id if len(found) > ROWS else None,
        is_first=not after,
    )


def _list_shown(tx: Tx, *, before: int, limit: int) -> list[CampaignView]:
    return [show_campaign(tx, campaign) for campaign in lifecycle.list_campaigns(tx, before=before, limit=limit)]


# ---- one of them ----------------------------------------------------------------------------------------


def show_one(page: Page, number: str) -> Response:
    """``GET /p/{project}/campaigns/{number}``: a draft to be written, or the outcome for each person."""
    campaign = find_campaign(page, number)
    if campaign.state == "draft" and page.may("draft"):
        return campaign_form.show_draft(page, campaign)
    every = page.params.whole("every", default=0, least=0, most=SECONDS_CHOICES[-1]) if page.refusal is None else 0
    view = page.read(show_campaign, campaign=campaign)
    parts = campaign_words.parts(view)
    found = page.read(find_deliveries, campaign_id=campaign.id)
    is_work = (view.state == "running" and view.resumes_at is None) or view.reason == "refreshing"
    return page.show(
        "campaign.html",
        section=SECTION,
        view=view,
        content=read_definition(campaign.definition).content,
        shown=parts,
        bar=[one for one in draw_bar(parts) if one.tone],
        is_work=is_work,
        every=every if is_work else 0,
        form=page.form(),
        may_draft=page.may("draft"),
        may_send=page.may("send"),
        may_download=page.may("download"),
        reached=sum(view.states.get(state, 0) for state in ("accepted", "delivered")),
        opted_out=page.read(log.count_opted_out, campaign_id=campaign.id),
        chart=None if found is None else delivery_chart.draw(found),
        to_come=sum(view.states.get(state, 0) for state in ("waiting", "sending")),
        again=_count_again(view),
    )


def _count_again(view: CampaignView) -> dict[str, int]:
    """How many may be sent a new attempt, by their state."""
    if view.state not in ("running", "paused", "finished") or (view.retry is not None and not view.retry.done):
        return {}
    return {state: view.states[state] for state in lifecycle.RETRIED_STATES if state in view.states}


# ---- who they are -----------------------------------------------------------------------------------------


def show_people(page: Page, number: str) -> Response:
    """``GET /p/{project}/campaigns/{number}/people``: those in a state, and for a reason."""
    campaign, wanted = find_campaign(page, number), _read_wanted(page)
    after = page.params.problems.read("after", page.params.given("after"), log.read_log_cursor) or log.Cursor()
    page.params.refuse_wrong()
    lines, following = page.read(log.list_lines, campaign_id=campaign.id, wanted=wanted, after=after, limit=ROWS)
    view = page.read(show_campaign, campaign=campaign)
    return page.show(
        "campaign_people.html",
        section=SECTION,
        view=view,
        wanted=wanted,
        lines=lines,
        called=_name_people(page, lines),
        opted_out=page.read(log.count_opted_out, campaign_id=campaign.id),
        offered=[part.name for part in campaign_words.parts(view)],
        following=following,
        may_download=page.may("download"),
    )


def download(page: Page, number: str) -> Response:
    """``GET /p/{project}/campaigns/{number}/file``: a line for each person, as CSV."""
    campaign, wanted = find_campaign(page, number), _read_wanted(page)
    page.params.refuse_wrong()
    spool, _none = page.request.spool(
        lambda tx, spool: log.write_log(
            tx, campaign_id=campaign.id, wanted=wanted, after=log.Cursor(), write=spool.write, as_csv=True
        )
    )
    return Response(200, spool, CSV, name_file(f"campaign-{campaign.id}.csv"))


def _read_wanted(page: Page) -> log.Wanted:
    wanted = log.Wanted(
        page.params.text("state") or "", page.params.text("reason") or "", page.params.flag("opted_out")
    )
    page.params.problems.read_part(partial(log.refuse_unknown_state, wanted.state))
    return wanted


def _name_people(page: Page, lines: list[CampaignMessage]) -> dict[str, tuple[int, str]]:
    """The id and the name of those who are contacts, by number."""
    found = page.read(find_holders, mobiles=sorted(int(line.mobile) for line in lines if line.mobile))
    return {mobile: (card.id, name_of(card)) for mobile, card in found.items()}


# ---- commands ---------------------------------------------------------------------------------------------


def pause(page: Page, number: str) -> Response:
    """``POST /p/{project}/campaigns/{number}/pause``."""
    return _command(page, number, lifecycle.pause_campaign)


def resume(page: Page, number: str) -> Response:
    """``POST /p/{project}/campaigns/{number}/resume``; ``fresh``: whether its lists are read once more."""
    fresh = None if page.params.given("fresh") is None else page.params.flag("fresh")
    page.params.refuse_wrong()
    return _command(page, number, lifecycle.resume_campaign, fresh=fresh)


def show_cancel(page: Page, number: str) -> Response:
    """``GET /p/{project}/campaigns/{number}/cancel``: what stops, and what cannot be called back."""
    campaign = find_campaign(page, number)
    if campaign.state in (*ENDED, "draft"):
        return page.redirect(page.link(f"{SECTION}/{campaign.id}"))
    view = page.read(show_campaign, campaign=campaign)
    return page.show("campaign_cancel.html", section=SECTION, view=view, form=page.form())


def cancel(page: Page, number: str) -> Response:
    """``POST /p/{project}/campaigns/{number}/cancel``."""
    return _command(page, number, lifecycle.cancel_campaign)


def show_retry(page: Page, number: str) -> Response:
    """``GET /p/{project}/campaigns/{number}/retry``: to whom it is sent once more, and who may get it twice."""
    campaign = find_campaign(page, number)
    view = page.read(show_campaign, campaign=campaign)
    again = _count_again(view)
    state = page.params.choice("states", lifecycle.RETRIED_STATES, default=lifecycle.RETRIED_STATES[0])
    page.params.refuse_wrong()
    if state not in again:
        return page.redirect(page.link(f"{SECTION}/{campaign.id}"))
    return page.show(
        "campaign_retry.html",
        section=SECTION,
        view=view,
        state=state,
        count=again[state],
        reported=view.reasons.get(REPORTED, 0) if state == "failed" else 0,
        form=page.form(may_repeat=[]),
    )


def retry(page: Page, number: str) -> Response:
    """``POST /p/{project}/campaigns/{number}/retry``."""
    states = [str(state) for state in page.params.items("states")]
    may_repeat = page.params.flag("may_repeat")
    page.params.refuse_wrong()
    return _command(page, number, lifecycle.retry_campaign, states=states, may_repeat=may_repeat)


def _command(page: Page, number: str, rule: Callable[..., StoredCampaign], **values: Any) -> Response:
    campaign_id = read_campaign_id(number)

    def respond(_campaign: StoredCampaign) -> Response:
        return page.redirect(page.link(f"{SECTION}/{campaign_id}"))

    return page.write(rule, respond, campaign_id=campaign_id, **values)


# ---- sent -------------------------------------------------------------------------------------------------


def show_send(page: Page, number: str) -> Response:
    """``GET /p/{project}/campaigns/{number}/send``: what goes out, to how many, and what it costs."""
    campaign = find_campaign(page, number)
    if campaign.state != "draft":
        return page.redirect(page.link(f"{SECTION}/{campaign.id}"))
    look = campaign_form.look_at(page, campaign.id, {})
    definition = read_definition(campaign.definition)
    return page.show(
        "campaign_send.html",
        section=SECTION,
        campaign=campaign,
        definition=definition,
        version=lifecycle.version_of_draft(campaign),
        look=look,
        is_later=definition.at > page.now,
        is_typed=look.draft is not None and look.draft.preview.count >= TYPED_MIN,
        form=page.form(expected=""),
    )


def send(page: Page, number: str) -> Response:
    """``POST /p/{project}/campaigns/{number}/send``: now, or at the draft's own time."""
    campaign_id, expected = read_campaign_id(number), _read_expected(page)
    start = page.read(lifecycle.find_start, campaign_id=campaign_id, at=None)
    lifecycle.refuse_other_draft(start, str(page.params.given("version") or ""))
    lifecycle.refuse_other_count(page.read(lifecycle.count_recipients, start=start), expected)

    def respond(campaign: StoredCampaign) -> Response:
        said = _("It is on its way.") if campaign.state == "running" else _("It starts by itself.")
        return page.done(page.link(f"{SECTION}/{campaign_id}"), said)

    return page.write(lifecycle.start_campaign, respond, start=start, expected=expected)


def _read_expected(page: Page) -> int:
    """The number of people as they type it, with separators or without. Raises ``ValidationFailed``."""
    written = str(page.params.given("expected") or "")
    digits = "".join(character for character in written if character.isdecimal())
    if not written:
        page.params.problems.add("expected", "is required.")
    elif not digits.isascii() or not 0 < len(digits) <= DIGITS_MAX or written.strip("0123456789., \u00a0\u202f'"):
        page.params.problems.add("expected", "must be a number of people.")
    page.params.refuse_wrong()
    return int(digits)
