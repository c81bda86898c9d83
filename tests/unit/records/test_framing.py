"""What is framed is, byte for byte or parsed, what the contract's own messages would have written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from hub.records import codec, framing
from oncetold.v1 import common_pb2, delivery_service_pb2, record_service_pb2, records_pb2

ids = st.binary(min_size=16, max_size=16)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(-2_208_988_800_000_000, 253_402_214_400_000_000).map(
    lambda at: EPOCH + timedelta(microseconds=at)
)
content = st.builds(
    lambda code: records_pb2.RecordContent(
        contact=records_pb2.Contact(mode=common_pb2.Coding(system="s", code=code))
    ).SerializeToString(deterministic=True),
    st.text(min_size=0, max_size=400),
)
numbers = st.one_of(st.integers(0, 20_000), st.integers(0, 2**62))
PURPOSES = (("DIRECT_SUPPORT", "isa-1", "ACTIVE"), ("CARE_COORDINATION", "isa-2", "RESTRICTED"))
MARKS = ("NORDSCLCD", "PERSISTLABEL")
TERMS = delivery_service_pb2.Terms(
    purposes=[
        delivery_service_pb2.PermittedPurpose(
            purpose=common_pb2.PURPOSE_DIRECT_SUPPORT,
            agreement_id="isa-1",
            state=delivery_service_pb2.PERMISSION_STATE_ACTIVE,
        ),
        delivery_service_pb2.PermittedPurpose(
            purpose=common_pb2.PURPOSE_CARE_COORDINATION,
            agreement_id="isa-2",
            state=delivery_service_pb2.PERMISSION_STATE_RESTRICTED,
        ),
    ],
    marks=[common_pb2.HANDLING_MARK_NORDSCLCD, common_pb2.HANDLING_MARK_PERSISTLABEL],
)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def written(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def pair(
    element: bytes,
    record: bytes,
    occurred: datetime,
    recorded: datetime,
    revision: int,
    body: bytes,
    tag: bytes,
) -> "Pair":
    """One element framed behind a tag, and the same built by the contract's own library."""
    kind = framing.frame("outreach", "STREET_OUTREACH", "test", ("ACCOMMODATION",), "N")
    terms = framing.under(framing.terms(PURPOSES, MARKS))
    first, second = framing.uuid_texts((element, record))
    times = microseconds(occurred), microseconds(recorded)

    def made(behind: bytes) -> bytes:
        [letters] = framing.etag_texts((tag,))
        return framing.element(behind, kind, first, second, *times, revision, body, terms, letters)

    message = delivery_service_pb2.Element(
        fragment_id=str(UUID(bytes=element)),
        envelope=records_pb2.Envelope(
            record_id=str(UUID(bytes=record)),
            origin_agency_id="outreach",
            service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
            occurred_time=written(occurred),
            recorded_time=written(recorded),
            source_system="test",
            revision=revision,
        ),
        categories=[common_pb2.DATA_CATEGORY_ACCOMMODATION],
        level=common_pb2.SENSITIVITY_LEVEL_N,
        content=records_pb2.RecordContent.FromString(body),
        terms=TERMS,
        etag=tag.hex(),
    )
    return made, message


elements = st.builds(pair, ids, ids, moments, moments, st.integers(1, 2**32 - 1), content, ids)
Pair = tuple[Callable[[bytes], bytes], delivery_service_pb2.Element]


@given(st.lists(ids))
def test_ids_are_written_as_everywhere(some: list[bytes]) -> None:
    assert framing.uuid_texts(some) == [str(UUID(bytes=one)).encode() for one in some]
    assert framing.etag_texts(some) == [one.hex().encode() for one in some]


@given(st.lists(elements, max_size=4))
def test_a_history_is_its_elements_one_after_another(some: list[Pair]) -> None:
    body = b"".join(made(framing.IN_HISTORY) for made, _ in some)
    assert list(record_service_pb2.GetHistoryResponse.FromString(body).elements) == [one for _, one in some]


@given(numbers, elements)
def test_deliveries_are_framed_as_the_contract_writes_them(sequence: int, one: Pair) -> None:
    made, message = one
    identity = UUID(message.fragment_id)
    terms, tag = framing.terms(PURPOSES, MARKS), bytes.fromhex(message.etag)
    body = (
        framing.disclosure(sequence, "room-4", made(framing.DISCLOSED))
        + framing.correction(
            sequence,
            "room-4",
            element_id=identity.bytes,
            replacement=made(framing.REPLACEMENT),
            terms=terms,
            etag=tag,
        )
        + framing.correction(
            sequence, "room-4", element_id=identity.bytes, replacement=None, terms=terms, etag=tag
        )
    )
    disclosed, corrected, greyed = delivery_service_pb2.FetchDeliveriesResponse.FromString(body).deliveries
    assert disclosed.sequence == sequence
    assert disclosed.client_reference == "room-4"
    assert disclosed.disclose == message
    assert corrected.correct.replacement == message
    assert corrected.correct.etag == message.etag
    assert not greyed.correct.HasField("replacement"), "only the terms change"
    assert greyed.correct.terms == TERMS


@given(numbers, ids)
def test_a_retraction_is_exactly_the_bytes_that_its_receipt_quotes(sequence: int, element: bytes) -> None:
    body = framing.retraction(sequence, "room-4", element)
    [sent] = delivery_service_pb2.FetchDeliveriesResponse.FromString(body).deliveries
    known = codec.retraction(sequence, "room-4", UUID(bytes=element))
    assert sent == known
    assert codec.serialised(sent) == codec.serialised(known)
