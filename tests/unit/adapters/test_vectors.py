"""The adapters' verifier judges the vectors as they say. The ledger's own is held to the same ones."""

import base64
from typing import Any

import pytest

from adapters.kit.errors import ProofRefused
from adapters.kit.notes import COSIGNATURE, SignedNote, VerifierKey
from adapters.kit.proofs import LogProof, TrustRule, check_consistency, check_inclusion, check_proof
from tests.vectors.make import FILES, read

Case = dict[str, Any]


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def rule_of(case: Case) -> TrustRule:
    """As a configuration is read: only cosigners' keys are witnesses'."""
    keys = [VerifierKey.parse(text) for text in case.get("witnesses", [])]
    return TrustRule(
        VerifierKey.parse(case["key"]), tuple(key for key in keys if key.kind == COSIGNATURE), len(keys) and 1
    )


def judge_inclusion(case: Case) -> None:
    leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
    check_inclusion(leaf, case["index"], case["size"], unhex(case["proof"]), root)


def judge_consistency(case: Case) -> None:
    old, new = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
    check_consistency(case["old_size"], old, case["new_size"], new, unhex(case["proof"]))


def judge_vkeys(case: Case) -> None:
    key = VerifierKey.parse(case["vkey"])
    assert (key.name, key.kind, key.public.hex()) == (case["name"], case["kind"], case["public"])
    assert str(key) == case["vkey"]


def judge_notes(case: Case) -> None:
    raw = base64.b64decode(case["note"])
    note = SignedNote.parse(raw)
    assert bytes(note) == raw
    keys = [VerifierKey.parse(text) for text in case["keys"]]
    signers = [key.name for key in keys if note.signed_by(key) is not None]
    if not signers:
        raise ProofRefused("NOT_SIGNED")
    assert sorted(signers) == sorted(case["signers"])


def judge_checkpoints(case: Case) -> None:
    found = rule_of(case).believed(base64.b64decode(case["note"]))
    assert (found.origin, found.size, found.root.hex()) == (case["origin"], case["size"], case["root"])


def judge_cosignatures(case: Case) -> None:
    rule = TrustRule(rule_of(case).log, rule_of(case).witnesses)
    note = rule.believed(base64.b64decode(case["note"])).note
    found = [[key.name, signed_at] for key, signed_at in note.cosigners(rule.witnesses).items()]
    assert sorted(found) == sorted(case["cosigned"])


def judge_proofs(case: Case) -> None:
    raw, rule = base64.b64decode(case["proof"]), rule_of(case)
    entry = bytes.fromhex(case["entry"])
    found = check_proof(raw, entry, LogProof.parse(raw).index + 1, TrustRule(rule.log, rule.witnesses))
    assert (LogProof.parse(raw).index, found.size) == (case["index"], case["size"])
    cosigned = [[key.name, at] for key, at in found.note.cosigners(rule.witnesses).items()]
    assert sorted(cosigned) == sorted(case["cosigned"])
    assert bytes(LogProof.parse(raw)) == raw


JUDGES = {
    "inclusion": judge_inclusion,
    "consistency": judge_consistency,
    "vkeys": judge_vkeys,
    "notes": judge_notes,
    "checkpoints": judge_checkpoints,
    "cosignatures": judge_cosignatures,
    "proofs": judge_proofs,
}
CASES = [
    pytest.param(name, case, id=f"{name}-{at}-{case['family']}")
    for name in JUDGES
    for at, case in enumerate(read(name), start=1)
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_vector_is_judged_as_it_says(name: str, case: Case) -> None:
    if case["valid"]:
        JUDGES[name](case)
    else:
        with pytest.raises(ProofRefused):
            JUDGES[name](case)


def test_every_file_of_vectors_is_judged_and_holds_right_and_forged_ones() -> None:
    assert set(JUDGES) == set(FILES)
    for name in JUDGES:
        assert {case["valid"] for case in read(name)} == {True, False}
