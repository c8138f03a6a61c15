"""``daftari search``: contacts by the beginnings of words, and by their number."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions
from daftari.cli.terminal.output import print_json, print_list, say
from daftari.model.limits import FOUND_PER_PAGE, FOUND_PER_PAGE_MAX
from daftari.model.time import current_time

COLUMNS = ("id", "mobile", "fname", "mname", "lname", "company", "city", "email")

app = command_group()


@command(
    app,
    "search",
    "daftari search wanjiku nairobi --project Shopify",
    "daftari search 0722 503 --group VIP",
    "daftari search jane@ --limit 500 --json",
)
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="The beginnings of words, or digits.")],
    *,
    group: Annotated[str | None, typer.Option("--group", metavar="NAME", help="Only contacts in this group.")] = None,
    after: Annotated[int, typer.Option("--after", min=0, metavar="ID", help="Only contacts with later ids.")] = 0,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=FOUND_PER_PAGE_MAX, metavar="N", help="How many contacts at most.")
    ] = FOUND_PER_PAGE,
    suppressed: Annotated[
        bool, typer.Option("--suppressed", help="Find those too who opted out of everything.")
    ] = False,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """Find contacts by words, or by digits of their number.

    Every word must be the beginning of a word of the contact, or its number must begin or end so. The words are those
    of names, company, city, e-mail and searchable attributes.
    """
    from daftari.rules.fields import Problems
    from daftari.rules.search.find import search_contacts
    from daftari.rules.search.query import read_query

    with where.open_project() as (store, project):
        problems = Problems()
        query = problems.read("q", " ".join(words), lambda text: read_query(text, region=project.region))
        found = store.read(
            project,
            current_time(),
            search_contacts,
            query=problems.require(query),
            group=group,
            after=after,
            limit=limit,
            include=frozenset(),
            suppressed=suppressed,
        )
    cards = msgspec.json.decode(b"[" + found.cards + b"]")
    if as_json:
        print_json(cards)
    else:
        print_list(COLUMNS, [[card[column] for column in COLUMNS] for card in cards], as_json=False)
    if found.next is not None:
        say(f"There are more; the next ones: --after {found.next}.")
    if found.indexed_until is not None:
        say(f"The search index is behind: some of what was written after {found.indexed_until} may be missing.")
