"""``/v1/changes``: what changed, from any place on. Knows neither what a change is nor how it is stored."""

from __future__ import annotations

from typing import Any

from daftari.model.feed import CHANGE_TYPES
from daftari.model.limits import CHANGES_PER_PAGE_MAX, FEED_WAIT_SECONDS_MAX
from daftari.model.time import current_time
from daftari.rules import feed
from daftari.rules.feed import FeedPage
from daftari.web.params import Params, read_whole
from daftari.web.requests import Request
from daftari.web.responses import LongPoll, Response, json_response


def list_changes(request: Request) -> Response | LongPoll:
    """``GET /v1/changes``: the changes after a number; with ``wait``, held until there is one."""
    params = request.params
    after = params.cursor("after") if params.given("after") is not None else None
    limit = params.whole("limit", default=CHANGES_PER_PAGE_MAX, most=CHANGES_PER_PAGE_MAX)
    chosen = params.choices("types", CHANGE_TYPES)
    epoch = params.text("epoch")
    wait_seconds = _read_wait(params)
    params.refuse_wrong()
    types = [kind for kind in CHANGE_TYPES if kind in chosen] or CHANGE_TYPES
    page = request.read(feed.read_changes, after=after, limit=limit, types=types, epoch=epoch)
    more: dict[str, Any] = {"limit": limit, "types": types, "epoch": page.epoch}
    return _respond(request, page, more, until=request.raw.arrived + wait_seconds)


def _respond(request: Request, page: FeedPage, more: dict[str, Any], *, until: float) -> Response | LongPoll:
    """A page; when nothing is on it, the call is held until there is, and until its time is over."""
    if page.changes or page.next < page.last:
        return json_response(page)

    def look() -> int:
        return request.context.store.read_unisolated(request.project, current_time(), feed.get_last_seq)

    def respond(is_last: bool) -> Response | LongPoll:
        request.recheck_key()
        following = request.read(feed.read_changes, after=page.next, **more)
        return json_response(following) if is_last else _respond(request, following, more, until=until)

    return LongPoll(request.project.id, page.last, until, look, respond)


def _read_wait(params: Params) -> int:
    """Seconds to wait: a whole number, 0 for not at all."""
    value = params.given("wait")
    number = 0 if value is None else read_whole(value)
    if number is None or not 0 <= number <= FEED_WAIT_SECONDS_MAX:
        params.problems.add("wait", f"must be a number of seconds from 0 to {FEED_WAIT_SECONDS_MAX}.")
        return 0
    return number
