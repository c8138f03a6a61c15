"""Tokens that a browser holds: of a session, of a link, and of a form. Only hashes of the first two are stored.

The hash is of the database's epoch too, so that a restored or copied database knows no session and no link. No HTTP.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest, digest

from daftari.store import Tx

RANDOM_BYTES = 32
_FORM = b"daftari form"


def write_token() -> str:
    """The text of a new token: 32 random bytes."""
    return secrets.token_urlsafe(RANDOM_BYTES)


def hash_token(tx: Tx, token: str) -> bytes:
    """What is stored of a token."""
    return sha256(f"{tx.epoch()} {token}".encode(errors="surrogatepass")).digest()


def write_form_token(token: str) -> str:
    """A token for the forms of a page, bound to a session's token or to that of a visitor who is to sign in.

    It is another one each time, so that compressed pages do not reveal it.
    """
    pad = secrets.token_bytes(sha256().digest_size)
    return urlsafe_b64encode(pad + _mask(pad, _form_secret(token))).decode()


def is_form_token(written: str, *, token: str) -> bool:
    """Whether a form was on a page made for the holder of ``token``."""
    try:
        given = urlsafe_b64decode(written.encode("ascii"))
    except ValueError:
        return False
    size = sha256().digest_size
    return len(given) == 2 * size and compare_digest(_mask(given[:size], given[size:]), _form_secret(token))


def _form_secret(token: str) -> bytes:
    return digest(token.encode(errors="surrogatepass"), _FORM, sha256)


def _mask(pad: bytes, text: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(pad, text, strict=True))
