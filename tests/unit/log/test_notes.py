"""Keys as texts, signing and cosigning, and what a note may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_ledger.errors import ProofRefused
from consent_ledger.log.note import KeyType, Note, SigningKey, VerifierKey, parse_line

SEED = bytes(range(32))
KEY = SigningKey("example.org/log", KeyType.ED25519, SEED)
WITNESS = SigningKey("example.org/witness", KeyType.COSIGNATURE, SEED[::-1])

# From C2SP's signed-note.md; its key is published in Go's note package's tests.
EXAMPLE = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_published_key_is_read() -> None:
    key = VerifierKey.parse(EXAMPLE)
    assert (key.name, key.kind, key.key_id.hex()) == ("PeterNeumann", KeyType.ED25519, "c74f20a3")
    assert str(key) == EXAMPLE


def test_a_published_note_verifies() -> None:
    """The example of Go's note package."""
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = (
        "— PeterNeumann x08go/ZJkuBS9UG/"
        "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
        "\n"
    )
    note = Note.parse((text + "\n" + line).encode())
    assert [signed.key.name for signed in note.verified([VerifierKey.parse(EXAMPLE)])] == ["PeterNeumann"]


@given(text=st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])))
def test_what_is_signed_verifies_and_nothing_else_does(text: str) -> None:
    line = KEY.sign(text + "\n")
    assert Note(text + "\n", (line,)).verified([KEY.verifier])[0].key == KEY.verifier
    with pytest.raises(ProofRefused):
        Note(text + "x\n", (line,)).verified([KEY.verifier])


@given(time=st.integers(0, 2**63 - 1))
def test_a_cosignature_carries_its_time(time: int) -> None:
    line = WITNESS.sign("seen\n", time=time)
    assert Note("seen\n", (line,)).verified([WITNESS.verifier])[0].time == time


def test_a_secret_key_is_read_as_it_was_written_and_never_shown() -> None:
    for key in (KEY, WITNESS):
        assert SigningKey.parse(key.secret_text()) == key
        assert SEED.hex() not in repr(key)
        assert "\\x" not in repr(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY.secret_text()[1:],
        KEY.secret_text().replace("example", "elsewhere"),
        KEY.secret_text()[:-4],
        "PRIVATE+KEY+a+b",
    ],
)
def test_what_is_no_secret_key_is_refused(text: str) -> None:
    with pytest.raises(ProofRefused):
        SigningKey.parse(text)


def test_a_line_is_read_as_it_was_written() -> None:
    line = KEY.sign("text\n")
    assert parse_line(str(line).rstrip("\n")) == line


def test_a_note_is_bounded() -> None:
    line = str(KEY.sign("text\n"))
    Note.parse(("text\n\n" + line * 64).encode())
    for data in ("text\n\n" + line * 65, "x" * 70_000 + "\n\n" + line):
        with pytest.raises(ProofRefused, match="too"):
            Note.parse(data.encode())


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\tb"])
def test_a_name_that_no_line_could_hold_is_refused(name: str) -> None:
    with pytest.raises(ProofRefused):
        VerifierKey(name, KeyType.ED25519, bytes(32))
