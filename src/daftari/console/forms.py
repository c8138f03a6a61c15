"""What stands in a form: the values it begins with, or what was typed when it was refused, and what is wrong.

Knows no field of any form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from daftari.console.wording import explain, explain_field
from daftari.errors import DaftariError, ValidationFailed
from daftari.web.params import Params

FORM_FIELD = "form"
"""The field that names a form where a page has several."""
NEVER_REPEATED = frozenset({"password", "new_password", "secret", "token", "once"})
"""Fields that no page repeats: passwords, secrets, and what every page makes again."""
SECRETS = "credentials."
"""What the fields begin with that no page repeats either."""
Value = str | Sequence[str]


class Refusal(Struct, frozen=True):
    """A form that was sent and refused: what was typed, and the error."""

    typed: Params
    error: DaftariError

    def is_of(self, name: str) -> bool:
        """Whether this is the form that was sent."""
        return (self.typed.given(FORM_FIELD) or "") == name


class Form:
    """A form of a page, under its name if the page has several."""

    def __init__(self, name: str, initial: Mapping[str, object], refusal: Refusal | None) -> None:
        self.name = name
        self._initial = initial
        self._refusal = refusal
        error = None if refusal is None else refusal.error
        self._errors = dict(error.errors) if isinstance(error, ValidationFailed) else {}
        self.message = "" if error is None or self._errors else explain(error)
        self._labels: dict[str, str] = {}

    @property
    def is_refused(self) -> bool:
        """Whether it was sent and refused."""
        return self._refusal is not None

    def value(self, field: str) -> str:
        """What stands in a field."""
        return next(iter(self.values(field)), "")

    def values(self, field: str) -> list[str]:
        """What stands in the fields of one name, or is chosen among them."""
        if self._refusal is not None and field not in NEVER_REPEATED and not field.startswith(SECRETS):
            return self._refusal.typed.texts(field)
        given = self._initial.get(field)
        if given is None:
            return []
        return [str(one) for one in given] if isinstance(given, list | tuple | frozenset) else [str(given)]

    def has(self, field: str, value: object) -> bool:
        """Whether a value is chosen."""
        return str(value) in self.values(field)

    def error(self, field: str) -> str:
        """What is wrong with a field; blank if nothing is. The errors of what is within it count too."""
        for path, sentences in self._errors.items():
            if path == field or path.startswith(f"{field}."):
                return explain_field(sentences[0])
        return ""

    def label(self, field: str, label: str) -> str:
        """Note how a field is called on the page, and return it."""
        self._labels[field] = label
        return label

    @property
    def mistakes(self) -> list[tuple[str, str, str]]:
        """Field, label and sentence of what is wrong: first the fields that were shown, then what no field shows."""
        shown = [(field, label, self.error(field)) for field, label in self._labels.items() if self.error(field)]
        covered = tuple(self._labels)
        others = [
            ("", path, explain_field(sentences[0]))
            for path, sentences in self._errors.items()
            if not any(path == field or path.startswith(f"{field}.") for field in covered)
        ]
        return shown + others
