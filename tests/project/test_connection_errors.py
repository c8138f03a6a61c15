"""What a connection may say when it cannot be read is in the documentation: what it means, and what to do.

The codes are those in the source, so that a new one is seen without being named here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

from daftari.connectors.sql.failures import MEANINGS
from tests.conftest import ROOT

SOURCE = ROOT / "src" / "daftari"
DOCS = ROOT / "docs"
RAISE = {"ConnectorFailed": 1, "TokenRefused": 1, "broken": 0, "failure": 0}
"""What makes a failure, and which of its arguments is the code."""

SAID: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hubspot": {
        "key_refused": ("HubSpot refused the key (401)",),
        "scope_missing": ("The key may not",),
        "forbidden": ("HubSpot refuses this key a call (403)",),
        "other_account": ("This key belongs to HubSpot account",),
        "field_missing": ("HubSpot has no contact property",),
        "group_gone": ("HubSpot has no list",),
        "group_unknown": ("is no list of HubSpot",),
        "rate_limit": ("HubSpot takes no more calls for a moment",),
        "moving": ("HubSpot is moving this account to another data centre",),
        "refused": ("HubSpot refused a call (",),
    },
    "pipedrive": {
        "key_refused": ("Pipedrive refused the token (401)",),
        "forbidden": ("Pipedrive refuses this token a call (",),
        "other_account": ("This token belongs to Pipedrive company",),
        "company_unknown": ("is no company of Pipedrive",),
        "field_missing": ("Pipedrive has no person field",),
        "field_ours": ("is written by Daftari and is not read",),
        "field_changed": ('has no options "in" and "out" now',),
        "group_gone": ("Pipedrive has no filter",),
        "group_unknown": ("is no group of Pipedrive",),
        "daily_limit": ("Pipedrive's tokens for today are used up",),
        "rate_limit": ("Pipedrive takes no more calls for a moment",),
        "blocked": ("Pipedrive's network refuses our calls for a while",),
        "refused": ("Pipedrive refused a call (",),
    },
    "shopify": {
        "key_refused": ("Shopify gives no token for the app's client id and secret", "Shopify refused the token (401)"),
        "scope_missing": ("The app may not do this",),
        "protected_data": ("Shopify hides names and phone numbers from this app",),
        "forbidden": ("Shopify refuses this app a call",),
        "other_account": ("This app is installed on the shop",),
        "shop_unknown": ("is no shop of Shopify", "There is no shop"),
        "frozen": ("is frozen (402)", "is closed"),
        "no_app": ("This connection has no app",),
        "no_credentials": ("The connection has no credentials yet",),
        "no_secret": ("Shopify signs webhooks with the app's client secret",),
        "field_missing": ("Shopify has no customer field",),
        "group_gone": ("Shopify has no segment",),
        "group_unknown": ("is no group of Shopify",),
        "webhooks_missing": ("Shopify made no webhook for",),
        "rate_limit": ("Shopify takes no more calls of this app for a moment",),
        "blocked": ("Shopify's network refuses our calls for a while",),
        "refused": ("Shopify refused a call",),
    },
    "odoo": {
        "url_unknown": ("is no address of Odoo",),
        "no_api": ("There is no API of Odoo 19 at",),
        "key_refused": ("Odoo refused the key (401)",),
        "forbidden": ("Odoo does not let the user of this key do this (403)",),
        "other_account": ("The settings lead to",),
        "field_missing": ("Odoo has no field",),
        "group_unknown": ("is no tag of Odoo",),
        "blacklist_missing": ("Odoo has no phone blacklist to write opt-outs to",),
        "blacklist_forbidden": ("Odoo does not let the user of this key write to the phone blacklist",),
        "rate_limit": ("Odoo takes no more calls for a moment",),
        "refused": ("Odoo refused a call (",),
    },
    "woocommerce": {
        "key_refused": (
            "WooCommerce refused the key (401",
            "WooCommerce does not know the key, or does not see it (401",
            "The key may not write (401",
        ),
        "forbidden": ("WooCommerce refuses this key a call (403",),
        "other_account": ("This is the shop",),
        "not_https": ("is not https",),
        "url_unknown": ("is no address of a shop",),
        "no_api": ("There is no WooCommerce API at",),
        "moved": ("it sends its callers to",),
        "field_missing": ("WooCommerce has no field",),
        "group_unknown": ("is no group of WooCommerce",),
        "rate_limit": ("The shop takes no more calls for a moment",),
        "blocked": ("A guard in front of the shop",),
        "refused": ("WooCommerce refused a call",),
    },
    "databases": {
        "not_installed": ("Reading databases needs",),
        "host_not_allowed": ("is not among the servers that DAFTARI_SQL_HOSTS allows",),
        "file_not_allowed": ("is no file in a folder that DAFTARI_SQL_FILES allows",),
        "address": ("has an address that may not be connected to",),
        "own_database": ("is Daftari's own database",),
        "settings": ("The settings of the database are not right", "There is no time zone", "needs a host and a user"),
        "no_groups": ("A table has no lists",),
        "access": ("refused the user",),
        "database": ("There is no database",),
        "table": ("There is no table or view",),
        "not_readable": ("The role may not read",),
        "columns": ("has no column", "The columns of"),
        "updated_at": ("holds days; a column with a time of day is needed",),
        "ids": ("More than one row has",),
        "tls": ("has no TLS that can be verified", "This machine has no file of authorities"),
        "file": ("cannot be read as a SQLite database",),
        "unreachable": ("cannot be reached",),
        "locked": ("is locked by another program",),
        "slow": ("did not answer within",),
        "failed": ("reports:",),
    },
    "connections": {
        "unsealed": ("Its credentials cannot be read",),
        "no_address": ("The connection was made before its system could announce changes",),
        "address": ("cannot be called",),
        "unreachable": ("cannot be reached now",),
        "unavailable": ("cannot be read now",),
        "group_mirrored": ("alone decides who is in it",),
        "busy": ("Other connections are being checked at this moment",),
        "slow": ("did not answer everything in time",),
    },
}
"""Words of the sentences of each code, by the page that explains them."""
ON_EACH_PAGE: Mapping[str, tuple[str, ...]] = {
    "hubspot": ("HubSpot's calls for today are used up", "HubSpot cannot be read now"),
    "pipedrive": ("Pipedrive's tokens for today are used up", "Pipedrive cannot be read now"),
    "shopify": ("Shopify cannot be read now",),
    "odoo": ("Odoo cannot be read now",),
    "woocommerce": ("WooCommerce cannot be read now",),
}
"""What the shared module of calls says, in the words of the system."""
SOURCES: Mapping[str, tuple[str, ...]] = {
    "hubspot": ("connectors/hubspot",),
    "pipedrive": ("connectors/pipedrive",),
    "shopify": ("connectors/shopify",),
    "odoo": ("connectors/odoo",),
    "woocommerce": ("connectors/woocommerce",),
    "databases": ("connectors/sql",),
    "connections": ("connectors/calls.py", "worker/connections.py", "rules/connections"),
}
SHARED_CODES = {"daily_limit"}
"""Of the shared module, said in the words of each system."""


def _trees(page: str) -> Iterator[ast.Module]:
    for place in SOURCES[page]:
        path = SOURCE / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield ast.parse(file.read_text())


def find_codes(page: str) -> set[str]:
    """The codes that the modules of a page give as literals."""
    found: set[str] = set(MEANINGS) if page == "databases" else set()
    for tree in _trees(page):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISE:
                code = node.args[RAISE[node.func.id]]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    found.add(code.value)
    return found


def find_texts(page: str) -> str:
    """Every text in the modules of a page, a line each; what is filled in is left out."""
    texts = []
    for tree in _trees(page):
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                texts.append("".join(part.value for part in node.values if isinstance(part, ast.Constant)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


def explained(page: str) -> str:
    """What the tables of a page explain: their first cells. A row without a meaning or an answer is none."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", (DOCS / f"{page}.md").read_text(), re.MULTILINE)
    return "\n".join(says for says, *_ in rows).replace("`", "")


@pytest.mark.parametrize("page", SAID)
def test_every_code_of_a_failure_is_explained(page: str) -> None:
    codes = find_codes(page)
    assert len(codes) >= 5 and codes - SHARED_CODES == SAID[page].keys() - SHARED_CODES
    shown = explained(page)
    missing = {code: words for code, sentences in SAID[page].items() for words in sentences if words not in shown}
    assert not missing, f"docs/{page}.md does not explain {missing}"


@pytest.mark.parametrize("page", SAID)
def test_what_is_explained_is_what_is_said(page: str) -> None:
    texts = find_texts(page)
    wrong = [words for sentences in SAID[page].values() for words in sentences if _bare(words) not in texts]
    assert not wrong, wrong


def _bare(words: str) -> str:
    """Without a status at its end, which is filled in."""
    return re.sub(r"\(40\d\)$", "(", words)


@pytest.mark.parametrize(("page", "sentences"), ON_EACH_PAGE.items())
def test_what_shared_modules_say_is_explained_on_each_page(page: str, sentences: tuple[str, ...]) -> None:
    assert [words for words in sentences if words not in explained(page)] == []
