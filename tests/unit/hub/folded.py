"""Facts folded one by one, as a ledger would bring them, without one."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from consent_ledger.domain import (
    Agency,
    Agreement,
    Exclusion,
    Grant,
    Link,
    Refusal,
    Registration,
)
from consent_ledger.records import PublishedFragment, RecordPublished, read_record
from consent_ledger.vocabulary import DataCategory, Level, ServiceType, TaskKind
from hub.projections.consent_index import ConsentIndex
from hub.projections.folding import fold

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HEALTH, CONTACT, RISK = "PHYSICAL_HEALTH", "SERVICE_CONTACT", "SAFEGUARDING_RISK"
ENDED, OTHERS = TaskKind.SAFETY_CRITICAL_ENDED, TaskKind.RISK_TO_OTHERS
LINKED = ("clinic", "pharmacy", "outreach")


class Facts:
    """A consent index and what is folded into it; one registration at each agency, all of one person."""

    def __init__(self) -> None:
        self.index = ConsentIndex()
        self.position = 0
        self.now = MONDAY
        self.registrations: dict[str, UUID] = {}
        self.agreements: dict[str, Agreement] = {}
        for name in ("clinic", "pharmacy", "outreach", "hostel"):
            self._agency(name)
        for name in LINKED[1:]:
            self._link("clinic", name)

    def fold(self, event: object) -> None:
        self.position += 1
        fold(self.index, self.position, self.now, event)

    def save(self, aggregate: Any) -> None:
        for event in aggregate.collect_events():
            self.fold(event)

    def _agency(self, name: str) -> None:
        service = {"pharmacy": "PRIMARY_CARE", "hostel": "HOSTEL"}.get(name, "NAVIGATION")
        uri = f"spiffe://hub/agency/{name}/adapter/1"
        agency = Agency.begin(
            uuid4(),
            agency_id=name,
            name=name,
            controller_id=name,
            service_type=service,
            public_authority=False,
            enforcement_powers=None,
        )
        agency.authorise_certificate(uri, "00")
        agency.subscribe(str(uuid4()), uri, service, ["DIRECT_SUPPORT"], [HEALTH, CONTACT, RISK], False, "")
        self.save(agency)
        one = Registration.begin(uuid4(), agency_id=name, matched={}, earlier=None)
        self.save(one)
        self.registrations[name] = one.id

    def _link(self, first: str, second: str) -> None:
        link = Link.begin(uuid4(), registration_id=self.registrations[first], token_label="t")
        link.redeem(self.registrations[second])
        link.confirm("CONFIRMED")
        self.save(link)

    def agree(
        self, agreement_id: str = "isa-1", categories: tuple[str, ...] = (HEALTH, CONTACT, RISK)
    ) -> None:
        agreement = Agreement.begin(uuid4(), agreement_id=agreement_id)
        parties = ("clinic", "pharmacy", "outreach")
        agreement.draft(
            1,
            {
                "agreement_id": agreement_id,
                "start_time": MONDAY.isoformat(),
                "end_time": (MONDAY + timedelta(days=300)).isoformat(),
                "notice_id": "notice-1",
                "parties": [{"agency_id": one, "receives_only": False, "bases": []} for one in parties],
                "rows": [
                    {
                        "category": one,
                        "purpose": "DIRECT_SUPPORT",
                        "on_end": "RESTRICT",
                        "self_captured_restricted": False,
                    }
                    for one in categories
                ],
            },
        )
        for party in parties:
            agreement.sign(1, party)
        self.agreements[agreement_id] = agreement
        self.save(agreement)

    def grant(
        self,
        by: str = "clinic",
        to: str | None = "pharmacy",
        categories: tuple[str, ...] = (HEALTH, CONTACT),
        *,
        basis: str = "EXPLICIT_CONSENT",
        lasts: int = 90,
        begins: int = 0,
        weak: bool = False,
        service: str | None = None,
    ) -> Grant:
        grant = Grant.begin(
            uuid4(),
            registration_id=self.registrations[by],
            captured_by=by,
            purposes=["DIRECT_SUPPORT"],
            categories=list(categories),
            agency_id=to,
            service_type=service,
            support_team=False,
            confidentiality_basis=basis,
            capture_method="ESIGNATURE",
            notice_id="notice-1",
            given_time=self.now,
            effective_from=self.now + timedelta(days=begins),
            effective_until=self.now + timedelta(days=lasts),
            data_from=None,
            data_until=None,
            asked_alone=True,
            service_offered_anyway=True,
            told_may_refuse=True,
            capacity_in_doubt=False,
            weak=weak,
            evidence_reference="E-1",
            told_care_team=True,
            decision_maker="d-1",
            authorised_by="a-1",
            recorded_by="r-1",
            duty=None,
            duty_since=None,
            given_by="",
            given_by_agency=None,
            given_by_registration=None,
            sixteenth_birthday="",
            lacks_capacity_reference="",
        )
        self.save(grant)
        return grant

    def change(self, grant: Grant, change: str, *values: object) -> None:
        getattr(grant, change)(*values)
        self.save(grant)

    def refuse(self, at: str, to: str | None = None, categories: tuple[str, ...] = ()) -> None:
        self.save(
            Refusal.begin(
                uuid4(),
                registration_id=self.registrations[at],
                purposes=[],
                categories=list(categories),
                agency_id=to,
                service_type=None,
                support_team=False,
                at_once=False,
                quiet=False,
            )
        )

    def exclude(self, at: str, agency_id: str | None = None, category: str | None = None) -> None:
        self.save(
            Exclusion.begin(
                uuid4(),
                registration_id=self.registrations[at],
                recorded_by=at,
                agency_id=agency_id,
                staff_reference=None,
                category=category,
                remove=False,
                at_once=False,
                linked_to_risk=False,
                ground=None,
            )
        )

    def risk(
        self, at: str = "outreach", *, revision: int = 1, to_others: bool = True, review: bool = False
    ) -> UUID:
        record_id = UUID(int=sum(map(ord, at)))
        content = PublishedFragment(
            uuid4(), (DataCategory(RISK),), Level.V, False, False, b"", risk_to_others=to_others
        )
        published = RecordPublished(
            record_id,
            revision,
            self.registrations[at],
            at,
            ServiceType.NAVIGATION,
            DataCategory(CONTACT),
            MONDAY,
            "case-book",
            (),
            MONDAY + timedelta(days=30) if review else None,
            None,
            (content,),
            "own-1",
        )
        entry: Any = SimpleNamespace(parts=published.draft().parts)
        self.fold(read_record(entry))
        return record_id

    def found(self) -> list[tuple[TaskKind, str]]:
        """Every cause, with the agency that it is about."""
        return sorted(
            (cause.kind, self.index.registrations[registration_id].agency_id)
            for registration_id, causes in self.index.tasks.causes_on.items()
            for cause in causes.values()
        )
