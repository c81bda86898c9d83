"""The adapters' own verifier: right proofs pass, every family of forged ones is refused for its reason."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kit.errors import ProofRefused
from adapters.kit.notes import (
    CosignerKey,
    SignatureLine,
    SignedNote,
    cosigned_text,
)
from adapters.kit.proofs import (
    Checkpoint,
    LogProof,
    TrustRule,
    check_consistency,
    check_inclusion,
    check_proof,
    leaf_hash,
)
from tests.unit.adapters.merkle import ORIGIN, ToyLog, consistency, inclusion, root_of

LEAVES = [leaf_hash(bytes([number])) for number in range(40)]
LOG = ToyLog().grow(13)
FORK = ToyLog().grow(7).grow(6, "other ")
WITNESSES = [CosignerKey(f"witness.example/{number}", bytes([number]) * 32) for number in (11, 12, 13)]
TIME = 1_790_000_000


def cosigned(note: bytes, *keys: CosignerKey, at: int = TIME) -> bytes:
    text = note.rpartition(b"\n\n")[0] + b"\n"
    return note + "".join(f"{key.cosign(text, at)}\n" for key in keys).encode()


def rule(needed: int = 2, log: ToyLog = LOG) -> TrustRule:
    return TrustRule(log.key, tuple(key.public for key in WITNESSES), needed)


def test_every_inclusion_proof_of_small_trees_passes_and_proves_nothing_else() -> None:
    for size in range(1, 24):
        root = root_of(LEAVES[:size])
        for index in range(size):
            proof = inclusion(index, LEAVES[:size])
            check_inclusion(LEAVES[index], index, size, proof, root)
            for other in range(size):
                if other != index:
                    with pytest.raises(ProofRefused, match="INCLUSION"):
                        check_inclusion(LEAVES[index], other, size, proof, root)


def test_every_consistency_proof_of_small_trees_passes_and_proves_nothing_else() -> None:
    for new in range(1, 20):
        for old in range(new + 1):
            proof = consistency(old, LEAVES[:new])
            check_consistency(old, root_of(LEAVES[:old]), new, root_of(LEAVES[:new]), proof)
            for wrong in range(21, 24):
                # Every tree begins with the empty one, so from there any root is consistent.
                for before, after in ((wrong, new), (old, wrong)) if old else ((wrong, new),):
                    with pytest.raises(ProofRefused, match="CONSISTENCY"):
                        roots = root_of(LEAVES[:before]), root_of(LEAVES[:after])
                        check_consistency(old, roots[0], new, roots[1], proof)
            for wrong in {*range(1, new + 1)} - {old}:
                with pytest.raises(ProofRefused, match="CONSISTENCY"):
                    check_consistency(wrong, root_of(LEAVES[:old]), new, root_of(LEAVES[:new]), proof)


def test_where_no_hash_is_needed_none_is_taken() -> None:
    empty, root = root_of([]), root_of(LEAVES[:5])

    for old, before, new in ((0, empty, 5), (5, root, 5)):
        check_consistency(old, before, new, root, [])
        with pytest.raises(ProofRefused, match="CONSISTENCY"):
            check_consistency(old, before, new, root, [root])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_change_of_one_hash_or_of_their_order_passes(data: st.DataObject) -> None:
    size = data.draw(st.integers(3, 40))
    old = data.draw(st.integers(1, size - 1))
    index = data.draw(st.integers(0, size - 1))
    before, after = root_of(LEAVES[:old]), root_of(LEAVES[:size])

    def included(proof: list[bytes]) -> None:
        check_inclusion(LEAVES[index], index, size, proof, after)

    def consistent(proof: list[bytes]) -> None:
        check_consistency(old, before, size, after, proof)

    for proof, check in (
        (inclusion(index, LEAVES[:size]), included),
        (consistency(old, LEAVES[:size]), consistent),
    ):
        check(proof)
        place = data.draw(st.integers(0, len(proof) - 1))
        flipped = bytearray(proof[place])
        flipped[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
        forged = [
            [*proof[:place], bytes(flipped), *proof[place + 1 :]],
            proof[:place] + proof[place + 1 :],
            [*proof[:place], proof[place], *proof[place:]],
            [*proof, after],
            [*proof[:place], proof[place][:31], *proof[place + 1 :]],
        ]
        if len(proof) > 1:
            forged.append(proof[::-1])
        for wrong in forged:
            if wrong != proof:
                with pytest.raises(ProofRefused):
                    check(wrong)


def test_a_true_proof_passes_and_names_its_checkpoint() -> None:
    note = cosigned(LOG.checkpoint(), *WITNESSES[:2])
    proof = LOG.proof(5, checkpoint=note)

    found = check_proof(proof, LOG.entries[4], 5, rule())

    assert (found.origin, found.size, bytes(found)) == (ORIGIN, 13, note)
    assert found.note.cosigners(rule().witnesses) == {key.public: TIME for key in WITNESSES[:2]}
    assert bytes(LogProof.parse(proof)) == proof


def test_a_proof_may_carry_extra_data_and_a_tree_of_one_entry_needs_no_hash() -> None:
    one = ToyLog().grow(1)
    extra = replace(LogProof.parse(one.proof(1)), extra=b"\x00any")

    assert LogProof.parse(bytes(extra)) == extra
    assert check_proof(bytes(extra), one.entries[0], 1, rule(0)).size == 1


def edited(change: Callable[[str], str]) -> bytes:
    return change(LOG.proof(5, checkpoint=cosigned(LOG.checkpoint(), *WITNESSES)).decode()).encode()


def resigned(change: Callable[[str], str]) -> bytes:
    """The proof under a checkpoint whose text the log itself changed and signed."""
    text = change(LOG.text())
    return LOG.proof(5, checkpoint=cosigned(LOG.sign(text), *WITNESSES))


def line(text: str, start: str) -> str:
    return next(one for one in text.split("\n") if one.startswith(start))


def stray_bits(text: str) -> str:
    """One root in another spelling that decoders may take for the same bytes."""
    root = text.split("\n")[2]
    return text.replace(root, root[:-2] + chr(ord(root[-2]) + 1) + "=")


def with_cosignature(make: Callable[[bytes], SignatureLine]) -> bytes:
    """A checkpoint with one good cosignature, and one that was made for the occasion; two are needed."""
    signed = SignedNote.parse(LOG.checkpoint())
    good = WITNESSES[0].cosign(signed.text, TIME)
    return LOG.proof(
        5, checkpoint=bytes(replace(signed, signatures=(*signed.signatures, good, make(signed.text))))
    )


def test_a_right_timed_cosignature_counts_so_that_the_forged_ones_are_refused_for_their_time() -> None:
    proof = with_cosignature(lambda text: timed(text, TIME, TIME))

    check_proof(proof, LOG.entries[4], 5, rule())


def timed(text: bytes, stated: int, signed_at: int) -> SignatureLine:
    """What a witness signs at one time, said to be of another; any time, also such as no cosigner signs."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([12]) * 32)
    signature = stated.to_bytes(8) + private.sign(cosigned_text(text, signed_at))
    return SignatureLine(WITNESSES[1].public.name, WITNESSES[1].public.key_id, signature)


def swapped_hashes() -> bytes:
    parsed = LogProof.parse(LOG.proof(5))
    first, second, *rest = parsed.hashes
    return bytes(replace(parsed, hashes=(second, first, *rest), checkpoint=edited_checkpoint()))


def edited_checkpoint() -> bytes:
    return cosigned(LOG.checkpoint(), *WITNESSES)


def reproof(**changes: object) -> bytes:
    parsed = LogProof.parse(LOG.proof(5, checkpoint=edited_checkpoint()))
    return bytes(replace(parsed, **changes))  # type: ignore[arg-type]


HASHES = LogProof.parse(LOG.proof(5)).hashes
OTHER_ORIGIN = ToyLog(origin=ORIGIN + "/2").grow(13)
STRANGER = ToyLog(seed=2).grow(13)
STRANGERS_LINE = str(replace(SignedNote.parse(STRANGER.checkpoint()).signatures[0], key_id=LOG.key.key_id))

FORGED: dict[str, tuple[bytes, str]] = {
    "signed by another key of the same name": (
        STRANGER.proof(5, checkpoint=cosigned(STRANGER.checkpoint(), *WITNESSES)),
        "NOT_SIGNED",
    ),
    "another key's signature under the true key's id": (
        edited(lambda t: t.replace(line(t, f"— {ORIGIN} "), STRANGERS_LINE)),
        "SIGNATURE",
    ),
    "one bit of the signature": (
        edited(lambda t: t.replace(line(t, f"— {ORIGIN} ")[-9:-5], "AAAA")),
        "SIGNATURE",
    ),
    "no signature of the log": (
        edited(lambda t: t.replace(line(t, f"— {ORIGIN} ") + "\n", "")),
        "NOT_SIGNED",
    ),
    "another origin": (
        OTHER_ORIGIN.proof(5, checkpoint=cosigned(OTHER_ORIGIN.checkpoint(), *WITNESSES)),
        "ORIGIN",
    ),
    "another origin, signed with the true key": (
        resigned(lambda t: t.replace(ORIGIN, "x.example/a")),
        "ORIGIN",
    ),
    "the log's root exchanged": (
        edited(lambda t: t.replace(LOG.text().split("\n")[2], FORK.text().split("\n")[2])),
        "SIGNATURE",
    ),
    "truncated path": (reproof(hashes=HASHES[:-1]), "INCLUSION"),
    "truncated at the leaf": (reproof(hashes=HASHES[1:]), "INCLUSION"),
    "no path": (reproof(hashes=()), "INCLUSION"),
    "extra hash at the root": (reproof(hashes=(*HASHES, HASHES[0])), "INCLUSION"),
    "extra hash at the leaf": (reproof(hashes=(HASHES[0], *HASHES)), "INCLUSION"),
    "swapped pair": (swapped_hashes(), "INCLUSION"),
    "64 hashes": (reproof(hashes=HASHES[:1] * 64), "PROOF_FORMAT"),
    "a hash of 31 bytes": (reproof(hashes=(*HASHES[:-1], HASHES[-1][:31])), "PROOF_FORMAT"),
    "index of a neighbour": (reproof(index=5), "POSITION"),
    "index beyond the size": (LOG.proof(5, size=13).replace(b"index 4", b"index 13"), "POSITION"),
    "index with a leading zero": (edited(lambda t: t.replace("index 4", "index 04")), "PROOF_FORMAT"),
    "negative index": (edited(lambda t: t.replace("index 4", "index -4")), "PROOF_FORMAT"),
    "index in other digits": (edited(lambda t: t.replace("index 4", "index 1٤")), "PROOF_FORMAT"),
    "an index that no log has": (edited(lambda t: t.replace("index 4", f"index {2**63}")), "PROOF_FORMAT"),
    "size 0": (resigned(lambda t: t.replace("\n13\n", "\n0\n")), "CHECKPOINT_FORMAT"),
    "a smaller size": (resigned(lambda t: t.replace("\n13\n", "\n4\n")), "INCLUSION"),
    "a future size": (resigned(lambda t: t.replace("\n13\n", "\n1300\n")), "INCLUSION"),
    "a size with a leading zero": (resigned(lambda t: t.replace("\n13\n", "\n013\n")), "CHECKPOINT_FORMAT"),
    "a size with a sign": (resigned(lambda t: t.replace("\n13\n", "\n+13\n")), "CHECKPOINT_FORMAT"),
    "a root of 31 bytes": (
        resigned(lambda t: t.replace(t.split("\n")[2], base64.b64encode(bytes(31)).decode())),
        "CHECKPOINT_FORMAT",
    ),
    "a root in another spelling": (resigned(stray_bits), "CHECKPOINT_FORMAT"),
    "an empty line in the checkpoint": (resigned(lambda t: t + "\nmore\n"), "CHECKPOINT_FORMAT"),
    "a control character": (resigned(lambda t: t + "a\tb\n"), "NOTE_FORMAT"),
    "carriage returns": (edited(lambda t: t.replace("\n", "\r\n")), "PROOF_FORMAT"),
    "another format's name": (edited(lambda t: t.replace("proof@v1", "proof@v2")), "PROOF_FORMAT"),
    "a checkpoint without its last newline": (edited(lambda t: t[:-1]), "NOTE_FORMAT"),
    "bytes that are no text": (edited(lambda t: t).replace("—".encode(), b"\xe2\x80", 1), "NOTE_FORMAT"),
    "a proof of the fork": (
        FORK.proof(9, checkpoint=cosigned(LOG.checkpoint(), *WITNESSES)).replace(b"index 8", b"index 4"),
        "INCLUSION",
    ),
    "one witness twice": (with_cosignature(lambda text: WITNESSES[0].cosign(text, TIME + 1)), "TOO_FEW"),
    "a witness nobody named": (
        with_cosignature(lambda text: CosignerKey("witness.example/12", bytes(32)).cosign(text, TIME)),
        "TOO_FEW",
    ),
    "a cosignature of the fork": (
        with_cosignature(lambda _: WITNESSES[1].cosign(FORK.text().encode(), TIME)),
        "SIGNATURE",
    ),
    "a cosignature at another time than stated": (
        with_cosignature(lambda text: timed(text, TIME + 1, TIME)),
        "SIGNATURE",
    ),
    "a cosignature said to be of time 0": (with_cosignature(lambda text: timed(text, 0, TIME)), "SIGNATURE"),
    "a cosignature after the end of time": (
        with_cosignature(lambda text: timed(text, 2**63, 2**63)),
        "SIGNATURE",
    ),
    "a witness's key used to sign as a log does": (
        with_cosignature(
            lambda text: replace(
                WITNESSES[1].cosign(text, TIME), signature=WITNESSES[1].cosign(text, TIME).signature[8:]
            )
        ),
        "SIGNATURE",
    ),
}


@pytest.mark.parametrize("family", FORGED)
def test_a_forged_proof_is_refused(family: str) -> None:
    proof, reason = FORGED[family]

    with pytest.raises(ProofRefused, match=reason):
        check_proof(proof, LOG.entries[4], 5, rule())


def test_there_are_enough_families_and_the_unforged_proof_passes() -> None:
    assert len(FORGED) >= 40
    check_proof(edited(lambda text: text), LOG.entries[4], 5, rule(3))


def test_no_pair_of_another_entry_proof_or_checkpoint_passes() -> None:
    """Cosign's CVE-2026-22703: a valid proof, accepted for something else."""
    logs = {size: LOG.checkpoint(size) for size in (9, 12, 13)}
    accepted = set()
    for entry in range(1, 10):
        for proved in range(1, 10):
            for made_for in logs:
                hashes = LogProof.parse(LOG.proof(proved, made_for)).hashes
                for under, note in logs.items():
                    proof = bytes(LogProof(proved - 1, hashes, note))
                    try:
                        check_proof(proof, LOG.entries[entry - 1], proved, rule(0))
                    except ProofRefused:
                        continue
                    accepted.add((entry, proved, made_for, under))

    assert accepted == {(entry, entry, size, size) for entry in range(1, 10) for size in logs}


def test_the_log_is_no_witness_of_itself() -> None:
    own = CosignerKey("witness.example/own", bytes([1]) * 32)  # the seed that ToyLog signs with
    note = cosigned(LOG.checkpoint(), own)

    with pytest.raises(ProofRefused, match="TOO_FEW"):
        TrustRule(LOG.key, (own.public,), 1).believed(note)


def test_one_key_under_two_names_is_one_witness() -> None:
    one, same = (CosignerKey(name, bytes([11]) * 32) for name in ("witness.example/a", "witness.example/b"))
    note = cosigned(LOG.checkpoint(), one, same)

    assert TrustRule(LOG.key, (one.public, same.public), 1).believed(note).size == 13
    with pytest.raises(ProofRefused, match="TOO_FEW"):
        TrustRule(LOG.key, (one.public, same.public), 2).believed(note)


def test_lines_of_unknown_keys_are_passed_over() -> None:
    """ML-DSA lines may stand beside ours, and so may a name or an id that is known, but not both."""
    signed = SignedNote.parse(LOG.checkpoint())
    strange = (
        SignatureLine("witness.example/ml-dsa", b"\x06\x06\x06\x06", bytes(2428)),
        SignatureLine(ORIGIN, b"\0\0\0\0", bytes(64)),
        SignatureLine("elsewhere.example", LOG.key.key_id, bytes(64)),
    )
    note = bytes(replace(signed, signatures=(*strange, *signed.signatures)))

    assert TrustRule(LOG.key).believed(note).size == 13


def test_a_note_of_the_specification_verifies() -> None:
    """The example in C2SP tlog-cosignature: a real witness's and a real log's lines."""
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1g"
        "GzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1n"
        "PZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    ).encode()

    checkpoint = Checkpoint.parse(note)

    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert bytes(checkpoint) == note
    assert int.from_bytes(checkpoint.note.signatures[1].signature[:8]) == 1679315147
