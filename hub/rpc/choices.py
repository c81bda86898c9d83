"""Writes recorded choices as the contract's messages."""

from consent_ledger import facts
from hub.records import codec
from hub.rpc import translate
from hub.use_cases import choices
from oncetold.v1 import common_pb2
from oncetold.v1 import consent_service_pb2 as messages


def choice(listed: choices.Choice, client_reference: str) -> messages.Choice:
    """One choice of the client behind a reference."""
    fact = listed.fact
    written = messages.Choice(
        choice_id=str(listed.choice_id),
        recorded_time=codec.timestamp(listed.recorded),
        state=translate.number(messages.ChoiceState, listed.state or None),
    )
    match fact:
        case facts.Grant():
            written.grant.CopyFrom(_grant(fact, client_reference))
            written.weak = fact.weak
        case facts.Stop():
            written.refusal.CopyFrom(_scope(fact.scope))
        case facts.Exclusion():
            written.exclusion = (
                "category" if fact.category else "person" if fact.staff_reference else "agency"
            )
        case facts.Marker():
            written.marker = translate.number(messages.MarkerKind, fact.kind)
    return written


def _grant(grant: facts.Grant, client_reference: str) -> messages.Grant:
    return messages.Grant(
        client_reference=client_reference,
        scope=_scope(grant.scope),
        confidentiality_basis=translate.number(common_pb2.ConfidentialityBasis, grant.basis),
        capture_method=translate.number(common_pb2.CaptureMethod, grant.method),
        notice_id=grant.notice_id,
        given_time=codec.timestamp(grant.evidence.given_time),
        effective_from_time=codec.timestamp(grant.evidence.effective_from),
        effective_until_time=codec.timestamp(grant.evidence.effective_until),
        asked_alone=grant.evidence.asked_alone,
        service_offered_anyway=grant.evidence.service_offered_anyway,
        told_may_refuse=grant.evidence.told_may_refuse,
        capacity_in_doubt=grant.evidence.capacity_in_doubt,
        data_from_time=codec.timestamp(grant.data_from),
        data_until_time=codec.timestamp(grant.data_until),
        evidence=_evidence(grant.evidence.basis),
        given_by=_given_by(grant.given_by),
    )


def _given_by(proxy: facts.Proxy | None) -> messages.GivenBy | None:
    if proxy is None:
        return None
    if proxy.agency_id is not None:
        at = messages.PersonAtAgency(agency_id=proxy.agency_id, staff_reference=proxy.reference)
        return messages.GivenBy(person=at)
    if proxy.registration_id is not None:
        return messages.GivenBy(client_reference=proxy.reference)
    return messages.GivenBy(other=proxy.reference)


def _evidence(evidence: facts.BasisEvidence) -> messages.BasisEvidence | None:
    if evidence == facts.NO_EVIDENCE:
        return None
    return messages.BasisEvidence(
        reference=evidence.reference,
        told_care_team=evidence.told_care_team,
        decision_maker=evidence.decision_maker,
        authorised_by=evidence.authorised_by,
        recorded_by=evidence.recorded_by,
        duty=translate.number(messages.StatutoryDuty, evidence.duty),
    )


def _scope(scope: facts.Scope) -> messages.Scope:
    written = messages.Scope(
        purposes=translate.numbers(common_pb2.Purpose, sorted(scope.purposes)),
        categories=translate.numbers(common_pb2.DataCategory, sorted(scope.categories)),
    )
    if scope.agency_id is not None:
        written.agency_id = scope.agency_id
    elif scope.service_type is not None:
        written.service_type = translate.number(common_pb2.ServiceType, scope.service_type)
    elif scope.support_team:
        written.support_team = True
    return written
