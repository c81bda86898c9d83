"""Random bytes asked for many at a time: nobody is given what another was given."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from consent_ledger.entropy import random_bytes


@pytest.mark.parametrize("size", [1, 12, 16, 32, 33, 4096])
def test_as_many_bytes_as_asked_for(size: int) -> None:
    assert len(random_bytes(size)) == size


def test_threads_are_never_given_the_same_bytes() -> None:
    with ThreadPoolExecutor(8) as threads:
        given = [one for some in threads.map(lambda _: _many(4000), range(8)) for one in some]
    assert len(set(given)) == len(given) == 32_000


def test_a_forked_process_is_not_given_its_parents_bytes() -> None:
    random_bytes(32)  # so that some are waiting
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"".join(_many(20)))
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    theirs = os.read(read, 20 * 32)
    os.close(read)
    os.close(write)
    assert not {theirs[at : at + 32] for at in range(0, len(theirs), 32)} & set(_many(200))


def _many(number: int) -> list[bytes]:
    return [random_bytes(32) for _ in range(number)]
