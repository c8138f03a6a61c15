"""What a message says: a text, or a WhatsApp template with its params; read, kept, and rendered for a person.

It is kept as it was given until the message is claimed, and as it was sent from then on. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import quote
from daftari.gateways import OutgoingMessage
from daftari.model.messages import Content, StoredMessage, StoredSender
from daftari.rules.fields import Problems, read_flag
from daftari.rules.messages.parts import has_suffix
from daftari.rules.messages.render import Renderer
from daftari.rules.messages.template import CONTACT_FIELDS, TRIGGER_FIELDS, Missing, Template, Values, read_template
from daftari.rules.messages.whatsapp import read_language, read_params, read_template_name, render_params
from daftari.store.contacts import StoredContact

RENDERERS_MAX = 1_000
"""Texts that are kept ready to be rendered."""
NO_VALUES: Values = {}

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Content).decode
_decode_card = msgspec.json.Decoder(dict[str, object]).decode


class Unsendable(Exception):
    """There is no text for this person. ``reason`` is that of the skipped message."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Message(Struct, frozen=True):
    """What one person is sent: as it is stored, and its parts."""

    stored: str
    parts: int


# ---- read -------------------------------------------------------------------------------------------


def read_content(
    given: Mapping[str, object], *, channel: str, fields_allowed: Sequence[str] = CONTACT_FIELDS
) -> Content:
    """What is to be said on a channel: ``text`` and ``plain``, or ``template``, ``language`` and ``params``.

    Raises ``ValidationFailed``.
    """
    problems = Problems()
    content = Content()
    if channel == "whatsapp":
        if given.get("text") is not None:
            problems.add("text", "is not sent on whatsapp; name an approved template with template and language.")
        params = given.get("params")
        listed = params if isinstance(params, list) else [] if params is None else [params]
        content = Content(
            template=problems.read("template", given.get("template"), read_template_name) or "",
            language=problems.read("language", given.get("language"), read_language) or "",
            params=tuple(one.text for one in read_params(listed, fields_allowed=fields_allowed, problems=problems)),
        )
    else:
        for name in ("template", "language", "params"):
            if given.get(name) is not None:
                problems.add(name, f"is of whatsapp alone; on {channel} send a text.")
        text = problems.read("text", given.get("text"), lambda one: read_template(one, fields_allowed=fields_allowed))
        plain = problems.read("plain", given.get("plain"), read_flag)
        content = Content(text="" if text is None else text.text, plain=bool(plain))
    problems.refuse()
    return content


def list_kept(before: Content, given: Mapping[str, object]) -> dict[str, object]:
    """The members that stay as they are ``before`` where only some are given; a text takes a template's place."""
    if before.template and given.get("text") is None:
        return {"template": before.template, "language": before.language, "params": [*before.params]}
    if not before.template and given.get("template") is None:
        return {"text": before.text, "plain": before.plain}
    return {}


def keep_content(content: Content) -> str:
    """Content as it is kept until it is rendered."""
    return _encode(content).decode()


def find_warning(kept: str, *, suffix: str) -> str | None:
    """What is doubtful about content that was kept, for a sender whose provider appends ``suffix``."""
    if not suffix or not has_suffix(_decode(kept).text, suffix):
        return None
    return (
        f"The text has {quote(suffix)} already, which the provider of this sender appends: people would get it twice."
    )


# ---- rendered ---------------------------------------------------------------------------------------


def render(
    content: Content, person: StoredContact | None, *, suffix: str, event: Mapping[str, object] | None = None
) -> Message:
    """What a person is sent. ``event``: the fields of what a trigger was fired by.

    Raises ``Unsendable``: a field is blank and has no fallback, or the text is too long.
    """
    values = NO_VALUES if person is None else _decode_card(person.card)
    if event is not None:
        values = {**values, "event": event}
    if content.template:
        params = render_params(templates_of(content), values)
        if isinstance(params, Missing):
            raise Unsendable("no_field")
        return Message(keep_content(replace(content, params=params)), 1)
    rendered = renderer_of(content, suffix=suffix).render(values)
    if isinstance(rendered, Missing):
        raise Unsendable("no_field")
    if rendered.parts.is_too_long:
        raise Unsendable("too_long")
    return Message(rendered.text, rendered.parts.parts)


@lru_cache(RENDERERS_MAX)
def renderer_of(content: Content, *, suffix: str) -> Renderer:
    """What renders a text."""
    (template,) = templates_of(content)
    return Renderer(template, plain=content.plain, suffix=suffix)


@lru_cache(RENDERERS_MAX)
def templates_of(content: Content) -> tuple[Template, ...]:
    """The text, or the params of a WhatsApp template."""
    texts = content.params if content.template else (content.text,)
    return tuple(read_template(text, fields_allowed=TRIGGER_FIELDS) for text in texts)


def kept_content(kept: str) -> Content:
    """Content that was kept."""
    return _decode(kept)


# ---- sent -------------------------------------------------------------------------------------------


def outgoing(
    message: StoredMessage, *, sender: StoredSender, project_id: int, now: int, closes_at: int | None
) -> OutgoingMessage:
    """A claimed message as a gateway gets it.

    The provider delivers it until its ``until`` and until the sending hours end at most, not from a backlog at night.
    """
    ends = [at for at in (message.until, closes_at) if at]
    valid_seconds = max(1, (min(ends) - now) // 1_000_000) if ends else None
    sent = OutgoingMessage(
        id=own_id(message, project_id=project_id),
        mobile=message.subject_id,
        parts=message.parts,
        valid_seconds=valid_seconds,
    )
    if sender.channel != "whatsapp":
        return replace(sent, text=message.text)
    content = _decode(message.text)
    return replace(sent, template=content.template, language=content.language, params=content.params)


def own_id(message: StoredMessage, *, project_id: int) -> str:
    """Our id of a message's attempt, as providers get it."""
    return f"{project_id}-{message.id}-{message.attempt}"


def read_own_id(written: str, *, project_id: int) -> tuple[int, int] | None:
    """The message and the attempt that an id of ours names; ``None`` for what is none of this project's."""
    parts = written.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        return None
    project, message_id, attempt = map(int, parts)
    return (message_id, attempt) if project == project_id else None


def message_of(own: str) -> int:
    """The message that an id of ours names."""
    return int(own.split("-")[1])
