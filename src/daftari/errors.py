"""Every error that a call can end with, and how their messages quote what was written.

No HTTP: ``daftari.web.errors`` maps each class to a status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

QUOTED_MAX = 40
"""Characters of what was written that a message repeats."""


class DaftariError(Exception):
    """The root: ``code`` is a stable name for programs, ``message`` a sentence for people.

    A class whose sentence never differs has it as its ``message``; the others are given one.
    """

    code = "ERROR"
    message: str = ""
    retryable = False

    def __init__(self, message: str | None = None) -> None:
        self.message = self.message if message is None else message
        super().__init__(self.message)


class Malformed(DaftariError):
    """The request cannot be parsed."""

    code = "MALFORMED"


class BodyStalled(DaftariError):
    """The body stopped before its end."""

    code = "BODY_STALLED"
    retryable = True


class Unauthenticated(DaftariError):
    """No key, or one that is unknown, expired or revoked."""

    code = "UNAUTHENTICATED"
    message = "Unauthenticated."


class Forged(DaftariError):
    """An inbound request whose token or signature is not the provider's."""

    code = "FORGED"
    message = "The signature is not the provider's."


class WrongProject(DaftariError):
    """The project named is not the one the key belongs to."""

    code = "WRONG_PROJECT"
    message = "This key does not belong to the project named in the request."


class ReadOnlyKey(DaftariError):
    """A key that may only read was used for a write."""

    code = "READ_ONLY_KEY"
    message = "This call needs a key of kind write or manage, and this key is of kind read."


class ManageKeyRequired(DaftariError):
    """A key that may not manage was used for a call that only those of kind ``manage`` may make."""

    code = "MANAGE_KEY_REQUIRED"
    message = (
        "This call needs a key of kind manage, and this key is of a lesser kind; "
        "'daftari key create --kind manage' makes one."
    )


class NotFound(DaftariError):
    """Nothing has this name or id in this project; what another project has is not revealed."""

    code = "NOT_FOUND"


class ContactNotFound(NotFound):
    """No contact has this id or mobile. ``opt_out_recorded``: a DELETE kept the number's opt-out all the same."""

    code = "CONTACT_NOT_FOUND"

    def __init__(self, *, opt_out_recorded: bool = False) -> None:
        super().__init__("Contact not found.")
        self.opt_out_recorded = opt_out_recorded


class GroupNotFound(NotFound):
    """No group has this name."""

    code = "GROUP_NOT_FOUND"
    message = "Group not found."


class AudienceNotFound(NotFound):
    """No frozen audience has this id, or it has expired."""

    code = "AUDIENCE_NOT_FOUND"
    message = "Audience not found; a frozen audience is kept for 90 days."


class ExportNotFound(NotFound):
    """No export has this id, or it has expired."""

    code = "EXPORT_NOT_FOUND"
    message = "Export not found; an export is kept for 24 hours."


class SenderNotFound(NotFound):
    """No sender has this id."""

    code = "SENDER_NOT_FOUND"
    message = "Sender not found; GET /v1/senders lists them."


class WebhookNotFound(NotFound):
    """No webhook has this id."""

    code = "WEBHOOK_NOT_FOUND"
    message = "Webhook not found; GET /v1/webhooks lists them."


class ConnectionNotFound(NotFound):
    """No connection has this id."""

    code = "CONNECTION_NOT_FOUND"
    message = "Connection not found; GET /v1/connections lists them."


class MessageNotFound(NotFound):
    """No message has this id."""

    code = "MESSAGE_NOT_FOUND"
    message = "Message not found."


class CampaignNotFound(NotFound):
    """No campaign has this id."""

    code = "CAMPAIGN_NOT_FOUND"
    message = "Campaign not found; GET /v1/campaigns lists them."


class TriggerNotFound(NotFound):
    """No trigger has this id."""

    code = "TRIGGER_NOT_FOUND"
    message = "Trigger not found; GET /v1/triggers lists them."


class ReviewNotFound(NotFound):
    """No review has this id."""

    code = "REVIEW_NOT_FOUND"
    message = "Nothing with this id waits for review."


class TokenNotFound(NotFound):
    """No inbound token begins with these characters."""

    code = "TOKEN_NOT_FOUND"

    def __init__(self, start: str) -> None:
        super().__init__(f"No inbound token begins with {start!r}; 'daftari inbound list' shows them.")


class ImportNotFound(NotFound):
    """No import has this id, or it has expired."""

    code = "IMPORT_NOT_FOUND"
    message = "Import not found; an import is kept for 90 days."


class ProjectNotFound(NotFound):
    """No project has this name."""

    code = "PROJECT_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no project called {name!r}; 'daftari project list' shows the names.")


class KeyNotFound(NotFound):
    """No key begins with these characters."""

    code = "KEY_NOT_FOUND"

    def __init__(self, start: str) -> None:
        super().__init__(f"No key begins with {start!r}; 'daftari key list' shows the first characters of each.")


class Conflict(DaftariError):
    """The request is valid and contradicts the stored state."""

    code = "CONFLICT"


class MobileTaken(Conflict):
    """Another contact has the number."""

    code = "MOBILE_TAKEN"

    def __init__(self, mobile: int, contact_id: int) -> None:
        super().__init__(f"The mobile {mobile} belongs to another contact, with id {contact_id}.")


class AmbiguousContact(Conflict):
    """The digits are one contact's id and another one's mobile."""

    code = "AMBIGUOUS_CONTACT"

    def __init__(self, contact_id: int, mobile: int) -> None:
        super().__init__(
            f"{contact_id} is the id of one contact and the mobile of another; write the mobile as +{mobile}."
        )


class GroupTaken(Conflict):
    """Another group has this name, in some spelling."""

    code = "GROUP_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a group called {name!r} already.")


class GroupIsMirrored(Conflict):
    """A connection alone decides who is in the group."""

    code = "GROUP_IS_MIRRORED"

    def __init__(self, name: str, connection: str) -> None:
        super().__init__(
            f"The connection {quote(connection)} keeps the group {quote(name)} in step, and alone decides who is in "
            "it. Name another group, or change it there."
        )


class SenderTaken(Conflict):
    """Another sender of the channel has the name."""

    code = "SENDER_TAKEN"

    def __init__(self, name: str, channel: str) -> None:
        super().__init__(f"There is a sender called {quote(name)} for {channel} already; change that one.")


class SendersFull(Conflict):
    """The project has as many senders as it may."""

    code = "SENDERS_FULL"

    def __init__(self, most: int) -> None:
        super().__init__(f"The project has {most} senders already; delete one that is not used.")


class WebhooksFull(Conflict):
    """The project has as many webhooks as it may."""

    code = "WEBHOOKS_FULL"

    def __init__(self, most: int) -> None:
        super().__init__(f"The project has {most} webhooks already; delete one that is not used.")


class ConnectionsFull(Conflict):
    """The project has as many connections as it may."""

    code = "CONNECTIONS_FULL"

    def __init__(self, most: int) -> None:
        super().__init__(f"The project has {most} connections already; remove one that is not used.")


class ConnectionNameTaken(Conflict):
    """Another connection has this name."""

    code = "CONNECTION_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(f"The project has a connection {quote(name)} already; choose another name.")


class WrongConnectionState(Conflict):
    """The connection's state does not allow this. The message names the state."""

    code = "CONNECTION_STATE"


class TriggersFull(Conflict):
    """The project has as many triggers as it may."""

    code = "TRIGGERS_FULL"

    def __init__(self, most: int) -> None:
        super().__init__(f"The project has {most} triggers already; delete one that is not used.")


class TokenOfSender(Conflict):
    """The inbound address belongs to a sender, which it follows."""

    code = "TOKEN_OF_SENDER"

    def __init__(self, start: str, name: str, sender_id: int) -> None:
        super().__init__(
            f"The address that begins with {start} belongs to the sender {quote(name)}. Change its credentials with "
            f"'daftari sender change {sender_id}', or delete the sender."
        )


class TokenOfConnection(Conflict):
    """The inbound address belongs to a connection, which it follows."""

    code = "TOKEN_OF_CONNECTION"

    def __init__(self, start: str, name: str) -> None:
        super().__init__(
            f"The address that begins with {start} belongs to the connection {quote(name)}, which it follows: remove "
            "that with 'daftari connection remove'."
        )


class SenderBusy(Conflict):
    """A sender has messages that wait, a campaign or triggers."""

    code = "SENDER_BUSY"

    def __init__(self, name: str, *, used_by: Sequence[str] = ()) -> None:
        said = f"Messages wait for {quote(name)}: cancel them and its campaigns first, or let them be sent."
        if used_by:
            named = ", ".join(map(quote, used_by))
            said = f"Triggers send with {quote(name)}: give them another sender or delete them first: {named}."
        super().__init__(said)


class WrongCampaignState(Conflict):
    """A campaign is in a state in which this cannot be done."""

    code = "WRONG_CAMPAIGN_STATE"

    def __init__(self, state: str, verb: str, allowed: Sequence[str]) -> None:
        words = ["a draft" if word == "draft" else word for word in (state, *allowed)]
        super().__init__(f"The campaign is {words[0]}; to {verb} it, it must be {' or '.join(words[1:])}.")


class CampaignCountChanged(Conflict):
    """A campaign would reach another number of people than expected."""

    code = "CAMPAIGN_COUNT_CHANGED"

    def __init__(self, count: int, expected: int) -> None:
        super().__init__(
            f"The campaign would reach {count:,} people, and {expected:,} were expected. Look at the preview, and "
            f"start it with expected={count} if that is right."
        )


class ExportNotReady(Conflict):
    """The worker has not finished the export's file."""

    code = "EXPORT_NOT_READY"
    retryable = True

    def __init__(self, *, retry_after_seconds: int = 2) -> None:
        super().__init__("The export is not ready yet; ask for it until its state is 'done', then fetch the file.")
        self.retry_after_seconds = retry_after_seconds


class ExportFailed(Conflict):
    """The export has no file and will have none. The message says why."""

    code = "EXPORT_FAILED"


class ExportsFull(Conflict):
    """The project keeps as many exports as it may."""

    code = "EXPORTS_FULL"

    def __init__(self, most: int) -> None:
        super().__init__(f"The project keeps {most} exports already; delete one, or wait until one is 24 hours old.")


class ReviewSettled(Conflict):
    """The review was settled with another outcome."""

    code = "REVIEW_SETTLED"

    def __init__(self, settled_as: str) -> None:
        super().__init__(f"This was settled already, as {settled_as!r}.")


class WrongImportState(Conflict):
    """The import's state does not allow this. The message names the state."""

    code = "IMPORT_STATE"


class IdempotencyInProgress(Conflict):
    """Another request with the same Idempotency-Key is still running at the end of the wait."""

    code = "IDEMPOTENCY_IN_PROGRESS"
    retryable = True

    def __init__(self, *, retry_after_seconds: int = 1) -> None:
        super().__init__("A request with this Idempotency-Key is still running; send this one again in a moment.")
        self.retry_after_seconds = retry_after_seconds


class AnswerErased(Conflict):
    """The write was done under this Idempotency-Key; its answer named a number that was erased since."""

    code = "ANSWER_ERASED"

    def __init__(self, status: int) -> None:
        super().__init__(
            f"This was done before, with status {status}. Its answer is no longer kept: "
            "it named a number that was erased."
        )


class ProjectTaken(Conflict):
    """Another project has this name, in some spelling."""

    code = "PROJECT_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a project called {name!r} already.")


class PreconditionFailed(DaftariError):
    """The contact has another version than the caller last saw."""

    code = "PRECONDITION_FAILED"
    message = "The contact has changed since this ETag was read; read it again."


class FeedReset(DaftariError):
    """The feed does not continue from the place that was asked for. A reader has to read the book again.

    The place is past the end or before the beginning of the feed, or of another feed: ``epoch`` names this one.
    """

    code = "FEED_RESET"

    def __init__(self, why: str, *, epoch: str, oldest: int, last: int) -> None:
        super().__init__(f"{why}; read the contacts again, then the feed from the number of their first page.")
        self.epoch = epoch
        self.oldest = oldest
        self.last = last


class TooLarge(DaftariError):
    """The body is larger than the limit of its call."""

    code = "TOO_LARGE"


class UnsupportedMedia(DaftariError):
    """The body is in a format that this call does not read."""

    code = "UNSUPPORTED_MEDIA"


class ValidationFailed(DaftariError):
    """Fields are wrong. ``errors`` maps a field's dotted path to its sentences, all wrong fields at once."""

    code = "VALIDATION_FAILED"

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        self.errors = {field: list(sentences) for field, sentences in errors.items()}
        first = next(iter(self.errors.values()))[0]
        more = sum(len(sentences) for sentences in self.errors.values()) - 1
        tail = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
        super().__init__(first + tail)


class UnreadableFile(DaftariError):
    """The file is not a contact list, or cannot be read safely. The message says what would be right."""

    code = "UNREADABLE_FILE"


class IdempotencyKeyReused(ValidationFailed):
    """The Idempotency-Key came with another request before."""

    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        sentence = "The Idempotency-Key was sent with another request before; each request needs a key of its own."
        super().__init__({"Idempotency-Key": [sentence]})


class StoreBusy(DaftariError):
    """Other writers hold the lock; the same call may succeed after ``retry_after_seconds``."""

    code = "BUSY"
    retryable = True

    def __init__(self, message: str = "The store is busy; try again.", *, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreUnavailable(StoreBusy):
    """The database does not answer, is full, is read-only, or was moved away.

    ``is_mistake``: it refuses the login, or is none that Daftari can use, so that waiting does not help.
    """

    code = "STORE_UNAVAILABLE"

    def __init__(self, message: str, *, retry_after_seconds: int = 5, is_mistake: bool = False) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.is_mistake = is_mistake


class SchemaMismatch(DaftariError):
    """The database's schema is not this version's. The message names the command to run."""

    code = "SCHEMA_MISMATCH"


class BadSettings(DaftariError):
    """A setting is wrong. The message says what would be right."""

    code = "BAD_SETTINGS"


class SealBroken(BadSettings):
    """A sealed value of the database cannot be read. ``purpose``: which one."""

    code = "SEAL_BROKEN"

    def __init__(self, purpose: str) -> None:
        super().__init__(
            f"The sealed value {purpose} cannot be read: it was sealed with another secret than that of DAFTARI_SECRET "
            "or its file, or changed since; give the right secret, or store the value again."
        )


def quote(written: object) -> str:
    """What was written, in quotation marks on one line: shortened if it is long, without what cannot be shown."""
    text = " ".join(str(written).split())
    shown = text if len(text) <= QUOTED_MAX else f"{text[: QUOTED_MAX - 1]}…"
    if not shown.isprintable():
        shown = "".join(character if character.isprintable() else "\ufffd" for character in shown)
    return f"'{shown}'"
