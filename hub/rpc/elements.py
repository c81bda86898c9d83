"""Writes what a feed should hold as the contract's messages."""

from consent_ledger.access import StepKind
from hub.records import codec
from hub.use_cases.deliver import Sending
from hub.use_cases.difference import Wanted
from oncetold.v1 import delivery_service_pb2


def delivery(sending: Sending) -> delivery_service_pb2.Delivery:
    """One item of a batch."""
    if sending.wanted is None:
        return codec.retraction(sending.sequence, sending.client_reference, sending.element_id)
    if sending.kind is StepKind.DISCLOSE:
        return codec.disclosure(sending.sequence, sending.client_reference, element(sending.wanted))
    return codec.correction(
        sending.sequence,
        sending.client_reference,
        fragment_id=sending.element_id,
        replacement=element(sending.wanted) if sending.with_content else None,
        terms=_terms(sending.wanted),
        etag=sending.wanted.etag,
    )


def element(wanted: Wanted) -> delivery_service_pb2.Element:
    """One fragment with its envelope and terms."""
    stored, facts = wanted.stored, wanted.stored.facts
    return codec.element(
        fragment_id=wanted.element_id,
        envelope=codec.envelope(
            record_id=wanted.record_id,
            origin_agency_id=facts.origin_agency_id,
            service_type=stored.service_type,
            occurred_time=facts.occurred_at,
            recorded_time=stored.recorded_at,
            source_system=stored.source_system,
            revision=facts.revision,
        ),
        categories=facts.categories,
        level=facts.level,
        content=stored.content,
        terms=_terms(wanted),
        etag=wanted.etag,
    )


def _terms(wanted: Wanted) -> delivery_service_pb2.Terms:
    rows = [(row.purpose, row.agreement_id, row.state) for row in wanted.rows]
    return codec.terms(rows, wanted.marks)
