"""The server of a fake provider: it takes messages, answers as its rules say, and reports."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from email.utils import formatdate
from typing import NamedTuple

from msgspec import convert, to_builtins
from msgspec.structs import replace

from tests.support.fake_provider.dialects import (
    BAD_KEY,
    DIALECTS,
    Answer,
    Call,
    Dialect,
    Taken,
    show_infobip,
    show_twilio,
)
from tests.support.fake_provider.http import Client, read, split_target, write_response
from tests.support.fake_provider.rules import Reports, Rule, Seen

REPORTS_AT_ONCE = 32
CLOSE_SECONDS_MAX = 2.0
WELL = Rule()
"""How it behaves without a rule."""
PAGE = Answer(200, "<!doctype html><html><body>It works!</body></html>", "text/html")


class Reply(NamedTuple):
    """What goes out for a call. ``data`` is the whole response; ``None`` closes the connection without one."""

    data: bytes | None
    drip_seconds: float = 0.0
    is_cut: bool = False


class Server:
    """What it took, and how it behaves."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.forget()
        self._client = Client()
        self._tasks: set[asyncio.Task[object]] = set()
        self._connections: dict[asyncio.StreamWriter, asyncio.Event] = {}
        self._limit = asyncio.Semaphore(REPORTS_AT_ONCE)

    def forget(self) -> None:
        self.taken: list[Taken] = []
        self.calls = 0
        self._known: dict[str, Taken] = {}
        self._rules: deque[tuple[Rule, int]] = deque()
        self._released = asyncio.Event()
        self._held = 0
        self._more_held = asyncio.Condition()

    # ---- connections ----------------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until its end."""
        over = self._connections[writer] = asyncio.Event()
        try:
            while request := await read(reader):
                method, path, query = split_target(request.first)
                _, name, rest = path.split("/", 2) if path.count("/") > 1 else (*path.split("/", 1), "")
                call = Call(method, f"/{rest}", query, request.headers, request.body)
                reply = await (self._control(call) if name == "_fake" else self._answer(name, call))
                if reply.data is None or not await _write(writer, reply):
                    break
        except (ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()
            del self._connections[writer]
            over.set()

    async def close(self) -> None:
        """End every connection. Nothing is answered any longer."""
        open_ones = dict(self._connections)
        self._released.set()
        for writer in open_ones:
            writer.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*(over.wait() for over in open_ones.values())), CLOSE_SECONDS_MAX)

    # ---- calls of a provider ----------------------------------------------------------------------------

    async def _answer(self, name: str, call: Call) -> Reply:
        dialect = DIALECTS.get(name)
        if dialect is None:
            return _reply(Answer(404, {"message": "No such provider."}))
        if BAD_KEY in dialect.key(call):
            return _reply(dialect.refuse(401, ""))
        messages = None if call.path.endswith("/health") else dialect.read(call)
        if messages is None:
            return _reply(self._look_up(name, call))
        self.calls += 1
        return await self._treat(dialect, messages, self._next_rule())

    def _next_rule(self) -> Rule:
        if not self._rules:
            return WELL
        rule, left = self._rules[0]
        if left == 1:
            self._rules.popleft()
        elif left:
            self._rules[0] = rule, left - 1
        return rule

    async def _treat(self, dialect: Dialect, messages: list[Taken], rule: Rule) -> Reply:
        if rule.status:
            return _reply(dialect.refuse(rule.status, rule.code), rule)
        answered = [(message, self._take(message, rule)) for message in messages]
        taken = [message for message, code in answered if not code]
        if rule.reports:
            reporting = self._report(rule.reports, taken)
            if rule.reports.early:
                await reporting
            else:
                self._later(reporting)
        if rule.hold:
            await self._hold()
        if rule.delay_seconds:
            await asyncio.sleep(rule.delay_seconds)
        if rule.lose:
            return Reply(None)
        return _reply(PAGE if rule.html else dialect.answer(answered[1::2] if rule.half else answered), rule)

    def _take(self, message: Taken, rule: Rule) -> str:
        """The code that refuses a message; blank when it is taken."""
        code = rule.codes.get(message.number, rule.code)
        if code:
            return code
        if message.provider == "infobip" and message.own_id:
            # Infobip knows its customers' ids, and takes none twice.
            if message.own_id in self._known:
                return "23"
            self._known[message.own_id] = message
        message.at = time.time()
        message.id = f"{message.provider}-{len(self.taken) + 1}"
        self.taken.append(message)
        return ""

    async def _hold(self) -> None:
        released = self._released
        self._held += 1
        async with self._more_held:
            self._more_held.notify_all()
        await released.wait()

    def _look_up(self, name: str, call: Call) -> Answer:
        """What is asked without sending: balances, numbers, and what was sent."""
        place = call.path.rpartition("/")[2]
        match name, place:
            case "africas_talking", "user":
                return Answer(200, {"UserData": {"balance": "KES 1785.50"}})
            case "twilio", "Balance.json":
                return Answer(200, {"account_sid": "AC1", "balance": "4.20", "currency": "USD"})
            case "twilio", "Messages.json":
                to = call.query.get("To", "").removeprefix("whatsapp:").lstrip("+ ")
                found = [show_twilio(one) for one in self.taken if one.provider == name and one.number == to]
                return Answer(200, {"messages": found, "page": 0, "page_size": 50, "next_page_uri": None, "uri": "/"})
            case "infobip", "balance":
                return Answer(200, {"balance": 47.79, "currency": "EUR"})
            case "infobip", "logs":
                known = self._known.get(call.query.get("messageId", ""))
                return Answer(200, {"results": [show_infobip(known)] if known else []})
            case "whatsapp", _ if call.method == "GET":
                return Answer(200, {"display_phone_number": "+254 700 000009", "verified_name": "Duka", "id": place})
            case _:
                return Answer(404, {"message": "Not found."})

    # ---- reports ------------------------------------------------------------------------------------------

    async def _report(self, reports: Reports, messages: list[Taken]) -> list[int]:
        """Report on messages, many at once, each one's in order."""
        found = await asyncio.gather(*(self._report_one(reports, message) for message in messages))
        return [status for statuses in found for status in statuses]

    async def _report_one(self, reports: Reports, message: Taken) -> list[int]:
        message = replace(message, reports_url=message.reports_url or reports.url)
        states = reports.states[::-1] if reports.backwards else reports.states
        places = [(part, reports.parts) for part in range(1, reports.parts + 1)] or [(0, 0)]
        statuses = []
        async with self._limit:
            for state in states:
                code = reports.code if state in ("failed", "expired") else ""
                for place in places * reports.times:
                    sent = DIALECTS[message.provider].report(message, state, code, self.secret, place)
                    statuses.append(await self._client.send(*sent))
        return statuses

    def _later(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- what a test asks -----------------------------------------------------------------------------------

    async def _control(self, call: Call) -> Reply:
        given = json.loads(call.body or b"null")
        found: object = await _CONTROLS[call.path.strip("/")](self, given)
        return _reply(Answer(200, found))

    async def set_rules(self, given: object) -> None:
        self._rules = deque((rule, rule.calls) for rule in convert(given, list[Rule]))

    async def release(self, given: object) -> None:
        self._released.set()
        self._released, self._held = asyncio.Event(), 0

    async def wait_held(self, given: object) -> None:
        async with self._more_held:
            await self._more_held.wait_for(lambda: self._held >= convert(given, int))

    async def report_now(self, given: object) -> list[int]:
        return await self._report(convert(given, Reports), list(self.taken))

    async def use_secret(self, given: object) -> None:
        self.secret = convert(given, str)

    async def show_taken(self, given: object) -> object:
        return to_builtins(self.taken)

    async def show_seen(self, given: object) -> object:
        counts = Counter(message.number for message in self.taken)
        twice = [number for number, count in counts.items() if count > 1]
        return to_builtins(Seen(counts.total(), len(counts), twice))

    async def show_calls(self, given: object) -> int:
        return self.calls

    async def forget_all(self, given: object) -> None:
        self.forget()


_CONTROLS: Mapping[str, Callable[[Server, object], Awaitable[object]]] = {
    "rules": Server.set_rules,
    "release": Server.release,
    "held": Server.wait_held,
    "report": Server.report_now,
    "secret": Server.use_secret,
    "taken": Server.show_taken,
    "seen": Server.show_seen,
    "calls": Server.show_calls,
    "forget": Server.forget_all,
}


def _reply(answer: Answer, rule: Rule = WELL) -> Reply:
    body = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
    headers = {"content-type": answer.media_type, "date": formatdate(usegmt=True)}
    if rule.retry_after is not None:
        at = formatdate(time.time() + rule.retry_after, usegmt=True)
        headers["retry-after"] = at if rule.retry_after_is_date else str(rule.retry_after)
    return Reply(write_response(answer.status, headers, body), rule.drip_seconds, is_cut=rule.cut)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    """Whether the connection continues."""
    assert reply.data is not None
    data = reply.data[: len(reply.data) - 10] if reply.is_cut else reply.data
    if reply.drip_seconds:
        for place in range(len(data)):
            writer.write(data[place : place + 1])
            await writer.drain()
            await asyncio.sleep(reply.drip_seconds)
    else:
        writer.write(data)
        await writer.drain()
    return not reply.is_cut


async def run(port: int, secret: str) -> None:
    """Serve on loopback until the standard input ends; the port is the first line of the output."""
    server = Server(secret)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", port)
    print(listening.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    over = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(over), sys.stdin)
    await over.read()
    listening.close()
    await server.close()
