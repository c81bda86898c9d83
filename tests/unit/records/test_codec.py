"""Messages for adapters are built the same way every time, and hold exactly what they were given."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from google.protobuf.message import DecodeError

from hub.records import codec
from hub.records.enums import number_of, term_of
from oncetold.v1 import common_pb2, delivery_service_pb2, records_pb2

FRAGMENT = UUID("6b0b7a52-1f4e-4c0c-9a53-8f8a4b1f2c3d")
CONTENT = records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=True)).SerializeToString()


def element() -> delivery_service_pb2.Element:
    return codec.element(
        fragment_id=FRAGMENT,
        envelope=codec.envelope(
            record_id=UUID(int=7),
            origin_agency_id="outreach",
            service_type="STREET_OUTREACH",
            occurred_time=datetime(2026, 1, 2, tzinfo=UTC),
            recorded_time=datetime(2026, 1, 3, tzinfo=UTC),
            source_system="test",
            revision=2,
        ),
        categories=["ACCOMMODATION"],
        level="N",
        content=CONTENT,
        terms=codec.terms([("DIRECT_SUPPORT", "isa-1", "ACTIVE")], ["NORDSCLCD", "PERSISTLABEL"]),
        etag="0" * 32,
    )


def test_an_element_holds_what_it_was_given() -> None:
    built = element()

    assert built.fragment_id == str(FRAGMENT)
    assert built.envelope.service_type == common_pb2.SERVICE_TYPE_STREET_OUTREACH
    assert built.envelope.recorded_time.ToDatetime(UTC) == datetime(2026, 1, 3, tzinfo=UTC)
    assert list(built.categories) == [common_pb2.DATA_CATEGORY_ACCOMMODATION]
    assert built.level == common_pb2.SENSITIVITY_LEVEL_N
    assert built.content.SerializeToString() == CONTENT
    [purpose] = built.terms.purposes
    assert (purpose.purpose, purpose.agreement_id) == (common_pb2.PURPOSE_DIRECT_SUPPORT, "isa-1")
    assert purpose.state == delivery_service_pb2.PERMISSION_STATE_ACTIVE
    assert len(built.terms.marks) == 2


def test_deliveries_serialise_to_the_same_bytes_every_time() -> None:
    first, again = (codec.serialised(codec.disclosure(1, "c-1", element())) for _ in range(2))

    assert first == again
    assert delivery_service_pb2.Delivery.FromString(first).disclose == element()


def test_a_correction_of_terms_leaves_the_content_unset() -> None:
    built = codec.correction(
        2,
        "c-1",
        fragment_id=FRAGMENT,
        replacement=None,
        terms=codec.terms([("DIRECT_SUPPORT", "isa-1", "RESTRICTED")], []),
        etag="1" * 32,
    )

    assert not built.correct.HasField("replacement")
    assert built.correct.terms.purposes[0].state == delivery_service_pb2.PERMISSION_STATE_RESTRICTED


def test_a_retraction_says_only_which_fragment() -> None:
    built = codec.retraction(3, "c-1", FRAGMENT)

    assert built.retract == delivery_service_pb2.Retraction(fragment_id=str(FRAGMENT))


def test_content_that_is_not_a_record_is_an_error() -> None:
    with pytest.raises(DecodeError):
        codec.parse_content(b"\xff\xff\xff")


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
