"""The two clients, ``Client`` and ``AsyncClient``, with all resources and the calls that belong to none.

No HTTP requests of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Self, Unpack

import httpx2
from msgspec.structs import replace

from daftari_client.api import Api, WriteOptions, read_base_url
from daftari_client.audiences import Audiences
from daftari_client.campaigns import Campaigns
from daftari_client.changes import Changes
from daftari_client.connections import Connections
from daftari_client.consent import OptIns, OptOuts
from daftari_client.contacts import Contacts, Include
from daftari_client.drivers import AsyncDriver, SyncDriver
from daftari_client.events import Events
from daftari_client.exports import Exports
from daftari_client.flows import Flow, Iteration, Yield, read_as, read_member
from daftari_client.groups import Groups
from daftari_client.imports import Imports
from daftari_client.messages import Messages
from daftari_client.records import Contact, Erased, FoundContacts, Health, Judgement
from daftari_client.resources import Async, Driver, Mode, Resource, Sync, call, iteration
from daftari_client.retries import Retries
from daftari_client.reviews import Reviews
from daftari_client.senders import Senders
from daftari_client.triggers import Triggers
from daftari_client.types import Channel, Mobile, Purpose
from daftari_client.webhooks import Webhooks

TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
"""Seconds for each read and write, and for a connection, of the clients' own HTTP clients."""
Judgements = list[Judgement]


class BaseClient(Resource[Mode]):
    """All calls of the API, in one mode."""

    def __init__(self, api: Api, driver: Driver) -> None:
        super().__init__(api, driver)
        self.contacts: Contacts[Mode] = Contacts(api, driver)
        self.groups: Groups[Mode] = Groups(api, driver)
        self.opt_outs: OptOuts[Mode] = OptOuts(api, driver)
        self.opt_ins: OptIns[Mode] = OptIns(api, driver)
        self.audiences: Audiences[Mode] = Audiences(api, driver)
        self.reviews: Reviews[Mode] = Reviews(api, driver)
        self.senders: Senders[Mode] = Senders(api, driver)
        self.imports: Imports[Mode] = Imports(api, driver)
        self.exports: Exports[Mode] = Exports(api, driver)
        self.messages: Messages[Mode] = Messages(api, driver)
        self.campaigns: Campaigns[Mode] = Campaigns(api, driver)
        self.triggers: Triggers[Mode] = Triggers(api, driver)
        self.events: Events[Mode] = Events(api, driver)
        self.changes: Changes[Mode] = Changes(api, driver)
        self.connections: Connections[Mode] = Connections(api, driver)
        self.webhooks: Webhooks[Mode] = Webhooks(api, driver)

    @call
    def may_message(
        self,
        mobiles: Iterable[Mobile] = (),
        *,
        channel: Channel,
        ids: Iterable[int] = (),
        sender: str | None = None,
        purpose: Purpose | None = None,
        keyword: str | None = None,
        at: datetime | str | None = None,
        known_at: datetime | str | None = None,
    ) -> Flow[Judgements]:
        """Whether up to 10,000 numbers may be messaged, and why. Returns one answer each: the mobiles, then the ids.

        Without ``sender`` or ``purpose`` the answer holds for all of them. ``at`` is when the message will be sent.
        ``known_at`` asks what was known at that moment.
        """
        scope = {"channel": channel, "sender": sender, "purpose": purpose, "keyword": keyword}
        body = scope | {"mobiles": [*mobiles], "ids": [*ids], "at": at, "known_at": known_at}
        return self._api.read("/can-message", read_member("results", Judgements), body=body)

    @call
    def search(
        self,
        text: str,
        *,
        group: str | None = None,
        after: str | None = None,
        limit: int | None = None,
        include: Iterable[Include] = (),
        suppressed: bool = False,
    ) -> Flow[FoundContacts]:
        """Contacts that match every word of a text, by id: words of names, company, city, e-mail and searchable
        attributes that begin so, or numbers that begin or end so.

        ``include`` and ``suppressed`` are as in ``contacts.list``.
        """
        wanted = self._wanted(text, group=group, limit=limit, include=include, suppressed=suppressed)
        return self._found(wanted, after)

    @iteration
    def iterate_search(
        self, text: str, *, group: str | None = None, include: Iterable[Include] = (), suppressed: bool = False
    ) -> Iteration[Contact]:
        """Every contact that ``search`` finds, by id."""
        wanted = self._wanted(text, group=group, limit=None, include=include, suppressed=suppressed)
        after: str | None = None
        while True:
            page = yield from self._found(wanted, after)
            for contact in page.contacts:
                yield Yield(contact)
            if page.next is None or page.next == after:
                return
            after = page.next

    def _found(self, wanted: dict[str, str | int | None], after: str | None) -> Flow[FoundContacts]:
        return self._api.read("/search", read_as(FoundContacts), query={**wanted, "after": after})

    def _wanted(
        self, text: str, *, group: str | None, limit: int | None, include: Iterable[str], suppressed: bool
    ) -> dict[str, str | int | None]:
        members = ",".join(include) or None
        return {
            "q": text,
            "group": group,
            "limit": limit,
            "include": members,
            "suppressed": "include" if suppressed else None,
        }

    @call
    def erase(self, mobile: Mobile, **options: Unpack[WriteOptions]) -> Flow[Erased]:
        """Erases everything about a number except that it must not be messaged.

        Raises ``ManageKeyRequired`` for a key of another kind than ``manage``.
        """
        return self._api.write("/erasures", read_as(Erased), body={"mobile": mobile}, **options)

    @call
    def health(self) -> Flow[Health]:
        """Asks whether the server and its database work; needs no key. Raises ``StoreUnavailable`` or ``StoreBusy``."""
        return replace(self._api, project=None).read("/health", read_as(Health))


class Client(BaseClient[Sync]):
    """A client whose calls block. It may be shared between threads.

    ``base_url`` includes the path under which the calls are; without a path it gets ``/v1``. ``project`` is sent with
    each call if it is given. Without ``idempotency_keys`` each write is sent once, whatever happens. ``http`` is an
    HTTP client with other proxies, certificates or timeouts; the caller closes it.

    Raises ``ValueError`` for a bad ``base_url``. Every call raises ``errors.DaftariError``.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        *,
        project: str | None = None,
        retries: Retries | None = None,
        idempotency_keys: bool = True,
        http: httpx2.Client | None = None,
    ) -> None:
        self._http = http or httpx2.Client(timeout=TIMEOUT)
        self._owns_http = http is None
        super().__init__(_make_api(base_url, key, project, retries, idempotency_keys), SyncDriver(self._http))

    def close(self) -> None:
        """Closes the connections, unless ``http`` was given."""
        if self._owns_http:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncClient(BaseClient[Async]):
    """A client whose calls are awaited. Its parameters are those of ``Client``."""

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        *,
        project: str | None = None,
        retries: Retries | None = None,
        idempotency_keys: bool = True,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._http = http or httpx2.AsyncClient(timeout=TIMEOUT)
        self._owns_http = http is None
        super().__init__(_make_api(base_url, key, project, retries, idempotency_keys), AsyncDriver(self._http))

    async def aclose(self) -> None:
        """Closes the connections, unless ``http`` was given."""
        if self._owns_http:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()


def _make_api(
    base_url: str, key: str | None, project: str | None, retries: Retries | None, idempotency_keys: bool
) -> Api:
    return Api(
        base_url=read_base_url(base_url),
        key=key,
        project=project,
        retries=retries or Retries(),
        idempotency_keys=idempotency_keys,
    )
