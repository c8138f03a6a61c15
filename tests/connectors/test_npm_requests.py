"""The fakes answer what the systems' own SDKs for Node sent when ``make honest`` last asked them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.honest.fakes import FAKES, read_requests
from tests.support.fake_crm import Call, Crm


@pytest.mark.parametrize(("name", "make"), FAKES.items())
def test_a_fake_answers_what_an_sdk_sent(name: str, make: Callable[[], Crm]) -> None:
    fake, requests = make(), read_requests()[name]
    assert len(requests) >= 5
    for one in requests:
        body = json.dumps(one["body"]).encode() if one["body"] is not None else b""
        call = Call(one["method"], one["path"], one["query"], one["headers"], body)
        assert fake.answer(call).status == one["status"] < 300
