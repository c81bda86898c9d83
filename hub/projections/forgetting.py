"""Takes out of the consent index what was read of records that are erased now.

An index that is folded anew finds nothing of them: so this one must hold nothing either (I14), and no date
or risk of a record that nobody can read may go on deciding.
"""

from collections.abc import Iterable
from uuid import UUID

from consent_ledger import domain
from consent_ledger.ledger import Transaction
from consent_ledger.records import StoredRecord, read_record
from consent_ledger.vocabulary import TaskKind
from hub.projections.consent_index import ConsentIndex
from hub.projections.folding import fold
from hub.projections.tasks import Cause


def registrations_of(index: ConsentIndex, event: object) -> tuple[UUID, ...]:
    """The registrations of which the event made something unreadable; none for any other event."""
    if isinstance(event, domain.Erasure.Created):
        return index.erasures[event.originator_id].registrations
    if isinstance(event, domain.Hold.Lifted):
        return index.holds[event.originator_id].registrations
    return ()


def matters(index: ConsentIndex, record: StoredRecord) -> bool:
    """Whether the index takes anything of the record."""
    # A judgement's later revision matters too, even one that judges nothing any more.
    return record.matters_to_decisions or record.record_id in index.tasks.judgements


def forget_erased(
    index: ConsentIndex, transaction: Transaction, registrations: Iterable[UUID], through: int
) -> list[int]:
    """Reads anew what the index took of the registrations' records up to `through`, as far as it can be read.

    Returns the positions from which it takes nothing any more.
    """
    dropped: list[int] = []
    records = sorted({one for first in registrations for one in index.taken_on.get(first, ())})
    for record_id in records:
        before = index.taken[record_id].positions
        causes = _let_go(index, record_id)
        for entry in transaction.stream(UUID(bytes=record_id)):
            record = read_record(entry) if entry.position <= through else None
            if record is not None and matters(index, record):
                fold(index, entry.position, entry.recorded_at, record)
        _restore(index, record_id, causes)
        taken = index.taken.get(record_id)
        dropped += set(before) - set(() if taken is None else taken.positions)
    return sorted(dropped)


def _let_go(index: ConsentIndex, record_id: bytes) -> list[Cause]:
    """Forgets a record, and returns the tasks that it was the cause of."""
    taken = index.taken.pop(record_id)
    for registration_id, others in taken.told.items():
        on = index.taken_on[registration_id]
        on.discard(record_id)
        left = {other for one in on for other in index.taken[one].told.get(registration_id, ())}
        for other in others - left:
            index.told_about[other].discard(registration_id)
    index.drop_boundaries(str(UUID(bytes=record_id)))
    index.places.forget(record_id)
    judgement = index.tasks.let_go(record_id)
    if judgement is None:
        return []
    on_it = index.tasks.causes_on.get(judgement.registration_id, {})
    subject = str(judgement.record_id)
    kinds = (TaskKind.REVIEW_OVERDUE, TaskKind.RISK_TO_OTHERS)
    return [on_it.pop((kind, subject)) for kind in kinds if (kind, subject) in on_it]


def _restore(index: ConsentIndex, record_id: bytes, causes: list[Cause]) -> None:
    """Tasks stay as long as what they are about can be read."""
    judgement = index.tasks.judgements.get(record_id)
    for cause in causes:
        if judgement is not None and (cause.kind is TaskKind.REVIEW_OVERDUE or judgement.risk_to_others):
            index.tasks.add(cause)
