"""Groups: a name, and the contacts in it. This room must not know how a call is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from daftari_client.api import WriteOptions, part
from daftari_client.plans import Plan, Walk, follow, read_as, read_listed, read_member, read_message
from daftari_client.records import Deleted, Group, Joined, Left, Listed
from daftari_client.scope import Mobile
from daftari_client.worlds import Room, World, call, walk


class Groups(Room[World]):
    """The groups of the project. Contacts may be created into one that is not there yet, which makes it."""

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Plan[Listed[Group]]:
        """Some groups, in the order in which they were made."""
        return self._page(after, limit)

    @walk
    def iterate(self) -> Walk[Group]:
        """Every group."""
        return follow(lambda after: self._page(after, None))

    @call
    def create(self, name: str, **options: Unpack[WriteOptions]) -> Plan[Group]:
        """Makes an empty group. ``GroupTaken`` when there is one of that name, in some spelling."""
        return self._api.write("/groups", read_member("group", Group), body={"name": name}, **options)

    @call
    def get(self, name: str) -> Plan[Group]:
        """One group with its exact count, or ``GroupNotFound``."""
        return self._api.read(f"/groups/{part(name)}", read_member("group", Group))

    @call
    def rename(self, name: str, new_name: str, **options: Unpack[WriteOptions]) -> Plan[Group]:
        """Gives a group another name; its contacts stay in it."""
        path = f"/groups/{part(name)}"
        return self._api.write(path, read_member("group", Group), method="PUT", body={"name": new_name}, **options)

    @call
    def delete(self, name: str, **options: Unpack[WriteOptions]) -> Plan[Deleted]:
        """Deletes a group; its contacts stay in the book."""
        return self._api.write(f"/groups/{part(name)}", read_message(Deleted), method="DELETE", **options)

    @call
    def join(
        self, name: str, *, ids: Iterable[int] = (), mobiles: Iterable[Mobile] = (), **options: Unpack[WriteOptions]
    ) -> Plan[Joined]:
        """Lets up to 10,000 contacts join. Those who opted out stay out, and are counted."""
        path = f"/groups/{part(name)}/contacts"
        return self._api.write(path, read_as(Joined), body={"ids": [*ids], "mobiles": [*mobiles]}, **options)

    @call
    def leave(
        self, name: str, *, ids: Iterable[int] = (), mobiles: Iterable[Mobile] = (), **options: Unpack[WriteOptions]
    ) -> Plan[Left]:
        """Takes up to 10,000 contacts out of a group."""
        path, body = f"/groups/{part(name)}/contacts", {"ids": [*ids], "mobiles": [*mobiles]}
        return self._api.write(path, read_as(Left), method="DELETE", body=body, **options)

    def _page(self, after: str | None, limit: int | None) -> Plan[Listed[Group]]:
        return self._api.read("/groups", read_listed("groups", Group), query={"after": after, "limit": limit})
