"""Writes what a feed should hold as the contract's bytes."""

from uuid import UUID

from consent_ledger.access import StepKind
from hub.projections.held import Terms
from hub.projections.segments import ItemClass
from hub.records import disputes, framing
from hub.records.risk import risk_stub
from hub.use_cases.deliver import Sending
from hub.use_cases.difference import Wanted


class Frames:
    """Writes one answer. What its elements have in common is written once, found again as the same object."""

    def __init__(self) -> None:
        self._kinds: dict[int, framing.Frame] = {}
        self._terms: dict[int, bytes] = {}

    def delivery(self, sending: Sending) -> bytes:
        """One item of a batch, as a field of the answer."""
        number, reference, wanted = sending.sequence, sending.client_reference, sending.wanted
        if wanted is None:
            return framing.retraction(number, reference, sending.element_id)
        if sending.kind is StepKind.DISCLOSE:
            return framing.disclosure(number, reference, self._element(sending, wanted))
        return framing.correction(
            number,
            reference,
            element_id=sending.element_id,
            replacement=self._element(sending, wanted) if wanted.with_content else None,
            terms=self._terms_of(wanted.terms),
            etag=sending.etag,
        )

    def seen(self, sending: Sending) -> bytes:
        """One fragment of a history, as a field of the answer."""
        assert sending.wanted is not None  # only what may be seen is in a history
        return framing.in_history(self._element(sending, sending.wanted))

    def _element(self, sending: Sending, wanted: Wanted) -> bytes:
        item = wanted.item
        kind = self._kinds.get(id(item.kind))
        if kind is None:
            kind = self._kinds[id(item.kind)] = _frame(item.kind)
        return framing.element(
            kind,
            sending.element_id,
            sending.record_id,
            item.occurred_at,
            item.recorded_at,
            item.revision,
            _content(sending, wanted),
            self._terms_of(wanted.terms),
            sending.etag,
        )

    def _terms_of(self, terms: Terms) -> bytes:
        written = self._terms.get(id(terms))
        if written is None:
            written = self._terms[id(terms)] = framing.terms(terms.rows, terms.marks)
        return written


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
