"""Files sent in over HTTP: taken whole or refused at once, looked at row by row, commanded, and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.api.imports import TYPES
from daftari.errors import Malformed, ValidationFailed
from daftari.files import Layout, read_layout, read_records
from daftari.model.limits import BODY_BYTES_MAX, FILE_BYTES_MAX
from daftari.serving.server import Server, build_server
from daftari.settings import Settings
from daftari.store import Store
from daftari.web import multipart
from daftari.web.errors import render_json
from daftari.web.multipart import FIELD_BYTES_MAX, PARTS_MAX, read_upload
from daftari.web.responses import Response
from daftari.web.routing import BodyPolicy, RawRequest, Route, RouteMatch, Router
from daftari.web.server import EntryPoint, Limits, RsgiServer
from daftari.web.spool import RequestSpool
from tests.conftest import People
from tests.support.builders import create, get, groups, mobile, opt_out, page, refusal, rows_of, wrong_fields
from tests.support.clients import Client
from tests.support.clients import sent as sent_to
from tests.support.files import xlsx
from tests.support.import_files import (
    BOUNDARY,
    PEOPLE,
    Part,
    counted,
    keep_rejects,
    queued,
    send,
    send_form,
    sent,
    show,
    work,
    written_form,
)

FILE = b"Phone,First name\n0722000001,Ana\nO725,Ben\n+254 722 000001,Anna\n0722000003,Cy\n"
NOT_FOUND = (404, "IMPORT_NOT_FOUND")
WRONG_STATE = (409, "IMPORT_STATE")
COMMANDS = ("apply", "pause", "resume", "cancel", "undo")


# ---- from the file to the book and back -----------------------------------------------------------------


def test_a_file_goes_into_the_book_and_every_row_of_it_can_be_looked_at(
    ana: Client, store: Store, people: People
) -> None:
    first = send(ana, FILE, name="people.csv", group="VIP", key="once")
    again = send(ana, FILE, name="people.csv", group="VIP", key="once")
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (202, first.body, "true")
    assert refusal(send(ana, FILE + b"0722000009,Zoe\n", name="people.csv", group="VIP", key="once")) == (
        422,
        "IDEMPOTENCY_KEY_REUSED",
    )
    assert first.json()["import"]["state"] == "queued"
    work(store, people.shopify)
    done = show(ana, 1)
    assert (done["state"], done["rows"], done["bytes_read"], done["joined"]) == ("done", 4, len(FILE), 2)
    assert counted(ana, 1) == {"created": 2, "duplicate": 1, "invalid": 1}
    assert groups(ana) == {"VIP": 2}
    assert get(ana, "0722000001")["fname"] == "Anna"
    rows = ana.get("/v1/imports/1/rows", query={"limit": 3}).json()
    assert [row["outcome"] for row in rows["rows"]] == ["created", "invalid", "duplicate"]
    assert ana.get("/v1/imports/1/rows", query={"after": rows["next"]}).json() == {
        "rows": [{"row": 4, "outcome": "created", "id": 2, "mobile": "254722000003", "joined": True}],
        "next": None,
    }
    rejects = ana.get("/v1/imports/1/rejects")
    assert rejects.body.splitlines()[0] == b"Phone,First name,why"
    assert rejects.body.startswith(b"Phone,First name,why\r\nO725,Ben,The mobile field is not a telephone number")
    assert rejects.headers["content-disposition"] == 'attachment; filename="people-rejects.csv"'


def test_a_plan_changes_nothing_is_applied_and_undone(ana: Client, store: Store, people: People) -> None:
    create(ana, {"mobile": "0722000003", "fname": "Cyrus"})
    before = page(ana)
    form: list[Part] = [("map", None, b"First name=lname"), ("file", "C:\\lists\\people.csv", FILE)]
    answer = send_form(ana, ("plan", None, b"true"), *form, ("group", None, b"VIP"))
    assert (answer.status, answer.json()["import"]["name"]) == (202, "people.csv")
    work(store, people.shopify)
    plan = show(ana, 1)
    assert (plan["phase"], plan["state"], plan["columns"][1]["field"]) == ("plan", "done", "lname")
    assert (page(ana), groups(ana)) == (before, {})
    assert ana.post("/v1/imports/1/apply").json()["import"]["state"] == "queued"
    work(store, people.shopify)
    applied = show(ana, 1)
    assert applied["counts"] == plan["counts"] == applied["plan"] | {"changed": 0}
    assert counted(ana, 1) == {"created": 1, "updated": 1, "duplicate": 1, "invalid": 1}
    assert refusal(ana.post("/v1/imports/1/apply")) == WRONG_STATE
    assert wrong_fields(ana.post("/v1/imports/1/undo", {"opt_outs": True})) == ["reason"]
    assert ana.post("/v1/imports/1/undo").json()["import"]["phase"] == "undo"
    work(store, people.shopify)
    assert show(ana, 1)["undo"] == {"reversed": 2, "kept": 0, "failed": 0, "retracted": 0}
    assert page(ana) == before


def test_a_list_of_opt_outs_goes_to_the_ledger_and_is_taken_back_when_asked_explicitly(
    ana: Client, store: Store, people: People
) -> None:
    opt_out(ana, mobile(1), channel="sms", at=1)
    asked = {"kind": "opt_outs", "channel": "sms", "at": 1, "note": "the old provider's list", "name": "stop.csv"}
    number = sent(ana, f"msisdn\n{mobile(1)}\n{mobile(2)}\n".encode(), **asked)
    work(store, people.shopify)
    assert (counted(ana, number), show(ana, number)["facts"]) == ({"recorded": 2}, 2)
    said = {"opt_outs": True, "reason": "the wrong list"}
    assert ana.post(f"/v1/imports/{number}/undo", said).status == 200
    work(store, people.shopify)
    assert show(ana, number)["undo"]["retracted"] == 2
    assert [one["mobile"] for one in ana.get("/v1/opt-outs").json()["opt_outs"]] == [mobile(1)]


# ---- what is refused ------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_file_or_its_fields_is_reported_at_once(ana: Client, ben: Client, database: str) -> None:
    unreadable = send(ana, b"%PDF-1.7 ...", name="people.csv")
    assert (unreadable.status, unreadable.json()["error_code"]) == (422, "UNREADABLE_FILE")
    assert wrong_fields(send(ana, b"colour,size\nred,1\n")) == ["map"]
    assert wrong_fields(send(ana, b"")) == wrong_fields(send_form(ana, ("group", None, b"VIP"))) == ["file"]
    wrong = {"kind": "people", "plan": "perhaps", "map": ["Phone"], "group": "x" * 256}
    assert wrong_fields(send(ana, FILE, **wrong)) == ["kind", "group", "map", "plan"]
    assert wrong_fields(send(ana, FILE, map='{"Phone": 5}')) == ["map"]
    assert wrong_fields(send(ana, FILE, channel="sms", override=True)) == ["channel", "override"]
    assert wrong_fields(send(ana, FILE, kind="opt_ins", group="VIP")) == ["group"]
    assert refusal(send(ana, FILE, project="Kalro")) == (403, "WRONG_PROJECT")
    assert refusal(send_form(ana, ("project", None, b"Kalro"), ("file", "x.csv", FILE))) == (403, "WRONG_PROJECT")
    assert refusal(send(ben, FILE)) == (403, "READ_ONLY_KEY")
    assert rows_of(database, "SELECT id FROM import") == []


def test_the_sheet_and_the_row_of_the_header_can_be_given(ana: Client, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["Phone"], ["0722000001"]], [["x"], ["Naam", "Kontakt"], ["Asha", "0722000002"]])
    query = {"name": "a.xlsx", "map": "Kontakt=mobile"}
    named = ana.call(
        "POST", "/v1/imports", query={**query, "sheet": "Sheet2", "header_row": "2"}, body=Path(path).read_bytes()
    )
    shown = named.json()["import"]
    assert (shown["sheet"], shown["sheets_not_read"], shown["header_row"]) == ("Sheet2", ["Sheet1"], 2)
    assert shown["columns"] == [{"name": "Naam", "field": None}, {"name": "Kontakt", "field": "mobile"}]
    plain = ana.call("POST", "/v1/imports", query={"name": "a.csv", "header_row": "0"}, body=b"0722000003\n").json()
    assert (plain["import"]["sheet"], plain["import"]["sheets_not_read"], plain["import"]["header_row"]) == (
        None,
        [],
        None,
    )
    for wrong in ("-1", "x", "201"):
        answer = ana.call("POST", "/v1/imports", query={"name": "a.csv", "header_row": wrong}, body=b"phone\n")
        assert wrong_fields(answer) == ["header_row"]


def test_a_file_whose_line_ends_curl_removed_is_refused(ana: Client) -> None:
    answer = ana.call(
        "POST", "/v1/imports", query={"name": "people.csv"}, body=b"Phone,Name0722005030,Mary0722005031,John"
    )
    assert (answer.status, answer.json()["error_code"]) == (422, "UNREADABLE_FILE")
    assert "--data-binary" in answer.json()["message"]


def test_a_key_that_may_not_write_cannot_fill_the_disk(
    ana: Client, ben: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(spool: RequestSpool, chunk: bytes) -> None:
        raise AssertionError("the body was kept")

    monkeypatch.setattr(RequestSpool, "append", never)
    for client, said in ((ana.with_key(None), (401, "UNAUTHENTICATED")), (ben, (403, "READ_ONLY_KEY"))):
        assert refusal(client.call("POST", "/v1/imports", body=[b"0722000001\n"])) == said
    announced = {"Content-Length": str(FILE_BYTES_MAX * 2)}
    assert refusal(ana.call("POST", "/v1/imports", headers=announced)) == (413, "TOO_LARGE")


def test_a_file_may_be_larger_than_any_other_body(ana: Client, database: str) -> None:
    file = b"Phone,First name\n" + b"0722000001,Ana\n" * (BODY_BYTES_MAX // 15 + 1)
    number = sent(ana, file)
    kept = rows_of(database, f"SELECT bytes FROM file_part WHERE file_id = {number} ORDER BY part")
    assert sha256(b"".join(bytes(part) for (part,) in kept)).digest() == sha256(file).digest()


def test_an_import_that_is_not_there_is_404_whatever_it_is_called(
    ana: Client, chao: Client, store: Store, people: People
) -> None:
    number = queued(store, people.shopify)
    for name in (str(number), "0", "4711", "x", "9" * 30):
        assert refusal(chao.get(f"/v1/imports/{name}")) == NOT_FOUND
        assert refusal(chao.get(f"/v1/imports/{name}/rows")) == NOT_FOUND
        assert refusal(chao.get(f"/v1/imports/{name}/rejects")) == NOT_FOUND
        for command in COMMANDS:
            assert refusal(chao.post(f"/v1/imports/{name}/{command}")) == NOT_FOUND
    assert show(ana, number)["state"] == "queued"


# ---- commands -------------------------------------------------------------------------------------------


def test_commands_do_what_can_be_done_and_name_what_cannot(ana: Client, store: Store, people: People) -> None:
    number = queued(store, people.shopify)
    place = f"/v1/imports/{number}"
    for command, state in (("pause", "paused"), ("pause", "paused"), ("resume", "queued"), ("resume", "queued")):
        assert ana.post(f"{place}/{command}").json()["import"]["state"] == state
    for wrong in ("apply", "undo"):
        assert refusal(ana.post(f"{place}/{wrong}")) == WRONG_STATE
    key = {"Idempotency-Key": "once"}
    cancelled = ana.post(f"{place}/cancel", headers=key)
    assert cancelled.json()["import"]["state"] == "cancelled"
    assert ana.post(f"{place}/cancel", headers=key).body == cancelled.body
    for wrong in ("apply", "pause", "resume"):
        assert refusal(ana.post(f"{place}/{wrong}")) == WRONG_STATE


def test_imports_are_listed_with_the_newest_first(ana: Client, store: Store, people: People) -> None:
    numbers = [queued(store, people.shopify) for _ in range(3)]
    first = ana.get("/v1/imports", query={"limit": 2}).json()
    assert [one["id"] for one in first["imports"]] == [numbers[2], numbers[1]]
    rest = ana.get("/v1/imports", query={"after": first["next"]}).json()
    assert ([one["id"] for one in rest["imports"]], rest["next"]) == ([numbers[0]], None)
    assert wrong_fields(ana.get("/v1/imports", query={"limit": 101, "after": "x"})) == ["after", "limit"]


# ---- rejects --------------------------------------------------------------------------------------------

CARD = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ana\r\nTEL:O725\r\nEND:VCARD\r\n"
LAYOUTS: dict[str, tuple[Layout, tuple[str, ...], list[Any]]] = {
    "csv": (
        Layout("csv", ("Phone", "First name"), delimiter=";"),
        ('["O725","=1+1"]', '"cut; off"', "null"),
        [["O725", "=1+1", "is row 1."], ["cut; off", "", "is row 2."], ["", "", "is row 3."]],
    ),
    "again": (Layout("csv", ("why", "Phone")), ('["old","O725"]',), [["is row 1.", "O725"]]),
    "xlsx": (Layout("xlsx", ("Phone", "Age")), ('["O725",7]',), [["O725", "7", "is row 1."]]),
    "ods": (Layout("ods", ("Phone", "VIP")), ('["O725",true]',), [["O725", True, "is row 1."]]),
    "ndjson": (
        Layout("ndjson", ("phone",)),
        ('{"phone":"O725"}', '"{broken"', "null"),
        [{"phone": "O725", "why": "is row 1."}, {"record": "{broken", "why": "is row 2."}, {"why": "is row 3."}],
    ),
    "json": (Layout("json", ("phone",)), ('{"phone":[1]}',), [{"phone": [1], "why": "is row 1."}]),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_rejects_come_back_in_the_format_of_the_file_with_a_reason(
    case: str, ana: Client, store: Store, people: People, tmp_path: Path
) -> None:
    layout, records, wanted = LAYOUTS[case]
    number = queued(store, people.shopify, layout=layout)
    keep_rejects(store, people.shopify, number, *records)
    answer = ana.get(f"/v1/imports/{number}/rejects")
    assert answer.headers["content-type"] == TYPES[layout.format][0]
    assert answer.headers["content-disposition"].endswith(f'people-rejects.{TYPES[layout.format][1]}"')
    file = tmp_path / "rejects"
    file.write_bytes(answer.body)
    found = read_layout(str(file), name="rejects", media_type=answer.headers["content-type"])
    assert found.format == layout.format
    assert [record.values for batch in read_records(str(file), layout=found) for record in batch] == wanted


def test_rejected_cards_come_back_as_cards(ana: Client, store: Store, people: People) -> None:
    number = queued(store, people.shopify, layout=Layout("vcard", ()))
    keep_rejects(store, people.shopify, number, f'"{CARD}"'.replace("\r\n", "\\r\\n"), "null")
    first, second, rest = ana.get(f"/v1/imports/{number}/rejects").body.decode().split("END:VCARD\r\n")
    assert first == CARD.replace("END:VCARD\r\n", "X-WHY:is row 1.\r\n")
    assert ("X-WHY:is row 2." in second, rest) == (True, "")


def test_without_rejects_there_is_a_header_and_nothing_else(ana: Client, store: Store, people: People) -> None:
    number = queued(store, people.shopify)
    assert ana.get(f"/v1/imports/{number}/rejects").body == b"Phone,First name,why\r\n"
    assert PEOPLE.columns == ("Phone", "First name")


# ---- forms ----------------------------------------------------------------------------------------------


def request_of(body: bytes, path: Path, *, boundary: str = BOUNDARY) -> RawRequest:
    """A request whose body is in a file, as the server spools one."""
    path.write_bytes(body)
    headers: Any = {"content-type": f"multipart/form-data; boundary={boundary}"}
    match = RouteMatch(Route("POST", "/imports", cast(Any, None), "write"), {}, "", "/v1/imports")
    return RawRequest("1", "POST", match, headers, cast(Any, FileIO(str(path), "r+")), cast(Any, None), 0.0)


FIELDS = st.tuples(
    st.sampled_from(["map[]", "group", "name"]), st.none(), st.text("a=é\r\n-", max_size=9).map(str.encode)
)
IGNORED = st.tuples(st.just("photo"), st.just("me.jpg"), st.binary(max_size=60))


@given(
    before=st.lists(FIELDS | IGNORED, max_size=4),
    file=st.binary(max_size=200) | st.just(f"\r\n--{BOUNDARY[:-1]}\r\n--".encode() * 3),
    after=st.lists(FIELDS | IGNORED, max_size=4),
    read_bytes=st.integers(1, 90),
)
def test_a_form_is_taken_apart_in_its_own_file_however_it_is_read(
    before: list[Part], file: bytes, after: list[Part], read_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    parts = [*before, ("file", "people.csv", file), *after]
    place = tmp_path_factory.getbasetemp() / "form"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multipart, "READ_BYTES", read_bytes)
        request = request_of(written_form(parts), place)
        with request.body:
            upload, fields = read_upload(request)
            assert upload.file.read() == file
    assert place.read_bytes() == file
    wanted: dict[str, list[str]] = {}
    for name, file_name, data in parts:
        if file_name is None:
            wanted.setdefault(name.removesuffix("[]"), []).append(data.decode())
    assert (upload.name, upload.media_type, fields) == ("people.csv", "text/csv", wanted)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (written_form([("file", "a.csv", FILE)])[:-9], Malformed),
        (written_form([("file", "a.csv", FILE)] * 2), Malformed),
        (written_form([("group", None, b"\xff"), ("file", "a.csv", FILE)]), Malformed),
        (written_form([("group", None, b"x" * (FIELD_BYTES_MAX + 1)), ("file", "a.csv", FILE)]), Malformed),
        (written_form([("group", None, b"x")] * (PARTS_MAX + 1)), Malformed),
        (b"no form at all", Malformed),
        (written_form([("upload", "a.csv", FILE)]), ValidationFailed),
    ],
    ids=["cut off", "two files", "not UTF-8", "fields too long", "too many parts", "no form", "no file"],
)
def test_a_form_that_cannot_be_read_is_refused(body: bytes, said: type[Exception], tmp_path: Path) -> None:
    request = request_of(body, tmp_path / "form")
    with request.body, pytest.raises(said):
        read_upload(request)


def test_a_form_without_a_boundary_is_refused(tmp_path: Path) -> None:
    request = request_of(written_form([("file", "a.csv", FILE)]), tmp_path / "form", boundary="")
    with request.body, pytest.raises(Malformed):
        read_upload(request)


# ---- files as they arrive -------------------------------------------------------------------------------


def server_for_files(*, places: int, seen: list[bytes]) -> RsgiServer:
    """A server that takes files from callers with a key, and notes what reaches its application."""

    def application(request: RawRequest) -> Response:
        assert request.body.fileno()
        seen.append(request.body.read())
        return Response(200, b"{}")

    def authorize(scope: Any, match: RouteMatch, beginning: bytes) -> bool:
        return "authorization" in scope.headers

    route = Route("POST", "/", application, "write", BodyPolicy(100, "file"))
    router = Router([("/", route)], prefix="/api", base="", spanning={})
    entry = EntryPoint(router, application, authorize, render_json)
    return RsgiServer(
        lambda path: entry,
        inline=True,
        threads=1,
        periodic=lambda: None,
        close=lambda: None,
        limits=Limits(files_arriving_max=places),
    )


def test_a_file_comes_in_a_file_however_short_and_only_so_many_at_a_time() -> None:
    seen: list[bytes] = []
    key = [("authorization", "Bearer x")]
    with asyncio.Runner() as runner:
        for places, headers, status in ((1, key, 200), (1, key, 200), (1, [], 401), (0, key, 503)):
            server = server_for_files(places=places, seen=seen)
            assert runner.run(sent_to(server, "POST", "/", headers, b"short")).status == status
            server.close()
    assert seen == [b"short"] * 2


def test_a_file_that_came_leaves_nothing_open(
    new_database: Callable[[str], str], settings_for: Callable[..., Settings], introduce: Callable[[Store], People]
) -> None:
    server: Server = build_server(settings_for(new_database("sqlite")))
    people = introduce(server.store)
    headers = [("authorization", f"Bearer {people.ana}"), ("content-type", "text/csv")]
    with asyncio.Runner() as runner:
        assert runner.run(sent_to(server.rsgi, "POST", "/v1/imports?plan=x", headers, FILE)).status == 422
    assert not [found for found in Path("/proc/self/fd").iterdir() if "daftari-body" in str(found.resolve())]
    server.rsgi.close()
