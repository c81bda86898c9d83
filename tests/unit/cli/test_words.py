"""Every refusal of the contract reaches the operator as a sentence and a next step."""

import re

import pytest

from hub.cli.words import WORDS, told
from oncetold.v1.error_reason_pb2 import ErrorReason

REASONS = [name for name, number in ErrorReason.items() if number]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_the_contract_is_told(reason: str) -> None:
    words = told(reason, {})

    assert "does not know" not in words.what or reason.endswith(("UNKNOWN_FIELD", "UNKNOWN_ENUM"))
    assert words.what.endswith(".")
    assert words.next_step
    assert not re.search(r"[{}]", words.what + words.next_step)


def test_no_words_stand_for_a_reason_that_is_gone() -> None:
    assert {f"ERROR_REASON_{code}" for code in WORDS} == set(REASONS)


def test_metadata_fills_its_places() -> None:
    words = told("ERROR_REASON_INVALID_FIELD", {"field": "grant.notice_id", "rule": "string.pattern"})

    assert "grant.notice_id" in words.what
    assert "string.pattern" in words.next_step


def test_metadata_with_braces_is_taken_as_it_is() -> None:
    assert "{party}" in told("ERROR_REASON_NO_LAWFUL_BASIS", {"party": "{party}"}).what


def test_a_newer_reason_is_named() -> None:
    assert "SOMETHING_NEW" in told("ERROR_REASON_SOMETHING_NEW", {}).what
