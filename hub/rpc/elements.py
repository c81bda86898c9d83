"""Writes what a feed should hold as the contract's bytes."""

from uuid import UUID

from consent_ledger.access import StepKind
from hub.projections.held import Terms
from hub.projections.segments import ItemClass
from hub.records import disputes, framing
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
        terms=_terms(wanted.terms),
        etag=sending.etag,
    )


def seen(sending: Sending) -> bytes:
    """One fragment of a history, as a field of the answer."""
    assert sending.wanted is not None  # only what may be seen is in a history
    return framing.in_history(element(sending, sending.wanted))


def element(sending: Sending, wanted: Wanted) -> bytes:
    """One fragment with its envelope and terms."""
    item = wanted.item
    return framing.element(
        _frame(item.kind),
        sending.element_id,
        sending.record_id,
        item.occurred_at,
        item.recorded_at,
        item.revision,
        _content(sending, wanted),
        _terms(wanted.terms),
        sending.etag,
    )


def _content(sending: Sending, wanted: Wanted) -> bytes:
    if wanted.ring is not None:
        return risk_stub(wanted.ring)
    if sending.disputes:
        return disputes.naming(wanted.item.content, str(UUID(bytes=sending.disputes)))
    return wanted.item.content


def _frame(kind: ItemClass) -> framing.Frame:
    record, fragment = kind.record, kind.fragment
    return framing.frame(
        record.origin_agency_id,
        record.service_type,
        record.source_system,
        fragment.categories,
        fragment.level,
    )


def _terms(terms: Terms) -> bytes:
    return framing.terms(terms.rows, terms.marks)
