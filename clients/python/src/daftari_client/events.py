"""Events: what happened to a number, as a program reports it. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Unpack

from daftari_client.api import WriteOptions
from daftari_client.flows import Flow, read_as
from daftari_client.message_records import EventsRecorded
from daftari_client.resources import Mode, Resource, call
from daftari_client.types import Mobile


class Events(Resource[Mode]):
    """The events of the project, on which triggers are."""

    @call
    def record(
        self,
        name: str | None = None,
        *,
        mobile: Mobile | None = None,
        key: str | int | None = None,
        at: datetime | str | None = None,
        fields: Mapping[str, object] | None = None,
        events: Iterable[Mapping[str, object]] | None = None,
        results: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[EventsRecorded]:
        """Reports one event, or up to 1,000 ``events``, each a mapping of the other parameters, which win over these.

        The same name, mobile, key and time is one event, however often it is reported. A single one that is wrong
        raises ``ValidationFailed``; of several, the wrong ones count as ``invalid`` and do not stop the others.
        """
        body = {
            "name": name,
            "mobile": mobile,
            "key": key,
            "at": at,
            "fields": None if fields is None else dict(fields),
            "events": None if events is None else [dict(event) for event in events],
            "results": results or None,
        }
        return self._api.write("/events", read_as(EventsRecorded), body=body, **options)
