"""What the offline verifier says, and that it needs nothing of the hub."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from consent_ledger.log.note import KeyType, SigningKey
from consent_ledger.log.tiles import ENTRIES, tile_path
from consent_ledger.log.verify import main
from tests.log.exported import Kept, flip, make, rewritten, rolled_back

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = {"consent_ledger", "cryptography", "_cffi_backend", "_rust"}
"""What it may load beside the standard library."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return make(tmp_path_factory.mktemp("exported") / "kept", 300, 600)


def said(*arguments: object) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    return main([str(one) for one in arguments], out, err), out.getvalue() + err.getvalue()


def pinned(kept: Kept) -> list[str]:
    return [argument for key in kept.keys for argument in ("--vkey", str(key))]


def test_it_says_what_is_proved_and_what_is_not(kept: Kept) -> None:
    code, text = said(kept.export, *pinned(kept), "--older", kept.older)
    assert code == 0
    assert "holds 600 entries" in text
    assert "begins with the 300 entries of a checkpoint that you hold" in text
    assert "witness east.example/witness cosigned" in text
    assert "Not proved: that what was recorded is true" in text
    assert "taken from the folder" not in text


def test_it_says_when_the_key_was_not_given(kept: Kept) -> None:
    code, text = said(kept.export)
    assert code == 0
    assert "taken from the folder itself. Compare them with those that you were given" in text
    assert str(kept.keys[0]) in text


def test_it_says_when_no_witness_was_asked_for(kept: Kept) -> None:
    code, text = said(kept.export, "--vkey", kept.keys[0])
    assert code == 0
    assert "No witness's signature was checked" in text


def test_another_key_than_the_logs_is_refused(kept: Kept) -> None:
    other = SigningKey(kept.key.name, KeyType.ED25519, bytes(32)).verifier
    code, text = said(kept.export, "--vkey", other)
    assert code == 1
    assert "REFUSED" in text


def test_a_policy_decides_whose_cosignatures_are_enough(kept: Kept, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    names = "".join(f"witness w{at} {key}\n" for at, key in enumerate(kept.keys[1:]))
    policy.write_text(f"log {kept.keys[0]}\n{names}group both all w0 w1\nquorum both\n")
    code, text = said(kept.export, "--vkey", kept.keys[0], "--policy", policy)
    assert (code, "As many witnesses cosigned as your policy asks for" in text) == (0, True)
    code, text = said(kept.root, "--vkey", kept.keys[0], "--policy", policy)
    assert (code, "stands at position 303" in text) == (0, True)
    bare = kept.copy(tmp_path / "bare")
    checkpoint = bare.log / "checkpoint"
    checkpoint.write_text(checkpoint.read_text().rsplit("—", 1)[0])
    code, text = said(bare.export, "--vkey", kept.keys[0], "--policy", policy)
    assert (code, "too few of the policy's witnesses" in text) == (1, True)


def test_a_log_that_the_policy_does_not_name_is_refused_whoever_cosigned_it(
    kept: Kept, tmp_path: Path
) -> None:
    """The witnesses cosign many logs: what they say of another one says nothing of this one."""
    other = make(tmp_path / "other", 3, 6)
    names = "".join(f"witness w{at} {key}\n" for at, key in enumerate(kept.keys[1:]))
    for quorum in ("group both all w0 w1\nquorum both\n", "quorum none\n"):
        policy = tmp_path / "policy"
        policy.write_text(f"log {kept.keys[0]}\n{names}{quorum}")
        code, text = said(kept.export, "--policy", policy)
        assert (code, "taken from the folder" in text) == (0, False), "the policy itself gives the key"
        for shown in (other.export, other.root):
            assert said(shown, "--policy", policy)[0] == 1
            code, text = said(shown, "--vkey", other.keys[0], "--policy", policy)
            assert (code, "your policy names another log" in text) == (1, True)
        code, text = said(kept.root, "--policy", policy)
        assert (code, "stands at position 303" in text) == (0, True)
    policy.write_text(f"log {other.keys[0]}\nlog {kept.keys[0]}\nquorum none\n")
    assert (said(kept.export, "--policy", policy)[0], said(other.export, "--policy", policy)[0]) == (0, 0)


def test_a_proof_alone_is_checked_with_its_entry(kept: Kept, tmp_path: Path) -> None:
    for path in (kept.proof, kept.leaf):
        shutil.copy(path, tmp_path)
    code, text = said(tmp_path, *pinned(kept))
    assert (code, f"{kept.proof.name}: this entry stands at position 303" in text) == (0, True)
    flip(tmp_path / kept.leaf.name, 30)
    code, text = said(tmp_path, *pinned(kept))
    assert (code, f"REFUSED: root (file {kept.proof.name})" in text) == (1, True)


def test_a_proof_under_another_positions_name_is_refused(kept: Kept, tmp_path: Path) -> None:
    shutil.copy(kept.proof, tmp_path / "304.tlog-proof")
    shutil.copy(kept.leaf, tmp_path / "304.leaf")
    assert said(tmp_path, *pinned(kept))[0] == 1


def test_a_proof_that_somebody_kept_convicts_a_rewritten_log(kept: Kept, tmp_path: Path) -> None:
    copy = kept.copy(tmp_path / "copy")
    rewritten(copy)
    assert said(copy.export, *pinned(kept))[0] == 0  # whole in itself, and signed by all
    code, text = said(copy.export, *pinned(kept), "--older", kept.proof)
    assert (code, "does not begin with one that you hold" in text) == (1, True)


def test_a_log_that_ran_back_is_convicted_by_what_somebody_kept(kept: Kept, tmp_path: Path) -> None:
    copy = kept.copy(tmp_path / "copy")
    rolled_back(copy)
    assert said(copy.export, *pinned(kept))[0] == 0
    code, text = said(copy.export, *pinned(kept), "--older", kept.older)
    assert (code, "shorter than a checkpoint that you hold" in text) == (1, True)


def test_entries_and_tiles_that_agree_are_nothing_without_the_signed_root(kept: Kept, tmp_path: Path) -> None:
    copy = kept.copy(tmp_path / "copy")
    checkpoint = (copy.log / "checkpoint").read_bytes()
    rewritten(copy)
    (copy.log / "checkpoint").write_bytes(checkpoint)
    code, text = said(copy.export, *pinned(kept))
    assert (code, "do not lead to the signed root" in text) == (1, True)


def test_tiles_of_an_earlier_export_may_stay_if_they_agree(kept: Kept, tmp_path: Path) -> None:
    copy = kept.copy(tmp_path / "copy")
    whole = (copy.log / tile_path(0, 1)).read_bytes()
    earlier = copy.log / tile_path(0, 1, 44)
    earlier.parent.mkdir(exist_ok=True)
    earlier.write_bytes(whole[: 44 * 32])
    assert said(copy.export, *pinned(kept))[0] == 0
    flip(earlier, 5)
    code, text = said(copy.export, *pinned(kept))
    assert (code, "disagrees with the later one" in text) == (1, True)


@pytest.mark.parametrize("left", [0, 51, 52 * 43, 52 * 44 - 1])
def test_an_earlier_bundle_of_fewer_entries_than_its_name_says_is_refused(
    kept: Kept, tmp_path: Path, left: int
) -> None:
    copy = kept.copy(tmp_path / "copy")
    whole = (copy.log / tile_path(ENTRIES, 1)).read_bytes()
    earlier = copy.log / tile_path(ENTRIES, 1, 44)
    earlier.parent.mkdir(exist_ok=True)
    earlier.write_bytes(whole[: 52 * 44])
    assert said(copy.export, *pinned(kept))[0] == 0
    earlier.write_bytes(whole[:left])
    assert said(copy.export, *pinned(kept))[0] == 1


def test_what_no_checkpoint_covers_is_refused(kept: Kept, tmp_path: Path) -> None:
    copy = kept.copy(tmp_path / "copy")
    beyond = copy.log / tile_path(0, 9)
    beyond.write_bytes(bytes(8192))
    code, text = said(copy.export, *pinned(kept))
    assert (code, "no checkpoint covers this (file 009)" in text) == (1, True)


@pytest.mark.parametrize("make_empty", [True, False])
def test_a_folder_without_a_log_is_no_proof(kept: Kept, tmp_path: Path, make_empty: bool) -> None:
    folder = tmp_path / "folder"
    if make_empty:
        folder.mkdir()
    assert said(folder, *pinned(kept))[0] == (1 if make_empty else 2)


def test_it_runs_alone(kept: Kept, tmp_path: Path) -> None:
    """Copied elsewhere with the modules beside it, and nothing else of ours: it loads no database."""
    package = tmp_path / "consent_ledger"
    shutil.copytree(ROOT / "consent_ledger" / "log", package / "log")
    for name in ("__init__.py", "errors.py"):
        shutil.copy(ROOT / "consent_ledger" / name, package)
    program = (
        "import sys; began = set(sys.modules);"  # Debian's Python loads a module of its own
        "from consent_ledger.log.verify import main; code = main(sys.argv[1:]);"
        "loaded = {name.split('.')[0] for name in sys.modules if name not in began};"
        "loaded -= sys.stdlib_module_names;"
        "print(*sorted(loaded)); sys.exit(code)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(kept.export), *pinned(kept)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    loaded = set(found.stdout.splitlines()[-1].split())
    assert {name for name in loaded if not name.startswith("_")} <= ALLOWED
