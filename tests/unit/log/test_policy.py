"""The trust rule: who has to have signed."""

import pytest

from consent_ledger.errors import ProofRefused
from consent_ledger.log.checkpoint import Checkpoint
from consent_ledger.log.note import KeyType, Note, SigningKey
from consent_ledger.log.policy import Policy
from consent_ledger.log.tree import EMPTY_ROOT

LOG = SigningKey("example.org/log", KeyType.ED25519, bytes(32))
OTHER_LOG = SigningKey("example.org/other", KeyType.ED25519, b"o" * 32)
WITNESSES = {
    name: SigningKey(f"{name}.example", KeyType.COSIGNATURE, name.encode() * 16)
    for name in ("x1", "x2", "y1")
}
KEYS = f"log {LOG.verifier}\n" + "".join(
    f"witness {name} {key.verifier}\n" for name, key in WITNESSES.items()
)
TWO_LEVELS = KEYS + "group X 2 x1 x2\ngroup Y any y1\ngroup both all X Y\nquorum both\n"


def cosigned(*names: str, log: SigningKey = LOG) -> bytes:
    text = Checkpoint(log.name, 0, EMPTY_ROOT).text
    return bytes(Note(text, (log.sign(text), *(WITNESSES[name].sign(text, time=5) for name in names))))


@pytest.mark.parametrize(
    ("policy", "names", "accepted"),
    [
        (KEYS + "quorum none\n", "", True),
        (KEYS + "quorum x1\n", "x1", True),
        (KEYS + "quorum x1\n", "x2 y1", False),
        (KEYS + "group g any x1 x2\nquorum g\n", "x2", True),
        (KEYS + "group g all x1 x2\nquorum g\n", "x2", False),
        (KEYS + "group g 2 x1 x2 y1\nquorum g\n", "x1 y1", True),
        (KEYS + "group g 2 x1 x2 y1\nquorum g\n", "y1", False),
        (TWO_LEVELS, "x1 x2 y1", True),
        (TWO_LEVELS, "x1 x2", False),
        (TWO_LEVELS, "x1 y1", False),
        ("# a comment\n\n \t" + TWO_LEVELS.replace(" ", " \t "), "x1 x2 y1", True),
        (f"log {OTHER_LOG.verifier} https://other.example\n" + KEYS + "quorum x1\n", "x1", True),
    ],
)
def test_a_quorum_decides(policy: str, names: str, accepted: bool) -> None:
    rule = Policy.parse(policy.encode())
    if accepted:
        assert rule.open(cosigned(*names.split())).checkpoint.origin == LOG.name
    else:
        with pytest.raises(ProofRefused, match="quorum"):
            rule.open(cosigned(*names.split()))


def test_an_unknown_log_is_refused() -> None:
    rule = Policy.parse((KEYS + "quorum none\n").encode())
    with pytest.raises(ProofRefused, match="unknown log"):
        rule.open(cosigned(log=OTHER_LOG))


@pytest.mark.parametrize(
    "policy",
    [
        KEYS,
        KEYS + "quorum x1\nquorum x1\n",
        KEYS + "quorum z\n",
        KEYS + "quorum x1 x2\n",
        "quorum g\n" + KEYS + "group g any x1\n",
        KEYS + "group g 0 x1\nquorum g\n",
        KEYS + "group g 3 x1 x2\nquorum g\n",
        KEYS + "group g 01 x1 x2\nquorum g\n",
        KEYS + "group g some x1 x2\nquorum g\n",
        KEYS + "group g any\nquorum g\n",
        KEYS + "group g any none\nquorum g\n",
        KEYS + "group g any x1 x1\nquorum g\n",
        KEYS + "group g any x1\ngroup h any x1\nquorum h\n",
        KEYS + "group x1 any x2\nquorum x1\n",
        KEYS + f"witness none {WITNESSES['x1'].verifier}\nquorum none\n",
        KEYS + f"witness z {WITNESSES['x1'].verifier}\nquorum none\n",
        KEYS + f"witness z {LOG.verifier}\nquorum none\n",
        KEYS + f"log {LOG.verifier}\nquorum none\n",
        KEYS + f"log {WITNESSES['x1'].verifier}\nquorum none\n",
        KEYS + "trust everybody\nquorum none\n",
        KEYS + "log\nquorum none\n",
        KEYS + "quorum none\r\n",
        KEYS + "log a+b+c\nquorum none\n",
    ],
)
def test_what_is_no_policy_is_refused(policy: str) -> None:
    with pytest.raises(ProofRefused, match="policy"):
        Policy.parse(policy.encode())


def test_names_are_bytes_and_need_not_be_text() -> None:
    policy = (
        f"log {LOG.verifier}\nwitness ".encode() + b"\xff" + f" {WITNESSES['x1'].verifier}\nquorum ".encode()
    )
    assert Policy.parse(policy + b"\xff\n").open(cosigned("x1")).cosigned
