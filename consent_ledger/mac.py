"""HMAC-SHA256 written out (RFC 2104), for keys of 32 bytes.

The library's own call costs two to three times as much, and every part of every entry is checked by one.
"""

from hashlib import sha256

KEY_SIZE = 32
_REST = 64 - KEY_SIZE
"""SHA-256 works in blocks of 64 bytes; a shorter key is filled up with zeros."""
_INNER, _OUTER = 0x36, 0x5C
_BY_INNER, _BY_OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (_INNER, _OUTER))
_INNER_REST, _OUTER_REST = (bytes((pad,)) * _REST for pad in (_INNER, _OUTER))


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 of `message`, 32 bytes. `key` has 32 bytes, or the result is not HMAC's."""
    inner = sha256(key.translate(_BY_INNER) + _INNER_REST + message).digest()
    return sha256(key.translate(_BY_OUTER) + _OUTER_REST + inner).digest()


class KeyedMac:
    """`mac` under one key, prepared once."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError("a key has 32 bytes")
        self._inner = key.translate(_BY_INNER) + _INNER_REST
        self._outer = key.translate(_BY_OUTER) + _OUTER_REST

    def __call__(self, message: bytes) -> bytes:
        return sha256(self._outer + sha256(self._inner + message).digest()).digest()
