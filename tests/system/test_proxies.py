"""The samples for nginx and Caddy, run as they stand in the documentation: large files, streams, names, conditions."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from msgspec import Struct

from daftari.store import Store
from tests.conftest import People, Serve, free_port
from tests.support.builders import create, get, groups, mobile, page, rows
from tests.support.clients import Answer, Body, Client, Headers
from tests.system.conftest import Run, find_program, read_sample

HOST = "phonebook.example"
BASES = {"at the root": "", "below a path": "/phonebook"}
FILE_BYTES = 64 * 1024 * 1024
"""More than any buffer that a proxy has by default; 1 GB passes too, and takes too long for every run."""
MANY = 5_000


class Proxy(Struct, frozen=True):
    """A proxy in front of the service: its port, the certificate that it shows, and what stands before each path."""

    port: int
    certificate: Path
    base: str

    def connect(self) -> ssl.SSLSocket:
        """A connection to it, as to the host of the sample."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return context.wrap_socket(plain, server_hostname=HOST)

    def send(self, method: str, path: str, headers: Headers, body: Body) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(HOST, self.port)
        connection.sock = self.connect()
        try:
            connection.request(method, self.base + path, body, dict(headers), encode_chunked=False)
            got = connection.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()


@pytest.fixture
def engine() -> str:
    """One is enough: no proxy sees which it is."""
    return "sqlite"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The certificate of the host, next to its key."""
    path = tmp_path / "host.pem"
    openssl = find_program("openssl", package="openssl")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}"]
    command += ["-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(path.with_suffix(".key")), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def _replaced(text: str, *changes: tuple[str, str]) -> str:
    """The sample with other places. Each has to be in it."""
    for old, new in changes:
        assert old in text, f"the sample has no {old!r}"
        text = text.replace(old, new)
    return text


def start_nginx(run: Run, folder: Path, certificate: Path, *, upstream: str, port: int, base: str) -> None:
    sample = _replaced(
        read_sample("nginx"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"/etc/ssl/{HOST}.pem", str(certificate)),
        (f"/etc/ssl/{HOST}.key", str(certificate.with_suffix(".key"))),
        ("127.0.0.1:8000", upstream),
        ("location / {", f"location {base}/ {{"),
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off;\nuser root;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{sample}}}\n"
    )
    command = (find_program("nginx", package="nginx"), "-c", str(configuration), "-p", str(folder), "-e", "stderr")
    run(*command, port=port)


def _start_caddy(run: Run, folder: Path, certificate: Path, *, upstream: str, port: int, base: str) -> None:
    key = certificate.with_suffix(".key")
    sample = _replaced(
        read_sample("caddy"),
        (f"{HOST} {{", f"{HOST}:{port} {{\n    bind 127.0.0.1\n    tls {certificate} {key}"),
        ("reverse_proxy 127.0.0.1:8000", f"reverse_proxy {base}{'/* ' if base else ''}{upstream}"),
    )
    configuration = folder / "Caddyfile"
    configuration.write_text(f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{sample}")
    command = (find_program("caddy", package="caddy"), "run", "--adapter", "caddyfile", "--config", str(configuration))
    run(*command, port=port, XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    return BASES[request.param]


@pytest.fixture(params=[start_nginx, _start_caddy], ids=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, run: Run, serve: Serve, database: str, tmp_path: Path, certificate: Path, base: str
) -> Proxy:
    """A proxy, and the service behind it."""
    port = free_port()
    live = serve(database, "--public-url", f"https://{HOST}:{port}{base}")
    upstream = live.url.removeprefix("http://")
    request.param(run, tmp_path, certificate, upstream=upstream, port=port, base=base)
    return Proxy(port, certificate, base)


@pytest.fixture
def anyone(proxy: Proxy) -> Client:
    """A client behind the proxy, without a key."""
    return Client(proxy.send)


@pytest.fixture
def ana(anyone: Client, people: People) -> Client:
    return anyone.with_key(people.ana)


def test_the_five_calls_and_their_urls_pass(proxy: Proxy, ana: Client, anyone: Client) -> None:
    ids = create(ana, *rows(3), group="VIP")
    listed = page(ana, per_page=2)
    assert listed["path"] == f"https://{HOST}:{proxy.port}{proxy.base}/v1/contacts"
    following = ana.get(listed["next_page_url"].removeprefix(f"https://{HOST}:{proxy.port}{proxy.base}"))
    assert following.json()["contacts"]["to"] == 3
    assert get(ana, ids[0])["mobile"] == mobile(1)
    assert ana.get("/v1/contacts", json={"per_page": 1}).json()["contacts"]["per_page"] == 1
    assert ana.put(f"/v1/contacts/{ids[0]}", {"contact": {"city": "Kisii"}}).status == 200
    assert ana.delete(f"/v1/contacts/%2B{mobile(2)}").status == 200
    assert ana.call("QUERY", "/v1/contacts", json={"group": "vip"}).json()["contacts"]["total"] == 2
    document = msgspec.json.decode(anyone.get("/v1/openapi.json").body)
    public_url = f"https://{HOST}:{proxy.port}{proxy.base}"
    assert document["servers"][0]["url"] == f"{public_url}/v1"
    links = re.findall(r'href="(https:[^"]*)"', anyone.get("/docs").body.decode())
    assert f"{public_url}/" in links, "the console's, which is no call of the API"
    for link in {*links} - {f"{public_url}/"}:
        assert anyone.get(link.removeprefix(public_url)).status == 200


def test_a_group_s_name_is_the_same_behind_the_proxy(ana: Client) -> None:
    names = ["a", "b", "/a", "//a", "a/b", "a/../b", "a%2Fb", "a%252Fb", "50%", "a//b", "ç 😀?#", "a/./b", "a\\b"]
    for name in names:
        assert ana.post("/v1/groups", {"name": name}).status == 201
    for place, name in enumerate(names, 1):
        path = f"/v1/groups/{quote(name, safe='')}"
        assert ana.get(path).json()["group"]["name"] == name
        create(ana, *rows(1, first=place))
        assert ana.post(f"{path}/contacts", {"mobiles": [mobile(place)]}).json()["joined"] == 1
    assert groups(ana) == dict.fromkeys(names, 1)
    # No path reaches another group than it names.
    for wrong in ("a%2F..%2Fa", "%2E%2E%2Fa", "a%2F%2F", "a%2F.", "%252Fa"):
        assert ana.delete(f"/v1/groups/{wrong}").status in (404, 405)
    assert groups(ana) == dict.fromkeys(names, 1)


def test_a_large_file_passes_both_ways(ana: Client, store: Store, people: People) -> None:
    line = b"not a number," + b"x" * 1_000 + b"\n"
    file = b"mobile,note\n" + line * (FILE_BYTES // len(line))
    sent = ana.call("POST", "/v1/imports", query={"plan": "true"}, body=file, headers={"Content-Type": "text/csv"})
    assert (sent.status, sent.json()["import"]["bytes"]) == (202, len(file))
    create(ana, *rows(MANY), group="All")
    asked = {"channel": "sms", "group": "All"}
    for media, end in (("application/x-ndjson", 1), ("text/csv", 1)):
        got = ana.get("/v1/audience", query=asked, headers={"Accept": media})
        assert (got.status, len(got.body.splitlines())) == (200, MANY + end)
    numbers = {line.split(b",")[0] for line in got.body.splitlines()[1:]}
    assert (
        sha256(b"".join(sorted(numbers))).digest()
        == sha256(b"".join(sorted(mobile(number).encode() for number in range(1, MANY + 1)))).digest()
    )


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_each_line_of_a_stream_is_answered_before_the_next_one_is_sent(
    proxy: Proxy, people: People, ana: Client, coding: str
) -> None:
    with proxy.connect() as wire:
        wire.sendall(
            f"POST {proxy.base}/v1/contacts/stream HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {people.ana}\r\n"
            f"Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nAccept-Encoding: {coding}\r\n"
            # Without it Caddy answers HTTP/1.1 only when the body has ended.
            "Expect: 100-continue\r\n\r\n".encode()
        )
        said: Iterator[Any] | None = None
        for number in range(5):
            line = msgspec.json.encode({"mobile": mobile(number)}) + b"\n"
            wire.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            if said is None:
                response = http.client.HTTPResponse(wire, method="POST")
                response.begin()
                said = _lines_of(response)
                assert "import" in next(said)
            assert next(said)["outcome"] == "created"
        wire.sendall(b"0\r\n\r\n")
        assert said is not None
        assert next(said)["end"] is True
    assert page(ana)["total"] == 5


def _lines_of(response: http.client.HTTPResponse) -> Iterator[Any]:
    assert response.status == 200
    unpack: Callable[[bytes], bytes] = bytes
    if response.getheader("content-encoding") == "gzip":
        unpack = zlib.decompressobj(31).decompress
    rest = b""
    while data := response.read1(65_536):
        *lines, rest = (rest + unpack(data)).split(b"\n")
        yield from map(msgspec.json.decode, lines)


def test_answers_are_compressed_and_their_etags_hold(proxy: Proxy, people: People, ana: Client) -> None:
    create(ana, *rows(500))
    asking = {"Authorization": f"Bearer {people.ana}", "Accept-Encoding": "gzip"}
    packed = proxy.send("GET", "/v1/contacts", asking, None)
    assert packed.headers["content-encoding"] == "gzip"
    assert zlib.decompress(packed.body, 31) == ana.get("/v1/contacts").body
    again = proxy.send("GET", "/v1/contacts", asking | {"If-None-Match": packed.headers["etag"]}, None)
    assert again.status == 304
    seen = proxy.send("GET", "/v1/contacts/1?include=groups", asking, None).headers["etag"]
    change = {"contact": {"city": "Kisii"}}
    assert ana.put("/v1/contacts/1", change, headers={"If-Match": seen}).status == 200
    assert ana.put("/v1/contacts/1", change, headers={"If-Match": seen}).status == 412


def test_a_file_without_a_key_is_refused_with_an_answer(proxy: Proxy) -> None:
    with proxy.connect() as wire:
        head = f"POST {proxy.base}/v1/imports HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: text/csv\r\n"
        wire.sendall(f"{head}Content-Length: {FILE_BYTES}\r\n\r\n".encode())
        with suppress(OSError):
            # The rest is not wanted.
            for _ in range(FILE_BYTES // 65_536):
                wire.sendall(bytes(65_536))
        response = http.client.HTTPResponse(wire, method="POST")
        response.begin()
        assert response.status == 401
