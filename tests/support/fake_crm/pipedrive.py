"""The HTTP of the fake Pipedrive, and the deliveries of its webhooks. Tokens are counted and the day's enforced."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from heapq import nlargest, nsmallest
from typing import Any

import msgspec

from tests.support.fake_crm.exchange import Answer, Call, Clock
from tests.support.fake_crm.faults import Faults
from tests.support.fake_crm.limits import Day, Window
from tests.support.fake_crm.pipedrive_truth import Event, Person, PersonField, PipedriveTruth

TOKEN = "a1b2c3d4e5f6kikapu"
FAULTS = ("limit", "bare_limit", "error", "gateway", "lost", "cut", "drip", "nonsense")
"""What happens to its calls by chance; the page of 403 is what follows when limits are not kept."""
BLOCKED_AFTER = 10
"""Refused calls in a row after which its network answers with a page."""


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def spaced(seconds: float) -> str:
    """As version 1 has it."""
    return iso(seconds).replace("T", " ").removesuffix("Z")


def read_seconds(written: str) -> int:
    return int(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp())


def problem(status: int, error: str) -> Answer:
    return Answer.of({"success": False, "error": error, "error_info": "Please check developers.pipedrive.com"}, status)


class FakePipedrive:
    """One company, and how it behaves."""

    def __init__(self, seed: int, clock: Clock, *, daily_tokens: int = 30_000) -> None:
        self.truth = PipedriveTruth(seed, clock)
        self.faults = Faults(seed, kinds=FAULTS)
        self.token = TOKEN
        self.generation = 0
        """Cursors of an earlier one are refused."""
        self.burst = Window(clock, 20, 2.0)
        self.day = Day(clock, daily_tokens)
        self.calls: list[tuple[str, str]] = []
        self.webhooks: dict[int, dict[str, Any]] = {}
        self._next_webhook = 55
        self._refused = 0
        self._routes: list[tuple[str, re.Pattern[str], int, Callable[..., Answer]]] = [
            (method, re.compile(f"(?:/api)?{path}"), cost, do)
            for method, path, cost, do in (
                ("GET", r"/v2/persons", 10, self._persons),
                ("POST", r"/v2/persons", 5, self._create),
                ("PATCH", r"/v2/persons/(\d+)", 5, self._patch),
                ("GET", r"/v1/users/me", 2, self._me),
                ("GET", r"/v1/personFields", 20, self._fields),
                ("POST", r"/v1/personFields", 10, self._make_field),
                ("GET", r"/v1/filters", 20, self._filters),
                ("GET", r"/v1/recents", 20, self._recents),
                ("GET", r"/v1/webhooks", 10, self._webhooks),
                ("POST", r"/v1/webhooks", 10, self._make_webhook),
                ("DELETE", r"/v1/webhooks/(\d+)", 6, self._delete_webhook),
            )
        ]

    def answer(self, call: Call) -> Answer:
        self.calls.append((call.method, call.path))
        if self.faults.broken in call.query:
            return problem(500, "internal error")
        return self.faults.treat(lambda: self._obey(call), self._limited)

    def _obey(self, call: Call) -> Answer:
        if call.headers.get("x-api-token") != self.token:
            return problem(401, "unauthorized access")
        for method, path, cost, do in self._routes:
            if method == call.method and (found := path.fullmatch(call.path)):
                return self._counted(cost, partial(do, call, *found.groups()))
        return problem(404, "Unknown method.")

    def _counted(self, cost: int, do: Callable[[], Answer]) -> Answer:
        if not self.burst.take():
            self._refused += 1
            return Answer.page(403) if self._refused > BLOCKED_AFTER else self._limited(True)
        if not self.day.take(cost):
            return Answer.of({"success": False, "error": "Request over limit"}, 429, self._headers())
        self._refused = 0
        answer = do()
        return Answer(answer.status, answer.body, {**answer.headers, **self._headers()})

    def _headers(self, remaining: int | None = None) -> dict[str, str]:
        left = self.burst.remaining if remaining is None else remaining
        return {
            "x-ratelimit-limit": str(self.burst.most),
            "x-ratelimit-remaining": str(max(left, 1) if remaining is None else left),
            "x-ratelimit-reset": "2",
        }

    def _limited(self, has_headers: bool) -> Answer:
        said = {"success": False, "error": "Request over limit", "error_info": "Too many requests"}
        return Answer.of(said, 429, self._headers(0) if has_headers else None)

    # ---- persons ----------------------------------------------------------------------------------------

    def _show(self, person: Person, call: Call) -> object:
        wanted = call.query.get("custom_fields", "")
        keys = wanted.split(",") if wanted else [key for key in self.truth.fields if len(key) == 40]
        has_labels = call.query.get("include_option_labels") == "true"
        first, _, last = person.name.partition(" ")
        return {
            "id": person.id,
            "name": person.name,
            "first_name": first,
            "last_name": last or None,
            "owner_id": 1,
            "org_id": None,
            "add_time": iso(person.updated),
            "update_time": iso(person.updated),
            "emails": [],
            "phones": person.phones,
            "is_deleted": not person.is_live,
            "visible_to": 3,
            "label_ids": person.labels,
            "picture_id": None,
            "custom_fields": {key: self._show_value(key, person.custom.get(key), has_labels) for key in keys},
        }

    def _show_value(self, key: str, value: object, has_labels: bool) -> object:
        options = self.truth.fields[key].options if key in self.truth.fields else {}
        if has_labels and isinstance(value, int) and value in options:
            return {"id": value, "label": options[value]}
        return value

    def _persons(self, call: Call) -> Answer:
        query = call.query
        limit = int(query.get("limit", "100"))
        if limit > 500 or len(query.get("custom_fields", "").split(",")) > 15:
            return problem(400, "limit is at most 500, and custom_fields at most 15")
        found: Iterable[Person] = () if "ids" in query else self.truth.live().values()
        if "filter_id" in query:
            if int(query["filter_id"]) not in self.truth.filters:
                return problem(404, "Filter not found")
            found = filter(self.truth.filters[int(query["filter_id"])][1], found)
        elif "ids" in query:
            ids = [int(one) for one in query["ids"].split(",")]
            if len(ids) > 100:
                return problem(400, "at most 100 ids")
            persons = [self.truth.persons.get(one) for one in ids]
            found = [person for person in persons if person is not None and person.is_live]
        if since := query.get("updated_since"):
            found = [person for person in found if person.updated >= read_seconds(since)]
        if until := query.get("updated_until"):
            found = [person for person in found if person.updated < read_seconds(until)]
        is_by_time = query.get("sort_by") == "update_time"
        if cursor := query.get("cursor"):
            generation, *after = msgspec.json.decode(b64decode(cursor), type=list[int])
            if generation != self.generation:
                return problem(400, "Invalid cursor")
            found = [one for one in found if ([one.updated, one.id] if is_by_time else [0, one.id]) > after]
        first = nlargest if query.get("sort_direction") == "desc" else nsmallest
        rows = first(limit + 1, found, key=lambda one: (one.updated, one.id) if is_by_time else (0, one.id))
        next_cursor = None
        if len(rows) > limit:
            last = rows[limit - 1]
            after = [self.generation, last.updated if is_by_time else 0, last.id]
            next_cursor = b64encode(msgspec.json.encode(after)).decode()
        shown = [self._show(person, call) for person in rows[:limit]]
        return Answer.of({"success": True, "data": shown, "additional_data": {"next_cursor": next_cursor}})

    def _create(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        phones = [str(phone["value"]) for phone in asked.get("phones", [])]
        person = self.truth.create(asked["name"], *phones, labels=asked.get("label_ids", []))
        return Answer.of({"success": True, "data": self._show(self.truth.persons[person], call)}, 201)

    def _patch(self, call: Call, person_id: str) -> Answer:
        person = self.truth.live().get(int(person_id))
        if person is None:
            return problem(404, "Person not found")
        asked: dict[str, Any] = call.json()
        for key, value in asked.get("custom_fields", {}).items():
            known = self.truth.fields.get(key)
            if known is None or (known.options and value not in known.options):
                return problem(400, f"Validation failed: custom_fields: {key}")
        if person.id in self.truth.rejects:
            return problem(400, "Validation failed: city is required")
        self.truth.write(person.id, asked.get("custom_fields", {}))
        return Answer.of({"success": True, "data": self._show(person, call)})

    def _recents(self, call: Call) -> Answer:
        since = read_seconds(call.query["since_timestamp"])
        start, limit = int(call.query.get("start", "0")), int(call.query.get("limit", "100"))
        changed = [one for one in self.truth.persons.values() if max(one.updated, one.deleted_at or 0) >= since]
        rows = [
            {
                "item": "person",
                "id": one.id,
                "data": {
                    "id": one.id,
                    "active_flag": one.is_live,
                    "update_time": spaced(one.updated),
                    "delete_time": spaced(one.deleted_at) if one.deleted_at is not None else None,
                },
            }
            for one in changed
            if one.is_live or self.truth.recents_name_deleted
        ]
        pagination = {"start": start, "limit": limit, "more_items_in_collection": len(rows) > start + limit}
        if pagination["more_items_in_collection"]:
            pagination["next_start"] = start + limit
        said = {"success": True, "data": rows[start : start + limit], "additional_data": {"pagination": pagination}}
        return Answer.of(said)

    # ---- the company --------------------------------------------------------------------------------------

    def _me(self, call: Call) -> Answer:
        said = {
            "id": 1,
            "name": "Daftari",
            "company_id": self.truth.company,
            "company_name": "Ziwa Ltd",
            "company_domain": "ziwa",
            "timezone_name": "Africa/Nairobi",
            "is_admin": int(self.truth.is_admin),
        }
        return Answer.of({"success": True, "data": said})

    def _show_field(self, found: PersonField) -> object:
        return {
            "id": 1,
            "key": found.key,
            "name": found.name,
            "field_type": found.type,
            **({"options": [{"id": id, "label": one} for id, one in found.options.items()]} if found.options else {}),
        }

    def _fields(self, call: Call) -> Answer:
        shown = [self._show_field(one) for one in self.truth.fields.values()]
        pagination = {"start": 0, "limit": 500, "more_items_in_collection": False}
        return Answer.of({"success": True, "data": shown, "additional_data": {"pagination": pagination}})

    def _make_field(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        made = self.truth.make_field(asked["name"], asked["field_type"], [one["label"] for one in asked["options"]])
        return Answer.of({"success": True, "data": self._show_field(made)}, 201)

    def _filters(self, call: Call) -> Answer:
        shown = [
            {"id": id, "name": name, "active_flag": True, "type": "people"}
            for id, (name, _) in self.truth.filters.items()
        ]
        return Answer.of({"success": True, "data": shown or None})

    # ---- webhooks -------------------------------------------------------------------------------------------

    def _webhooks(self, call: Call) -> Answer:
        return Answer.of({"success": True, "data": [*self.webhooks.values()]})

    def _make_webhook(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        if not asked.get("name") or not asked["subscription_url"].startswith("https://"):
            return problem(400, "name and an https subscription_url are required")
        made = {"id": self._next_webhook, "is_active": 1, **asked}
        self._next_webhook += 1
        self.webhooks[made["id"]] = made
        return Answer.of({"success": True, "data": made}, 201)

    def _delete_webhook(self, call: Call, webhook_id: str) -> Answer:
        if self.webhooks.pop(int(webhook_id), None) is None:
            return problem(404, "Webhook not found")
        return Answer.of({"success": True, "status": "ok"})

    def deliver(self, event: Event, *, attempt: int = 1) -> list[tuple[str, dict[str, str], bytes]]:
        """The address, headers and body of a delivery to each webhook."""
        active = [webhook for webhook in self.webhooks.values() if webhook["is_active"]]
        return [(webhook["subscription_url"], *self._deliver(event, webhook, attempt)) for webhook in active]

    def _deliver(self, event: Event, webhook: dict[str, Any], attempt: int) -> tuple[dict[str, str], bytes]:
        proof = f"{webhook['http_auth_user']}:{webhook['http_auth_password']}"
        headers = {"authorization": f"Basic {b64encode(proof.encode()).decode()}", "content-type": "application/json"}
        merged = {"merged_to_id": event.merged_to, "merged_from_id": event.merged_from}
        meta = {
            "action": event.action,
            "entity": "person",
            "entity_id": str(event.person_id),
            "company_id": str(self.truth.company),
            "id": f"0b0f6c1e-0000-4000-8000-{event.number:012}",
            "timestamp": datetime.fromtimestamp(event.at, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "type": "general",
            "version": "2.0",
            "webhook_id": str(webhook["id"]),
            "attempt": attempt,
            "is_bulk_edit": False,
            **{name: str(id) for name, id in merged.items() if id is not None},
        }
        # An old state, which no reader may believe.
        data = None if event.action == "delete" else {"id": event.person_id, "name": "old", "phones": []}
        return headers, msgspec.json.encode({"meta": meta, "data": data, "previous": {"id": event.person_id}})
