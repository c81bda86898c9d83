"""Writes requests to share and decisions as the contract's messages."""

from consent_ledger.sharing import Made, PartyBasis, SharingDecision
from hub.records import codec
from hub.rpc import translate
from hub.use_cases.sharing_lists import ListedDecision, ListedOverride, ListedRequest
from oncetold.v1 import common_pb2, sharing_pb2


def asked_sharing(one: ListedRequest) -> sharing_pb2.AskedSharing:
    """A request, as its asker or as whoever has to answer it sees it."""
    asked = one.asked
    return sharing_pb2.AskedSharing(
        sharing_request_id=str(asked.sharing_request_id),
        client_reference=one.client_reference,
        asking_agency_id=asked.agency_id,
        asking_agency_name=one.asker_name,
        purposes=translate.numbers(common_pb2.Purpose, sorted(asked.purposes)),
        categories=translate.numbers(common_pb2.DataCategory, sorted(asked.categories)),
        basis=_basis(asked.basis),
        power=translate.number(sharing_pb2.SharingPower, asked.power),
        asked_time=codec.timestamp(asked.asked_at),
        due_time=codec.timestamp(asked.due),
        why=one.why,
        overdue=one.overdue,
        answered=translate.number(sharing_pb2.SharingAnswerKind, one.answered),
        status=translate.number(sharing_pb2.SharingStatus, one.status),
        permitted=[_permitted(decision, made) for decision, made in one.permitted],
    )


def _basis(basis: PartyBasis) -> sharing_pb2.BasisInLaw:
    return sharing_pb2.BasisInLaw(
        lawful_basis=translate.number(common_pb2.LawfulBasis, basis.lawful_basis),
        article9=translate.number(common_pb2.Article9Condition, basis.article9),
        article10=translate.number(common_pb2.Article10Condition, basis.article10),
    )


def _permitted(decision: SharingDecision, made: Made) -> sharing_pb2.PermittedSharing:
    return sharing_pb2.PermittedSharing(
        decision_id=str(decision.decision_id),
        purposes=translate.numbers(common_pb2.Purpose, sorted(decision.purposes)),
        categories=translate.numbers(common_pb2.DataCategory, sorted(decision.categories)),
        until_time=codec.timestamp(made.until),
        ended=not decision.active,
    )


def decision(one: ListedDecision) -> sharing_pb2.Decision:
    """A decision, as the agency that made it sees it."""
    decided, made = one.decision, one.made
    return sharing_pb2.Decision(
        decision_id=str(decided.decision_id),
        client_reference=one.client_reference,
        kind=translate.number(sharing_pb2.DecisionKind, decided.kind),
        recipient_agency_id=decided.recipient_agency_id,
        purposes=translate.numbers(common_pb2.Purpose, sorted(decided.purposes)),
        categories=translate.numbers(common_pb2.DataCategory, sorted(decided.categories)),
        confidentiality_basis=translate.number(
            common_pb2.ConfidentialityBasis, decided.confidentiality_basis
        ),
        decided_by=made.decided_by,
        countersigned_by=made.countersigned_by,
        decided_time=codec.timestamp(made.decided_at),
        until_time=codec.timestamp(made.until),
        ended=not decided.active,
        why=one.why,
    )


def pending_override(one: ListedOverride) -> sharing_pb2.PendingOverride:
    """An override that waits for a lead."""
    asked = one.override
    return sharing_pb2.PendingOverride(
        override_id=str(asked.override_id),
        client_reference=one.client_reference,
        recipient_agency_id=asked.recipient_agency_id,
        purposes=translate.numbers(common_pb2.Purpose, sorted(asked.purposes)),
        categories=translate.numbers(common_pb2.DataCategory, sorted(asked.categories)),
        risk=translate.number(sharing_pb2.OverrideRisk, asked.risk),
        why_no_consent=translate.number(sharing_pb2.WhyNoConsent, asked.why_no_consent),
        told=translate.number(sharing_pb2.ClientTold, asked.told),
        asked_by=asked.asked_by,
        asked_time=codec.timestamp(asked.asked_at),
        until_time=codec.timestamp(asked.until),
        why=one.why,
    )
