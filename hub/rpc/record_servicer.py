"""RecordService: what agencies learned comes in, and the consolidated history is read."""

from consent_ledger.vocabulary import DataCategory, HandlingMark, ServiceType
from hub.records.risk import review_by
from hub.records.splitter import split
from hub.rpc import elements, translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases.history import REMINDER, get_history
from hub.use_cases.publish import NewRecord, Other, publish_records
from oncetold.v1 import record_service_pb2 as messages


class RecordServicer(Servicer):
    """Publishing, and reading the consolidated history."""

    async def PublishRecords(
        self, request: messages.PublishRecordsRequest, call: Call
    ) -> messages.PublishRecordsResponse:
        records = [_new_record(record, f"records[{index}].") for index, record in enumerate(request.records)]
        return await self.once(
            call,
            request,
            lambda positions: messages.PublishRecordsResponse(
                positions=[self.position(index) for index in positions]
            ),
            publish_records,
            records=records,
        )

    async def GetHistory(self, request: messages.GetHistoryRequest, call: Call) -> bytes:
        found, access, narrowed, feed = await self.ask(
            call,
            get_history,
            feed_id=translate.uuid(request, "feed_id"),
            client_reference=request.client_reference,
        )
        rest = messages.GetHistoryResponse(
            reminder=REMINDER,
            access=self.position(access),
            narrowed=translate.number(messages.ReadingLimit, narrowed),
        )
        return elements.history(found, feed) + rest.SerializeToString(deterministic=True)


def _new_record(record: messages.Record, path: str) -> NewRecord:
    parts = split(record, path)
    return NewRecord(
        record_id=record.record_id,
        revision=record.revision,
        client_reference=record.client_reference,
        service_type=translate.term(record, "service_type", ServiceType),
        envelope_category=parts.envelope_category,
        occurred_time=translate.required_moment(record, "occurred_time"),
        source_system=record.source_system,
        marks=translate.terms(record, "marks", HandlingMark),
        fragments=parts.fragments,
        record_type=parts.record_type,
        others=[_other(subject) for subject in record.other_subjects],
        review_by_time=review_by(record),
        spent_on_time=translate.moment(record, "spent_on_time"),
    )


def _other(subject: messages.OtherSubject) -> Other:
    categories = frozenset(
        category.value for category in translate.terms(subject, "categories", DataCategory)
    )
    return Other(subject.client_reference, categories, subject.solely_about)
