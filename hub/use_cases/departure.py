"""An agency leaves for good: nothing is recorded by it or sent to it any more (DESIGN I6).

What it attests of the copies in its own system answers the retractions that it owed. What it published goes
on as before, or is erased, one client after another, each by an entry of its own.
"""

from datetime import timedelta
from uuid import UUID

from consent_ledger.domain import Agency
from consent_ledger.erasures import DepartedCopies, DepartedRecords, ErasureGround, ErasurePart
from consent_ledger.errors import Refused
from hub.projections.consent_index import ConsentIndex
from hub.use_cases.erasure import Scope, erase, holding_all, keeping
from hub.use_cases.hub import Hub
from hub.use_cases.unreading import told_on
from hub.use_cases.work import ADMINISTRATION, Caller, Work


def depart_agency(
    work: Work,
    caller: Caller,
    *,
    agency_id: str,
    copies: DepartedCopies,
    records: DepartedRecords,
    attested_by: str,
) -> int:
    """Records that an agency leaves: the entry's position; of one that has left, the first. The operator, or
    the agency itself. Raises `OPERATOR_ONLY`, `UNKNOWN_AGENCY`."""
    if caller.agency_id != agency_id:
        caller.require_operator()
    known = work.index.agencies.get(agency_id)
    if known is None:
        raise Refused("UNKNOWN_AGENCY")
    if known.departed is not None:
        return known.departed.position
    agency = work.repository.get(Agency, work.vault.opaque_id("agency", agency_id))
    agency.depart(agency_id, copies, records, attested_by, [str(one) for one in known.feeds])
    return work.save(agency, ADMINISTRATION)


async def erase_what_was_left(hub: Hub) -> int:
    """Erases what departed agencies asked to be erased; of how many registrations."""
    left = await hub.look(lambda _: _left(hub.projector.index))
    erased = 0
    for agency_id, registration_id in left:
        operator = Caller(agency_id=agency_id, operator=True)
        erased += await hub.execute(
            _erase, operator, registration_id=registration_id, copies_kept=hub.key_copies_kept
        )
    return erased


def _left(index: ConsentIndex) -> list[tuple[str, UUID]]:
    return [
        (agency.agency_id, registration_id)
        for agency in index.agencies.values()
        if agency.departed is not None and agency.departed.records is DepartedRecords.ERASED
        for registration_id in index.by_agency[agency.agency_id]
        if not index.registrations[registration_id].erased
        and not any(one.whole for one in index.erasures_on.get(registration_id, ()))
    ]


def _erase(work: Work, caller: Caller, *, registration_id: UUID, copies_kept: timedelta) -> bool:
    """Waits while a hold keeps all of it: what is asked for again and again would be refused as often."""
    registration = work.index.registrations[registration_id]
    chain = work.index.chain_of[registration_id]
    told = told_on(work, chain)
    if registration.erased or (told and all(keeping(work.index, one) is not None for one in told)):
        return False
    if not told and holding_all(work.index, chain) is not None:
        return False
    scope = Scope(registration.reference, ErasurePart.REGISTRATION)
    ground = ErasureGround.NO_LONGER_NECESSARY
    erase(work, caller, scope=scope, ground=ground, copies_kept=copies_kept)
    return True
