"""The HTTP of the fake HubSpot. Versions v3, 2026-03 and 2026-09 of its API are one."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tests.support.fake_crm.exchange import Answer, Call, Clock
from tests.support.fake_crm.faults import Faults
from tests.support.fake_crm.hubspot_truth import Contact, ContactList, HubSpotTruth, Property
from tests.support.fake_crm.limits import Day, Window

KEY = "pat-eu1-kikapu"
READ, WRITE = "crm.objects.contacts.read", "crm.objects.contacts.write"
LISTS = "crm.lists.read"
SCHEMAS_READ, SCHEMAS = "crm.schemas.contacts.read", "crm.schemas.contacts.write"
SCOPES = frozenset({READ, WRITE, LISTS, SCHEMAS_READ, SCHEMAS})
_VERSION = r"(?:v3|2026-03|2026-09)"
_OBJECTS = rf"/crm/(?:objects/{_VERSION}|v3/objects)/contacts"
_LISTS = rf"/crm/(?:lists/{_VERSION}|v3/lists)"
_PROPERTIES = rf"/crm/(?:properties/{_VERSION}|v3/properties)/contacts"


def iso(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds // 1_000, UTC).replace(microsecond=milliseconds % 1_000 * 1_000)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def problem(status: int, message: str, category: str = "VALIDATION_ERROR", **more: object) -> Answer:
    return Answer.of(
        {"status": "error", "message": message, "correlationId": "0", "category": category, **more}, status
    )


class FakeHubSpot:
    """One account, and how it behaves."""

    def __init__(self, seed: int, clock: Clock, *, lag_seconds: float = 20.0, search_most: int = 5) -> None:
        self.truth = HubSpotTruth(seed, clock, lag_seconds=lag_seconds)
        self.faults = Faults(seed)
        self.key = KEY
        self.scopes = set(SCOPES)
        self.hidden: set[str] = set()
        """Properties that the key may not see: their values are null."""
        self.unsearchable: set[str] = set()
        """Properties by which a search is refused."""
        self.burst = Window(clock, 100, 10.0)
        self.searches = Window(clock, search_most, 1.0)
        self.day = Day(clock, 250_000, ahead_seconds=3 * 3_600.0)
        self.calls: list[tuple[str, str]] = []
        self._routes: list[tuple[str, re.Pattern[str], str, Callable[..., Answer]]] = [
            (method, re.compile(path), scope, do)
            for method, path, scope, do in (
                ("GET", rf"/account-info/{_VERSION}/details", "", self._details),
                ("GET", rf"/account-info/{_VERSION}/api-usage/daily/private-apps", "", self._usage),
                ("GET", _OBJECTS, READ, self._list),
                ("POST", rf"{_OBJECTS}/search", READ, self._search),
                ("POST", rf"{_OBJECTS}/batch/read", READ, self._batch_read),
                ("POST", rf"{_OBJECTS}/batch/update", WRITE, self._batch_update),
                ("POST", rf"{_LISTS}/search", LISTS, self._lists),
                ("GET", rf"{_LISTS}/(\d+)/memberships", LISTS, self._members),
                ("GET", _PROPERTIES, SCHEMAS_READ, self._properties),
                ("POST", _PROPERTIES, SCHEMAS, self._make_property),
                ("POST", rf"{_PROPERTIES}/batch/create", SCHEMAS, self._make_properties),
                ("POST", rf"{_PROPERTIES}/groups", SCHEMAS, self._make_group),
                ("GET", rf"{_PROPERTIES}/([a-z_0-9]+)", SCHEMAS_READ, self._property),
            )
        ]

    def answer(self, call: Call) -> Answer:
        self.calls.append((call.method, call.path))
        return self.faults.treat(lambda: self._obey(call), self._limited)

    def _obey(self, call: Call) -> Answer:
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return problem(401, "The key is expired or was revoked.", "EXPIRED_AUTHENTICATION")
        for method, path, scope, do in self._routes:
            if method == call.method and (found := path.fullmatch(call.path)):
                return self._counted(call, scope, partial(do, call, *found.groups()))
        return Answer.page(404, "<html>Not found</html>")

    def _counted(self, call: Call, scope: str, do: Callable[[], Answer]) -> Answer:
        is_search = call.path.endswith("contacts/search")
        if not self.day.take():
            return self._too_much("DAILY", "daily")
        if not (self.searches if is_search else self.burst).take():
            return self._too_much("SECONDLY", "secondly") if is_search else self._limited(True)
        if scope and scope not in self.scopes:
            return problem(
                403,
                "This app hasn't been granted all required scopes to make this call.",
                "MISSING_SCOPES",
                errors=[{"message": "Required", "context": {"requiredGranularScopes": [scope]}}],
            )
        answer = do()
        return answer if is_search else Answer(answer.status, answer.body, {**answer.headers, **self._headers()})

    def _headers(self) -> dict[str, str]:
        return {
            "x-hubspot-ratelimit-max": str(self.burst.most),
            "x-hubspot-ratelimit-remaining": str(self.burst.remaining),
            "x-hubspot-ratelimit-interval-milliseconds": str(int(self.burst.seconds * 1_000)),
            "x-hubspot-ratelimit-daily": str(self.day.most),
            "x-hubspot-ratelimit-daily-remaining": str(self.day.remaining),
        }

    def _limited(self, has_headers: bool) -> Answer:
        if not has_headers:
            return Answer(429, b"Too Many Requests", {"content-type": "text/plain"})
        return self._too_much("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")

    def _too_much(self, policy: str, word: str) -> Answer:
        said: dict[str, object] = {"status": "error", "message": f"You have reached your {word} limit."}
        said |= {"errorType": "RATE_LIMIT", "correlationId": "0"}
        if policy == "SECONDLY":  # A search names its limit in the message alone.
            return Answer.of(said, 429)
        return Answer.of(said | {"policyName": policy}, 429, self._headers())

    # ---- the account ------------------------------------------------------------------------------------

    def _details(self, call: Call) -> Answer:
        return Answer.of(
            {
                "portalId": self.truth.portal,
                "accountType": "STANDARD",
                "timeZone": self.truth.time_zone,
                "companyCurrency": "KES",
                "additionalCurrencies": [],
                "utcOffset": "+03:00",
                "utcOffsetMilliseconds": 10_800_000,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "na1",
            }
        )

    def _usage(self, call: Call) -> Answer:
        return Answer.of({"results": [{"name": "daily", "usageLimit": self.day.most, "currentUsage": self.day.used}]})

    # ---- contacts ---------------------------------------------------------------------------------------

    def _show(self, contact: Contact, wanted: Iterable[str], indexed: Mapping[str, str] | None = None) -> object:
        """A contact as it is, or as it is in the index."""
        properties = {**(contact.all_properties() if indexed is None else indexed)}
        properties.setdefault("lastmodifieddate", iso(contact.modified))
        properties["createdate"] = iso(contact.created)
        names = [*dict.fromkeys((*wanted, "hs_object_id", "lastmodifieddate", "createdate"))]
        shown = {name: None if name in self.hidden else properties.get(name) for name in names if self._knows(name)}
        bin = {"archivedAt": iso(contact.archived_at)} if contact.archived_at is not None else {}
        return {
            "id": str(contact.id),
            "properties": shown,
            "createdAt": iso(contact.created),
            "updatedAt": properties["lastmodifieddate"],
            "archived": bool(bin),
            **bin,
        }

    def _knows(self, name: str) -> bool:
        return name in self.truth.properties

    def _list(self, call: Call) -> Answer:
        limit = int(call.query.get("limit", "10"))
        if limit > 100:
            return problem(400, "limit must be at most 100")
        wanted = call.query.get("properties", "").split(",")
        is_bin = call.query.get("archived", "").lower() == "true"
        found = []
        for contact in self.truth.from_id(int(call.query.get("after") or 0)):
            if contact.archived_at is not None if is_bin else contact.is_live:
                if len(found) == limit:
                    break
                found.append(contact)
        else:
            return Answer.of({"results": [self._show(one, wanted) for one in found]})
        after = str(found[-1].id + 1)
        link = f"https://api.hubapi.com{call.path}?after={after}"
        shown = [self._show(one, wanted) for one in found]
        return Answer.of({"results": shown, "paging": {"next": {"after": after, "link": link}}})

    def _search(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        limit, after = asked.get("limit", 10), int(asked.get("after") or 0)
        groups, sorts = asked.get("filterGroups", []), asked.get("sorts", [])
        if limit > 200 or after + limit > 10_000:
            return problem(400, "The requested page is beyond 10000 results")
        if len(sorts) > 1 or len(groups) > 5 or any(len(group["filters"]) > 6 for group in groups):
            return problem(400, "Too many sorts or filters")
        filters = [one for group in groups[:1] for one in group["filters"]]
        if refused := self.unsearchable & {one["propertyName"] for one in filters}:
            return problem(400, f"There was a problem with the request: {min(refused)}")
        wanted = asked.get("properties", [])
        over, since, before, made_before = _read_filters(filters)
        found = []
        for contact in self.truth.from_id(over + 1):
            indexed = self.truth.search(contact)
            if indexed is not None and since <= indexed.modified < before and contact.created < made_before:
                found.append((contact, indexed))
        if sorts and sorts[0]["propertyName"] == "lastmodifieddate":
            found.sort(key=lambda one: one[1].modified, reverse=sorts[0]["direction"] == "DESCENDING")
        page = found[after : after + limit]
        shown = [
            self._show(contact, wanted, {**(one.properties or {}), "lastmodifieddate": iso(one.modified)})
            for contact, one in page
        ]
        more = {"paging": {"next": {"after": str(after + limit)}}} if len(found) > after + limit else {}
        return Answer.of({"total": len(found), "results": shown, **more})

    def _batch_read(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        ids = [int(one["id"]) for one in asked["inputs"]]
        if len(ids) > 100:
            return problem(400, "At most 100 inputs")
        is_bin = call.query.get("archived", "").lower() == "true"
        contacts: dict[int, Contact] = {}
        missing = []
        for one in ids:
            contact = self.truth.contacts.get(one)
            if is_bin:
                found = contact if contact is not None and contact.archived_at is not None else None
            else:
                found = self.truth.winner(one)
            if found is None:
                missing.append(str(one))
            else:
                contacts[found.id] = found
        return self._batch([self._show(one, asked.get("properties", [])) for one in contacts.values()], missing)

    def _batch(self, results: list[object], missing: list[str]) -> Answer:
        now = iso(self.truth.now)
        said: dict[str, object] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
        if not missing:
            return Answer.of(said)
        error = {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": "Could not get some CONTACT objects, they may be deleted or not exist.",
            "context": {"ids": missing},
            "errors": [],
            "links": {},
        }
        return Answer.of(said | {"numErrors": 1, "errors": [error]}, 207)

    def _batch_update(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        inputs: list[dict[str, Any]] = asked["inputs"]
        ids = [int(one["id"]) for one in inputs]
        if not 0 < len(ids) <= 100 or len(set(ids)) < len(ids):
            return problem(400, "Between 1 and 100 different inputs are needed")
        for one in inputs:
            for name, value in one["properties"].items():
                known = self.truth.properties.get(name)
                if known is None:
                    return problem(400, f'Property "{name}" does not exist', errors=[{"code": "PROPERTY_DOESNT_EXIST"}])
                if known.options and value not in known.options:
                    return problem(400, f'"{value}" is not an allowed option of {name}')
            if int(one["id"]) in self.truth.rejects:
                return problem(400, "Property values were not valid: city is required by a rule of this account")
        results, missing = [], []
        for one in inputs:
            contact = self.truth.winner(int(one["id"]))
            if contact is None:
                missing.append(one["id"])
                continue
            self.truth.edit(contact.id, **one["properties"])
            results.append(self._show(contact, one["properties"]))
        return self._batch(results, missing)

    # ---- lists and properties ---------------------------------------------------------------------------

    def _lists(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        offset, count = asked.get("offset", 0), asked.get("count", 20)
        if count > 500:
            return problem(400, "count must be at most 500")
        found = [one for one in self.truth.lists.values() if asked.get("query", "") in one.name]
        shown = [self._show_list(one) for one in found[offset : offset + count]]
        end = offset + len(shown)
        return Answer.of({"lists": shown, "offset": end, "hasMore": end < len(found), "total": len(found)})

    def _show_list(self, found: ContactList) -> object:
        times = {"hs_last_record_added_at": found.added_at, "hs_last_record_removed_at": found.removed_at}
        return {
            "listId": str(found.id),
            "listVersion": 1,
            "name": found.name,
            "objectTypeId": found.object_type,
            "processingStatus": "COMPLETE",
            "processingType": "MANUAL",
            "additionalProperties": {"hs_list_size": str(len(found.members))}
            | {name: str(at) for name, at in times.items() if at is not None},
        }

    def _members(self, call: Call, list_id: str) -> Answer:
        found = self.truth.lists.get(int(list_id))
        limit = int(call.query.get("limit", "100"))
        if found is None:
            return problem(404, f"List {list_id} does not exist.", "OBJECT_NOT_FOUND")
        if limit > 250:
            return problem(400, "limit must be at most 250")
        token = call.query.get("after")
        after = int(b64decode(token)) if token else -1
        members = [one for one in sorted(found.members) if one > after]
        shown = [{"recordId": str(one), "membershipTimestamp": iso(found.members[one])} for one in members[:limit]]
        more = {}
        if len(members) > limit:
            more = {"paging": {"next": {"after": b64encode(str(members[limit - 1]).encode()).decode()}}}
        return Answer.of({"results": shown, "total": len(found.members), **more})

    def _show_property(self, found: Property) -> dict[str, object]:
        return {
            "name": found.name,
            "label": found.label,
            "type": found.type,
            "fieldType": "select" if found.options else "text",
            "groupName": found.group,
            "description": "",
            "options": [
                {"label": one, "value": one, "displayOrder": place, "hidden": False}
                for place, one in enumerate(found.options)
            ],
        }

    def _properties(self, call: Call) -> Answer:
        shown = [self._show_property(one) for name, one in self.truth.properties.items() if name not in self.hidden]
        return Answer.of({"results": shown})

    def _property(self, call: Call, name: str) -> Answer:
        found = self.truth.properties.get(name)
        return Answer.of(self._show_property(found)) if found else problem(404, f"No property {name}", "NOT_FOUND")

    def _make_property(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        if asked["name"] in self.truth.properties:
            return problem(409, f"Property {asked['name']} exists", "PROPERTY_EXISTS")
        if asked["groupName"] not in self.truth.groups:
            return problem(400, f"No group {asked['groupName']}")
        options = tuple(one["value"] for one in asked.get("options", []))
        made = Property(asked["name"], asked["type"], asked["label"], asked["groupName"], options)
        self.truth.properties[made.name] = made
        return Answer.of(self._show_property(made), 201)

    def _make_properties(self, call: Call) -> Answer:
        return problem(400, "Between 1 and 100 inputs are needed")

    def _make_group(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        if asked["name"] in self.truth.groups:
            return problem(409, "Property group exists", "CONFLICT")
        self.truth.groups.add(asked["name"])
        return Answer.of({"name": asked["name"], "label": asked["label"], "displayOrder": 1, "archived": False}, 201)


def _read_filters(filters: Iterable[Mapping[str, str]]) -> tuple[int, int, float, float]:
    """The id above which contacts are wanted, from when to when they were changed, and before when made."""
    values = {(one["propertyName"], one["operator"]): int(one["value"]) for one in filters}
    over = values.pop(("hs_object_id", "GT"), -1)
    since = values.pop(("lastmodifieddate", "GTE"), 0)
    before = values.pop(("lastmodifieddate", "LT"), float("inf"))
    made_before = values.pop(("createdate", "LT"), float("inf"))
    assert not values, f"a filter that the fake does not know: {values}"
    return over, since, before, made_before
