"""Keys of logs and witnesses, as they are written down and read again."""

import base64
from collections.abc import Iterator

import pytest

from adapters.kit.errors import ProofRefused
from adapters.kit.notes import COSIGNATURE, ED25519, CosignerKey, VerifierKey
from tests.unit.adapters.merkle import ToyLog

LOG = ToyLog()
KEY = CosignerKey("witness.example/11", bytes([11]) * 32)


def keys() -> Iterator[str]:
    key = str(KEY.public)
    name, key_id, encoded = key.split("+", 2)
    yield f"{name}+{key_id}"
    yield f"{name}+00000000+{encoded}"
    yield f"{name}+{key_id.upper()}x+{encoded}"
    yield f"+{key_id}+{encoded}"
    yield f"a b+{key_id}+{encoded}"
    yield f"{name}+{key_id}+{encoded[:-4]}"
    yield f"{name}+{key_id}+" + base64.b64encode(b"\x02" + bytes(32)).decode()
    yield str(VerifierKey(name, 0x06, bytes(32)))
    yield str(VerifierKey(name, ED25519, bytes(31)))
    yield ""


@pytest.mark.parametrize("text", list(keys()))
def test_a_verifier_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ProofRefused, match="VERIFIER_KEY"):
        VerifierKey.parse(text)


def test_keys_survive_being_written_down() -> None:
    key = KEY

    assert VerifierKey.parse(str(key.public)) == key.public
    assert VerifierKey.parse(str(LOG.key)) == LOG.key
    assert CosignerKey.parse(key.secret_text()).public == key.public
    assert key.public.kind == COSIGNATURE
    assert key.secret_text() not in repr(key)
    for wrong in (key.secret_text()[7:], key.secret_text().replace("11+", "12+"), str(key.public)):
        with pytest.raises(ProofRefused, match="VERIFIER_KEY"):
            CosignerKey.parse(wrong)


def test_a_cosigner_signs_no_time_that_a_verifier_would_refuse() -> None:
    for time in (0, -1, 2**63):
        with pytest.raises(ValueError, match="time"):
            KEY.cosign(b"text\n", time)
