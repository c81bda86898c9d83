"""An exported log is accepted unmodified by Go's transparency log packages, and refused once tampered with.

The product's own verifier is held to the same table.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from consent_ledger.errors import ProofRefused
from consent_ledger.log.checkpoint import open_checkpoint
from consent_ledger.log.note import decode64
from consent_ledger.log.policy import Policy
from consent_ledger.log.proof import verify_proof
from consent_ledger.log.tree import verify_consistency
from consent_ledger.log.verify import verify_folder
from tests.log.exported import TAMPERINGS, WITNESSES, Kept, make

SOURCE = Path(__file__).parent / "third_party" / "main.go"
PACKAGES = "/usr/share/gocode"
"""Where Debian puts the sources of golang-golang-x-mod-dev."""

Judge = Callable[[Kept], str]
"""What is said against a log; nothing if it is accepted."""


@pytest.fixture(scope="session")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go, packages = shutil.which("go"), Path(PACKAGES, "src/golang.org/x/mod/sumdb/tlog")
    if go is None or not packages.is_dir():
        needed = "apt-get install golang-go golang-golang-x-mod-dev"
        pytest.fail(f"This cannot be tried here: Go's packages are missing (Debian: {needed})", pytrace=False)
    program = tmp_path_factory.mktemp("go") / "check"
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": PACKAGES,
        "GOCACHE": str(tmp_path_factory.mktemp("go-cache")),
        "GOFLAGS": "",
    }
    command = [go, "build", "-o", str(program), str(SOURCE)]
    made = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return program


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return make(tmp_path_factory.mktemp("exported") / "kept", 700, 1000)


@pytest.fixture(params=["go", "ours"])
def judge(request: pytest.FixtureRequest, go_program: Path) -> Judge:
    if request.param == "ours":
        return ours

    def go(kept: Kept) -> str:
        log, *witnesses = map(str, kept.keys)
        command = [str(go_program), str(kept.export), log]
        for witness in witnesses:
            command += ["-witness", witness]
        command += ["-older", str(kept.older), "-consistency", str(kept.consistency)]
        command += ["-proof", str(kept.proof), "-entry", str(kept.leaf)]
        found = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert found.returncode in (0, 1), found.stderr
        return found.stderr

    return go


def ours(kept: Kept) -> str:
    names = [witness.name for witness in WITNESSES]
    policy = f"log {kept.keys[0]}\n"
    policy += "".join(f"witness {name} {key}\n" for name, key in zip(names, kept.keys[1:], strict=True))
    policy += f"group both all {' '.join(names)}\nquorum both\n"
    try:
        found = verify_folder(kept.export, kept.keys, Policy.parse(policy.encode()), [kept.older])
        verify_proof(kept.proof.read_bytes(), kept.leaf.read_bytes(), kept.keys[0], kept.keys[1:])
        assert found.log is not None
        older, now = open_checkpoint(kept.older.read_bytes(), kept.keys[0]).checkpoint, found.log.checkpoint
        hashes = [decode64(line) for line in kept.consistency.read_text().splitlines()]
        verify_consistency(older.size, now.size, older.root, now.root, hashes)
    except ProofRefused as refused:
        return str(refused)
    return ""


def test_an_exported_log_is_accepted(kept: Kept, judge: Judge) -> None:
    assert judge(kept) == ""


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_whatever_is_tampered_with_is_refused(
    kept: Kept, judge: Judge, tampering: str, tmp_path: Path
) -> None:
    copy = kept.copy(tmp_path / "copy")
    TAMPERINGS[tampering](copy)
    assert judge(copy) != ""


@pytest.mark.slow
def test_a_log_of_three_levels_is_accepted(judge: Judge, tmp_path: Path) -> None:
    assert judge(make(tmp_path / "large", 66_000, 70_000)) == ""


@pytest.mark.slow
def test_whatever_is_tampered_with_in_a_log_of_three_levels_is_refused(judge: Judge, tmp_path: Path) -> None:
    large = make(tmp_path / "large", 66_000, 70_000)
    for name, tampering in TAMPERINGS.items():
        copy = large.copy(tmp_path / "copy")
        tampering(copy)
        assert judge(copy) != "", name
        shutil.rmtree(copy.root)
