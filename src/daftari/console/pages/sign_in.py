"""Signing in."""

from __future__ import annotations

from daftari.console.page import Page
from daftari.errors import ValidationFailed
from daftari.model.users import LANGUAGES
from daftari.rules.access import sign_in as access
from daftari.rules.access.errors import SignInRefused
from daftari.rules.access.users import has_users
from daftari.web.responses import Response


def show(page: Page) -> Response:
    """``GET /sign-in``. ``language`` is what a visitor chose."""
    following = read_next(page.params.given("next"))
    chosen = page.params.given("language")
    for language in LANGUAGES:
        if language == chosen:
            page.choose_language(language)
            return page.redirect(page.url("/sign-in", next=following if following != "/" else ""))
    if page.visit.signed_in is not None:
        return page.redirect(page.url(following))
    return page.show(
        "sign_in.html",
        form=page.form(next=following),
        has_users=page.system_read(has_users),
        may_give_password=page.visit.may_give_password,
    )


def sign_in(page: Page) -> Response:
    """``POST /sign-in``."""
    page.visit.refuse_plain()
    email, password = page.params.given("email"), page.typed("password")
    try:
        begun = access.sign_in(
            page.store, email=str(email or ""), password=password, browser=page.browser, now=page.now
        )
    except SignInRefused as error:
        raise ValidationFailed({"password": [error.message]}) from None
    page.sign_in(begun)
    return page.redirect(page.url(read_next(page.params.given("next"))))


def read_next(written: object) -> str:
    """Where to go after signing in: a path of the console, and never another host."""
    is_path = isinstance(written, str) and written.startswith("/") and not written.startswith(("//", "/\\"))
    return str(written) if is_path and str(written).isprintable() and "\\" not in str(written) else "/"
