"""The log's example in `SPEC.md`: made again from what the page says, and verified."""

import re
from pathlib import Path
from uuid import UUID

from consent_ledger.log.checkpoint import Checkpoint
from consent_ledger.log.note import KeyType, Note, SigningKey
from consent_ledger.log.proof import Proof, verify_proof
from consent_ledger.log.signing import first_origin
from consent_ledger.log.tree import leaf_hash, node_hash

SPEC = (Path(__file__).parents[3] / "consent_ledger" / "SPEC.md").read_text()
LOG = SPEC[SPEC.index("## Log") :]


def spelled(name: str, occurrence: int = 0) -> bytes:
    """The bytes of a line of the example, repetitions written out."""
    text = re.findall(rf"^{name}  +(.*?)(?:   .*)?$", LOG, re.MULTILINE)[occurrence]
    whole = re.sub(r"([0-9a-f]{2}) \((\d+) times\)", lambda found: found[1] * int(found[2]), text)
    return bytes.fromhex(whole)


def example() -> bytes:
    """The proof file, as it stands there."""
    found = re.search(r"^```\n(c2sp.org/tlog-proof@v1\n.*?)^```$", LOG, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1].encode()


def test_the_example_is_what_the_page_says() -> None:
    entry, other = spelled("entry"), spelled("next entry")
    time = int(re.findall(r"^time +(\d+)", LOG, re.MULTILINE)[0])
    shown = Proof.parse(example())
    origin, witness = (line.name for line in Note.parse(shown.checkpoint).lines)
    key = SigningKey(origin, KeyType.ED25519, spelled("seed"))
    cosigner = SigningKey(witness, KeyType.COSIGNATURE, spelled("seed", 1))
    checkpoint = Checkpoint(origin, 2, node_hash(leaf_hash(entry), leaf_hash(other)))
    note = Note(checkpoint.text, (key.sign(checkpoint.text), cosigner.sign(checkpoint.text, time=time)))

    assert bytes(Proof(0, (leaf_hash(other),), bytes(note))) == example()
    proof, opened = verify_proof(example(), entry, key.verifier, [cosigner.verifier])
    assert (proof.index, [one.time for one in opened.cosigned]) == (0, [time])


def test_the_origin_is_that_of_the_page() -> None:
    name = example().decode().split("\n")[4]
    assert first_origin(UUID(name.rpartition("/")[2])) == name
