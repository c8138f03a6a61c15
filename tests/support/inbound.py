"""Inbound addresses in tests: what is sent to them, its proof, and what waits for review."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import parse_qsl

from daftari.gateways.twilio import sign as sign_as_twilio
from daftari.model.inbound import InboundRequest
from tests.support.builders import mobile
from tests.support.clients import Answer, Client
from tests.support.gateway_samples import Sent

SECRET = "kikapu"
THEN = 1_711_004_797
OPEN = "/v1/inbound/review"

OpenAddress = Callable[..., str]


def text(said: str, *, number: int = 1, message: str | None = None, at: object = None, **more: object) -> Sent:
    """A message that someone sent, as our own JSON has it."""
    return {"from": f"+{mobile(number)}", "to": "20414", "text": said, "id": message, "at": at, **more}


def send(client: Client, address: str, *messages: Sent) -> Answer:
    """Messages arrive, and are taken in."""
    answer = client.post(address, {"messages": messages})
    assert (answer.status, answer.json()) == (200, {"message": "Received"})
    return answer


def reviews(client: Client) -> list[tuple[str, str]]:
    return [(review["text"], review["why"]) for review in client.get(OPEN).json()["reviews"]]


def proven(request: InboundRequest, provider: str, address: str) -> dict[str, str]:
    """The headers with which a provider proves a request."""
    digest = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": request.media_type}
    match provider:
        case "sozuri":
            headers["X-Sozuri-Signature"] = f"sha256={digest}"
        case "whatsapp":
            headers["X-Hub-Signature-256"] = f"sha256={digest}"
        case "twilio":
            pairs = "".join(
                name + value for name, value in sorted(parse_qsl(request.body.decode(), keep_blank_values=True))
            )
            headers["X-Twilio-Signature"] = sign_as_twilio(f"http://127.0.0.1:8000{address}{pairs}", token=SECRET)
        case "generic":
            headers["X-Daftari-Signature"] = f"sha256={digest}"
        case "infobip":
            headers["Authorization"] = f"App {SECRET}"
        case _:
            pass
    return headers
