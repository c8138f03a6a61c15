"""How a project reads what people say, and when and how often it sends. What changes whom it reaches is asked twice."""

from __future__ import annotations

import re
from typing import get_args

from daftari.console import settings_words
from daftari.console.forms import Form
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.projects import zone_options
from daftari.errors import ValidationFailed
from daftari.model.consent import PURPOSES
from daftari.model.projects import ConsentSettings, OnDelete, Project, StopScope
from daftari.rules.access.errors import NotConfirmed
from daftari.rules.access.project_settings import change_consent, version_of_consent
from daftari.rules.access.zones import zone_of
from daftari.rules.consent.counts import count_undecided
from daftari.rules.consent.keywords import HELP_WORDS, OPT_IN_WORDS, OPT_OUT_WORDS
from daftari.rules.consent.quiet_hours import OFF, REGION_HOURS
from daftari.web.responses import Response

CAP_MAX = 9_999
"""Messages of a limit, and its hours."""
WORDS = ("opt_out_words", "opt_in_words", "help_words")

_HOURS = re.compile(r"([0-9:]{5})-([0-9:]{5}) (\S+)")


def show(page: Page) -> Response:
    """``GET /p/{project}/settings/consent``; where a change is to be confirmed, the question about it."""
    project = page.require_project()
    refused = None if page.refusal is None else page.refusal.error
    form = _form_of(page, project)
    if isinstance(refused, NotConfirmed):
        doubtful = {change.name: change for change in refused.doubtful}
        return page.show(
            "settings_consent_confirm.html",
            section="/settings",
            form=form,
            changes=refused.changes,
            doubtful=doubtful,
            undecided=page.read(count_undecided) if "require_opt_in" in doubtful else None,
            contacts=page.overview.contacts,
        )
    return page.show(
        "settings_consent.html",
        section="/settings",
        form=form,
        zones=zone_options()[1:],
        usual=REGION_HOURS.get(project.region, ""),
        words={"opt_out_words": OPT_OUT_WORDS, "opt_in_words": OPT_IN_WORDS, "help_words": HELP_WORDS},
    )


def save(page: Page) -> Response:
    """``POST /p/{project}/settings/consent``."""
    changes = page.system_write(
        change_consent,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        consent=_read(page),
        version=page.params.text("version") or "",
        confirmed=page.params.texts("confirmed"),
        request_id=page.request_id,
    )
    if not changes:
        return page.done(page.link("/settings/consent"), _("Nothing changed: it was so already."))
    said = _("Saved, and it holds from now on. %(changes)s", changes=settings_words.changed(changes))
    return page.done(page.link("/settings/consent"), said)


def _form_of(page: Page, project: Project) -> Form:
    """The form with what is set."""
    consent = project.consent
    opens, closes, zone = _split_hours(consent, project)
    caps = {}
    for purpose in PURPOSES:
        cap = consent.caps.get(purpose)
        caps[f"{purpose}_messages"] = "" if cap is None else cap.messages
        caps[f"{purpose}_hours"] = "" if cap is None else cap.hours
    return page.form(
        version=version_of_consent(project),
        stop_scope=consent.stop_scope,
        on_delete=consent.on_delete,
        require_opt_in="yes" if consent.require_opt_in else "no",
        quiet_hours="usual" if consent.quiet_hours is None else "off" if consent.quiet_hours == OFF else "own",
        opens=opens,
        closes=closes,
        hours_zone=zone,
        **caps,
        **{words: ", ".join(getattr(consent, words) or ()) for words in WORDS},
    )


def _split_hours(consent: ConsentSettings, project: Project) -> tuple[str, str, str]:
    """The first and last hour that are set or usual, and their zone; blank hours where there are none."""
    found = _HOURS.fullmatch(consent.quiet_hours or REGION_HOURS.get(project.region, ""))
    return ("", "", zone_of(project)) if found is None else (found[1], found[2], found[3])


def _read(page: Page) -> dict[str, object]:
    """The settings as they are typed; what is missing keeps what is there. Raises ``ValidationFailed``."""
    params = page.params
    require_opt_in = params.choice("require_opt_in", ("yes", "no"), default=None)
    read: dict[str, object] = {
        "stop_scope": params.choice("stop_scope", get_args(StopScope), default=None),
        "on_delete": params.choice("on_delete", get_args(OnDelete), default=None),
        "require_opt_in": None if require_opt_in is None else require_opt_in == "yes",
        "quiet_hours": _read_hours(page),
        "caps": _read_caps(page),
    }
    for words in WORDS:
        given = str(params.given(words) or "")
        read[words] = tuple(re.split(r"[,\n]", given)) if words in params.names_given else None
    params.refuse_wrong()
    return read


def _read_hours(page: Page) -> str | None:
    params = page.params
    match params.choice("quiet_hours", ("usual", "off", "own"), default=None):
        case "usual":
            return ""
        case "off":
            return OFF
        case "own":
            opens, closes, zone = (params.text(name) or "" for name in ("opens", "closes", "hours_zone"))
            return f"{opens}-{closes} {zone}"
        case _:
            return None


def _read_caps(page: Page) -> str | None:
    """How often a number may be messaged, as a command writes it. A limit is two numbers, or none."""
    caps = []
    for purpose in PURPOSES:
        names = f"{purpose}_messages", f"{purpose}_hours"
        given = [name for name in names if page.params.text(name)]
        if len(given) == 1:
            missing = next(name for name in names if name not in given)
            raise ValidationFailed({missing: [f"The {missing} field is required."]})
        if given:
            messages, hours = (page.params.whole(name, default=1, most=CAP_MAX) for name in names)
            caps.append(f"{purpose}={messages}/{hours}")
    return ", ".join(caps) if "marketing_messages" in page.params.names_given else None
