"""The page of a link with which a password is set. Looking at it changes nothing."""

from __future__ import annotations

from msgspec.structs import replace

from daftari.console.languages import current_language
from daftari.console.page import Page
from daftari.errors import ValidationFailed
from daftari.rules.access import links, sign_in
from daftari.rules.access.users import read_new_user
from daftari.web.responses import Response

NO_REFERRER = ("referrer-policy", "no-referrer")
"""No other page learns the address of this one, which is a secret until it is used."""


def show(page: Page, token: str) -> Response:
    """``GET /link/{token}``. Raises ``LinkSpent``."""
    found = page.system_read(links.find_link, token=token)
    shown = page.show("link.html", form=page.form(), invited=found.user, may_give_password=page.visit.may_give_password)
    return replace(shown, headers=(*shown.headers, NO_REFERRER))


def use(page: Page, token: str) -> Response:
    """``POST /link/{token}``: set the password, sign in, and spend the link."""
    page.visit.refuse_plain()
    found = page.system_read(links.find_link, token=token)
    password = page.typed("new_password")
    try:
        if found.user is None:
            user = read_new_user(
                email=page.params.given("email"), name=page.params.given("name"), language=current_language()
            )
            begun = sign_in.create_first_user(
                page.store, token=token, given=user, new=password, browser=page.browser, now=page.now
            )
        else:
            begun = sign_in.use_link(
                page.store,
                token=token,
                new=password,
                language=current_language(),
                browser=page.browser,
                now=page.now,
            )
    except ValidationFailed as error:
        raise ValidationFailed({_FIELDS.get(name, name): said for name, said in error.errors.items()}) from None
    page.sign_in(begun)
    return page.redirect(page.url("/"))


_FIELDS = {"password": "new_password"}
"""Fields of the rules that the form calls otherwise, as browsers know a new password."""
