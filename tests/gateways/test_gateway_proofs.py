"""Where an inbound request comes from: good proofs, and the same with one byte changed anywhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode, urlsplit

import pytest
from msgspec.structs import replace

from daftari.errors import Forged
from daftari.gateways import GATEWAYS, Proof
from daftari.gateways.twilio import sign
from daftari.model.inbound import InboundRequest

SECRET = "kikapu cha siri"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def arrived(
    body: bytes,
    *,
    url: str = "https://book.example.org/v1/inbound/provider/token",
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> InboundRequest:
    query = urlsplit(url).query
    return InboundRequest(method="POST", url=url, query=query, media_type=media_type, headers=headers or {}, body=body)


def signature(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def is_proven(name: str, request: InboundRequest, *, secret: str | None = SECRET) -> bool:
    try:
        GATEWAYS[name].verify(request, proof=Proof(secret=secret))
    except Forged:
        return False
    return True


def changed_bytes(text: bytes) -> Iterator[bytes]:
    """The text with each of its bytes changed in turn, one shorter, and one longer."""
    for index, byte in enumerate(text):
        yield text[:index] + bytes([byte ^ 1]) + text[index + 1 :]
    yield text[:-1]
    yield text + b"0"


def changed_texts(text: str) -> list[str]:
    return [changed.decode("latin-1") for changed in changed_bytes(text.encode())]


WHATSAPP_BODY = json.dumps({"entry": [{"changes": []}]}).encode()
GENERIC_BODY = json.dumps({"type": "opt_out", "mobile": "0722000001"}).encode()
SOZURI_BODY = json.dumps({"number": "254722000001", "message": "STOP"}).encode()
TWILIO_URL = "https://book.example.org/v1/inbound/twilio/token?a=1"
TWILIO_FORM = {"From": "+254722000001", "Body": "Stop & go", "Empty": "", "AccountSid": "AC1"}
TWILIO_SIGNED = TWILIO_URL + "AccountSidAC1BodyStop & goEmptyFrom+254722000001"

SIGNED: dict[str, tuple[str, InboundRequest, str]] = {
    "whatsapp": (
        "whatsapp",
        arrived(WHATSAPP_BODY, headers={"x-hub-signature-256": f"sha256={signature(WHATSAPP_BODY)}"}),
        "x-hub-signature-256",
    ),
    "generic": (
        "generic",
        arrived(GENERIC_BODY, headers={"x-daftari-signature": f"sha256={signature(GENERIC_BODY)}"}),
        "x-daftari-signature",
    ),
    "sozuri": (
        "sozuri",
        arrived(SOZURI_BODY, headers={"x-sozuri-signature": signature(SOZURI_BODY)}),
        "x-sozuri-signature",
    ),
    "twilio": (
        "twilio",
        arrived(
            urlencode(TWILIO_FORM).encode(),
            url=TWILIO_URL,
            media_type=FORM,
            headers={"x-twilio-signature": sign(TWILIO_SIGNED, token=SECRET)},
        ),
        "x-twilio-signature",
    ),
}
signed = pytest.mark.parametrize(("name", "request_", "header"), SIGNED.values(), ids=SIGNED)


@signed
def test_a_good_signature_proves_where_a_request_comes_from(name: str, request_: InboundRequest, header: str) -> None:
    assert header in request_.headers
    assert is_proven(name, request_)


@signed
def test_a_signature_stands_for_one_body(name: str, request_: InboundRequest, header: str) -> None:
    del header
    assert not [body for body in changed_bytes(request_.body) if is_proven(name, replace(request_, body=body))]


@signed
def test_a_changed_signature_proves_nothing(name: str, request_: InboundRequest, header: str) -> None:
    changed = [*changed_texts(request_.headers[header]), "", "sha256=", "é\udc80"]
    assert not [text for text in changed if is_proven(name, replace(request_, headers={header: text}))]
    assert not is_proven(name, replace(request_, headers={}))


@signed
def test_a_wrong_secret_proves_nothing(name: str, request_: InboundRequest, header: str) -> None:
    del header
    assert not [text for text in changed_texts(SECRET) if is_proven(name, request_, secret=text)]


@pytest.mark.parametrize("name", [name for name, gateway in GATEWAYS.items() if gateway.secret_required])
@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_nothing_is_accepted_where_one_is_required(name: str, secret: str | None) -> None:
    empty = hmac.new(b"", b"{}", hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={empty}", "x-sozuri-signature": empty, "authkey": ""}
    headers["x-twilio-signature"] = sign(TWILIO_URL, token="")
    request = arrived(b"{}", url=TWILIO_URL, headers=headers)
    with pytest.raises(Forged, match="No secret is kept"):
        GATEWAYS[name].verify(request, proof=Proof(secret=secret))


@pytest.mark.parametrize("name", [name for name, gateway in GATEWAYS.items() if not gateway.secret_required])
def test_where_no_secret_is_required_the_path_is_the_proof(name: str) -> None:
    assert is_proven(name, arrived(b"{}"), secret=None)


# ---- Sozuri -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{"authkey": SECRET}, {"x-auth-key": SECRET}, {"authorization": f"Bearer {SECRET}"}]
)
def test_sozuris_key_may_come_in_a_header(headers: dict[str, str]) -> None:
    assert is_proven("sozuri", arrived(SOZURI_BODY, headers=headers))
    wrong = {name: text[:-1] for name, text in headers.items()}
    assert not is_proven("sozuri", arrived(SOZURI_BODY, headers=wrong))


def test_sozuris_key_may_come_in_the_body() -> None:
    assert is_proven("sozuri", arrived(json.dumps({"authKey": SECRET}).encode()))
    for wrong in [*changed_texts(SECRET), "", None, 1, [SECRET], {"authKey": SECRET}]:
        assert not is_proven("sozuri", arrived(json.dumps({"authKey": wrong}).encode()))


def test_one_of_sozuris_proofs_is_enough() -> None:
    body = json.dumps({"authKey": "of another project"}).encode()
    assert is_proven("sozuri", arrived(body, headers={"x-sozuri-signature": f"sha256={signature(body).upper()}"}))
    body = json.dumps({"authKey": SECRET}).encode()
    assert is_proven("sozuri", arrived(body, headers={"x-sozuri-signature": "of another kind"}))


def test_a_sozuri_body_that_cannot_be_read_may_still_be_signed() -> None:
    assert is_proven("sozuri", arrived(b"{", headers={"x-sozuri-signature": signature(b"{")}))
    assert not is_proven("sozuri", arrived(b"{"))


# ---- Twilio -----------------------------------------------------------------------------------------

PUBLISHED = {"CallSid": "CA1234567890ABCDE", "Digits": "1234", "To": "+18005551212"}


@pytest.mark.parametrize(
    ("host", "caller", "expected"),
    [
        ("example.com", "+14158675310", "L/OH5YylLD5NRKLltdqwSvS0BnU="),
        ("mycompany.com", "+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
    ],
)
def test_twilios_published_examples_are_proven(host: str, caller: str, expected: str) -> None:
    body = urlencode(PUBLISHED | {"Caller": caller, "From": caller}).encode()
    url = f"https://{host}/myapp.php?foo=1&bar=2"
    request = arrived(body, url=url, media_type=FORM, headers={"x-twilio-signature": expected})
    assert is_proven("twilio", request, secret="12345")


def test_a_twilio_signature_stands_for_one_address() -> None:
    name, request, _ = SIGNED["twilio"]
    other = [url for url in changed_texts(TWILIO_URL) if is_proven(name, replace(request, url=url))]
    assert not other
    assert not is_proven(name, replace(request, url=TWILIO_URL.replace("https", "http")))


@pytest.mark.parametrize(
    "url",
    [
        "https://book.example.org:443/v1/inbound/twilio/token?a=1",
        "https://book.example.org:8443/v1/inbound/twilio/token?a=1",
    ],
)
def test_twilio_may_leave_the_port_out_of_what_it_signs(url: str) -> None:
    name, request, _ = SIGNED["twilio"]
    assert is_proven(name, replace(request, url=url))


def test_a_twilio_field_that_is_repeated_is_signed_in_the_order_of_its_values() -> None:
    text = TWILIO_URL + "MediaUrlaMediaUrlbNumMedia2"
    headers = {"x-twilio-signature": sign(text, token=SECRET)}
    body = b"NumMedia=2&MediaUrl=b&MediaUrl=a&MediaUrl=b"
    assert is_proven("twilio", arrived(body, url=TWILIO_URL, media_type=FORM, headers=headers))


def test_a_twilio_body_of_json_is_proven_by_its_digest_in_the_address() -> None:
    body = b'{"property": "value", "boolean": true}'
    digest = hashlib.sha256(body).hexdigest()
    url = f"https://mycompany.com/myapp.php?foo=1&bar=2&bodySHA256={digest}"
    request = arrived(body, url=url, headers={"x-twilio-signature": "a9nBmqA0ju/hNViExpshrM61xv4="})
    assert is_proven("twilio", request, secret="12345")
    assert not [
        other for other in changed_bytes(body) if is_proven("twilio", replace(request, body=other), secret="12345")
    ]
    unsigned = arrived(b"{}", url=url.replace(digest, hashlib.sha256(b"{}").hexdigest()), headers=request.headers)
    assert not is_proven("twilio", unsigned, secret="12345")


# ---- Infobip ----------------------------------------------------------------------------------------


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def test_infobip_shows_the_user_and_password_or_the_key_that_it_was_given() -> None:
    for shown in (basic("duka:sirī"), "App duka:sirī"):
        assert is_proven("infobip", arrived(b"{}", headers={"authorization": shown}), secret="duka:sirī")


@pytest.mark.parametrize(
    "shown",
    ["", "Basic", "Basic !", "Basic é", "Bearer duka:siri", "duka:siri", basic("duka:siri "), basic("duka:sir")],
)
def test_infobip_shows_nothing_else(shown: str) -> None:
    assert not is_proven("infobip", arrived(b"{}", headers={"authorization": shown}), secret="duka:siri")


# ---- WhatsApp's check of the address ----------------------------------------------------------------


def checked(query: str, *, token: str | None = "neno") -> bytes:
    request = replace(arrived(b"", url=f"https://book.example.org/v1/inbound/whatsapp/token?{query}"), method="GET")
    return GATEWAYS["whatsapp"].check(request, proof=Proof(secret=SECRET, verify_token=token))


def test_the_check_of_an_address_is_answered_with_its_challenge() -> None:
    assert checked("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=neno") == b"1158201444"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=nenO",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=neno",
        "hub.challenge=1&hub.verify_token=neno",
        "&".join(["a=1"] * 2_000),
    ],
)
def test_a_check_without_the_token_is_refused(query: str) -> None:
    with pytest.raises(Forged):
        checked(query)


@pytest.mark.parametrize("token", [None, ""])
def test_a_check_is_refused_when_no_token_is_kept(token: str | None) -> None:
    with pytest.raises(Forged):
        checked("hub.mode=subscribe&hub.challenge=1&hub.verify_token=", token=token)


@pytest.mark.parametrize("name", [name for name, gateway in GATEWAYS.items() if not gateway.has_check])
def test_others_check_no_address(name: str) -> None:
    with pytest.raises(Forged):
        GATEWAYS[name].check(arrived(b""), proof=Proof(secret=SECRET, verify_token="neno"))
