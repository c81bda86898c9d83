"""Every one of the eighteen record types is published, split, delivered and put together again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from hub.bootstrap import running_hub
from oncetold.v1 import common_pb2, record_service_pb2, records_pb2
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from tests.integration.loopback import Site, adapter_channel
from tests.integration.story import begin, fetch, grant, link, request_id, stamp

ALL = tuple(value for value in common_pb2.DataCategory.values() if value)
TYPES = [field.name for field in records_pb2.RecordContent.DESCRIPTOR.fields]
ELSEWHERE = (
    "oncetold.v1.Risk.do_not_visit_alone",
    "oncetold.v1.Risk.ring",  # both set by the hub only
    "oncetold.v1.ClientStatement.disputes_record_id",  # names a record: tests/scenarios/test_replies.py
)
DATES = ("start_date", "end_date", "from_date", "to_date", "until_date", "meeting_date", "birth_date")


def filled(message: Any) -> Any:
    """The message with every field set."""
    for field in message.DESCRIPTOR.fields:
        if field.full_name in ELSEWHERE:
            continue
        if field.message_type is not None and field.is_repeated:
            for category in (common_pb2.DATA_CATEGORY_MENTAL_HEALTH, common_pb2.DATA_CATEGORY_MONEY_WORK):
                answer(getattr(message, field.name).add(), category)
        elif field.message_type is None:
            setattr(message, field.name, scalar(field))
        else:
            part(getattr(message, field.name))
    return message


def part(message: Any) -> None:
    match message.DESCRIPTOR.name:
        case "Coding":
            message.system, message.code = "test", "code"
        case "FreeText":
            message.text = "words"
            message.released_categories.append(common_pb2.DATA_CATEGORY_OWN_STORY)
        case "CategorisedAnswer":
            answer(message, common_pb2.DATA_CATEGORY_FAMILY)
        case "UnaskedQuestion":
            message.category, message.standing = common_pb2.DATA_CATEGORY_DOMESTIC_ABUSE, True
            part(message.question)
        case "Timestamp":
            message.FromDatetime(datetime(2026, 1, 5, 10, 0, tzinfo=UTC))
        case _:
            filled(message)


def answer(message: Any, category: int) -> None:
    message.category = category
    message.question.system, message.question.code = "test", "question"
    message.yes = True


def scalar(field: FieldDescriptor) -> object:
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.type == FieldDescriptor.TYPE_UINT32:
        return 14
    values = {"uprn": "100012345678", "postcode": "AB1 2CD", "work_phone": "01632 960145"}
    return "2026-01-05" if field.name in DATES else values.get(field.name, "agency-1")


def test_there_are_eighteen() -> None:
    assert len(TYPES) == 18


@pytest.mark.parametrize("name", TYPES)
async def test_the_type_is_published_and_delivered(name: str, site: Site) -> None:
    content = records_pb2.RecordContent()
    filled(getattr(content, name))
    async with running_hub(site.config) as running:
        story = await begin(site, ALL)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            record = record_service_pb2.Record(
                record_id="one",
                revision=1,
                client_reference="out-7",
                service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
                occurred_time=stamp(datetime.now(UTC) - timedelta(hours=1)),
                source_system="test",
                content=content,
            )
            await RecordServiceStub(outreach).PublishRecords(
                record_service_pb2.PublishRecordsRequest(request_id=request_id(), records=[record])
            )
            await grant(outreach, ALL)
            delivered = records_pb2.RecordContent()
            for item in (await fetch(hostel, story)).deliveries:
                assert item.disclose.content.WhichOneof("type") == name
                delivered.MergeFrom(item.disclose.content)
    if getattr(content, name).DESCRIPTOR.name == "Note":
        # A note about somebody else stays back by default, and with it that there is one.
        assert delivered == records_pb2.RecordContent()
        return
    assert sorted_answers(delivered) == sorted_answers(content)


def sorted_answers(content: Any) -> bytes:
    """Fragments come back category by category: the order between categories is not kept."""
    for field, value in getattr(content, content.WhichOneof("type")).ListFields():
        if field.is_repeated:
            value.sort(key=lambda one: (one.category, one.SerializeToString()))
    return bytes(content.SerializeToString(deterministic=True))
