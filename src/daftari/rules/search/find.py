"""Finds contacts: by the index, block by block in order of id, and among those that were written after it.

No SQL, no HTTP.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import islice

from msgspec import Struct
from pyroaring import BitMap

from daftari.mobile import E164_DIGITS_MAX
from daftari.model.limits import ID_MAX
from daftari.rules.contacts.contacts import show_cards
from daftari.rules.fields import fold_name
from daftari.rules.search.query import Part, Query, Term
from daftari.rules.search.tokens import END_MAX, START_MAX, is_whole, word_token
from daftari.rules.search.written import Written, find_written, list_matching
from daftari.store import Tx, contacts, directory, groups, search
from daftari.store.consent import KNOWN, SUPPRESSED
from daftari.store.contacts import StoredContact
from daftari.store.search import BLOCK_MASK, BLOCK_SHIFT

IDS_AT_ONCE = 500
"""Contacts that are compared, looked for in a group, or read at a time."""
BLOCKS_GROWTH = 4
"""By how much more blocks each step reads than the one before: the first often has enough."""
COMPARED_MAX = 10_000
"""Contacts of which one page compares all words and digits, or which it reads. It may have fewer, and a next one."""
ASKED_MAX = 100_000
"""Contacts that one page looks for in a group."""
MEMBERS_READ_MAX = 2_000
"""Members of a group that are read at once, in place of asking for each candidate whether it is one."""

_ByBlock = dict[int, BitMap]
"""Places of contacts in their blocks."""


class Found(Struct, frozen=True):
    """A page of what was found: cards joined with commas, and the id after which there is more, or may be.

    ``indexed_until``: if not everything that was written is searched, the time until which it is.
    """

    cards: bytes
    next: int | None
    indexed_until: str | None


class Reach(Struct):
    """How many candidates one page looks at, so that no search takes much longer than others.

    ``end``: the id of the last one, if these were too many.
    """

    left: int
    end: int | None = None

    def take(self, ids: Iterator[int], *, first: int | None = None) -> Iterator[list[int]]:
        """Some candidates at a time, ``first`` in the beginning."""
        at_once = IDS_AT_ONCE if first is None else first
        while some := [*islice(ids, at_once)]:
            yield some
            at_once = IDS_AT_ONCE
            self.left -= len(some)
            if self.left <= 0:
                self.end = some[-1]
                return


class FoundIds(Struct, frozen=True):
    """What was found, by id. ``reaches``: how much is looked at, of each kind."""

    ids: Iterator[int]
    indexed_until: str | None
    reaches: tuple[Reach, ...] = ()

    @property
    def end(self) -> int | None:
        """Once the ids were read: the one after which there may be more, and up to which they count, if any."""
        return min((reach.end for reach in self.reaches if reach.end is not None), default=None)


def search_contacts(
    tx: Tx,
    *,
    query: Query,
    group: str | None,
    after: int,
    limit: int,
    include: frozenset[str],
    suppressed: bool,
    group_id: int | None = None,
) -> Found:
    """The contacts after an id that match, in order of id; none of a group that there is not.

    ``suppressed``: find those too who opted out of everything. ``group_id``: the group's id, where it is known already.
    """
    listed = find_ids(tx, query=query, group=group, after=after, suppressed=suppressed, of_page=True, group_id=group_id)
    found: list[StoredContact] = []
    status = SUPPRESSED if suppressed else KNOWN
    read = Reach(COMPARED_MAX)
    # One more than wanted, which says that there is more; then more at once, since these were not all listed.
    for some in read.take(listed.ids, first=limit + 1):
        among = contacts.list_contacts_among(tx, ids=some)
        found += [contact for contact in among if contact.consent_status <= status]
        if len(found) > limit:
            break
    ends = [end for end in (listed.end, read.end) if end is not None]
    if ends:
        found = [contact for contact in found if contact.id <= min(ends)]
    shown = found[:limit]
    following = shown[-1].id if len(found) > limit else min(ends, default=None)
    return Found(show_cards(tx, shown, include), following, listed.indexed_until)


def find_ids(
    tx: Tx,
    *,
    query: Query,
    group: str | None,
    after: int,
    suppressed: bool,
    of_page: bool = False,
    group_id: int | None = None,
) -> FoundIds:
    """The ids after one that match, in order and read as far as they are wanted; some may be removed meanwhile.

    ``suppressed``: those too who opted out of everything; without it some of them may be found all the same.
    ``of_page``: look at no more than one page does; ``end`` then says how far these are all. ``group_id``: the group's
    id, where it is known already.
    """
    written = find_written(tx, state=search.get_state(tx))
    list_id = directory.BOOK if suppressed else directory.LISTED
    if group is not None:
        group_id = group_id or groups.find_group_id(tx, folded=fold_name(group))
        if group_id is None:
            return FoundIds(iter(()), written.indexed_until)
        list_id = group_id
    fresh = list_matching(tx, written, query, after=after)
    few = None if group_id is None else _read_members(tx, group_id=group_id, after=after)
    compared, asked = Reach(COMPARED_MAX if of_page else ID_MAX), Reach(ASKED_MAX if of_page else ID_MAX)
    indexed = _list_indexed(tx, query, written, list_id=list_id, after=after, among=few, reach=compared)
    if group_id is not None:
        fresh = _keep_members(tx, fresh, group_id=group_id, reach=Reach(ID_MAX))
        indexed = indexed if few is not None else _keep_members(tx, indexed, group_id=group_id, reach=asked)
    return FoundIds(merge(fresh, indexed), written.indexed_until, (compared, asked))


# ---- by the index -------------------------------------------------------------------------------------


def _list_indexed(
    tx: Tx, query: Query, written: Written, *, list_id: int, after: int, among: _ByBlock | None, reach: Reach
) -> Iterator[int]:
    """The ids after one that the index finds, in order. What was written after the index is passed over.

    ``among``: the contacts that count, if not all do. ``reach``: how many are compared.
    """
    spans = directory.list_spans(tx, list_id=list_id)
    blocks = [
        block
        for first, last in spans
        for block in range(first >> BLOCK_SHIFT, (last >> BLOCK_SHIFT) + 1)
        if block >= after >> BLOCK_SHIFT and (among is None or block in among)
    ]
    long_starts = _find_long_starts(tx, query)
    tokens = sorted({token for term in query for part in term.list_parts() for token in _tokens_of(part)})
    is_exact = all(_is_exact(part) for term in query for part in term.list_parts())
    step, begin = 1, 0
    while begin < len(blocks):
        some = blocks[begin : begin + step]
        begin, step = begin + step, step * BLOCKS_GROWTH
        postings = search.find_postings(tx, keys=[(block, token) for block in some for token in tokens])
        for block in some:
            places = _intersect(query, _Block(block, postings, long_starts))
            if among is not None:
                places &= among[block]
            ids = ((block << BLOCK_SHIFT) + place for place in places)
            candidates = (number for number in ids if number > after and number not in written.ids)
            yield from candidates if is_exact else _keep_matching(tx, candidates, query, reach)
            if reach.end is not None:
                return


class _Block(Struct):
    """One block, and what is known of it: the rows of tokens, and the places of numbers that begin with many digits."""

    number: int
    postings: dict[tuple[int, str], bytes]
    long_starts: Mapping[str, _ByBlock]
    """By digits."""

    def find(self, token: str) -> BitMap:
        """The places of the contacts with a token."""
        ids = self.postings.get((self.number, token))
        return BitMap() if ids is None else search.read_posting(ids)

    def find_start(self, digits: str) -> BitMap:
        """The places of the contacts whose numbers begin with some digits."""
        if len(digits) <= START_MAX:
            return self.find("^" + digits)
        return self.long_starts[digits].get(self.number, BitMap())


def _intersect(query: Query, block: _Block) -> BitMap:
    """The places in a block of all that may match."""
    places: BitMap | None = None
    for term in query:
        of_term = _unite(term, block)
        places = of_term if places is None else places & of_term
        if not places:
            break
    return BitMap() if places is None else places


def _unite(term: Term, block: _Block) -> BitMap:
    places: BitMap | None = None
    for part in term.parts:
        of_part = _find_part(part, block)
        places = of_part if places is None else places & of_part
    assert places is not None, "a term has a part"
    return places if term.joined is None else places | _find_part(term.joined, block)


def _find_part(part: Part, block: _Block) -> BitMap:
    found = [block.find(word_token(part.word))] if part.word else []
    found += [block.find_start(start) for start in part.starts]
    if part.end:
        found.append(block.find("$" + part.end[-END_MAX:]))
    return found[0] if len(found) == 1 else BitMap.union(*found)


def _tokens_of(part: Part) -> list[str]:
    tokens = [word_token(part.word)] if part.word else []
    tokens += ["^" + start for start in part.starts if len(start) <= START_MAX]
    return [*tokens, "$" + part.end[-END_MAX:]] if part.end else tokens


def _is_exact(part: Part) -> bool:
    return (not part.word or is_whole(part.word)) and len(part.end) <= END_MAX


def _find_long_starts(tx: Tx, query: Query) -> dict[str, _ByBlock]:
    """By digits, the places of numbers that begin with more of them than tokens have."""
    long = {start for term in query for part in term.list_parts() for start in part.starts if len(start) > START_MAX}
    return {digits: _by_block(search.find_ids_by_prefix(tx, digits=digits, longest=E164_DIGITS_MAX)) for digits in long}


def _keep_matching(tx: Tx, ids: Iterator[int], query: Query, reach: Reach) -> Iterator[int]:
    """Those that match by all of their words and digits, of which tokens have only some."""
    for some in reach.take(ids):
        entries = search.find_entries(tx, ids=some)
        for number in some:
            entry = entries.get(number)
            if entry is not None:
                digits, words = str(entry.mobile), entry.words.split(" ")
                if all(term.matches(digits, words) for term in query):
                    yield number


# ---- in a group ---------------------------------------------------------------------------------------


def _read_members(tx: Tx, *, group_id: int, after: int) -> _ByBlock | None:
    """The members of a group after an id, if it has few; ``None`` where each candidate is better asked for."""
    if directory.count_list(tx, list_id=group_id) > MEMBERS_READ_MAX:
        return None
    return _by_block(groups.list_members_between(tx, group_id=group_id, first=after + 1, last=ID_MAX))


def _keep_members(tx: Tx, ids: Iterator[int], *, group_id: int, reach: Reach) -> Iterator[int]:
    """Those that are in a group, in order."""
    for some in reach.take(ids):
        members = groups.find_members(tx, group_id=group_id, ids=some)
        yield from [number for number in some if number in members]


def _by_block(ids: Iterable[int]) -> _ByBlock:
    """The places of some contacts, by block."""
    places: dict[int, list[int]] = {}
    for number in ids:
        places.setdefault(number >> BLOCK_SHIFT, []).append(number & BLOCK_MASK)
    return {block: BitMap(array("I", some)) for block, some in places.items()}
