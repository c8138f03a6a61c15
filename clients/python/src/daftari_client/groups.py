"""Groups of contacts. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from daftari_client.api import WriteOptions, path_part
from daftari_client.flows import Flow, Iteration, iterate_pages, read_as, read_member, read_message, read_page
from daftari_client.records import Deleted, Group, Joined, Left, Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.types import Mobile


class Groups(Resource[Mode]):
    """The groups of the project. ``contacts.create`` makes a group that does not exist yet."""

    @call
    def list(self, *, after: str | None = None, limit: int | None = None) -> Flow[Page[Group]]:
        """Part of the list of groups, oldest first."""
        return self._page(after, limit)

    @iteration
    def iterate(self) -> Iteration[Group]:
        """Every group, oldest first."""
        return iterate_pages(lambda after: self._page(after, None))

    @call
    def create(self, name: str, **options: Unpack[WriteOptions]) -> Flow[Group]:
        """Makes an empty group. Raises ``GroupTaken`` if the name is taken; upper and lower case are the same."""
        return self._api.write("/groups", read_member("group", Group), body={"name": name}, **options)

    @call
    def get(self, name: str) -> Flow[Group]:
        """One group with its exact count. Raises ``GroupNotFound``."""
        return self._api.read(f"/groups/{path_part(name)}", read_member("group", Group))

    @call
    def rename(self, name: str, new_name: str, **options: Unpack[WriteOptions]) -> Flow[Group]:
        """Renames a group; its contacts stay in it. Raises ``GroupNotFound``, ``GroupTaken`` or ``GroupIsMirrored``."""
        path = f"/groups/{path_part(name)}"
        return self._api.write(path, read_member("group", Group), method="PUT", body={"name": new_name}, **options)

    @call
    def delete(self, name: str, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Deletes a group, not its contacts. Raises ``GroupNotFound`` or ``GroupIsMirrored``."""
        return self._api.write(f"/groups/{path_part(name)}", read_message(Deleted), method="DELETE", **options)

    @call
    def join(
        self,
        name: str,
        *,
        ids: Iterable[int] = (),
        mobiles: Iterable[Mobile] = (),
        fire_triggers: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[Joined]:
        """Adds up to 10,000 contacts to a group. Contacts that opted out do not join, and are counted.

        ``fire_triggers`` lets more than one contact fire triggers.
        """
        path = f"/groups/{path_part(name)}/contacts"
        body = {"ids": [*ids], "mobiles": [*mobiles], "fire_triggers": fire_triggers or None}
        return self._api.write(path, read_as(Joined), body=body, **options)

    @call
    def leave(
        self, name: str, *, ids: Iterable[int] = (), mobiles: Iterable[Mobile] = (), **options: Unpack[WriteOptions]
    ) -> Flow[Left]:
        """Removes up to 10,000 contacts from a group."""
        path, body = f"/groups/{path_part(name)}/contacts", {"ids": [*ids], "mobiles": [*mobiles]}
        return self._api.write(path, read_as(Left), method="DELETE", body=body, **options)

    def _page(self, after: str | None, limit: int | None) -> Flow[Page[Group]]:
        return self._api.read("/groups", read_page("groups", Group), query={"after": after, "limit": limit})
