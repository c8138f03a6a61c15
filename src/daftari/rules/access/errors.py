"""The errors of people who use the console, which no call of the API ends with. No HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from daftari.errors import Conflict, DaftariError, NotFound, StoreBusy, quote
from daftari.model.projects import SettingChange


class SignedOut(DaftariError):
    """No session, or one that has ended."""

    code = "SIGNED_OUT"
    message = "You are signed out, and nothing was saved. Sign in again."


class SignInRefused(DaftariError):
    """The e-mail address or the password is wrong. It is not revealed which."""

    code = "SIGN_IN_REFUSED"
    message = "The e-mail address or the password is wrong."


class FormForged(DaftariError):
    """A form that was not on a page made for this browser, or was on one of a session that has ended."""

    code = "FORM_FORGED"
    message = "This form was not on a page of yours, or the page is too old. Nothing was saved; open the page again."


class NotEncrypted(DaftariError):
    """A password over plain HTTP from another machine, which the operator has not allowed."""

    code = "NOT_ENCRYPTED"
    message = "Passwords are taken over https only, and on the machine that the service runs on."


class TooManyAttempts(DaftariError):
    """More attempts to sign in than are allowed; the next may be made after ``retry_after_seconds``."""

    code = "TOO_MANY_ATTEMPTS"
    retryable = True

    def __init__(self, *, retry_after_seconds: int) -> None:
        minutes = -(-retry_after_seconds // 60)
        wait = f"{retry_after_seconds} s" if minutes < 2 else f"{minutes} minutes"
        super().__init__(f"There were too many attempts to sign in; try again in {wait}.")
        self.retry_after_seconds = retry_after_seconds


class PasswordsBusy(StoreBusy):
    """As many passwords are being compared as may be at once."""

    code = "PASSWORDS_BUSY"

    def __init__(self) -> None:
        super().__init__("Too many people sign in at this moment; try again.", retry_after_seconds=2)


class LinkSpent(NotFound):
    """No link has this token, or it was used, replaced, or is older than an hour."""

    code = "LINK_SPENT"
    message = "This link was used or replaced, or is older than an hour. 'daftari user link' makes a new one."


class UserNotFound(NotFound):
    """No user has this e-mail address or id, or none of the project."""

    code = "USER_NOT_FOUND"

    def __init__(self, email: str | None = None, *, project: str | None = None) -> None:
        if email is None:
            super().__init__("User not found.")
        elif project is None:
            super().__init__(f"No user has the e-mail address {quote(email)}; 'daftari user list' lists them.")
        else:
            super().__init__(f"{quote(email)} has no role in {quote(project)}; 'daftari user list' lists the roles.")


class ProjectNotYours(NotFound):
    """No project has this id, or the user has no role in it; which one is not revealed."""

    code = "PROJECT_NOT_YOURS"
    message = "There is no such project, or you have no role in it."


class RoleRequired(DaftariError):
    """The user's role does not allow this. The message names who may."""

    code = "ROLE_REQUIRED"


class OperatorRequired(DaftariError):
    """Only an operator may do this."""

    code = "OPERATOR_REQUIRED"
    message = "Only an operator makes projects; 'daftari user add --operator' makes a user one."


class LastOwner(Conflict):
    """The user is the only owner of a project."""

    code = "LAST_OWNER"

    def __init__(self, name: str, projects: Sequence[str]) -> None:
        named = ", ".join(map(quote, projects))
        super().__init__(f"{quote(name)} is the only owner of {named}. Make another user an owner first.")


class HasRole(Conflict):
    """The user has a role in the project already."""

    code = "HAS_ROLE"

    def __init__(self, email: str, role: str) -> None:
        super().__init__(f"{quote(email)} is {'an' if role[0] in 'eo' else 'a'} {role} of this project already.")


class KeyTaken(Conflict):
    """A key of the project that works has this label."""

    code = "KEY_TAKEN"

    def __init__(self, label: str) -> None:
        super().__init__(f"There is a key called {quote(label)} already; revoke it, or choose another label.")


class AddressTaken(Conflict):
    """An inbound address of the project that works has this label."""

    code = "ADDRESS_TAKEN"

    def __init__(self, label: str) -> None:
        super().__init__(f"There is an address called {quote(label)} already; revoke it, or choose another label.")


class ProjectUsersFull(Conflict):
    """The project has as many users as it may."""

    code = "PROJECT_USERS_FULL"

    def __init__(self, most: int) -> None:
        super().__init__(f"The project has {most} users already; remove one who no longer needs it.")


class ProjectHasUsers(Conflict):
    """Users have roles in the project, so that only its owners add others."""

    code = "PROJECT_HAS_USERS"
    message = "This project has users already; one of its owners can add you."


class SettingsChanged(Conflict):
    """The settings are others than those that the caller last saw."""

    code = "SETTINGS_CHANGED"
    message = "Someone changed these settings meanwhile; look at them and change them again."


class TriggerChanged(Conflict):
    """A trigger is another one than the caller last saw."""

    code = "TRIGGER_CHANGED"
    message = "Someone changed this trigger meanwhile; look at it and turn it on again."


class NotConfirmed(Conflict):
    """Some of the changes need a confirmation: ``changes`` are all of them."""

    code = "NOT_CONFIRMED"

    def __init__(self, changes: Sequence[SettingChange], doubtful: Sequence[SettingChange]) -> None:
        named = ", ".join(f"{change.name}={change.after}" for change in doubtful)
        super().__init__(f"This changes what people are sent: confirm {named}.")
        self.changes = tuple(changes)
        self.doubtful = tuple(doubtful)
