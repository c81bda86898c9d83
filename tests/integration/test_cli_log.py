"""What the operator types about the log: export, prove, consistency, verify, fsck."""

import base64
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from consent_ledger.log.checkpoint import open_checkpoint
from consent_ledger.log.note import VerifierKey
from consent_ledger.log.tiles import tile_path, unbundle
from consent_ledger.log.tree import verify_consistency
from hub.__main__ import app
from tests.integration.typing_operator import Operator


@pytest.fixture
def hub(tmp_path: Path) -> Operator:
    operator = Operator(tmp_path / "hub")
    operator("init")
    for number in range(3):
        operator(
            "agency", "add", f"agency-{number}", "--name", "An agency", "--service-type", "HOSTEL",
        )  # fmt: skip
    return operator


def told(*words: object, code: int = 0) -> str:
    """Types a command and reads what a person reads."""
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_an_export_is_checked_with_the_key_that_it_names(hub: Operator, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    exported = hub("ledger", "export", folder)
    assert exported["size"] == 4, "two codes for administrators, then three agencies"
    text = told("ledger", "verify", folder, "--vkey", exported["verifier_key"])
    assert "holds 4 entries" in text
    assert "Not proved" in text
    answer = json.loads(told("ledger", "verify", folder, "--json"))
    assert (answer["size"], answer["pinned"], answer["cosigned_by"]) == (4, False, [])
    assert hub("ledger", "export", folder)["size"] == 4  # again, into the same folder


def test_an_export_of_another_ledger_is_not_written_over(hub: Operator, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    hub("ledger", "export", folder)
    other = Operator(tmp_path / "other")
    other("init")
    assert other.refused("ledger", "export", folder, code=2) == "ALREADY_EXISTS"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("mine")
    assert hub.refused("ledger", "export", tmp_path / "mine", code=2) == "ALREADY_EXISTS"


def test_a_tampered_export_is_refused_in_plain_words(hub: Operator, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    key = hub("ledger", "export", folder)["verifier_key"]
    path = folder / "log" / tile_path("entries", 0, 4)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    text = told("ledger", "verify", folder, "--vkey", key, code=1)
    assert "Not done. REFUSED: the entries do not lead to the signed root" in text
    assert "keep this one as evidence" in text


def test_a_proof_is_two_files_that_verify_without_the_hub(hub: Operator, tmp_path: Path) -> None:
    key = hub("ledger", "export", tmp_path / "log")["verifier_key"]
    folder = tmp_path / "proofs"
    written = hub("ledger", "prove", 2, "--out", folder)
    assert sorted(path.name for path in folder.iterdir()) == ["2.leaf", "2.tlog-proof"]
    entry = unbundle((tmp_path / "log" / "log" / tile_path("entries", 0, 4)).read_bytes())[1]
    assert Path(written["leaf"]).read_bytes() == entry
    assert "2.tlog-proof: this entry stands at position 2 of the 4 entries" in told(
        "ledger", "verify", folder, "--vkey", key
    )
    assert hub.refused("ledger", "prove", 900, "--out", folder) == "BEYOND_LEDGER"


def test_a_later_export_is_compared_with_what_was_kept(hub: Operator, tmp_path: Path) -> None:
    exported = hub("ledger", "export", tmp_path / "log")
    kept = tmp_path / "kept"
    kept.write_bytes((tmp_path / "log" / "log" / "checkpoint").read_bytes())
    hub("agency", "add", "later", "--name", "An agency", "--service-type", "HOSTEL")
    assert hub("ledger", "export", tmp_path / "log")["size"] == 5
    key = exported["verifier_key"]
    text = told("ledger", "verify", tmp_path / "log", "--vkey", key, "--older", kept)
    assert "begins with the 4 entries of a checkpoint that you hold" in text

    printed = hub("ledger", "consistency", 4)
    now = open_checkpoint((tmp_path / "log" / "log" / "checkpoint").read_bytes(), VerifierKey.parse(key))
    older = open_checkpoint(kept.read_bytes(), VerifierKey.parse(key))
    hashes = [base64.b64decode(one) for one in printed["hashes"]]
    verify_consistency(4, printed["new_size"], older.checkpoint.root, now.checkpoint.root, hashes)
    assert hub.refused("ledger", "consistency", 4, 900) == "BEYOND_LEDGER"


def test_verify_says_what_it_cannot_look_at(tmp_path: Path) -> None:
    told("ledger", "verify", tmp_path / "nowhere", code=2)
    told("ledger", "verify", tmp_path, "--vkey", "no key", code=1)
    assert "BAD_FILE" in told("ledger", "verify", tmp_path, "--policy", tmp_path / "none", code=2)


def test_fsck_finds_what_was_flipped_and_says_where(hub: Operator) -> None:
    hub("ledger", "prove", 4, "--out", hub.data.parent / "proofs")  # so that all of it is signed
    answer = hub("ledger", "fsck")
    assert (answer["size"], answer["signed"], answer["findings"]) == (4, 4, [])
    with sqlite3.connect(hub.data / "ledger.db") as file:
        file.execute("UPDATE entries SET body = zeroblob(length(body)) WHERE position = 2")
    answer = hub("ledger", "fsck", code=1)
    assert answer["findings"] == [{"finding": "ALTERED", "position": 2, "level": None, "number": None}]
    text = told("--data", hub.data, "ledger", "fsck", code=1)
    assert "is DAMAGED: 1 findings in 4 entries. Entry 2: its stored bytes are not those" in text
    assert "Never delete or repair an entry" in text


def test_fsck_tells_what_is_only_derived(hub: Operator) -> None:
    hub("ledger", "prove", 1, "--out", hub.data.parent / "proofs")
    with sqlite3.connect(hub.data / "ledger.db") as file:
        file.execute("UPDATE log_state SET value = x'00' WHERE name = 'edge'")
    assert [one["finding"] for one in hub("ledger", "fsck", code=1)["findings"]] == ["EDGE"]
    assert "makes it anew" in told("--data", hub.data, "ledger", "fsck", code=1)


def test_fsck_finds_a_row_that_says_another_version(hub: Operator) -> None:
    """What no leaf covers is covered by the seal."""
    with sqlite3.connect(hub.data / "ledger.db") as file:
        file.execute("UPDATE entries SET version = version + 7 WHERE position = 2")
    assert [one["position"] for one in hub("ledger", "fsck", code=1)["findings"]] == [2]
