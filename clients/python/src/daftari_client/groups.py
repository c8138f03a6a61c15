"""Groups: a name, and the contacts in it. This module must not know how a call is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from daftari_client.api import WriteOptions, path_part
from daftari_client.flows import Flow, Iteration, iterate_pages, read_as, read_member, read_message, read_page
from daftari_client.records import Deleted, Group, Joined, Left, Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.types import Mobile


class Groups(Resource[Mode]):
    """The groups of the project. Contacts may be created into one that is not there yet, which makes it."""

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Group]]:
        """Some groups, in the order in which they were made."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Group]:
        """Every group."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def create(self, name: str, **options: Unpack[WriteOptions]) -> Flow[Group]:
        """Makes an empty group. ``GroupTaken`` when there is one of that name, in some spelling."""
        return self._api.write("/groups", read_member("group", Group), body={"name": name}, **options)

    @call
    def get(self, name: str) -> Flow[Group]:
        """One group with its exact count, or ``GroupNotFound``."""
        return self._api.read(f"/groups/{path_part(name)}", read_member("group", Group))

    @call
    def rename(self, name: str, new_name: str, **options: Unpack[WriteOptions]) -> Flow[Group]:
        """Gives a group another name; its contacts stay in it."""
        path = f"/groups/{path_part(name)}"
        return self._api.write(path, read_member("group", Group), method="PUT", body={"name": new_name}, **options)

    @call
    def delete(self, name: str, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Deletes a group; its contacts stay in the book."""
        return self._api.write(f"/groups/{path_part(name)}", read_message(Deleted), method="DELETE", **options)

    @call
    def join(
        self, name: str, *, ids: Iterable[int] = (), mobiles: Iterable[Mobile] = (), **options: Unpack[WriteOptions]
    ) -> Flow[Joined]:
        """Lets up to 10,000 contacts join. Those who opted out stay out, and are counted."""
        path = f"/groups/{path_part(name)}/contacts"
        return self._api.write(path, read_as(Joined), body={"ids": [*ids], "mobiles": [*mobiles]}, **options)

    @call
    def leave(
        self, name: str, *, ids: Iterable[int] = (), mobiles: Iterable[Mobile] = (), **options: Unpack[WriteOptions]
    ) -> Flow[Left]:
        """Takes up to 10,000 contacts out of a group."""
        path, body = f"/groups/{path_part(name)}/contacts", {"ids": [*ids], "mobiles": [*mobiles]}
        return self._api.write(path, read_as(Left), method="DELETE", body=body, **options)

    def _page(self, after: str | None, limit: int | None) -> Flow[Page[Group]]:
        return self._api.read("/groups", read_page("groups", Group), query={"after": after, "limit": limit})
