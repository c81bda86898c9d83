"""Who speaks in a client's place: never somebody whom the client shut out, or is at risk from (H36)."""

from dataclasses import dataclass
from uuid import UUID

from consent_ledger import facts
from consent_ledger.errors import Refused
from consent_ledger.records import ids_of, placed_fragments
from consent_ledger.vocabulary import DataCategory
from hub.use_cases.unreading import told_on
from hub.use_cases.work import Caller, Work

_OF_RISK = frozenset({DataCategory.SAFEGUARDING_RISK, DataCategory.DOMESTIC_ABUSE})


@dataclass(frozen=True, slots=True)
class GivenBy:
    """Who gave a grant: somebody at an agency by its pseudonym, another client of the caller's by the
    caller's own reference, or somebody else by the caller's pseudonym. One of the three."""

    agency_id: str | None = None
    staff_reference: str = ""
    client_reference: str = ""
    other: str = ""


def speaking_for(work: Work, caller: Caller, client: facts.Registration, given_by: GivenBy) -> facts.Proxy:
    """The proxy as it is recorded. Raises `PROXY_EXCLUDED`, `REFERENCE_NOT_REGISTERED` for another's client.

    Refused is only what the caller recorded itself: another agency's exclusion must not show here. A grant
    that breaks such a one is recorded, and opens nothing (`facts.Exclusion.shuts_out`).
    """
    if given_by.client_reference:
        other = work.registration(caller, given_by.client_reference, open_only=False)
        if other.registration_id == client.registration_id or _is_named_as_risk(work, client, other):
            raise Refused("PROXY_EXCLUDED")
        # Not by the reference: what names the other goes with what is known of them, and this stays.
        return facts.Proxy("", None, other.registration_id)
    if given_by.agency_id is None:
        return facts.Proxy(given_by.other)
    proxy = facts.Proxy(given_by.staff_reference, given_by.agency_id)
    own = work.index.exclusions_on[client.registration_id]
    if any(exclusion.shuts_out(proxy) for exclusion in own):
        raise Refused("PROXY_EXCLUDED")
    return proxy


def _is_named_as_risk(work: Work, client: facts.Registration, other: facts.Registration) -> bool:
    """Whether what the agency recorded of risk or abuse, on either of the two, is about the other as well."""
    ids = {client.registration_id: other.registration_id, other.registration_id: client.registration_id}
    records = {
        (one.record_id, one.registration_id)
        for one in told_on(work, ids)
        if not _OF_RISK.isdisjoint(one.categories)
    }
    return any(_is_about(work, record_id, ids[at]) for record_id, at in sorted(records))


def _is_about(work: Work, record_id: UUID, other: UUID) -> bool:
    newest = placed_fragments(work.transaction.stream(record_id)[-1])
    return any(
        other in ids_of(one.subjects) and not _OF_RISK.isdisjoint(one.kind.categories) for one in newest
    )
