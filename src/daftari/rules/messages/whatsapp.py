"""What a WhatsApp message is made of: the name of an approved template, its language, and a text for each param."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from daftari.errors import quote
from daftari.model.limits import PARAM_TEXT_MAX, PARAMS_MAX, TEMPLATE_NAME_MAX
from daftari.rules.fields import Problems, read_text
from daftari.rules.messages.template import Missing, Template, Values, read_template

_NAME = re.compile("[a-z0-9_]+")
_LANGUAGE = re.compile("[a-z]{2,3}(_[A-Z]{2})?")
_REFUSED = re.compile(r"[\n\t\f]| {5,}")
_CALLED = {"\n": "a line break", "\t": "a tab", "\f": "a form feed"}


def read_template_name(value: object) -> str:
    """The name of a template. Raises ``ValueError`` with the end of a sentence that begins "The … field "."""
    name = read_text(value, most=TEMPLATE_NAME_MAX)
    if name is None:
        raise ValueError("is required.")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"is {quote(name)}; the name of an approved template has small letters, digits and _, such as order_ready."
        )
    return name


def read_language(value: object) -> str:
    """The language of a template, as the provider writes it. Raises ``ValueError`` with the end of a sentence."""
    language = read_text(value)
    if language is None:
        raise ValueError("is required.")
    if not _LANGUAGE.fullmatch(language):
        raise ValueError(f"is {quote(language)}; write the code of the approved template, such as sw, en or en_US.")
    return language


def read_params(values: Sequence[object], *, fields_allowed: Sequence[str], problems: Problems) -> tuple[Template, ...]:
    """The text of each param; what is wrong is noted at ``params``, or at one of them such as ``params.0``."""
    if len(values) > PARAMS_MAX:
        problems.add("params", f"must not have more than {PARAMS_MAX} items.")
        return ()
    read = partial(_read_param, fields_allowed=fields_allowed)
    found = [problems.read(f"params.{index}", value, read) for index, value in enumerate(values)]
    return tuple(param for param in found if param is not None)


def _read_param(value: object, *, fields_allowed: Sequence[str]) -> Template:
    param = read_template(value, fields_allowed=fields_allowed, most=PARAM_TEXT_MAX)
    # A value is on one line and has no two spaces in a row, so that the text between the values decides.
    for literal in param.literals:
        if found := _REFUSED.search(literal):
            what = _CALLED.get(found[0], "more than 4 spaces in a row")
            raise ValueError(f"has {what}, which WhatsApp refuses in a param; put it into the template.")
    return param


def render_params(params: Sequence[Template], values: Values) -> tuple[str, ...] | Missing:
    """The text of each param for one person."""
    rendered = [param.render(values) for param in params]
    missing = [field for text in rendered if isinstance(text, Missing) for field in text.fields]
    if missing:
        return Missing(tuple(dict.fromkeys(missing)))
    return tuple(text for text in rendered if isinstance(text, str))
