"""Small messages hold exactly what they were given; names and numbers of terms are each other's inverse."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from hub.records import codec
from hub.records.enums import number_of, term_of
from oncetold.v1 import common_pb2, delivery_service_pb2

FRAGMENT = UUID("6b0b7a52-1f4e-4c0c-9a53-8f8a4b1f2c3d")


def test_a_retraction_says_only_which_fragment() -> None:
    built = codec.retraction(3, "c-1", FRAGMENT)

    assert built.retract == delivery_service_pb2.Retraction(fragment_id=str(FRAGMENT))


def test_a_moment_without_a_time_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="time zone"):
        codec.timestamp(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))


def test_terms_and_numbers_are_each_others_inverse() -> None:
    for enum in (common_pb2.DataCategory, common_pb2.Article10Condition, common_pb2.HandlingMark):
        for number in enum.values():
            assert number_of(enum.DESCRIPTOR, term_of(enum.DESCRIPTOR, number)) == number
    assert term_of(common_pb2.Article10Condition.DESCRIPTOR, 3) == "SCH1_P2"
    with pytest.raises(KeyError):
        number_of(common_pb2.DataCategory.DESCRIPTOR, "NO_SUCH_CATEGORY")
