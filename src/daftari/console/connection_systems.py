"""What the form of each system asks for, and where the pages of the system have it. Knows no page.

Names of menus and buttons are those of the systems, which are English in every language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from daftari.console.languages import gettext as _

DATABASES = ("postgresql", "mysql", "sqlite")


class Ask(Struct, frozen=True):
    """A field of the form of a system. ``more``: it is rarely needed."""

    name: str
    label: str
    hint: str = ""
    kind: Literal["text", "password", "area", "yes", "choice"] = "text"
    required: bool = True
    more: bool = False
    options: tuple[tuple[str, str], ...] = ()

    @property
    def is_secret(self) -> bool:
        """Whether it is never shown again."""
        return self.name.startswith("credentials.")


def asks(kind: str) -> list[Ask]:
    """What the form of a system asks for."""
    if kind in DATABASES:
        return _database(kind)
    base = Ask(
        "settings.base_url",
        _("Another address for its calls"),
        _("Leave it empty, unless its calls go through a server of yours."),
        required=False,
        more=True,
    )
    found: Mapping[str, Callable[[], list[Ask]]] = {
        "hubspot": lambda: [Ask("credentials.key", _("Service key"), kind="password"), base],
        "pipedrive": lambda: [
            Ask("settings.company", _("Name of the company"), _("ziwa, for ziwa.pipedrive.com.")),
            Ask("credentials.token", _("Token"), kind="password"),
            Ask(
                "settings.daily_tokens",
                _("Tokens a day"),
                _("If your plan is larger than Lite with one user: 30,000 times users, times 2, 5 or 7."),
                required=False,
                more=True,
            ),
            base,
        ],
        "shopify": lambda: _shopify(base),
        "odoo": lambda: [
            Ask("settings.url", _("Address"), _("As in a browser: https://ziwa.odoo.com")),
            Ask("credentials.key", _("API key"), kind="password"),
            Ask("settings.database", _("Database"), _("If the server has several of them."), required=False, more=True),
        ],
        "woocommerce": lambda: [
            Ask("settings.url", _("Address of the shop"), _("With its folder, if it is in one: https://ziwa.example")),
            Ask("credentials.consumer_key", _("Consumer key"), _("It begins with ck_."), kind="password"),
            Ask("credentials.consumer_secret", _("Consumer secret"), _("It begins with cs_."), kind="password"),
            base,
        ],
    }
    return found[kind]()


def _shopify(base: Ask) -> list[Ask]:
    without = _("Empty without an app.")
    return [
        Ask("settings.shop", _("Name of the shop"), _("ziwa, for ziwa.myshopify.com.")),
        Ask("credentials.client_id", _("Client ID of the app"), without, kind="password", required=False),
        Ask("credentials.client_secret", _("Client secret of the app"), without, kind="password", required=False),
        Ask(
            "credentials.webhook_secret",
            _("Signing key of the shop’s own webhooks"),
            _("If you make webhooks on the shop’s page. It can be given later."),
            kind="password",
            required=False,
        ),
        Ask(
            "credentials.token",
            _("Token of a former custom app"),
            _("It begins with shpat_."),
            kind="password",
            required=False,
            more=True,
        ),
        base,
    ]


def _database(kind: str) -> list[Ask]:
    place = [
        Ask("settings.host", _("Server"), _("A name or an address: db.intra")),
        Ask(
            "settings.port",
            _("Port"),
            _("Empty for the usual one, %(port)s.", port="5432" if kind == "postgresql" else "3306"),
            required=False,
        ),
        Ask("settings.database", _("Database")),
        Ask("settings.user", _("User"), _("One that may read, and nothing else.")),
        Ask("credentials.password", _("Password"), kind="password"),
    ]
    if kind == "sqlite":
        place = [Ask("settings.database", _("File"), _("Its whole path: /srv/shop/shop.db"))]
    if kind == "sqlite":
        return [*place, *_table()]
    return [*place, *_table(), *_secure(kind)]


def _table() -> list[Ask]:
    """What is asked of a table."""
    return [
        Ask("settings.table", _("Table or view"), _("For example customers. A query of your own is a view.")),
        Ask("settings.columns.id", _("Column that names a row"), _("It never changes: id")),
        Ask(
            "settings.columns.updated_at",
            _("Column with the time of the last change"),
            _("Without one the whole table is read each time."),
            required=False,
        ),
        Ask(
            "settings.columns.deleted",
            _("Column that says that a row is deleted"),
            _("A flag or a time."),
            required=False,
            more=True,
        ),
        Ask(
            "mobile",
            _("Column with the number"),
            _("Empty, if its name says so, as phone or mobile do."),
            required=False,
            more=True,
        ),
        Ask(
            "settings.time_zone",
            _("Zone of times without one"),
            _("Africa/Nairobi; empty for UTC."),
            required=False,
            more=True,
        ),
        Ask(
            "settings.times_set_by",
            _("Who sets the time of the last change"),
            kind="choice",
            required=False,
            more=True,
            options=(("programs", _("programs")), ("database", _("the database: a default or a trigger"))),
        ),
    ]


def _secure(kind: str) -> list[Ask]:
    """What is asked of the way to a server, and of its announcements."""
    secure = [
        Ask(
            "settings.ca",
            _("Certificate of the authority"),
            _("As PEM, if the server’s certificate is not one of a known authority."),
            kind="area",
            required=False,
            more=True,
        ),
        Ask(
            "settings.insecure",
            _("Without TLS"),
            _("Only in a network of your own: the password and the people can be read on the way."),
            kind="yes",
            required=False,
            more=True,
        ),
    ]
    if kind == "postgresql":
        said = _("A trigger of yours says NOTIFY daftari; then a change is here within a second.")
        secure.append(
            Ask("settings.notify", _("The database announces changes"), said, kind="yes", required=False, more=True)
        )
    return secure


class Guide(Struct, frozen=True):
    """Where the pages of a system have what is needed: a heading, numbered steps, and what is to be known."""

    heading: str
    steps: Sequence[str]
    note: str = ""
    code: str = ""


def guides(kind: str) -> list[Guide]:
    """Where people find what the form of a system asks for."""
    found: Mapping[str, Callable[[], list[Guide]]] = {
        "hubspot": _guide_hubspot,
        "pipedrive": _guide_pipedrive,
        "shopify": _guide_shopify,
        "woocommerce": _guide_woocommerce,
        "odoo": _guide_odoo,
    }
    return found[kind]() if kind in found else _guide_database(kind)


def _guide_hubspot() -> list[Guide]:
    scopes = "crm.objects.contacts.read, crm.lists.read, crm.schemas.contacts.read"
    writing = "crm.objects.contacts.write, crm.schemas.contacts.write"
    return [
        Guide(
            _("Where HubSpot has the key"),
            [
                _("As a super admin, open Development, then Keys and Service keys on the left."),
                _("Create service key, at the top on the right. Call it Daftari."),
                _("Add new scope: look for each of these, tick it, Update. %(scopes)s", scopes=scopes),
                _("To have opt-outs written to HubSpot, these as well: %(scopes)s", scopes=writing),
                _("Create, and confirm. Open the key by its name, Show, and copy it."),
            ],
            _("The key does not end, and HubSpot can show it again."),
        )
    ]


def _guide_pipedrive() -> list[Guide]:
    return [
        Guide(
            _("Where Pipedrive has the token"),
            [
                _("As an admin: Settings, Manage users, Users. Add a user called Daftari with admin rights."),
                _("Sign in as that user. Click the picture, Personal preferences, API, and copy the token."),
                _("The name of the company stands before .pipedrive.com in the address."),
            ],
            _("Pipedrive shows a program what the user of its token sees, and nothing else."),
        )
    ]


def _guide_shopify() -> list[Guide]:
    scopes = "read_customers, write_customers, read_orders"
    return [
        Guide(
            _("With an app"),
            [
                _("In the Dev Dashboard of Shopify, make an app in the organisation that owns the shop."),
                _("Give it these scopes, and release a version: %(scopes)s", scopes=scopes),
                _("Install the app on the shop."),
                _("Copy its client ID and client secret."),
            ],
            _(
                "The customers who are there already come too, and opt-outs can be written back. The shop’s plan must "
                "be above Basic."
            ),
        ),
        Guide(
            _("Without an app"),
            [
                _("Leave the client ID and the client secret empty. The next page has an address for the shop."),
                _(
                    "In Shopify’s admin, Settings, Notifications, Webhooks, make the webhooks with it; then give the "
                    "key that the page shows."
                ),
            ],
            _("Ten minutes, on any plan. Only carts, and customers who are new or change from now on."),
        ),
    ]


def _guide_woocommerce() -> list[Guide]:
    return [
        Guide(
            _("Where WooCommerce has the key"),
            [
                _("In WordPress: WooCommerce, Settings, Advanced, REST API, Add key."),
                _("Choose an administrator or a shop manager as the user, and Read/Write as the permissions."),
                _("Generate API key, and copy both parts. They are shown once."),
            ],
            _("The shop must be on https. Under Settings, Permalinks, anything but Plain must be chosen."),
        )
    ]


def _guide_odoo() -> list[Guide]:
    return [
        Guide(
            _("Where Odoo has the key"),
            [
                _("Make a user called Daftari with the right to contacts, in each company whose contacts are wanted."),
                _("Under Administration give it Settings: only then Odoo shows its phone blacklist."),
                _("Signed in as that user: Preferences, Account Security, New API Key, with the longest duration."),
            ],
            _("Odoo 19 or newer. Odoo ends a key after three months at the latest: give the next one before."),
        )
    ]


def _guide_database(kind: str) -> list[Guide]:
    if kind == "sqlite":
        said = _("The file lies in a folder that the operator of this service allows, and is no link.")
        return [Guide(_("What is needed"), [said])]
    grants = {
        "postgresql": "CREATE ROLE daftari LOGIN PASSWORD '…';\nGRANT SELECT ON customers TO daftari;\n"
        "GRANT pg_read_all_stats TO daftari;\nCREATE INDEX ON customers (updated_at, id);",
        "mysql": "CREATE USER daftari IDENTIFIED BY '…';\nGRANT SELECT ON shop.customers TO daftari;\n"
        "GRANT PROCESS ON *.* TO daftari;\nCREATE INDEX customers_updated ON customers (updated_at, id);",
    }
    return [
        Guide(
            _("A user for Daftari"),
            [_("Have who looks after the database run this, with the names of your table.")],
            _("The third line lets Daftari see that something is still being written, so that no change is missed."),
            grants[kind],
        )
    ]


def hook_events() -> str:
    """The webhooks to make on the page of a shop, as it calls them."""
    return (
        "Checkout creation, Checkout update, Checkout deletion, Order creation, Customer creation, Customer update, "
        "Customer deletion, Customer marketing consent update"
    )
