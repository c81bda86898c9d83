"""The system's random bytes, asked for many at a time.

Asking lets go of the interpreter's lock, and an entry needs a dozen of them: each time another thread would
take over in the middle of it.
"""

import os

_SIZE = 32
"""Bytes of a piece: a key or a salt; a nonce or an id takes the beginning of one."""
_AT_ONCE = 128
_pieces: list[bytes] = []


def random_bytes(size: int) -> bytes:
    """So many bytes as `os.urandom` gives them, safe from any thread. What was given is kept nowhere here."""
    if size > _SIZE:
        return os.urandom(size)
    while True:
        try:
            return _pieces.pop()[:size]  # one step, so that no two callers are given the same piece
        except IndexError:
            fresh = os.urandom(_SIZE * _AT_ONCE)
            _pieces.extend(fresh[at : at + _SIZE] for at in range(0, len(fresh), _SIZE))


os.register_at_fork(after_in_child=_pieces.clear)
