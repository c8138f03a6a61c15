"""Sealed values: read back in their place under their secret, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.errors import SealBroken
from daftari.model.secrets import Secret
from daftari.store import Tx
from daftari.store.engine import Transaction
from daftari.store.sealing import FORM, NONCE_BYTES, purpose_of, seal, unseal

PLACE = purpose_of("inbound_token", "signing_secret", project_id=3, row_id=12)
TEXT = b"kikapu cha ndizi"
TAG_BYTES = 16


class _Keyed:
    """What sealing needs of a transaction: its key."""

    def __init__(self, secret: bytes) -> None:
        self.erasure_key = sha256(secret).digest()


def keyed(secret: bytes = b"the secret of this service") -> Tx:
    return cast("Tx", _Keyed(secret))


def other_places() -> Iterator[str]:
    yield purpose_of("inbound_token", "verify_token", project_id=3, row_id=12)
    yield purpose_of("sender", "signing_secret", project_id=3, row_id=12)
    yield purpose_of("inbound_token", "signing_secret", project_id=4, row_id=12)
    yield purpose_of("inbound_token", "signing_secret", project_id=3, row_id=13)
    yield purpose_of("inbound_token", "signing_secret", project_id=31, row_id=2)
    yield ""


def test_a_transaction_has_the_key_that_sealing_asks_for() -> None:
    assert "erasure_key" in Transaction.__slots__


@given(st.binary(max_size=300), st.text(max_size=60))
def test_a_sealed_text_is_read_back_in_its_place(text: bytes, place: str) -> None:
    place = place.encode(errors="replace").decode()
    sealed = seal(keyed(), text, purpose=place)
    assert unseal(keyed(), sealed, purpose=place) == text
    assert len(sealed) == len(FORM) + NONCE_BYTES + len(text) + TAG_BYTES
    assert len(text) < 4 or text not in sealed


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert len({seal(keyed(), TEXT, purpose=PLACE) for _ in range(100)}) == 100


def test_in_another_row_column_table_or_project_it_cannot_be_read() -> None:
    sealed = seal(keyed(), TEXT, purpose=PLACE)
    for place in other_places():
        with pytest.raises(SealBroken):
            unseal(keyed(), sealed, purpose=place)


def test_with_one_bit_changed_it_cannot_be_read() -> None:
    sealed = seal(keyed(), TEXT, purpose=PLACE)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            unseal(keyed(), bytes(changed), purpose=PLACE)


@pytest.mark.parametrize("length", [0, 1, NONCE_BYTES, 1 + NONCE_BYTES, NONCE_BYTES + TAG_BYTES])
def test_cut_off_or_lengthened_it_cannot_be_read(length: int) -> None:
    sealed = seal(keyed(), TEXT, purpose=PLACE)
    for changed in (sealed[:length], sealed[:-1], sealed + b"\0"):
        with pytest.raises(SealBroken):
            unseal(keyed(), changed, purpose=PLACE)


def test_another_secret_gives_one_clear_sentence_without_the_text() -> None:
    sealed = seal(keyed(), TEXT, purpose=PLACE)
    with pytest.raises(SealBroken) as refused:
        unseal(keyed(b"another secret of this service"), sealed, purpose=PLACE)
    assert refused.value.message == (
        f"The sealed value {PLACE} cannot be read: it was sealed with another secret than that of DAFTARI_SECRET or "
        "its file, or changed since; give the right secret, or store the value again."
    )


def test_a_secret_shows_itself_in_no_repr_and_no_json() -> None:
    secret = Secret("kikapu")
    assert (secret, secret.encode()) == ("kikapu", b"kikapu")
    assert repr({"credentials": [secret]}) == "{'credentials': [Secret(…)]}"
    assert "kikapu" not in f"{secret!r}"
    with pytest.raises(TypeError):
        msgspec.json.encode({"password": secret})
