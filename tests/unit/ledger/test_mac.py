"""HMAC-SHA256 written out is the library's."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_ledger.mac import KeyedMac, mac

KEYS = st.binary(min_size=32, max_size=32)


@given(key=KEYS, message=st.binary(max_size=300))
def test_it_is_the_librarys(key: bytes, message: bytes) -> None:
    expected = hmac.digest(key, message, "sha256")

    assert mac(key, message) == expected
    assert KeyedMac(key)(message) == expected


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_keys_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyedMac(bytes(size))
