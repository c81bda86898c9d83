"""What each agency may take with it when a hub is wound up: its own records, and what it is permitted now.

The looks are recorded before anything is given out, as any other look is.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from consent_ledger.access import AccessKind
from consent_ledger.entry import moment
from consent_ledger.ledger import Transaction
from hub.projections.fragments import Item
from hub.projections.segments import Segments
from hub.records.plain import as_json
from hub.use_cases.history import export_history
from hub.use_cases.hub import Hub
from hub.use_cases.work import Caller, Work

Row = dict[str, Any]
"""One line of a copy: JSON values."""


async def taking_part(hub: Hub) -> list[tuple[str, str]]:
    """(id, name) of every agency that has not left."""
    index = hub.projector.index
    return await hub.look(
        lambda _: sorted((one.agency_id, one.name) for one in index.agencies.values() if one.departed is None)
    )


async def own_records(hub: Hub, agency_id: str) -> AsyncIterator[Row]:
    """Everything that the agency published and that can be read, the latest revision of each part."""
    await hub.execute(_recorded, Caller(agency_id=agency_id, operator=True))
    index = hub.projector.index
    for registration_id in await hub.look(lambda _: tuple(index.by_agency.get(agency_id, ()))):
        for row in await hub.look(_reading(hub, registration_id)):
            yield row


def _recorded(work: Work, caller: Caller) -> int:
    return work.record_access(caller, AccessKind.AUDIT)


def _reading(hub: Hub, registration_id: UUID) -> Any:
    def read(transaction: Transaction) -> list[Row]:
        index, segments = hub.projector.index, Segments(transaction)
        reference = index.registrations[registration_id].reference
        found = []
        for item in segments.fragments(registration_id).latest.values():
            if not item.gone:
                record = segments.record(UUID(bytes=item.record_id))
                own_id = "" if record is None else record.own_id
                found.append({"client_reference": reference, "record_id": own_id, **_described(item)})
        return found

    return read


async def permitted(hub: Hub, agency_id: str) -> AsyncIterator[Row]:
    """What other agencies told and this one may read now, under its own references."""
    index = hub.projector.index
    feeds = await hub.look(lambda _: [index.feeds[one] for one in index.agencies[agency_id].feeds])
    references = await hub.look(lambda _: [ref for agency, ref in index.by_reference if agency == agency_id])
    for feed in feeds:
        caller = Caller(agency_id=agency_id, certificate_uri=feed.certificate_uri)
        for reference in references:
            if (registration := index.current_registration(agency_id, reference)) is None:
                continue
            if registration.in_error:
                continue
            whole = await hub.execute(
                export_history, caller, feed_id=feed.feed_id, client_reference=reference
            )
            for one in whole.sendings:
                if one.wanted is None:
                    continue
                rows = one.wanted.terms.rows
                yield {
                    "client_reference": reference,
                    "told_by": one.wanted.item.kind.record.origin_agency_id,
                    "may_be_used_for": [f"{row.purpose} ({row.state})" for row in rows],
                    "handling": list(one.wanted.terms.marks),
                    **_described(one.wanted.item, stub=one.wanted.ring),
                }


def _described(item: Item, stub: str | None = None) -> Row:
    record, fragment = item.kind.record, item.kind.fragment
    content = as_json(item.content) if stub is None else {"risk": {"do_not_visit_alone": True, "ring": stub}}
    return {
        "categories": list(fragment.categories),
        "service_type": record.service_type,
        "source_system": record.source_system,
        "occurred": moment(item.occurred_at).isoformat(),
        "recorded": moment(item.recorded_at).isoformat(),
        "revision": item.revision,
        "content": content,
    }
