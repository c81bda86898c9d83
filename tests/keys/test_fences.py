"""The file of destroyed keys: only what was settled counts, whatever a power cut left of it."""

import stat
from pathlib import Path
from uuid import UUID

import pytest

from consent_ledger.errors import StorageFailed
from consent_ledger.fences import Fence, Fences

LEDGER, OTHER = UUID(int=1, version=4), UUID(int=2, version=4)
ONE, TWO = Fence(b"\x01" * 16, 7), Fence(b"\x02" * 16, 0)


def test_settled_fences_are_there_again_for_their_ledger_alone(tmp_path: Path) -> None:
    file = tmp_path / "fences"
    fences = Fences(LEDGER, file)
    fences.prepare(9, [ONE, TWO])
    assert ONE.key_id in fences
    assert fences.settle(True)
    assert not fences.settle(True)

    again = Fences(LEDGER, file)
    assert set(again) == {ONE, TWO}
    assert (again.recorded_through, again.unsettled) == (9, [])
    assert len(Fences(OTHER, file)) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().splitlines() == [
        f"{LEDGER} 9 {ONE.key_id.hex()} 7",
        f"{LEDGER} 9 {TWO.key_id.hex()} 0",
        f"{LEDGER} 9 done",
    ]


def test_what_was_taken_back_is_no_fence(tmp_path: Path) -> None:
    fences = Fences(LEDGER, tmp_path / "fences")
    fences.prepare(9, [ONE])
    fences.settle(False)
    fences.prepare(9, [TWO])
    fences.settle(True)

    for one in (fences, Fences(LEDGER, tmp_path / "fences")):
        assert set(one) == {TWO}
        assert ONE.key_id not in one


def test_what_was_never_settled_is_told_apart(tmp_path: Path) -> None:
    Fences(LEDGER, tmp_path / "fences").prepare(9, [ONE])

    again = Fences(LEDGER, tmp_path / "fences")
    assert again.unsettled == [ONE]
    assert len(again) == 0
    assert ONE.key_id in again  # until somebody has looked
    again.prepare(12, [TWO])
    again.settle(True)
    assert set(Fences(LEDGER, tmp_path / "fences")) == {TWO}


@pytest.mark.parametrize("cut", range(2, 60))
def test_a_torn_file_reads_as_far_as_it_is_whole(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "fences"
    fences = Fences(LEDGER, file)
    fences.prepare(9, [ONE])
    fences.settle(True)
    fences.prepare(10, [TWO])
    fences.settle(True)
    file.write_bytes(file.read_bytes()[:-cut])

    torn = Fences(LEDGER, file)
    assert set(torn) == {ONE}
    torn.prepare(11, [TWO])
    torn.settle(True)
    assert set(Fences(LEDGER, file)) == {ONE, TWO}


def test_it_says_how_far_it_reaches_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "fences"
    fences = Fences(LEDGER, file)
    fences.reached(5)
    fences.prepare(6, [ONE])
    fences.settle(True)
    fences.reached(1_000_000)
    assert file.read_text().splitlines()[0] == f"{LEDGER} 00000000000001000000 through"

    other = Fences(OTHER, file)
    assert other.through == 0
    other.reached(3)
    again = Fences(LEDGER, file)
    assert (again.through, set(again)) == (1_000_000, {ONE})
    again.reached(1_000_001)
    assert (Fences(OTHER, file).through, Fences(LEDGER, file).through) == (3, 1_000_001)
    assert file.read_text().count("through") == 2


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    fences = Fences(LEDGER, tmp_path / "no" / "such" / "fences")
    with pytest.raises(StorageFailed):
        fences.prepare(9, [ONE])
    with pytest.raises(StorageFailed):
        Fences(LEDGER, tmp_path)


def test_without_a_file_fences_hold_in_memory() -> None:
    fences = Fences(LEDGER)
    fences.prepare(1, [ONE])
    fences.settle(True)
    assert ONE.key_id in fences
