"""Publishing: what an agency learned becomes sealed entries, all of them or none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger.errors import Refused
from consent_ledger.records import PublishedFragment, RecordPublished
from consent_ledger.vault import Vault
from consent_ledger.vocabulary import DataCategory, HandlingMark, Level, ServiceType
from hub.records.services import told_apart
from hub.records.splitter import SplitFragment
from hub.use_cases.place_search import places_in, written_in
from hub.use_cases.replies import Fragment, Told, beside_what_is_disputed
from hub.use_cases.work import Caller, Work, foreseeing, without_cells


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else in a record, by the publisher's own reference."""

    client_reference: str
    categories: frozenset[str]
    solely_about: bool


@dataclass(frozen=True, slots=True)
class NewRecord:
    """One record as published. No fragments: its author withdraws it.

    `record_type`: as the splitter names it; empty for no content, or none that the contract knows.
    """

    record_id: str
    revision: int
    client_reference: str
    service_type: ServiceType
    envelope_category: DataCategory
    occurred_time: datetime
    source_system: str
    marks: Sequence[HandlingMark]
    fragments: Sequence[SplitFragment]
    record_type: str
    others: Sequence[Other] = ()
    review_by_time: datetime | None = None
    spent_on_time: datetime | None = None


def _streams(vault: Vault, caller: Caller, *, records: Sequence[NewRecord]) -> list[UUID]:
    """Each record's own, by how its author calls it."""
    return [vault.opaque_id("record", caller.agency_id or "", one.record_id) for one in records]


@without_cells
@foreseeing(_streams)
def publish_records(work: Work, caller: Caller, *, records: Sequence[NewRecord]) -> list[int]:
    """Publishes records: their positions, in order. Raises `REFERENCE_NOT_REGISTERED`, `STALE_REVISION`."""
    published: dict[UUID, tuple[int, UUID]] = {}
    told: Told = {}
    streams = work.streams or _streams(work.vault, caller, records=records)
    return [
        work.append(_published(work, caller, one, stream, published, told).draft())
        for one, stream in zip(records, streams, strict=True)
    ]


def _published(
    work: Work,
    caller: Caller,
    record: NewRecord,
    stream: UUID,
    published: dict[UUID, tuple[int, UUID]],
    told: Told,
) -> RecordPublished:
    found = work.registration(caller, record.client_reference)
    latest, registration_id = published.get(stream) or _latest(work, stream)
    if record.revision != latest + 1:
        raise Refused("STALE_REVISION", expected=latest + 1)
    if not record.fragments and record.revision == 1:
        raise Refused("INVALID_FIELD", field="content", rule="a first revision has content")
    moved_from = None if registration_id == found.registration_id else registration_id
    if moved_from is not None and not work.index.registrations[moved_from].in_error:
        raise Refused("INVALID_FIELD", field="client_reference", rule="that of the earlier revisions")
    published[stream] = (record.revision, found.registration_id)
    identity = found.registration_id
    apart = told_apart(record.fragments, record.record_type, work.index.services)
    fragments = beside_what_is_disputed(work, found.agency_id, identity, apart, told)
    told[stream] = identity, frozenset(DataCategory(one) for part in fragments for one in part.categories)
    others = [
        (work.registration(caller, other.client_reference).registration_id, other) for other in record.others
    ]
    sealed = tuple(_fragment(work, stream, fragment, others) for fragment in fragments)
    return RecordPublished(
        stream,
        record.revision,
        found.registration_id,
        found.agency_id,
        record.service_type,
        record.envelope_category,
        record.occurred_time,
        record.source_system,
        tuple(sorted(record.marks)),
        record.review_by_time,
        record.spent_on_time,
        sealed,
        record.record_id,
        tuple(_places(work, found.agency_id, record.source_system, sealed)),
    )


def _places(
    work: Work, agency_id: str, source_system: str, fragments: Sequence[PublishedFragment]
) -> Iterator[tuple[UUID, tuple[UUID, ...]]]:
    """The fragments that hold a protected place, anybody's. The publisher is not told."""
    if not work.index.places.sizes:
        return
    for one in fragments:
        texts = written_in(one.content, agency_id, source_system)
        if places := places_in(work.index, work.vault, texts):
            yield one.fragment_id, tuple(sorted(places))


def _latest(work: Work, stream: UUID) -> tuple[int, UUID | None]:
    """The record's revision, and on which registration it stands; 0 when it is new."""
    revision = work.transaction.version_of(stream)
    known = work.record(stream) if revision else None
    return revision, None if known is None else UUID(bytes=known.registration_id)


def _fragment(
    work: Work, record: UUID, fragment: Fragment, others: Sequence[tuple[UUID, Other]]
) -> PublishedFragment:
    kind = "text" if fragment.free_text else "fields"
    concerned = [
        (registration_id, other.solely_about)
        for registration_id, other in others
        if not other.categories.isdisjoint(fragment.categories)
    ]
    return PublishedFragment(
        work.vault.opaque_id("fragment", record.bytes, kind, *fragment.categories),
        tuple(DataCategory(category) for category in fragment.categories),
        Level(fragment.level),
        fragment.free_text,
        fragment.third_party,
        fragment.content,
        tuple(registration_id for registration_id, _ in concerned),
        tuple(registration_id for registration_id, solely in concerned if solely),
        fragment.risk_to_others,
        fragment.no_sleep_site,
    )
