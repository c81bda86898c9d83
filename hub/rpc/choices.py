"""Writes recorded choices as the contract's messages."""

from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import facts
from hub.records import codec
from hub.rpc import translate
from oncetold.v1 import common_pb2
from oncetold.v1 import consent_service_pb2 as messages


def choice(identity: UUID, fact: object, client_reference: str, recorded: datetime) -> messages.Choice:
    """One choice. Raises TypeError for a fact that is none."""
    written = messages.Choice(choice_id=str(identity), recorded_time=codec.timestamp(recorded))
    match fact:
        case facts.Grant():
            written.grant.CopyFrom(_grant(fact, client_reference))
            written.state = _state(_state_of_grant(fact))
            written.weak = fact.weak
        case facts.Stop():
            written.refusal.CopyFrom(_scope(fact.scope))
            written.state = _state("ACTIVE")
        case facts.Exclusion():
            written.exclusion = (
                "category" if fact.category else "person" if fact.staff_reference else "agency"
            )
            written.state = _state("LIFTED" if fact.lifted else "ACTIVE")
        case facts.Marker():
            written.marker = translate.number(messages.MarkerKind, fact.kind)
            written.state = _state("LIFTED" if fact.lifted else "ACTIVE")
        case _:
            raise TypeError(f"{type(fact).__name__} is no choice")
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
    )


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


def _state_of_grant(grant: facts.Grant) -> str:
    if grant.withdrawn:
        return "WITHDRAWN"
    if grant.expired:
        return "EXPIRED"
    return "ACTIVE" if grant.begun else "WAITING"


def _state(name: str) -> Any:
    return translate.number(messages.ChoiceState, name)
