"""Each SDK asks its fake, understands what it gets, and sends what ``requests.json`` has."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.honest.fakes import FAKES, REQUESTS, Recorded, read_requests
from tests.support.fake_crm import Crm, serve

HERE = Path(__file__).parent
MODULES = HERE.parent.parent / ".honest" / "node_modules"
SECONDS_MAX = 60.0
UNDERSTOOD = {
    "hubspot": {
        "page": [["101", "P0"], ["102", "P1"], ["111", "P2"], ["112", "P3"], ["116", "P4"]],
        "after": "117",
        "total": 7,
        "found": ["123", "127", "134"],
        "read": ["101"],
        "missing": ["99999"],
        "lists": [["12", "VIP", "3"]],
        "members": ["101", "102"],
    },
    "pipedrive": {
        "page": [[7, "P0 Otieno", "0733000000"], [10, "P1 Otieno", "0733000001"]],
        "next": [12, 15],
        "some": [7],
        "segment": True,
        "recents": [2, True],
        "filters": [[7, "Kisumu"]],
        "webhooks": ["https://book.example/hook"],
        "company": 100,
    },
    "shopify": {
        "page": ["P0", "P1"],
        "more": [True, ["P2", "P3"]],
        "vip": 2,
        "scopes": ["read_customers", "write_customers", "read_orders"],
        "segments": [["Kisumu", 3]],
        "written": [[], "UNSUBSCRIBED"],
        "refused": "Cannot query field 'fax' on type 'Shop'.",
        "token": ["shpat_1", "read_customers,write_customers,read_orders"],
        "order": True,
        "topics": [
            *("customers/create", "checkouts/create", "orders/create", "checkouts/update"),
            "customers_marketing_consent/update",
        ],
        "forged": False,
    },
    "woocommerce": {
        "page": [["P0", "0722000000"], ["P1", "0722000001"]],
        "total": ["5", "3"],
        "more": ["P4"],
        "found": ["p1@shop.example"],
        "changed": [["vip", "yes"]],
        "batch": ["written", "woocommerce_rest_invalid_id"],
        "orders": [2],
        "order": ["Juma", True, "Kikoy"],
        "hooks": [["order.updated", "active", "https://book.example/hook"]],
        "signed": [["order.updated", True, "processing"]],
        "removed": "order.updated",
    },
}


@pytest.mark.parametrize(("name", "make"), FAKES.items())
def test_an_sdk_is_content(name: str, make: Callable[[], Crm]) -> None:
    recorded = Recorded(make())
    with serve(recorded) as url:
        done = subprocess.run(
            ["node", str(HERE / f"{name}.cjs"), url],
            env={**os.environ, "NODE_PATH": str(MODULES)},
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == UNDERSTOOD[name]
    kept = {**(read_requests() if REQUESTS.exists() else {}), name: recorded.kept}
    if os.environ.get("DAFTARI_RECORD"):
        REQUESTS.write_text(f"{json.dumps(kept, indent=1)}\n")
    assert recorded.kept == read_requests()[name], "It sends something else; set DAFTARI_RECORD=1 to keep that."
