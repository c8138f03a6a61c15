"""A public URL with a path: every link is below it, whether or not the proxy removes the path on the way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator

import msgspec
import pytest

from daftari.gateways.twilio import sign
from daftari.rules.access.inbound_tokens import create_token
from daftari.serving.server import build_server
from daftari.settings import Settings
from daftari.store import Store
from tests.conftest import People
from tests.support.builders import create, may_message, mobile, page, rows
from tests.support.clients import Client, in_process
from tests.support.stores import NOW

PUBLIC_URL = "https://book.example/phone%20book"
SECRET = "a secret of Twilio's"


@pytest.fixture(params=["", "/phone book"], ids=["removed", "kept"])
def base(request: pytest.FixtureRequest) -> str:
    """What stands before a path when it reaches the service."""
    return str(request.param)


@pytest.fixture
def there(database: str, people: People, settings_for: Callable[..., Settings], base: str) -> Iterator[Client]:
    """Ana at a service that knows its public URL, behind a proxy."""
    built = build_server(settings_for(database, public_url=f"{PUBLIC_URL}/"))
    with asyncio.Runner() as runner:
        send = in_process(built.rsgi, runner.get_loop())
        yield Client(lambda method, path, *rest: send(method, base + path, *rest), secret=people.ana)
    built.close()


def test_calls_are_answered_and_page_urls_are_below_it(there: Client) -> None:
    create(there, *rows(3), group="A")
    for prefix in ("", "/api"):
        answer = there.get(f"{prefix}/v1/contacts/?per_page=1").json()["contacts"]
        assert answer["path"] == f"{PUBLIC_URL}{prefix}/v1/contacts"
        assert answer["next_page_url"] == f"{PUBLIC_URL}{prefix}/v1/contacts?per_page=1&page=2"
    assert there.get("/v1/groups/A").json()["group"]["contacts"] == 3
    assert there.get("/v1/nothing").json()["error_code"] == "ROUTE_NOT_FOUND"
    assert there.call("BREW", "/v1/contacts").status == 405


def test_the_document_and_the_page_name_it(there: Client) -> None:
    for version in ("3.2", "3.0"):
        document = msgspec.json.decode(there.get(f"/v1/openapi.json?version={version}").body)
        assert [server["url"] for server in document["servers"]] == [f"{PUBLIC_URL}/v1", f"{PUBLIC_URL}/api/v1"]
        of_paths = {server["url"] for path in document["paths"].values() for server in path.get("servers", ())}
        assert of_paths == {f"{PUBLIC_URL}{end}" for end in ("/", "/api", "/v1", "/api/v1")}
    shown = there.get("/docs").body.decode()
    assert set(re.findall(r'href="([^#][^"]*)"', shown)) == {
        "data:,",
        f"{PUBLIC_URL}/",
        f"{PUBLIC_URL}/v1/openapi.json",
        f"{PUBLIC_URL}/v1/openapi.json?version=3.0",
    }
    assert f"DAFTARI={PUBLIC_URL}\n" in shown


def test_what_a_provider_signed_at_the_public_url_is_genuine(there: Client, store: Store, people: People) -> None:
    token, _ = store.system_write(
        NOW,
        create_token,
        project=people.shopify,
        provider="twilio",
        label="",
        signing_secret=SECRET,
        verify_token=None,
    )
    path = f"/v1/inbound/twilio/{token}"
    form = {"MessageSid": "SM1", "From": f"+{mobile(1)}", "To": "+254700000009", "Body": "STOP"}
    body = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in form.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    signature = sign(PUBLIC_URL + path + "".join(name + form[name] for name in sorted(form)), token=SECRET)
    sent = there.call("POST", path, body=body.encode(), headers=headers | {"X-Twilio-Signature": signature})
    assert sent.status == 200
    assert may_message(there, mobile(1)) == [False]
    assert page(there)["total"] == 0
