"""The text of an SMS for one person after the other: fields, plain form and parts in one step, for millions of them."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from daftari.rules.messages.parts import Parts, count_parts
from daftari.rules.messages.plain import is_typographic, make_plain, replace_typographic
from daftari.rules.messages.template import Missing, Template, Values


class Rendered(Struct, frozen=True, gc=False):
    """The text that one person receives, without what the provider appends, and how it is sent with that."""

    text: str
    parts: Parts


class Renderer:
    """Renders one template. ``plain``: in its plain form; ``suffix`` is what the provider appends."""

    __slots__ = ("_changes", "_grows", "_is_plain", "_plain", "_suffix", "_template")

    def __init__(self, template: Template, *, plain: bool, suffix: str) -> None:
        self._template = template
        self._is_plain = plain
        self._suffix = suffix
        self._plain = _replace_in(template) if plain else template
        pieces = [*zip(_pieces(template), _pieces(self._plain), strict=True)]
        self._changes = any(before != after for before, after in pieces)
        self._grows = any(len(before) < len(after) for before, after in pieces)

    def render(self, values: Values) -> Rendered | Missing:
        """The text for one person, or the fields that are missing."""
        text = self._plain.render(values)
        if isinstance(text, Missing):
            return text
        parts = count_parts(text, suffix=self._suffix)
        if not self._is_plain or self._is_final(parts):
            return Rendered(text, parts)
        whole = self._template.render(values)
        if isinstance(whole, Missing):
            return whole
        made = make_plain(whole, suffix=self._suffix)
        return Rendered(made.text, made.parts)

    def _is_final(self, parts: Parts) -> bool:
        """Whether no value has a character to replace, and the text as it was cannot take fewer parts."""
        if parts.encoding == "gsm7":
            return parts.parts <= 1 or not self._changes
        return not self._grows and not any(map(is_typographic, parts.because))


def _pieces(template: Template) -> tuple[str, ...]:
    return (*template.literals, *(place.fallback for place in template.places))


def _replace_in(template: Template) -> Template:
    """A template whose own text is plain, even where that is longer."""
    places = [
        replace(place, fallback=replace_typographic(place.fallback), literal=replace_typographic(place.literal))
        for place in template.places
    ]
    return replace(template, beginning=replace_typographic(template.beginning), places=tuple(places))
