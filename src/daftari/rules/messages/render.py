"""The text of an SMS for one person after the other: fields, plain form and parts in one step, for millions of them."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from daftari.rules.messages.parts import Parts, count_parts
from daftari.rules.messages.plain import make_plain, replace_typographic
from daftari.rules.messages.template import Missing, Template, Values


class Rendered(Struct, frozen=True, gc=False):
    """The text that one person receives, without what the provider appends, and how it is sent with that."""

    text: str
    parts: Parts


class Renderer:
    """Renders one template. ``plain``: in its plain form; ``suffix`` is what the provider appends."""

    __slots__ = ("_is_plain", "_plain", "_suffix", "_template")

    def __init__(self, template: Template, *, plain: bool, suffix: str) -> None:
        self._template = template
        self._is_plain = plain
        self._suffix = suffix
        self._plain = _replace_in(template) if plain else template

    def render(self, values: Values) -> Rendered | Missing:
        """The text for one person, or the fields that are missing."""
        text = self._plain.render(values)
        if isinstance(text, Missing):
            return text
        parts = count_parts(text, suffix=self._suffix)
        if self._is_plain and (parts.because or parts.parts > 1):
            # A value has characters to replace, or the text as it was may take fewer parts.
            whole = self._template.render(values)
            if isinstance(whole, str):
                made = make_plain(whole, suffix=self._suffix)
                return Rendered(made.text, made.parts)
        return Rendered(text, parts)


def _replace_in(template: Template) -> Template:
    """A template whose own text is plain, even where that is longer."""
    places = [
        replace(place, fallback=replace_typographic(place.fallback), literal=replace_typographic(place.literal))
        for place in template.places
    ]
    return replace(template, beginning=replace_typographic(template.beginning), places=tuple(places))
