"""The inbound addresses of a project, as its owners list, make and revoke them. No HTTP.

The role of the one who asks is read in the same transaction. Addresses that work have different labels, so that a form
that is sent twice makes one address. Those of senders follow the senders, and those of connections are not listed.
"""

from __future__ import annotations

from daftari.errors import TokenNotFound
from daftari.gateways import GATEWAYS, Gateway
from daftari.model.inbound import InboundToken
from daftari.model.limits import LABEL_MAX
from daftari.rules.access import inbound_tokens
from daftari.rules.access.errors import AddressTaken
from daftari.rules.access.log import note
from daftari.rules.access.roles import Act, require
from daftari.rules.access.sessions import SignedIn
from daftari.rules.events import Action
from daftari.rules.fields import Problems, fold_name, read_text
from daftari.store import SystemTx, Tx

SECRET_MAX = 500
"""Characters of a provider's secret."""


def list_addresses(tx: Tx, *, signed_in: SignedIn, project_id: int) -> list[InboundToken]:
    """The addresses that are accepted now, in order of creation. Raises what ``require`` raises."""
    require(tx, signed_in=signed_in, project_id=project_id, act=Act.INBOUND)
    return _list_accepted(tx, project_id)


def overlook_addresses(tx: Tx, *, signed_in: SignedIn, project_id: int) -> list[InboundToken]:
    """The same for everyone of the project: what they are called, not what leads there."""
    require(tx, signed_in=signed_in, project_id=project_id, act=Act.LOOK)
    return _list_accepted(tx, project_id)


def _list_accepted(tx: Tx, project_id: int) -> list[InboundToken]:
    return [
        token
        for token in inbound_tokens.list_tokens(tx)
        if token.project_id == project_id
        and token.connection_id is None
        and (token.revoked_at is None or token.revoked_at > tx.now)
    ]


def get_address(tx: Tx, *, signed_in: SignedIn, project_id: int, start: str) -> InboundToken:
    """The address whose token begins so. Raises what ``require`` raises, and ``TokenNotFound``."""
    found = list_addresses(tx, signed_in=signed_in, project_id=project_id)
    token = next((token for token in found if token.start == start), None)
    if token is None:
        raise TokenNotFound(start)
    return token


def create_address(
    tx: SystemTx,
    *,
    signed_in: SignedIn,
    project_id: int,
    provider: object,
    label: object,
    secret: object,
    verify_token: str,
    request_id: str,
) -> tuple[str, InboundToken]:
    """A new address: the token in it, which is shown once, and what is kept of it.

    ``verify_token`` is for a provider that checks the address. Raises what ``require`` raises, ``ValidationFailed``,
    and ``AddressTaken`` where an address that works has the label.
    """
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.INBOUND)
    problems = Problems()
    gateway = problems.read("provider", provider, _read_provider)
    called = problems.read("label", label, _read_label)
    given = problems.read("secret", secret, lambda value: _read_secret(value, gateway=gateway))
    problems.refuse()
    assert gateway is not None and called is not None
    for token in list_addresses(tx, signed_in=signed_in, project_id=project_id):
        if token.sender_id is None and fold_name(token.label) == fold_name(called):
            raise AddressTaken(token.label)
    made = inbound_tokens.create_token(
        tx,
        project=access.project,
        provider=gateway.name,
        label=called,
        signing_secret=given,
        verify_token=verify_token if gateway.has_check else None,
    )
    note(tx, access.project, access.actor(request_id), Action.CREATE_ADDRESS)
    return made


def set_secret(
    tx: SystemTx, *, signed_in: SignedIn, project_id: int, start: str, secret: object, request_id: str
) -> None:
    """Another secret of the provider's. Raises what ``get_own_address`` raises, and ``ValidationFailed``."""
    token = get_own_address(tx, signed_in=signed_in, project_id=project_id, start=start)
    problems = Problems()
    given = problems.read("secret", secret, lambda value: read_text(value, most=SECRET_MAX))
    if given is None and not problems:
        problems.add("secret", "is required.")
    problems.refuse()
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.INBOUND)
    inbound_tokens.set_signing_secret(tx, start=token.start, signing_secret=problems.require(given))
    note(tx, access.project, access.actor(request_id), Action.UPDATE_ADDRESS)


def revoke_address(tx: SystemTx, *, signed_in: SignedIn, project_id: int, start: str, request_id: str) -> InboundToken:
    """Accept nothing more that arrives there. Raises what ``get_own_address`` raises."""
    token = get_own_address(tx, signed_in=signed_in, project_id=project_id, start=start)
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.INBOUND)
    inbound_tokens.revoke_token(tx, start=token.start)
    note(tx, access.project, access.actor(request_id), Action.REVOKE_ADDRESS)
    return token


def get_own_address(tx: Tx, *, signed_in: SignedIn, project_id: int, start: str) -> InboundToken:
    """The same, if it is no sender's. Raises what ``get_address`` raises, and ``TokenOfSender``."""
    token = get_address(tx, signed_in=signed_in, project_id=project_id, start=start)
    return inbound_tokens.get_own_token(tx, token.start)


def _read_provider(value: object) -> Gateway:
    found = GATEWAYS.get(str(value or ""))
    if found is None:
        raise ValueError(f"must be one of: {', '.join(GATEWAYS)}.")
    return found


def _read_label(value: object) -> str:
    label = read_text(value, most=LABEL_MAX)
    if label is None:
        raise ValueError("is required.")
    return label


def _read_secret(value: object, *, gateway: Gateway | None) -> str | None:
    secret = read_text(value, most=SECRET_MAX)
    if gateway is not None and secret is None and gateway.secret_required:
        raise ValueError("is required.")
    if gateway is not None and secret is not None and gateway.secret_name is None:
        raise ValueError("must be blank: this provider proves nothing.")
    return secret
