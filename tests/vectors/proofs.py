"""Vectors of proof files."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.vectors import oracle
from tests.vectors.notes import LOG, NORTH, STRANGER, TIME, b64, case, checkpoint_text, note
from tests.vectors.trees import Case, entry, flipped, leaves


def proofs() -> Iterator[Case]:
    tree = leaves(11)
    text = checkpoint_text(11)
    checkpoint = note(text, LOG.line(text), NORTH.line(text))

    def written(
        index: int = 6, hashes: Sequence[str] | None = None, checkpoint: str = checkpoint, extra: str = ""
    ) -> str:
        found = [b64(one) for one in oracle.path(index, tree)] if hashes is None else hashes
        return "\n".join(
            ["c2sp.org/tlog-proof@v1", *([extra] if extra else []), f"index {index}", *found, "", checkpoint]
        )

    def one(family: str, why: str, proof: str | bytes, index: int = 6, **fields: Any) -> Case:
        raw = proof.encode() if isinstance(proof, str) else proof
        given: dict[str, Any] = {
            "proof": b64(raw),
            "entry": entry(index).hex(),
            "key": LOG.vkey,
            "witnesses": [NORTH.vkey],
        }
        if family == "right":
            given |= {"index": index, "size": 11, "cosigned": [[NORTH.name, TIME]]}
        return case(family, why, **(given | fields))

    for index in (0, 6, 10):
        yield one("right", "", written(index), index)
    yield one("right", "with something extra, which nobody signed", written(extra=f"extra {b64(b'aside')}"))
    small = checkpoint_text(1)
    single = f"c2sp.org/tlog-proof@v1\nindex 0\n\n{note(small, LOG.line(small), NORTH.line(small))}"
    yield one("right", "the only entry: no hashes at all", single, 0, size=1)
    right = written()
    hashes = [b64(one) for one in oracle.path(6, tree)]
    first, rest = right.split("\n", 1)
    old = checkpoint_text(10)
    longer = checkpoint_text(12)
    elsewhere = checkpoint_text(11, origin=STRANGER.name)
    bad = note(text, LOG.line(text), NORTH.written(bytes(72)))
    forked = checkpoint_text(11, oracle.root([*tree[:10], tree[0]]))
    for family, why, proof in (
        ("first line", "another version", f"c2sp.org/tlog-proof@v2\n{rest}"),
        ("first line", "missing", rest),
        ("first line", "a space behind", f"{first} \n{rest}"),
        ("index line", "missing", right.replace("index 6\n", "")),
        ("index line", "a leading zero", right.replace("index 6", "index 06")),
        ("index line", "a sign", right.replace("index 6", "index +6")),
        ("index line", "no number", right.replace("index 6", "index six")),
        ("index line", "two numbers", right.replace("index 6", "index 6 7")),
        ("index line", "stands twice", right.replace("index 6", "index 6\nindex 6")),
        ("index line", "in capitals", right.replace("index 6", "Index 6")),
        ("another index", "a neighbour's", right.replace("index 6", "index 7")),
        ("another index", "beyond the tree", right.replace("index 6", "index 11")),
        ("another index", "beyond every tree", right.replace("index 6", f"index {2**63}")),
        ("extra line", "not base64", written(extra="extra !")),
        ("extra line", "behind the index", right.replace("index 6", f"index 6\nextra {b64(b'aside')}")),
        ("extra line", "stands twice", written(extra=f"extra {b64(b'a')}\nextra {b64(b'b')}")),
        ("blank line missing", "hashes and checkpoint side by side", right.replace("\n\n", "\n", 1)),
        ("blank line added", "before the hashes", right.replace("index 6\n", "index 6\n\n")),
        ("hash left out", "the first", written(hashes=hashes[1:])),
        ("hash left out", "the last", written(hashes=hashes[:-1])),
        ("hash left out", "all", written(hashes=[])),
        ("hash added", "", written(hashes=[*hashes, hashes[0]])),
        ("hash altered", "", written(hashes=[b64(flipped(oracle.path(6, tree)[0])), *hashes[1:]])),
        ("hashes exchanged", "", written(hashes=hashes[::-1])),
        ("hash not base64", "hexadecimal", written(hashes=[oracle.path(6, tree)[0].hex(), *hashes[1:]])),
        ("hash short", "31 bytes", written(hashes=[b64(oracle.path(6, tree)[0][:31]), *hashes[1:]])),
        ("hash with a space", "behind it", written(hashes=[hashes[0] + " ", *hashes[1:]])),
        ("no checkpoint", "", written(checkpoint="")),
        ("checkpoint altered", "its size", right.replace("\n11\n", "\n12\n")),
        ("checkpoint not signed", "", written(checkpoint=text)),
        ("another checkpoint", "one leaf ago", written(checkpoint=note(old, LOG.line(old)))),
        ("another checkpoint", "one leaf later", written(checkpoint=note(longer, LOG.line(longer)))),
        ("another checkpoint", "of a fork, but signed", written(checkpoint=note(forked, LOG.line(forked)))),
        ("another log", "signed by its key", written(checkpoint=note(elsewhere, STRANGER.line(elsewhere)))),
        ("bad cosignature", "of a known witness", written(checkpoint=bad)),
        ("something behind", "", right + "more\n"),
        ("something before", "", "\n" + right),
        ("carriage returns", "", right.replace("\n", "\r\n")),
        ("not UTF-8", "", right.encode().replace(b"index 6", b"index 6\xff")),
        ("empty", "", ""),
    ):  # fmt: skip
        yield one(family, why, proof)
    for index in (0, 5, 7, 10):
        yield one("another entry", f"that at index {index}", right, entry=entry(index).hex())
    yield one("another entry", "one bit", right, entry=flipped(entry(6), 100).hex())
    yield one("another entry", "its hash for itself", right, entry=tree[6].hex())
    yield one("another entry", "one byte more", right, entry=entry(6).hex() + "00")
    yield one("another entry", "nothing", right, entry="")
