"""What belongs to the user alone: name, language, look, password, and where one is signed in."""

from __future__ import annotations

from daftari.console.languages import current_language, ngettext
from daftari.console.languages import gettext as _
from daftari.console.page import THEMES, Page
from daftari.console.pages.sign_in import read_next
from daftari.errors import ValidationFailed
from daftari.model.users import LANGUAGES
from daftari.rules.access import sessions, sign_in, users
from daftari.rules.access.errors import SignInRefused
from daftari.rules.fields import Problems
from daftari.web.responses import Response


def show(page: Page) -> Response:
    """``GET /you``."""
    user = page.signed_in.user
    return page.show(
        "you.html",
        name=page.form("name", name=user.name, language=current_language()),
        look=page.form("look", theme=page.theme),
        password=page.form("password"),
        sessions=page.system_read(sessions.list_sessions, signed_in=page.signed_in),
        current=page.signed_in.session,
    )


def rename(page: Page) -> Response:
    """``POST /you/name``: another name, or another language."""
    problems = Problems()
    name = problems.read("name", page.params.given("name"), users.read_user_name)
    if name is None and not problems:
        problems.add("name", "is required.")
    problems.refuse()
    language = page.params.choice("language", LANGUAGES, default=current_language())
    page.system_write(users.update_user, user_id=page.signed_in.user.id, name=name, language=language)
    page.choose_language(language)
    return page.done(page.url("/you"), _("Saved."))


def choose_look(page: Page) -> Response:
    """``POST /you/look``: the language, or light or dark, from any page."""
    for language in LANGUAGES:
        if page.params.given("language") == language:
            page.system_write(users.update_user, user_id=page.signed_in.user.id, name=None, language=language)
            page.choose_language(language)
    theme = page.params.given("theme")
    if theme in (*THEMES, "system"):
        page.set_cookie("daftari_theme", str(theme))
    return page.redirect(page.url(read_next(page.params.given("next"))))


def choose_keys(page: Page) -> Response:
    """``POST /you/keys``: whether single keys do something."""
    page.set_cookie("daftari_keys", "on" if page.params.given("keys") == "on" else "off")
    return page.done(page.url("/you"), _("Saved."))


def change_password(page: Page) -> Response:
    """``POST /you/password``: another password, which ends every other session."""
    page.visit.refuse_plain()
    try:
        begun = sign_in.change_password(
            page.store,
            signed_in=page.signed_in,
            password=page.typed("password"),
            new=page.typed("new_password"),
            browser=page.browser,
            now=page.now,
        )
    except SignInRefused:
        raise ValidationFailed({"password": ["The password field is not the present one."]}) from None
    except ValidationFailed as error:
        raise ValidationFailed({"new_password": error.errors["password"]}) from None
    page.sign_in(begun)
    return page.done(page.url("/you"), _("Your password was changed. Everywhere else you are signed out."))


def sign_out(page: Page) -> Response:
    """``POST /you/sign-out``."""
    page.system_write(sessions.end_session, token=page.visit.token)
    page.sign_out()
    return page.redirect(page.url("/sign-in"))


def sign_out_elsewhere(page: Page) -> Response:
    """``POST /you/sign-out-elsewhere``: end every other session."""
    signed_in = page.signed_in
    ended = page.system_write(sessions.end_sessions, user_id=signed_in.user.id, kept=signed_in.session)
    text = ngettext("You were signed out in %(num)s place.", "You were signed out in %(num)s places.", ended)
    return page.done(page.url("/you"), text)
