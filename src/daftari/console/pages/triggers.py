"""The triggers: what each sends and to whom, what it did last, and how one is made, changed, turned on and off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import get_args

from daftari.console import campaign_words
from daftari.console.durations import split_span, unit_name
from daftari.console.forms import Form
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.console.page import Page
from daftari.console.pages.contacts import offer_groups
from daftari.errors import TriggerNotFound, ValidationFailed
from daftari.model.limits import ID_MAX, UNLESS_MAX
from daftari.model.messages import MessageState
from daftari.model.triggers import StoredTrigger
from daftari.rules.access.roles import Act
from daftari.rules.firing import read_definition
from daftari.rules.senders.lifecycle import list_senders
from daftari.rules.triggers import history, lifecycle
from daftari.rules.triggers.draft import ALWAYS, LATE, ONCE
from daftari.rules.triggers.durations import UNITS
from daftari.rules.triggers.views import ConditionView, TriggerView, show_trigger
from daftari.store import Tx, WriteTx
from daftari.web.params import Params, read_id
from daftari.web.responses import Response

SECTION = "/triggers"
ROWS = 50
BLANK_CONDITIONS = 2
"""Lines that are left blank below the conditions that there are."""
AFTER = "after"
"""How often: not before some time after the last one."""
CONDITIONS = ("event", "in", "leaves")
TEXTS = ("text", "template", "language")


# ---- looked at ------------------------------------------------------------------------------------------


def show(page: Page) -> Response:
    """``GET /p/{project}/triggers``."""
    return page.show("triggers.html", section=SECTION, triggers=page.read(_list_shown))


def _list_shown(tx: Tx) -> list[TriggerView]:
    return [show_trigger(tx, trigger) for trigger in lifecycle.list_triggers(tx)]


def show_one(page: Page, number: str) -> Response:
    """``GET /p/{project}/triggers/{number}``: what it does, and what it did last."""
    found = page.read(history.show_history, trigger_id=_read_id(number))
    return page.show(
        "trigger.html", section=SECTION, trigger=found.trigger, found=found, may_change=_may_change(page, found.trigger)
    )


def show_messages(page: Page, number: str) -> Response:
    """``GET /p/{project}/triggers/{number}/messages``: those in one state, the newest first."""
    states = get_args(MessageState)
    state = page.params.choice("state", states, default=states[0])
    reason, before = page.params.text("reason") or "", page.params.cursor("before")
    page.params.refuse_wrong()
    found = page.read(
        history.list_fired, trigger_id=_read_id(number), state=state, reason=reason, before=before, limit=ROWS
    )
    return page.show(
        "trigger_messages.html",
        section=SECTION,
        trigger=found.trigger,
        found=found,
        state=state,
        reason=reason,
        is_first=not before,
    )


def _may_change(page: Page, trigger: TriggerView) -> bool:
    """A trigger that is on is changed by those alone who may turn it on."""
    return page.may(Act.TURN_ON_TRIGGERS if trigger.state == "on" else Act.DRAFT)


# ---- the form -------------------------------------------------------------------------------------------


def show_new(page: Page) -> Response:
    """``GET /p/{project}/triggers/new``."""
    group = page.params.name("group") or ""
    values = {"name": "", "on": "joins", "joins": group, "event": "", "unless": [], "unless_name": []}
    values |= {"wait": "1", "wait_unit": "h", "again": ALWAYS, "again_after": "7", "again_unit": "d", "sender": ""}
    late, late_unit = split_span(LATE)
    values |= {"late": late, "late_unit": late_unit, "plain": [], "params": "", **dict.fromkeys(TEXTS, "")}
    return _show_form(page, page.form(**values), None)


def create(page: Page) -> Response:
    """``POST /p/{project}/triggers/new``: it is off, until it was looked at and is turned on."""
    given = {**_read_given(page), "on": _read_on(page.params)}
    return _save(
        page,
        lambda tx: lifecycle.create_trigger(tx, given=given, is_on=False),
        _("It is made, and off. See what it will say, then turn it on."),
    )


def show_edit(page: Page, number: str) -> Response:
    """``GET /p/{project}/triggers/{number}/edit``."""
    trigger = _find(page, number)
    if not _may_change(page, trigger):
        assert page.access is not None, "the page belongs to no project"
        page.access.require(Act.TURN_ON_TRIGGERS)
    sender = next((one.id for one in page.read(list_senders) if (one.name, one.channel) == _sender_of(trigger)), "")
    wait, wait_unit = split_span(trigger.wait)
    late, late_unit = split_span(trigger.late)
    is_after = trigger.again not in (ALWAYS, ONCE)
    again_after, again_unit = split_span(trigger.again) if is_after else ("7", "d")
    form = page.form(
        name=trigger.name,
        unless=[_kind_of(one) for one in trigger.unless],
        unless_name=[one.event or one.in_ or one.leaves or "" for one in trigger.unless],
        wait=wait,
        wait_unit=wait_unit,
        late=late,
        late_unit=late_unit,
        again=AFTER if is_after else trigger.again,
        again_after=again_after,
        again_unit=again_unit,
        sender=sender,
        text=trigger.text or "",
        plain=["yes"] if trigger.plain else [],
        template=trigger.template or "",
        language=trigger.language or "",
        params="\n".join(trigger.params),
    )
    return _show_form(page, form, trigger)


def update(page: Page, number: str) -> Response:
    """``POST /p/{project}/triggers/{number}/edit``."""
    given = _read_given(page)

    def change(tx: WriteTx) -> StoredTrigger:
        _require_change(page, tx, number)
        return lifecycle.update_trigger(tx, trigger_id=_read_id(number), given=given)

    return _save(page, change, _("Saved. It counts for every message that has not gone yet."))


def _save(page: Page, rule: Callable[[WriteTx], StoredTrigger], said: str) -> Response:
    def respond(trigger: StoredTrigger) -> Response:
        return page.done(page.link(f"{SECTION}/{trigger.id}"), said)

    try:
        return page.write(rule, respond)
    except ValidationFailed as error:
        raise ValidationFailed({_field_of(path): said for path, said in error.errors.items()}) from error


def _field_of(path: str) -> str:
    """The field of the form that holds what the rules call so."""
    return {"on.joins": "joins", "on.event": "event", "channel": "sender", "purpose": "sender"}.get(path, path)


def _show_form(page: Page, form: Form, trigger: TriggerView | None) -> Response:
    senders = page.read(list_senders)
    kinds, names = form.values("unless"), form.values("unless_name")
    lines = [line for line in zip_longest(kinds, names, fillvalue="") if any(line)]
    blank = min(BLANK_CONDITIONS, UNLESS_MAX - len(lines))
    return page.show(
        "trigger_form.html",
        section=SECTION,
        trigger=trigger,
        form=form,
        senders=[("", _("Choose one")), *((str(one.id), campaign_words.sender_option(one)) for one in senders)],
        has_texts=any(one.channel != "whatsapp" for one in senders) or not senders,
        has_templates=any(one.channel == "whatsapp" for one in senders),
        conditions=[*lines, *[("", "")] * blank],
        units=[(unit, unit_name(unit)) for unit in UNITS],
        groups=[one.name for one in offer_groups(page)],
    )


def _sender_of(trigger: TriggerView) -> tuple[str, str]:
    return trigger.sender, trigger.channel


def _kind_of(condition: ConditionView) -> str:
    return "event" if condition.event is not None else "in" if condition.in_ is not None else "leaves"


def _read_given(page: Page) -> dict[str, object]:
    """The fields of a trigger but for what it is on. Raises ``ValidationFailed``."""
    params = page.params
    again = params.choice("again", (ALWAYS, ONCE, AFTER), default=ALWAYS)
    given: dict[str, object] = {
        "name": params.given("name"),
        "wait": _read_span(params, "wait", "wait_unit"),
        "late": _read_span(params, "late", "late_unit"),
        "again": _read_span(params, "again_after", "again_unit") if again == AFTER else again,
        "unless": _read_unless(params),
        "sender": params.given("sender"),
        "plain": params.flag("plain") or None,
        "params": [line for line in str(params.given("params") or "").splitlines() if line.strip()] or None,
        **{name: params.given(name) for name in TEXTS},
    }
    params.refuse_wrong()
    return given


def _read_on(params: Params) -> dict[str, object]:
    kind = params.choice("on", ("joins", "event"), default="joins")
    params.refuse_wrong()
    return {kind: params.given(kind)}


def _read_span(params: Params, field: str, unit_field: str) -> object:
    """A duration as the rules read it; one that is typed with its units stays as it is."""
    written, unit = params.given(field), params.choice(unit_field, tuple(UNITS), default="h")
    is_number = isinstance(written, str) and written.isascii() and written.isdigit()
    return f"{written}{unit}" if is_number else written


def _read_unless(params: Params) -> list[dict[str, object]]:
    """The conditions: of each line its kind and its name. Blank lines are none."""
    found: list[dict[str, object]] = []
    for kind, name in zip_longest(params.texts("unless"), params.texts("unless_name"), fillvalue=""):
        if not kind and not name.strip():
            continue
        if kind not in CONDITIONS or not name.strip():
            params.problems.add("unless", "needs a kind and a name in each line.")
        found.append({kind: name.strip()})
    return found


# ---- on, off and gone -----------------------------------------------------------------------------------


def show_resume(page: Page, number: str) -> Response:
    """``GET /p/{project}/triggers/{number}/resume``: what will go out from now on."""
    stored = page.read(lifecycle.get_trigger, trigger_id=_read_id(number))
    return _show_page(page, "trigger_resume.html", number, version=lifecycle.version_of_trigger(stored))


def resume(page: Page, number: str) -> Response:
    """``POST /p/{project}/triggers/{number}/resume``."""
    seen = str(page.params.given("version") or "")
    return _save(page, partial(lifecycle.resume_trigger, trigger_id=_read_id(number), version=seen), _("It is on."))


def pause(page: Page, number: str) -> Response:
    """``POST /p/{project}/triggers/{number}/pause``."""
    said = _("It is off, and sends nothing. What waits keeps waiting.")
    return _save(page, partial(lifecycle.pause_trigger, trigger_id=_read_id(number)), said)


def show_delete(page: Page, number: str) -> Response:
    """``GET /p/{project}/triggers/{number}/delete``."""
    return _show_page(page, "trigger_delete.html", number)


def delete(page: Page, number: str) -> Response:
    """``POST /p/{project}/triggers/{number}/delete``."""
    trigger_id = _read_id(number)

    def remove(tx: WriteTx) -> str:
        name = read_definition(lifecycle.get_trigger(tx, trigger_id=trigger_id).definition).name
        lifecycle.delete_trigger(tx, trigger_id=trigger_id)
        return name

    def respond(name: str) -> Response:
        return page.done(page.link(SECTION), _("The trigger %(name)s is gone.", name=isolated(name)))

    return page.write(remove, respond)


def _show_page(page: Page, template: str, number: str, *, version: str = "") -> Response:
    return page.show(template, section=SECTION, trigger=_find(page, number), form=page.form(), version=version)


def _require_change(page: Page, tx: Tx, number: str) -> None:
    """Raise ``RoleRequired`` where the trigger is on, by now, and the user may not turn it on."""
    assert page.access is not None, "the page belongs to no project"
    if lifecycle.get_trigger(tx, trigger_id=_read_id(number)).state == "on":
        page.access.require(Act.TURN_ON_TRIGGERS)


def _find(page: Page, number: str) -> TriggerView:
    trigger_id = _read_id(number)
    return page.read(lambda tx: show_trigger(tx, lifecycle.get_trigger(tx, trigger_id=trigger_id)))


def _read_id(number: str) -> int:
    return min(read_id(number, missing=TriggerNotFound), ID_MAX)
