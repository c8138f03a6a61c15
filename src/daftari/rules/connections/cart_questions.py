"""The questions about carts that messages wait for: which are due, and what follows from the shop's answers. No SQL.

The shop is asked outside of any transaction, by the job of the connection: it has the connector, the limits of its
calls and the fence. An answer counts from the moment of the question. If the cart changed since, it is dropped: what
changed has a message of its own to wait for. A worker that is killed asks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import CartQuestion, ConnectorFailed, Usage
from daftari.model.carts import CHECKOUT, LastAnswer, StoredCart
from daftari.model.connections import WORKING
from daftari.model.jobs import JobKind
from daftari.rules.carts.states import as_bought
from daftari.rules.carts.still_open import TRIES_MAX
from daftari.rules.connections.carts import CartChange, save_changes
from daftari.rules.connections.model import Opened, get_connection
from daftari.rules.connections.rows import kind_of
from daftari.rules.connections.saving import save_connection
from daftari.rules.firing import find_last_rounds
from daftari.store import Tx, WriteTx, carts, connections, messages, triggers
from daftari.store.jobs import hint_job

SECOND = 1_000_000
RETRY_SECONDS = 300
"""When the shop is asked again that could not be asked, or did not answer what was asked."""
QUESTIONS_MAX = 50
"""Questions of a step."""
OTHERS_MAX = 3
"""Other carts of a number of which the shop is asked too, the latest first."""
UNREACHABLE: LastAnswer = "unreachable"


class Answered(Struct, frozen=True):
    """What a shop said of a cart, and when it was asked."""

    key: str
    asked_at: int
    answer: LastAnswer


def may_ask(tx: Tx, opened: Opened) -> bool:
    """Whether the shop of a connection may be asked now."""
    stored = opened.stored
    is_limited = stored.state == "limited" and stored.due_at > tx.now
    return (
        kind_of(opened).carts
        and stored.state in WORKING
        and not (is_limited or opened.definition.push_only or opened.progress.verifies)
    )


def list_questions(tx: Tx, opened: Opened) -> tuple[StoredCart, ...]:
    """The carts of which the shop is to be asked now."""
    if not may_ask(tx, opened):
        return ()
    return tuple(carts.list_due_questions(tx, connection_id=opened.id, limit=QUESTIONS_MAX))


def write_questions(tx: Tx, *, cart: StoredCart) -> list[CartQuestion]:
    """What the shop is asked about a cart: of itself, then of others of its number that its buyer may have bought."""
    found = carts.find_carts_of_numbers(tx, mobiles=[cart.subject_id] if cart.subject_id else [])
    others = [
        one
        for one in sorted(found, key=lambda one: (-one.at, one.key))
        if one.connection_id == cart.connection_id and one.key != cart.key and one.state in ("open", "abandoned")
    ]
    return [_write_question(one, began_at=cart.began_at) for one in (cart, *others[:OTHERS_MAX])]


def _write_question(cart: StoredCart, *, began_at: int) -> CartQuestion:
    return CartQuestion(
        key=cart.key,
        id=cart.cart_id,
        cart_token=cart.cart_token,
        customer_id=cart.customer_id,
        email=cart.email,
        phones=[f"+{cart.subject_id}"] if cart.subject_id else [],
        began_at=began_at,
    )


# ---- answers ----------------------------------------------------------------------------------------------


def take_answers(tx: WriteTx, *, connection_id: int, fence: int, answers: Sequence[Answered], usage: Usage) -> bool:
    """Write what a shop said of some carts, and have the messages looked at that wait for it.

    Returns ``False`` when another worker has the connection.
    """
    opened = _find_asking(tx, connection_id, fence)
    if opened is None:
        return False
    said = {one.key: one for one in answers}
    asked = _find_asked(tx, connection_id, said)
    changes = [CartChange(cart, _after(cart, said[cart.key], now=tx.now)) for cart in asked]
    save_changes(tx, opened, changes)
    _wake(tx, [change.after for change in changes])
    _hint_next(tx, connection_id)
    progress = replace(opened.progress, day=usage.day, used=usage.used, allowed=usage.allowed)
    save_connection(tx, replace(opened, progress=progress))
    return True


def fail_questions(
    tx: WriteTx, *, connection_id: int, fence: int, asked: Sequence[StoredCart], failure: ConnectorFailed
) -> None:
    """Note that a shop can be asked about no cart: now, or until its limit is over."""
    opened = _find_asking(tx, connection_id, fence)
    if opened is None or failure.kind == "broken":
        return
    found = _find_asked(tx, connection_id, [cart.key for cart in asked])
    if failure.kind == "limited":
        until = max(failure.until or 0, tx.now + SECOND)
        changes = [CartChange(cart, replace(cart, ask_at=until)) for cart in found]
    else:
        said = [Answered(cart.key, tx.now, UNREACHABLE) for cart in found]
        changes = [CartChange(cart, _after(cart, one, now=tx.now)) for cart, one in zip(found, said, strict=True)]
    save_changes(tx, opened, changes)
    _wake(tx, [change.after for change in changes])
    _hint_next(tx, connection_id)


def _find_asking(tx: Tx, connection_id: int, fence: int) -> Opened | None:
    """The connection, if this worker still has it and it still works."""
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None or stored.fence != fence or stored.state not in WORKING:
        return None
    return get_connection(tx, connection_id=connection_id)


def _find_asked(tx: Tx, connection_id: int, keys: Iterable[str]) -> list[StoredCart]:
    """Those carts that are still to be asked about, as they are now: what changed since is asked about again."""
    found = carts.find_carts(tx, connection_id=connection_id, keys=sorted(keys))
    return [cart for cart in found if 0 < cart.ask_at <= tx.now]


def _after(cart: StoredCart, said: Answered, *, now: int) -> StoredCart:
    """A cart after a question. If that was not answered, the shop is asked once more, and then no longer."""
    if said.answer in ("unknown", UNREACHABLE):
        tries = cart.tries + 1
        ask_at = 0 if tries >= TRIES_MAX else now + RETRY_SECONDS * SECOND
        return replace(cart, answer=said.answer, asked_at=said.asked_at, tries=tries, ask_at=ask_at)
    if said.answer == "bought":
        return as_bought(replace(cart, answer="bought", asked_at=said.asked_at, tries=0))
    return replace(cart, answer="open", asked_at=said.asked_at, ask_at=0, tries=0)


def _wake(tx: WriteTx, found: Sequence[StoredCart]) -> None:
    """Have the messages looked at now that wait for the answer about some carts."""
    fired = triggers.find_fired(tx, fired=[(0, CHECKOUT)]) if found else []
    names = {(trigger.id, cart.subject_id, cart.key) for trigger in fired for cart in found if not cart.ask_at}
    waiting = [one for one in find_last_rounds(tx, names).values() if one.state == "waiting"] if names else []
    messages.save_messages(tx, messages=[replace(one, due_at=tx.now) for one in waiting if one.due_at > tx.now])
    for sender_id in sorted({one.sender_id for one in waiting}):
        hint_job(tx, kind=JobKind.SEND, subject=str(sender_id))


def _hint_next(tx: WriteTx, connection_id: int) -> None:
    """Have the job look again when the shop is to be asked next."""
    next_at = carts.find_next_question(tx, connection_id=connection_id)
    if next_at is not None:
        hint_job(tx, kind=JobKind.SYNC, subject=str(connection_id), due_at=max(next_at, tx.now))
