"""Writes what a feed should hold as the contract's bytes."""

from consent_ledger.access import StepKind
from hub.records import framing
from hub.records.risk import risk_stub
from hub.use_cases.deliver import Sending
from hub.use_cases.difference import Wanted


def delivery(sending: Sending) -> bytes:
    """One item of a batch, as a field of the answer."""
    number, reference, wanted = sending.sequence, sending.client_reference, sending.wanted
    if wanted is None:
        return framing.retraction(number, reference, sending.element_id)
    if sending.kind is StepKind.DISCLOSE:
        return framing.disclosure(number, reference, element(sending, wanted))
    return framing.correction(
        number,
        reference,
        element_id=sending.element_id,
        replacement=element(sending, wanted) if wanted.with_content else None,
        terms=_terms(wanted),
        etag=sending.etag,
    )


def seen(sending: Sending) -> bytes:
    """One fragment of a history, as a field of the answer."""
    assert sending.wanted is not None  # only what may be seen is in a history
    return framing.in_history(element(sending, sending.wanted))


def element(sending: Sending, wanted: Wanted) -> bytes:
    """One fragment with its envelope and terms."""
    item = wanted.item
    record, fragment = item.kind.record, item.kind.fragment
    return framing.element(
        framing.frame(
            record.origin_agency_id,
            record.service_type,
            record.source_system,
            fragment.categories,
            fragment.level,
        ),
        element_id=sending.element_id,
        record_id=sending.record_id,
        occurred_at=item.occurred_at,
        recorded_at=item.recorded_at,
        revision=item.revision,
        content=item.content if wanted.ring is None else risk_stub(wanted.ring),
        terms=_terms(wanted),
        etag=sending.etag,
    )


def _terms(wanted: Wanted) -> bytes:
    return framing.terms(tuple(wanted.terms.rows), wanted.terms.marks)
