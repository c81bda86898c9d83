"""Writes what a feed should hold as the contract's bytes."""

from collections.abc import Sequence
from uuid import UUID

from consent_ledger.access import StepKind
from consent_ledger.facts import Feed
from consent_ledger.policy.sensitivity import level_for
from hub.projections.fragments import ItemClass
from hub.records import disputes, framing
from hub.records.risk import risk_stub
from hub.use_cases.deliver import Sending

_NO_ID = bytes(16)


def history(found: Sequence[Sending], feed: Feed) -> bytes:
    """A history's fragments, as fields of the answer."""
    frames = _Frames(found, feed)
    return b"".join([frames.element(framing.IN_HISTORY, at) for at in range(len(found))])


def deliveries(sendings: Sequence[Sending], feed: Feed) -> bytes:
    """A batch's items, as fields of the answer."""
    frames = _Frames(sendings, feed)
    return b"".join([frames.delivery(at) for at in range(len(sendings))])


class _Frames:
    """Writes one answer. What its elements have in common is written once, found again as the same object;
    ids and etags are spelled out for all of them at once."""

    def __init__(self, sendings: Sequence[Sending], feed: Feed) -> None:
        self._sendings = sendings
        self._feed = feed
        self._ids = framing.uuid_texts([one.element_id for one in sendings])
        self._records = framing.uuid_texts([one.record_id or _NO_ID for one in sendings])
        self._etags = framing.etag_texts([one.etag or _NO_ID for one in sendings])
        self._kinds: dict[int, framing.Frame] = {}
        self._terms: dict[int, bytes] = {}

    def delivery(self, at: int) -> bytes:
        """One item of a batch."""
        sending = self._sendings[at]
        number, reference, wanted = sending.sequence, sending.client_reference, sending.wanted
        if wanted is None:
            return framing.retraction(number, reference, sending.element_id)
        if sending.kind is StepKind.DISCLOSE:
            return framing.disclosure(number, reference, self.element(framing.DISCLOSED, at))
        return framing.correction(
            number,
            reference,
            element_id=sending.element_id,
            replacement=self.element(framing.REPLACEMENT, at) if wanted.with_content else None,
            terms=framing.terms(wanted.terms.rows, wanted.terms.marks),
            etag=sending.etag,
        )

    def element(self, tag: bytes, at: int) -> bytes:
        """One fragment behind a tag. There is none in a retraction."""
        sending = self._sendings[at]
        wanted = sending.wanted
        assert wanted is not None
        item, terms = wanted.item, wanted.terms
        kind = self._kinds.get(id(item.kind))
        if kind is None:
            kind = self._kinds[id(item.kind)] = _frame(item.kind, self._feed)
        under = self._terms.get(id(terms))
        if under is None:
            under = self._terms[id(terms)] = framing.under(framing.terms(terms.rows, terms.marks))
        _, revision, occurred_at, recorded_at, _, chunk, start, stop, _ = item
        content = chunk[start:stop]
        if wanted.ring is not None:
            content = risk_stub(wanted.ring)
        elif sending.disputes:
            content = disputes.naming(content, str(UUID(bytes=sending.disputes)))
        ids, records, etags = self._ids[at], self._records[at], self._etags[at]
        return framing.element(
            tag, kind, ids, records, occurred_at, recorded_at, revision, content, under, etags
        )


def _frame(kind: ItemClass, feed: Feed) -> framing.Frame:
    record, fragment = kind.record, kind.fragment
    return framing.frame(
        record.origin_agency_id,
        record.service_type,
        record.source_system,
        fragment.categories,
        level_for(fragment, feed),
    )
