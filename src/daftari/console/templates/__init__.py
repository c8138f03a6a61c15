"""Jinja templates: how one is found and filled, and the filters that they have. No page, no rule.

Everything is escaped. A name that is not given is an error. Templates are compiled once a process, when first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from daftari.console import (
    audience_words,
    bulk_words,
    campaign_words,
    connection_reasons,
    connection_words,
    consent_words,
    group_words,
    history_words,
    home_words,
    import_words,
    languages,
    log_words,
    provider_words,
    review_words,
    sender_words,
    settings_words,
    trigger_words,
    webhook_words,
    wording,
)
from daftari.console.assets import load_assets
from daftari.model.time import read_rfc_3339
from daftari.rules.consent.views import CHANNEL_NAMES


def render(name: str, values: Mapping[str, object], *, part: str = "") -> bytes:
    """A page, or the block of it that is called ``part``, if there is one."""
    template = _environment().get_template(name)
    block = template.blocks.get(part)
    if block is None:
        return template.render(values).encode(errors="replace")
    return "".join(block(template.new_context(dict(values)))).encode(errors="replace")


def bdi(text: object) -> Markup:
    """What someone wrote: its direction disturbs nothing around it."""
    return Markup("<bdi>{}</bdi>").format(text)


def segment(text: str) -> str:
    """A text as one segment of a path, which may hold slashes."""
    return quote(text.replace("%", "%25").replace("/", "%2F"), safe="")


class _Environment(Environment):
    """With texts into which values are put when they are translated, and escaped then."""

    newstyle_gettext = True


@cache
def _environment() -> Environment:
    environment = _Environment(
        loader=FunctionLoader(_load),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        extensions=["jinja2.ext.i18n"],
    )
    environment.filters |= {
        "bdi": bdi,
        "segment": segment,
        "number": languages.format_number,
        "day": languages.format_day,
        "date": languages.format_date,
        "short": languages.format_short,
        "moment": languages.show_moment,
        "age": languages.format_age,
        "mobile": languages.format_mobile,
        "share": languages.format_share,
        "instant": read_rfc_3339,
    }
    environment.globals |= {
        "gettext": languages.html_gettext,
        "ngettext": languages.html_ngettext,
        "asset": lambda name: load_assets()[name].name,
        "language": languages.current_language,
        "language_names": languages.NAMES,
        "role_name": wording.role_name,
        "kind_name": wording.kind_name,
        "name_of": wording.name_of,
        "audience_words": audience_words,
        "bulk_words": bulk_words,
        "campaign_words": campaign_words,
        "connection_reasons": connection_reasons,
        "connection_words": connection_words,
        "consent_words": consent_words,
        "group_words": group_words,
        "history_words": history_words,
        "home_words": home_words,
        "import_words": import_words,
        "log_words": log_words,
        "provider_words": provider_words,
        "review_words": review_words,
        "sender_words": sender_words,
        "trigger_words": trigger_words,
        "webhook_words": webhook_words,
        "settings_words": settings_words,
        "channel_names": CHANNEL_NAMES,
        "browser_name": wording.browser_name,
    }
    return environment


def _load(name: str) -> tuple[str, str, None]:
    """The source of a template, and how tracebacks call it."""
    source = files("daftari.console.templates").joinpath(name)
    return source.read_text(encoding="utf-8"), str(source), None
