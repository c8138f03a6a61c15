"""The sentence about a field that a call needs and did not get: where the caller may have put what is missing.

Decides nothing: the field is missing either way. Knows no call.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from daftari.web.params import Params

NAMES_SHOWN_MAX = 5
"""How many of the fields that were sent are named."""
NAME_SHOWN_MAX = 40
"""Characters of each that are shown."""
GENERAL_FIELDS = frozenset({"project", "apiKey"})
"""Fields that every call takes."""


def note_missing(
    params: Params, field: str, *, members: Collection[str], example: str, unless: Sequence[str] = ()
) -> None:
    """Note that a field is required, and what was found in its place.

    ``members``: what belongs into it, should it stand at the top. ``example``: a right body. ``unless``: fields that
    may be sent in its place.
    """
    required = f"is required when {' and '.join(unless)} is not present" if unless else "is required"
    params.problems.add(field, f"{required}{_found_instead(params, field, members, example)}.")


def _found_instead(params: Params, field: str, members: Collection[str], example: str) -> str:
    names = [name for name in params.names_given if name not in GENERAL_FIELDS]
    for name in names:
        value = params.given(name)
        if isinstance(value, dict) and (field in value or not value.keys().isdisjoint(members)):
            return f"; what is wanted stands within {_shown([name])}: send what {_shown([name])} holds as the body"
    if misplaced := [name for name in names if name in members]:
        return f"; put {_shown(misplaced)} into it, as in {example}"
    return f"; there is only {_shown(names)}: send {example}" if names else ""


def _shown(names: Sequence[str]) -> str:
    shown = [name[:NAME_SHOWN_MAX].encode(errors="replace").decode() for name in names[:NAMES_SHOWN_MAX]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
