"""The HTTP of the fake Odoo: JSON-2, as version 19 has it, with its domains, rights and errors."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import msgspec

from tests.support.fake_crm.exchange import Answer, Call, Clock
from tests.support.fake_crm.faults import Fault, Faults
from tests.support.fake_crm.limits import Window
from tests.support.fake_crm.odoo_truth import Entry, Invalid, OdooTruth, Partner

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0kikapu"
FAULTS: tuple[Fault, ...] = (
    *("limit", "bare_limit", "page", "error", "gateway"),
    *("closed", "lost", "cut", "drip", "nonsense"),
)
"""What happens to its calls by chance."""
Row = dict[str, Any]
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "in": lambda found, wanted: bool({*found} & {*wanted}) if isinstance(found, list) else found in wanted,
}
NOT_ALLOWED = (
    "You are not allowed to {verb} '{title}' ({model}) records.\n\nThis operation is allowed for the following "
    "groups:\n\t- Administration/Settings\n\nContact your administrator to request access if necessary."
)


class Refused(Exception):
    """A call that fails: with the status and the name of Odoo's exception."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status, self.name, self.message = status, name, message

    def answer(self) -> Answer:
        said = {
            "name": self.name,
            "message": self.message,
            "arguments": [self.message],
            "context": {},
            "debug": "Traceback (most recent call last):\n  …\n",
        }
        return Answer.of(said, self.status)


def stamp(seconds: float) -> str:
    """As Odoo has times: UTC, without a zone, and without the parts of a second that the database has."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat(sep=" ").removesuffix("+00:00")


def exact(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="microseconds").removesuffix("+00:00")


class FakeOdoo:
    """One server with a database, and how it behaves."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.truth = OdooTruth(seed, clock)
        self.clock = clock
        self.faults = Faults(seed, kinds=FAULTS)
        self.key = KEY
        self.database = "ziwa"
        self.has_several = False
        """Whether the server has several databases, so that a call must name one."""
        self.is_admin = True
        """Whether the user of the key may administer settings."""
        self.may_read = True
        """Whether the user may read contacts at all."""
        self.hidden: set[str] = set()
        """Fields of contacts that the user may not see."""
        self.own_fields: dict[str, tuple[str, str, dict[int, object]]] = {}
        """Fields that the company made: title, kind and values by contact."""
        self.ahead_seconds = 0.0
        """By how much its clock is ahead, as its answers show it."""
        self.sorts = True
        """Whether lists are in the order that is asked for."""
        self.title = "Contact"
        """Of contacts, in its messages."""
        self.burst = Window(clock, 100_000, 60.0)
        self.calls: list[tuple[str, str]] = []
        self._models: Mapping[str, Callable[[], dict[str, tuple[str, str]]]] = {
            "res.partner": self._partner_fields,
            "res.partner.category": lambda: {"display_name": ("Display Name", "char")},
            "res.company": lambda: {"name": ("Company Name", "char")},
            "res.users": lambda: {"name": ("Name", "char")},
            "phone.blacklist": lambda: {
                "number": ("Phone Number", "char"),
                "active": ("Active", "boolean"),
                "write_date": ("Last Updated on", "datetime"),
            },
        }

        self._methods: Mapping[str, tuple[Callable[..., object], bool, tuple[str, ...]]] = {
            "fields_get": (self._fields_get, True, ("allfields", "attributes")),
            "search": (self._search, True, ("domain", "offset", "limit", "order")),
            "search_read": (self._search_read, True, ("domain", "fields", "offset", "limit", "order", "load")),
            "search_count": (self._search_count, True, ("domain", "limit")),
            "read": (self._read, False, ("fields", "load")),
            "has_access": (self._has_access, False, ("operation",)),
            "create": (self._create, True, ("vals_list",)),
            "write": (self._write, False, ("vals",)),
            "unlink": (self._unlink, False, ()),
            "context_get": (self._context_get, True, ()),
        }
        """What each does, whether it is of the model and takes no ids, and its arguments in their order."""

    def answer(self, call: Call) -> Answer:
        self.calls.append((call.method, call.path.removeprefix("/json/2/")))
        answer = self.faults.treat(lambda: self._obey(call), self._limited)
        date = formatdate(self.clock.now() + self.ahead_seconds, usegmt=True)
        return msgspec.structs.replace(answer, headers={**answer.headers, "date": date})

    def _limited(self, has_headers: bool) -> Answer:
        page = Answer.page(429, "<html>429 Too Many Requests</html>")
        headers = {**page.headers, "retry-after": "2"} if has_headers else page.headers
        return msgspec.structs.replace(page, headers=headers)

    def _obey(self, call: Call) -> Answer:
        if not self.burst.take():
            return self._limited(True)
        if call.path == "/web/version":
            return Answer.of({"version_info": [19, 0, 0, "final", 0, ""], "version": "19.0"})
        if described := re.fullmatch(r"/doc-bearer/([a-z.]+)\.json", call.path):
            return self._describe(described[1])
        found = re.fullmatch(r"/json/2/([a-z.]+)/([a-z_]+)", call.path)
        if found is None or call.method != "POST" or (self.has_several and not self._is_named(call)):
            return Answer.page(404, "<!doctype html>\n<title>404 Not Found</title>")
        if not call.headers.get("content-type", "").startswith("application/json"):
            return Answer.page(415, "<!doctype html>\n<title>415 Unsupported Media Type</title>")
        try:
            if call.headers.get("authorization", "").lower() != f"bearer {self.key}".lower():
                raise Refused(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
            return Answer.of(self._do(found[1], found[2], call.json()))
        except Refused as refused:
            return refused.answer()

    def _is_named(self, call: Call) -> bool:
        return call.headers.get("x-odoo-database") == self.database

    def _describe(self, model: str) -> Answer:
        """A part of a model's documentation, as its page loads it."""
        described = {
            name: {"parameters": {key: {} for key in names}, "api": ["model"] if is_api_model else []}
            for name, (_, is_api_model, names) in self._methods.items()
        }
        return Answer.of({"model": model, "methods": described})

    # ---- models and methods -----------------------------------------------------------------------------

    def _do(self, model: str, method: str, given: Row) -> object:
        if model not in self._models or (model == "phone.blacklist" and not self.truth.has_phone_validation):
            raise Refused(404, "werkzeug.exceptions.NotFound", f"the model '{model}' does not exist")
        if method not in self._methods:
            said = f"The method '{model}.{method}' does not exist"
            raise Refused(404, "werkzeug.exceptions.NotFound", said)
        do, is_api_model, names = self._methods[method]
        arguments = {name: value for name, value in given.items() if name not in ("ids", "context")}
        if is_api_model and given.get("ids"):
            said = f"cannot call {model}.{method} with ids"
            raise Refused(422, "werkzeug.exceptions.UnprocessableEntity", said)
        if unknown := [name for name in arguments if name not in names]:
            said = f"got an unexpected keyword argument '{unknown[0]}'"
            raise Refused(422, "werkzeug.exceptions.UnprocessableEntity", said)
        if method not in ("has_access", "context_get"):
            self._require_access(
                model, {"create": "create", "write": "modify", "unlink": "delete"}.get(method, "access")
            )
        if not is_api_model:
            arguments["ids"] = given.get("ids", [])
        return do(model, given.get("context", {}), **arguments)

    def _may(self, model: str, *, writes: bool) -> bool:
        """The rights of an internal user, without those of administrators."""
        if model == "phone.blacklist":
            return self.is_admin
        return self.may_read and (self.is_admin or not writes or model == "res.partner")

    def _require_access(self, model: str, verb: str) -> None:
        if not self._may(model, writes=verb != "access"):
            title = {"phone.blacklist": "Phone Blacklist", "res.partner": self.title}.get(model, model)
            said = NOT_ALLOWED.format(verb=verb, title=title, model=model)
            raise Refused(403, "odoo.exceptions.AccessError", said)

    def _has_access(self, model: str, context: Row, *, ids: Sequence[int], operation: str) -> bool:
        return self._may(model, writes=operation != "read")

    def _context_get(self, model: str, context: Row) -> object:
        return {"lang": "en_US", "tz": "Africa/Nairobi", "uid": 2}

    def _fields_get(
        self, model: str, context: Row, *, allfields: Sequence[str] | None = None, attributes: Sequence[str] = ()
    ) -> object:
        known = {"id": ("ID", "integer"), **self._models[model]()}
        described = {name: {"string": title, "type": kind} for name, (title, kind) in known.items()}
        return {
            name: {key: value for key, value in about.items() if not attributes or key in attributes}
            for name, about in described.items()
            if not allfields or name in allfields
        }

    def _search(self, model: str, context: Row, **more: Any) -> list[int]:
        return [row["id"] for row in self._find(model, context, **more)]

    def _search_count(self, model: str, context: Row, **more: Any) -> int:
        return len(self._find(model, context, **more))

    def _search_read(
        self, model: str, context: Row, *, fields: Sequence[str] | None = None, load: str | None = None, **more: Any
    ) -> list[Row]:
        return [self._show(model, row, fields) for row in self._find(model, context, **more)]

    def _read(
        self,
        model: str,
        context: Row,
        *,
        ids: Sequence[int],
        fields: Sequence[str] | None = None,
        load: str | None = None,
    ) -> list[Row]:
        rows = self._find(model, {"active_test": False}, domain=[["id", "in", ids]])
        if len(rows) != len(ids):
            raise Refused(404, "odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
        return [self._show(model, row, fields) for row in rows]

    def _create(self, model: str, context: Row, *, vals_list: list[Row] | Row) -> list[int]:
        made = []
        for values in vals_list if isinstance(vals_list, list) else [vals_list]:
            if model == "phone.blacklist":
                try:
                    made.append(self.truth.block(str(values["number"])))
                except Invalid as error:
                    raise Refused(422, "odoo.exceptions.UserError", str(error)) from None
            else:
                made.append(self.truth.create(str(values["name"]), str(values.get("phone", ""))))
        return made

    def _write(self, model: str, context: Row, *, ids: Sequence[int], vals: Row) -> bool:
        for one in ids:
            if model == "phone.blacklist":
                self.truth.set_entry(one, active=bool(vals["active"]))
            else:
                self.truth.edit(one, **vals)
        return True

    def _unlink(self, model: str, context: Row, *, ids: Sequence[int]) -> bool:
        for one in ids:
            self.truth.delete(one)
        return True

    # ---- records ----------------------------------------------------------------------------------------

    def _find(
        self,
        model: str,
        context: Row,
        *,
        domain: Sequence[Sequence[Any]] = (),
        order: str = "id",
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """Rows with the times that the database has, which are more exact than those that are shown."""
        rows = self._rows(model)
        named = [one[0] for one in domain]
        if context.get("active_test", True) and "active" not in named:
            rows = [row for row in rows if row.get("active", True)]
        for name, sign, wanted in domain:
            if name not in ("id", "create_date", *self._models[model]()):
                raise Refused(500, "builtins.ValueError", f"Invalid field {model}.{name} in condition")
            rows = [row for row in rows if OPERATORS[sign](row[name], wanted)]
        for part in reversed(order.split(",")):
            name, _, direction = part.strip().partition(" ")
            rows.sort(key=operator.itemgetter(name), reverse=direction.lower() == "desc")
        if not self.sorts:
            rows.reverse()
        return rows[offset : None if limit is None else offset + limit]

    def _rows(self, model: str) -> list[Row]:
        truth = self.truth
        match model:
            case "res.partner":
                blocked = truth.blocked()
                return [self._partner(one, blocked) for one in truth.partners.values()]
            case "res.partner.category":
                return [{"id": id, "display_name": name} for id, name in truth.tags.items()]
            case "phone.blacklist":
                return [
                    {"id": one.id, "number": one.number, "active": one.active, "write_date": exact(one.written)}
                    for one in truth.blacklist.values()
                ]
            case "res.company":
                return [{"id": 1, "name": truth.company}]
            case _:
                return [{"id": 2, "name": "Daftari"}]

    def _partner(self, one: Partner, blocked: Mapping[str, Entry]) -> Row:
        sanitized = self.truth.sanitized(one)
        return {
            "id": one.id,
            "name": one.name or False,
            "email": one.email or False,
            "phone": one.phone or False,
            "mobile": one.mobile or False,
            "phone_sanitized": sanitized or False,
            "phone_sanitized_blacklisted": sanitized in blocked,
            "city": one.city or False,
            "country_id": [1, one.country] if one.country else False,
            "country_code": one.country or False,
            "is_company": one.is_company,
            "company_type": "company" if one.is_company else "person",
            "commercial_company_name": one.name if one.is_company else one.company or False,
            "category_id": [*one.tags],
            "active": one.active,
            "write_date": exact(one.written),
            "create_date": exact(one.made),
            **{name: values.get(one.id, False) for name, (_, _, values) in self.own_fields.items()},
        }

    def _partner_fields(self) -> dict[str, tuple[str, str]]:
        truth = self.truth
        kinds = {
            **dict.fromkeys(("name", "email", "phone", "city", "country_code", "commercial_company_name"), "char"),
            "country_id": "many2one",
            "is_company": "boolean",
            "company_type": "selection",
            "category_id": "many2many",
            "active": "boolean",
            "write_date": "datetime",
        }
        if truth.has_mobile:
            kinds["mobile"] = "char"
        if truth.has_sms:
            kinds |= {"phone_sanitized": "char", "phone_sanitized_blacklisted": "boolean"}
        known = {name: (name.replace("_", " ").title(), kind) for name, kind in kinds.items()}
        known |= {name: (title, kind) for name, (title, kind, _) in self.own_fields.items()}
        return {name: about for name, about in known.items() if name not in self.hidden}

    def _show(self, model: str, row: Row, fields: Sequence[str] | None) -> Row:
        known = self._models[model]()
        for name in fields or ():
            if name not in ("id", *known):
                raise Refused(500, "builtins.ValueError", f"Invalid field '{name}' on '{model}'")
        shown = {"id": row["id"], **{name: row[name] for name in (fields or known)}}
        if "write_date" in shown:
            shown["write_date"] = shown["write_date"].partition(".")[0]
        return shown
