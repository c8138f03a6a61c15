"""The languages of the console: whose turn it is, its texts, and how it writes numbers and times.

Texts are written in English and translated by ``locale/<language>.po``, which is read when it is first needed. What a
request is answered in is set once for its thread, so that texts, templates and filters need not be given it. No pages.
"""

from __future__ import annotations

import gettext as catalogs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from io import BytesIO
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date as babel_date
from babel.dates import format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from daftari.mobile import format_as_written
from daftari.model.users import LANGUAGES, Language

NAMES: dict[Language, str] = {"en": "English", "sw": "Kiswahili"}
"""Each language as it calls itself."""
LOCALES: dict[Language, str] = {"en": "en_GB", "sw": "sw_KE"}
"""Where numbers and dates are written so."""
ISOLATE, END = "\u2068", "\u2069"
"""What stands between these has a direction of its own."""
LANGUAGES_READ_MAX = 20
"""Languages of one ``Accept-Language`` that are read."""


class Reader(Struct, frozen=True):
    """For whom a page is written: the language, the time zone, when, and whose numbers need no country code."""

    language: Language
    zone: str
    now: int
    region: str = ""


_NO_ONE = Reader("en", "UTC", 0)
_reader: ContextVar[Reader] = ContextVar("reader")


@contextmanager
def written_for(reader: Reader) -> Iterator[None]:
    """Write for this reader, in this thread."""
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


def switch_language(language: Language) -> None:
    """Write in another language from here on, for the same reader."""
    _reader.set(replace(_reader.get(_NO_ONE), language=language))


def current_language() -> Language:
    """The language of the page."""
    return _reader.get(_NO_ONE).language


def choose_language(accepted: str | None) -> Language:
    """The first language of ``Accept-Language`` that there is; English otherwise."""
    wanted: list[tuple[float, Language]] = []
    for part in (accepted or "").split(",")[:LANGUAGES_READ_MAX]:
        written, _, parameter = part.strip().lower().partition(";")
        found = next((language for language in LANGUAGES if written.split("-")[0] == language), None)
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        if found is not None and quality > 0:
            wanted.append((quality, found))
    return max(wanted, key=lambda each: each[0], default=(0.0, "en"))[1]


def choose_region(accepted: str | None) -> str:
    """The first country that ``Accept-Language`` names; Kenya otherwise.

    ``en-US`` says nothing about a country: most browsers send it, wherever they are.
    """
    found = re.search(r"\b(?!en-US\b)[a-z]{2,3}-([A-Z]{2})\b", accepted or "")
    return found[1] if found else "KE"


# ---- texts ----------------------------------------------------------------------------------------------


def gettext(text: str, /, **values: object) -> str:
    """A text in the language of the page. ``%(name)s`` stands for a value."""
    found = _catalog(current_language()).gettext(text)
    return found % values if values else found


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """A text that depends on a number, which ``%(num)s`` stands for."""
    found = _catalog(current_language()).ngettext(one, many, number)
    return found % {"num": format_number(number), **values}


def html_gettext(text: str, /, **values: object) -> Markup:
    """A text as templates ask for it; values are escaped, and ``%%`` stands for ``%``."""
    return Markup(_catalog(current_language()).gettext(text)) % values


def html_ngettext(one: str, many: str, number: int, /, **values: object) -> Markup:
    """The same for a text that depends on a number."""
    found = _catalog(current_language()).ngettext(one, many, number)
    return Markup(found) % {"num": format_number(number), **values}


_ISOLATES = dict.fromkeys(range(0x2066, 0x206A))
"""Characters that would end the isolation of a text within it, or begin another one."""


def isolated(text: str) -> str:
    """What someone wrote, for a text that is no HTML: its direction disturbs nothing around it."""
    return f"{ISOLATE}{text.translate(_ISOLATES)}{END}"


@cache
def _catalog(language: Language) -> catalogs.NullTranslations:
    if language == "en":
        return catalogs.NullTranslations()
    with files("daftari.console.locale").joinpath(f"{language}.po").open("rb") as source:
        catalog = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return catalogs.GNUTranslations(compiled)


# ---- numbers and times ----------------------------------------------------------------------------------


def format_number(number: int) -> str:
    """A whole number with separators."""
    return str(format_decimal(number, locale=_locale()))


def format_day(at: int) -> str:
    """The day of a time in microseconds: ``24 Nov 2026``."""
    return str(format_datetime(_local(at), "d MMM y", locale=_locale()))


def format_date(day: date, pattern: str = "d MMM y") -> str:
    """A day: ``24 Nov 2026``, or as Unicode's pattern says."""
    return str(babel_date(day, pattern, locale=_locale()))


def format_short(number: int) -> str:
    """A number for the side of a chart: ``10.5M``."""
    return str(format_compact_decimal(number, locale=_locale(), fraction_digits=1))


def format_clock(at: int) -> str:
    """The hour of a time in microseconds: ``09:14``."""
    return f"{_local(at):%H:%M}"


def format_share(part: int, whole: int) -> str:
    """A part in per cent of the whole, with one decimal: ``94.7%``."""
    return str(format_percent(part / whole, "#,##0.0%", locale=_locale()))


def format_moment(at: int) -> str:
    """A time in microseconds: ``today, 09:14``, ``yesterday, 09:14``, or ``24 Nov 2026, 09:14``."""
    moment, today = _local(at), _local(_reader.get(_NO_ONE).now).date()
    hour = format_clock(at)
    if moment.date() == today:
        return gettext("today, %(hour)s", hour=hour)
    if moment.date() == today - timedelta(days=1):
        return gettext("yesterday, %(hour)s", hour=hour)
    return str(format_datetime(moment, "d MMM y, HH:mm", locale=_locale()))


def show_moment(at: int) -> Markup:
    """The same as an element that programs can read."""
    return Markup('<time datetime="{}">{}</time>').format(_local(at).isoformat(timespec="seconds"), format_moment(at))


def format_mobile(mobile: int | str) -> str:
    """A number as people of the project write it: ``0725 164293``, and ``+256 772 123456`` from elsewhere."""
    region = _reader.get(_NO_ONE).region
    return format_as_written(int(mobile), region) if region else f"+{mobile}"


def format_age(at: int) -> str:
    """How long ago a time was: ``4 minutes ago``."""
    passed = timedelta(microseconds=min(0, at - _reader.get(_NO_ONE).now))
    return str(format_timedelta(passed, add_direction=True, locale=_locale()))


def region_names() -> dict[str, str]:
    """The names of all countries by their two letters."""
    return dict(_locale().territories)


@cache
def _zone(name: str) -> tzinfo:
    return ZoneInfo(name)


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000_000, UTC).astimezone(_zone(_reader.get(_NO_ONE).zone))


def _locale() -> Locale:
    return _locale_of(current_language())


@cache
def _locale_of(language: Language) -> Locale:
    return Locale.parse(LOCALES[language])
