"""The root key file, and keys that a command made in vain."""

import os
import stat
from pathlib import Path

import pytest

from consent_ledger.entry import KeyOwner
from consent_ledger.errors import KeyFileRefused
from consent_ledger.keys import KeyRing
from consent_ledger.root_keys.file import create_root_key, read_root_key
from tests.unit.ledger.keyring import ROOT, new_vault, store_pending


def test_a_new_root_key_is_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "root.key"
    key = create_root_key(file)

    assert len(key) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_root_key(file) == key
    assert create_root_key(file) == key


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o602])
def test_a_root_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "root.key"
    create_root_key(file)
    file.chmod(mode)

    with pytest.raises(KeyFileRefused) as refused:
        read_root_key(file)
    assert "chmod 600" in str(refused.value)
    file.chmod(0o400)
    assert len(read_root_key(file)) == 32


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_root_key_of_another_size_is_refused(tmp_path: Path, size: int) -> None:
    file = tmp_path / "root.key"
    file.write_bytes(os.urandom(size))
    file.chmod(0o600)

    with pytest.raises(KeyFileRefused, match="not 32 bytes"):
        read_root_key(file)
    with pytest.raises(KeyFileRefused, match="not 32 bytes"):
        create_root_key(file)


def test_a_missing_root_key_is_refused_without_naming_its_place(tmp_path: Path) -> None:
    with pytest.raises(KeyFileRefused, match="missing") as refused:
        read_root_key(tmp_path / "root.key")
    assert str(tmp_path) not in str(refused.value)
    with pytest.raises(KeyFileRefused, match="cannot be created"):
        create_root_key(tmp_path / "no" / "such" / "folder")
    with pytest.raises(KeyFileRefused, match="cannot be read"):
        read_root_key(tmp_path)


def test_keys_made_since_a_mark_are_forgotten_and_the_others_kept() -> None:
    vault, ring, _ = new_vault()
    kept, lost = KeyOwner(None, "LINK"), KeyOwner(None, "CONSENT")
    sealed = vault.seal_cell(kept, b"", b"content")
    mark = ring.mark()
    vault.seal_cell(lost, b"", b"content")
    ring.undo(mark)

    assert vault.open_cell(kept, b"", sealed) == b"content"
    assert len(ring.take_pending(mark)) == 1
    vault.seal_cell(lost, b"", b"content")
    assert ring.mark() == 1


def test_a_named_key_is_made_once_and_found_again() -> None:
    vault, ring, table = new_vault()
    mark = ring.mark()
    key = vault.named_key("log-signing-key")

    assert (len(key), ring.mark()) == (32, mark + 1)
    assert vault.named_key("log-signing-key") == key
    assert vault.named_key("another-key") != key
    store_pending(ring, table)
    again = KeyRing(ROOT, table)
    assert again.named_key("log-signing-key") == key
    assert again.mark() == 0
    assert key not in b"".join(row.wrapped for row in table.rows)


def test_a_named_key_of_a_command_that_failed_is_gone() -> None:
    vault, ring, _ = new_vault()
    mark = ring.mark()
    lost = vault.named_key("log-signing-key")
    ring.undo(mark)

    assert vault.named_key("log-signing-key") != lost


def test_forgetting_everything_reads_keys_again() -> None:
    vault, ring, table = new_vault()
    owner = KeyOwner(None, "LINK")
    sealed = vault.seal_cell(owner, b"", b"content")
    table.rows += ring.take_pending(ring.mark())
    ring.forget()

    assert vault.open_cell(owner, b"", sealed) == b"content"


def test_a_root_key_that_was_broken_off_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that holds half a key, or none, would be refused for ever: nobody could make the hub again."""
    file = tmp_path / "root.key"

    def fails(handle: int) -> None:
        raise OSError(5, "no")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", fails)
        with pytest.raises(KeyFileRefused):
            create_root_key(file)
    assert not file.exists()
    assert create_root_key(file) == file.read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["root.key"]
