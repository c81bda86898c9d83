"""Every reason of the contract has one status and one sentence; nothing that was sent gets out."""

import logging
import re
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from consent_ledger.errors import Refused, StreamConflict
from hub.rpc.status import DETAILS_KEY, REASONS, Answer, answer_to
from oncetold.v1 import error_reason_pb2

CONTRACT = Path(error_reason_pb2.__file__).with_name("error_reason.proto")


def info_of(answer: Answer) -> error_details_pb2.ErrorInfo:
    [(key, value)] = answer.trailing_metadata
    assert key == DETAILS_KEY
    whole = status_pb2.Status.FromString(value)
    assert (whole.code, whole.message) == (answer.code.value[0], answer.text)
    info = error_details_pb2.ErrorInfo()
    [detail] = whole.details
    assert detail.Unpack(info)
    return info


def test_every_reason_has_the_status_its_comment_opens_with() -> None:
    commented = re.findall(r"// ([A-Z_]+)\. (?:[^\n]*\n\s*)+?ERROR_REASON_([A-Z_]+) =", CONTRACT.read_text())

    assert len(commented) == len(REASONS) == len(error_reason_pb2.ErrorReason.values()) - 1
    assert {reason: REASONS[reason][0].name for _, reason in commented} == {
        reason: status for status, reason in commented
    }


def test_every_sentence_is_plain_and_ends() -> None:
    for status, text in REASONS.values():
        assert isinstance(status, grpc.StatusCode)
        assert re.fullmatch(r"[A-Z][^{}\n]{20,120}\.", text), text


def test_a_refusal_carries_its_reason_and_only_the_contracts_details() -> None:
    answer = answer_to(Refused("INVALID_FIELD", field="records[0].record_id", rule="pattern", stream="x"))

    info = info_of(answer)
    assert (answer.code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD")
    assert info.domain == "oncetold.org"
    assert dict(info.metadata) == {"field": "records[0].record_id", "rule": "pattern"}


def test_a_ledgers_inner_ids_stay_inside() -> None:
    info = info_of(answer_to(StreamConflict(uuid4(), 3)))

    assert dict(info.metadata) == {"expected": "3"}


def test_an_unforeseen_error_is_told_by_a_random_id_and_logged_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise ValueError("Zebedee of 1 Privet Drive")

    with caplog.at_level(logging.ERROR), pytest.raises(ValueError) as failure:
        fail()
    with caplog.at_level(logging.ERROR):
        first, second = (answer_to(failure.value) for _ in range(2))

    assert first.code is grpc.StatusCode.INTERNAL
    error_id = info_of(first).metadata["error_id"]
    assert re.fullmatch(r"[0-9a-f]{16}", error_id) and error_id != info_of(second).metadata["error_id"]
    assert error_id in caplog.text and "ValueError" in caplog.text and "test_status.py" in caplog.text
    assert "Zebedee" not in caplog.text + first.text + str(first.trailing_metadata)


def test_a_code_that_the_contract_does_not_have_is_internal() -> None:
    assert answer_to(Refused("NO_SUCH_CODE")).code is grpc.StatusCode.INTERNAL
