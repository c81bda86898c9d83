"""Every vector is what its maker writes, and the product judges each as it should."""

import base64
from typing import Any

import pytest

from consent_ledger.errors import ProofRefused
from consent_ledger.log.checkpoint import open_checkpoint
from consent_ledger.log.note import Note, VerifierKey
from consent_ledger.log.proof import Proof, verify_proof
from consent_ledger.log.tree import verify_consistency, verify_inclusion
from tests.vectors.make import FILES, FOLDER, made, read

Case = dict[str, Any]
FEWEST_FAMILIES = 20
"""Kinds of forgery in each of the larger files."""


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=f"{at}-{case['family']}") for at, case in enumerate(read(name), start=1)]


def keys(texts: list[str]) -> list[VerifierKey]:
    return [VerifierKey.parse(text) for text in texts]


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def judge_inclusion(case: Case) -> None:
    leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
    verify_inclusion(leaf, case["index"], case["size"], unhex(case["proof"]), root)


def judge_consistency(case: Case) -> None:
    old_root, new_root = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    verify_consistency(case["old_size"], case["new_size"], old_root, new_root, unhex(case["proof"]))


def judge_vkey(case: Case) -> None:
    key = VerifierKey.parse(case["vkey"])
    assert (key.name, key.kind, key.public.hex()) == (case["name"], case["kind"], case["public"])
    assert str(key) == case["vkey"]


def judge_note(case: Case) -> None:
    raw = base64.b64decode(case["note"])
    note = Note.parse(raw)
    assert [signed.key.name for signed in note.verified(keys(case["keys"]))] == case["signers"]
    assert bytes(note) == raw


def judge_checkpoint(case: Case) -> None:
    checkpoint = open_checkpoint(base64.b64decode(case["note"]), VerifierKey.parse(case["key"])).checkpoint
    assert (checkpoint.origin, checkpoint.size, checkpoint.root.hex()) == (
        case["origin"], case["size"], case["root"],
    )  # fmt: skip


def judge_cosignatures(case: Case) -> None:
    opened = open_checkpoint(
        base64.b64decode(case["note"]), VerifierKey.parse(case["key"]), keys(case["witnesses"])
    )
    assert [[signed.key.name, signed.time] for signed in opened.cosigned] == case["cosigned"]


def judge_proof(case: Case) -> None:
    raw = base64.b64decode(case["proof"])
    entry, log = bytes.fromhex(case["entry"]), VerifierKey.parse(case["key"])
    proof, opened = verify_proof(raw, entry, log, keys(case["witnesses"]))
    assert (proof.index, opened.checkpoint.size) == (case["index"], case["size"])
    assert [[signed.key.name, signed.time] for signed in opened.cosigned] == case["cosigned"]
    assert bytes(Proof.parse(raw)) == raw


JUDGES = {
    "inclusion": judge_inclusion,
    "consistency": judge_consistency,
    "vkeys": judge_vkey,
    "notes": judge_note,
    "checkpoints": judge_checkpoint,
    "cosignatures": judge_cosignatures,
    "proofs": judge_proof,
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_vectors_is_what_its_maker_writes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == made(name)


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, *one.values, id=f"{name}-{one.id}") for name in FILES for one in cases(name)],
)
def test_right_ones_are_accepted_and_forged_ones_refused(name: str, case: Case) -> None:
    if case["valid"]:
        JUDGES[name](case)
    else:
        with pytest.raises(ProofRefused):
            JUDGES[name](case)


@pytest.mark.parametrize("name", ["inclusion", "consistency", "notes", "proofs"])
def test_forged_ones_are_of_twenty_kinds_at_least(name: str) -> None:
    families = {case["family"] for case in read(name) if not case["valid"]}
    assert len(families) >= FEWEST_FAMILIES, sorted(families)
