"""A signature holds for the one thing that was signed, and codes hold however they are typed."""

from typing import Any
from uuid import UUID

import pytest

from consent_ledger.administration import (
    Act,
    about_proposal,
    as_typed,
    ending,
    enrolment,
    fingerprint,
    is_signed,
    new_code,
    public_key_of,
    sign,
)

SEED, OTHER_SEED = bytes(range(32)), bytes(32)
PUBLIC = public_key_of(SEED)
SAID: dict[str, Any] = {
    "act": Act.APPROVE,
    "ledger_id": UUID(int=1),
    "name": "amina",
    "proposal_id": UUID(int=2),
    "method": "oncetold.v1.AgencyService.RegisterAgency",
    "body": b"what is asked",
}
OTHERS = {
    "act": Act.PROPOSE,
    "ledger_id": UUID(int=3),
    "name": "bela",
    "proposal_id": UUID(int=4),
    "method": "oncetold.v1.AgencyService.DepartAgency",
    "body": b"what is asked.",
}


def said(**changed: Any) -> bytes:
    given = {**SAID, **changed}
    return about_proposal(given.pop("act"), given.pop("ledger_id"), given.pop("name"), **given)


def test_what_was_signed_verifies_with_the_key_that_signed_it() -> None:
    signature = sign(SEED, said())

    assert is_signed(PUBLIC, signature, said())
    assert not is_signed(public_key_of(OTHER_SEED), signature, said())


@pytest.mark.parametrize("part", SAID)
def test_a_signature_holds_for_no_other(part: str) -> None:
    assert not is_signed(PUBLIC, sign(SEED, said()), said(**{part: OTHERS[part]}))


def test_no_two_statements_are_the_same() -> None:
    ledger_id = UUID(int=1)
    statements = [
        enrolment(ledger_id, "amina", PUBLIC),
        enrolment(ledger_id, "amina", public_key_of(OTHER_SEED)),
        enrolment(ledger_id, "bela", PUBLIC),
        enrolment(UUID(int=3), "amina", PUBLIC),
        ending(ledger_id, "amina", "bela"),
        ending(ledger_id, "bela", "amina"),
        ending(UUID(int=3), "amina", "bela"),
        *(said(act=act) for act in (Act.PROPOSE, Act.APPROVE, Act.WITHDRAW)),
    ]

    assert len(set(statements)) == len(statements)


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), bytes(65)])
def test_what_is_no_signature_is_refused(signature: bytes) -> None:
    assert not is_signed(PUBLIC, signature, said())


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    assert not is_signed(key, sign(SEED, said()), said())


def test_a_code_is_the_same_however_it_is_typed() -> None:
    code = new_code()

    assert len(as_typed(code)) == 16, "80 bits"
    assert {as_typed(one) for one in (code, code.lower(), code.replace("-", " "))} == {as_typed(code)}
    assert len({as_typed(new_code()) for _ in range(100)}) == 100


def test_a_fingerprint_is_read_in_groups_and_tells_keys_apart() -> None:
    first, second = fingerprint("one+key"), fingerprint("another+key")

    assert first != second
    assert {len(group) for group in first.split()} == {4}
    assert len(first.split()) == 16
