"""``GET /v1/health``: ready only when the store answers; it needs no key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import daftari
from daftari.errors import StoreUnavailable
from daftari.store import Store
from tests.support.builders import refusal
from tests.support.clients import Client


@pytest.fixture
def break_store(server: object, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the store answer as if its database did not."""

    def answers() -> None:
        raise StoreUnavailable("The database does not answer.")

    def break_store() -> None:
        store = server.store
        assert isinstance(store, Store)
        monkeypatch.setattr(store, "answers", answers)

    return break_store


def test_health_is_ready_and_names_the_version(client: Client) -> None:
    answer = client.get("/v1/health")
    assert answer.status == 200
    assert answer.json() == {"status": "ready", "version": daftari.__version__}
    assert list(answer.json()) == ["status", "version"]


def test_health_needs_no_key_and_minds_none(client: Client) -> None:
    assert client.with_key("nonsense").get("/v1/health").status == 200


def test_health_answers_on_both_prefixes_and_with_a_slash(client: Client) -> None:
    answers = [client.get(path) for path in ("/v1/health", "/api/v1/health", "/v1/health/", "/api/v1/health/")]
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}


def test_health_answers_to_head_without_a_body(client: Client) -> None:
    answer = client.call("HEAD", "/v1/health")
    assert (answer.status, answer.body) == (200, b"")


def test_every_answer_has_an_id_of_its_own_and_is_never_kept(client: Client) -> None:
    answers = [client.get("/v1/health") for _ in range(3)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert {answer.headers["cache-control"] for answer in answers} == {"private, no-store"}


def test_health_is_503_when_the_store_does_not_answer(client: Client, break_store: Callable[[], None]) -> None:
    break_store()
    answer = client.get("/v1/health")
    assert refusal(answer) == (503, "STORE_UNAVAILABLE")
    assert answer.json()["retryable"] is True
    assert int(answer.headers["retry-after"]) > 0
