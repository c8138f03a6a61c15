"""A message is one line of the log, whatever a client sent, and no line of a traceback looks like a message."""

from __future__ import annotations

import io
import logging

from hypothesis import example, given
from hypothesis import strategies as st

from daftari.serving.log_lines import LineFormatter
from tests.serving.conftest import Start

PREFIX = "daftari: "
HARMFUL = "a\r\ndaftari: forged\u2028\x1b[2J\x9b31m\x85\u202e\ud800"
texts = st.text(st.characters(codec=None) | st.sampled_from("\r\n\t\x1b\x85\u2028\u2029\x0b\x0c\x1c\x1e"), max_size=30)


def logged(message: str, *arguments: object, error: BaseException | None = None) -> str:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(LineFormatter(f"{PREFIX}%(message)s"))
    info = None if error is None else (type(error), error, error.__traceback__)
    handler.handle(logging.LogRecord("daftari", logging.WARNING, "x.py", 1, message, arguments, info))
    return out.getvalue().removesuffix("\n")


@given(texts)
@example(HARMFUL)
def test_a_message_is_one_line(text: str) -> None:
    for said in (logged(text.replace("%", "%%"), ()), logged("request %s failed", text)):
        assert len(said.splitlines()) <= 1
        assert said.isprintable() or not said.isascii()
        assert "\x1b" not in said


@given(texts)
@example(HARMFUL)
def test_only_the_message_begins_as_one(text: str) -> None:
    try:
        raise LookupError(text) from ValueError(text)
    except LookupError as error:
        first, *rest = logged("request %s crashed", text, error=error).split("\n")
    assert first.startswith(f"{PREFIX}request ")
    assert rest
    assert all(line.startswith("    ") and len(line.splitlines()) == 1 for line in rest)


def test_a_request_adds_no_line_of_its_own_to_the_log(start: Start) -> None:
    service = start()
    client = service.client()
    headers = {"User-Agent": "daftari: forged", "X-Request-Id": "daftari: forged"}
    for method, path in (
        ("GET", "/v1/a%0d%0adaftari:%20forged"),
        ("GET", "/v1/contacts?apiKey=%0adaftari:%20forged"),
        ("POST", "/v1/inbound/generic/%1b%5b2J%0adaftari:%20forged"),
    ):
        assert client.call(method, path, headers=headers).status in (401, 404)
    service.press_ctrl_c()
    assert service.ended() == 0
    assert "forged" not in service.err.read_text()
    assert "\x1b" not in service.err.read_text()
