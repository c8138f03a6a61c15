"""Opt-outs written to Odoo's phone blacklist, which names numbers: one that is on it gets no SMS of Odoo's own either.

An entry is never deleted. Who is taken from the list has one that is archived, as Odoo itself does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daftari.connectors.calls import decode
from daftari.connectors.odoo.api import ALL, BLACKLIST, PARTNER, TITLE, Api, Row
from daftari.connectors.protocol import Connection, ConnectorFailed, Mark, MarkOutcome
from daftari.outbound.exchange import OutboundResponse

CHANNEL = "sms"


class Blacklist:
    """The phone blacklist of one database."""

    def __init__(self, api: Api, connection: Connection) -> None:
        self._api = api
        self._connection = connection

    def write(self, marks: Sequence[Mark]) -> list[MarkOutcome]:
        """One outcome for each mark, in their order. Raises ``ConnectorFailed``."""
        latest = {
            mark.record_id: mark
            for mark in sorted(marks, key=lambda one: (one.at, one.word == "out"))
            if mark.channel == CHANNEL
        }
        numbers: dict[str, str] = {}
        outcomes: dict[str, MarkOutcome] = {}
        partners = self._find_partners([*latest])
        for record_id, mark in latest.items():
            if record_id not in partners:
                outcomes[record_id] = MarkOutcome(record_id, "gone", "Odoo has no such contact now.")
            elif mark.word == "in" and not self._connection.write_back_opt_ins:
                says = "Opt-ins are not written to Odoo: write_back_opt_ins is off."
                outcomes[record_id] = MarkOutcome(record_id, "refused", says)
            elif number := f"+{mark.mobile}" if mark.mobile else partners[record_id]:
                numbers[record_id] = number
            else:
                outcomes[record_id] = MarkOutcome(record_id, "refused", "Odoo reads no number of this contact.")
        # Of two contacts with a number, one of them opted out, the number is.
        words = {numbers[one]: latest[one].word for one in sorted(numbers, key=lambda one: latest[one].word == "out")}
        refused = self._set(words)
        for record_id, number in numbers.items():
            why = refused.get(number)
            outcomes[record_id] = MarkOutcome(record_id, "written" if why is None else "refused", why or "")
        other = "Odoo has one blacklist, which is for SMS."
        return [
            outcomes[mark.record_id] if mark.channel == CHANNEL else MarkOutcome(mark.record_id, "refused", other)
            for mark in marks
        ]

    def _find_partners(self, ids: Sequence[str]) -> dict[str, str]:
        """The contacts that are there, archived ones too, with their numbers as Odoo reads them."""
        wanted = [int(one) for one in ids if one.isdecimal()]
        if not wanted:
            return {}
        known = self._api.ask(PARTNER, "fields_get", Row, allfields=["phone_sanitized"], attributes=["type"])
        domain, fields = [["id", "in", wanted]], ["id", *known]
        rows = self._api.ask(PARTNER, "search_read", list[Row], domain=domain, fields=fields, context=ALL)
        return {str(one["id"]): one.get("phone_sanitized") or "" for one in rows}

    def _set(self, words: Mapping[str, str]) -> dict[str, str]:
        """Put numbers on the list, or take them from it. Returns why some were refused."""
        if not words:
            return {}
        domain = [["number", "in", [*words]]]
        body = self._call("search_read", domain=domain, fields=["number", "active"], context=ALL).body
        known = {str(one["number"]): one for one in decode(body, list[Row], title=TITLE)}
        for active, word in ((True, "out"), (False, "in")):
            changed = [
                one["id"] for number, one in known.items() if one["active"] != active and words.get(number) == word
            ]
            if changed:
                self._call("write", ids=changed, vals={"active": active})
        return self._add([number for number, word in words.items() if word == "out" and number not in known])

    def _add(self, numbers: Sequence[str]) -> dict[str, str]:
        """Put numbers on the list that were never on it. Some that are refused are divided until one is alone."""
        if not numbers:
            return {}
        response = self._call("create", accepts=(400, 422), vals_list=[{"number": one} for one in numbers])
        if response.status < 400:
            return {}
        if len(numbers) == 1:
            return {numbers[0]: self._api.read_error(response)}
        half = len(numbers) // 2
        return self._add(numbers[:half]) | self._add(numbers[half:])

    def _call(self, method: str, *, accepts: tuple[int, ...] = (), **arguments: object) -> OutboundResponse:
        """A call about the list. Raises ``ConnectorFailed`` where there is none, or it may not be written."""
        response = self._api.call(BLACKLIST, method, arguments, accepts=(*accepts, 403, 404))
        if response.status == 404:
            says = (
                "Odoo has no phone blacklist to write opt-outs to: install its module SMS, or switch write_back off "
                f'with "daftari connection change {self._connection.name} --no-write-back".'
            )
            raise ConnectorFailed("broken", "blacklist_missing", says)
        if response.status == 403:
            says = (
                "Odoo does not let the user of this key write to the phone blacklist: give the user the right to "
                "administer settings."
            )
            raise ConnectorFailed("broken", "blacklist_forbidden", says)
        return response
