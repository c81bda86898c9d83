"""Plays events to a hub through the contract, over whatever calls it: a channel or a servicer in process.

`call(agency, method, request)` speaks for an agency, or for the operator when `agency` is None, and
answers the response or raises what the transport raises. Ids that the hub gives are kept under the
event's own names, so that later events find them.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from oncetold.v1 import agency_service_pb2 as agencies
from oncetold.v1 import agreement_service_pb2 as agreements
from oncetold.v1 import common_pb2 as common
from oncetold.v1 import consent_service_pb2 as consents
from oncetold.v1 import erasure_service_pb2 as erasures
from oncetold.v1 import record_service_pb2 as records
from oncetold.v1 import registration_service_pb2 as registrations
from oncetold.v1 import task_service_pb2 as tasks
from tests.integration.story import day_and_night
from tests.oracle import history as h
from tests.oracle.contract import categories, record_message, service

Call = Callable[[str | None, str, Any], Awaitable[Any]]


class Player:
    """`certificate(agency)` is the URI and the public key's SHA-256 of the agency's adapter."""

    def __init__(self, call: Call, certificate: Callable[[str], tuple[str, bytes]]) -> None:
        self._call = call
        self._certificate = certificate
        self.ids: dict[str, str] = {}

    async def play(self, event: h.Event) -> int:
        """The position of the event's (last) entry."""
        match event:
            case h.AgencyRegistered() | h.FeedOpened():
                return await self._found(event)
            case h.AgreementDrafted() | h.AgreementSigned() | h.AgreementTerminated():
                return await self._agree(event)
            case h.LinkConfirmed():
                return await self._link(event)
            case h.GrantRecorded() | h.RefusalRecorded() | h.GrantWithdrawn() | h.GrantReconfirmed():
                return await self._choose(event)
            case h.ExclusionRecorded() | h.ExclusionLifted() | h.MarkerPlaced() | h.MarkerLifted():
                return await self._protect(event)
            case h.PostAppointed() | h.WarningEnded():
                return await self._lead(event)
            case h.Erased() | h.HoldPlaced() | h.HoldLifted():
                return await self._erase(event)
            case h.RecordPublished():
                request = records.PublishRecordsRequest(request_id=_new(), records=[record_message(event)])
                answer = await self._call(event.agency, "PublishRecords", request)
                return int(answer.positions[0].index)
            case _:
                return await self._register(event)

    async def _send(
        self, agency: str | None, method: str, message: Callable[..., Any], /, **fields: Any
    ) -> Any:
        return await self._call(agency, method, message(request_id=_new(), **fields))

    async def _found(self, event: h.AgencyRegistered | h.FeedOpened) -> int:
        uri, key = self._certificate(event.agency)
        if isinstance(event, h.AgencyRegistered):
            await self._send(
                None,
                "RegisterAgency",
                agencies.RegisterAgencyRequest,
                agency_id=event.agency,
                name=f"Agency {event.agency}",
                controller_id=event.agency,
                service_type=service(event.service_type),
                public_authority=event.public_authority,
            )
            await self._call(None, "AppointPost", day_and_night(event.agency))
            answer = await self._send(
                None,
                "AuthoriseCertificate",
                agencies.AuthoriseCertificateRequest,
                agency_id=event.agency,
                uri=uri,
                public_key_sha256=key,
            )
            return int(answer.position.index)
        answer = await self._send(
            None,
            "Subscribe",
            agencies.SubscribeRequest,
            agency_id=event.agency,
            certificate_uri=uri,
            service_type=service(event.service_type),
            purposes=_purposes(event.purposes),
            categories=categories(event.categories),
            enforces_person_restriction=event.enforces_person_restriction,
            retraction_window=event.window,
        )
        self.ids[event.feed] = answer.feed_id
        return int(answer.position.index)

    async def _lead(self, event: h.PostAppointed | h.WarningEnded) -> int:
        """The people who answer for something. A warning is ended by the task that came of it."""
        if isinstance(event, h.PostAppointed):
            post = agencies.Post(
                kind=agencies.PostKind.Value(f"POST_KIND_{event.kind}"),
                staff_reference="staff-1",
                telephone=event.telephone,
            )
            answer = await self._send(
                None, "AppointPost", agencies.AppointPostRequest, agency_id=event.agency, post=post
            )
            return int(answer.position.index)
        listed = await self._call(event.agency, "ListTasks", tasks.ListTasksRequest())
        for task in listed.tasks:
            if task.kind == tasks.TASK_KIND_RISK_TO_OTHERS and task.record_id == event.record_id:
                answer = await self._send(
                    event.agency,
                    "CompleteTask",
                    tasks.CompleteTaskRequest,
                    task_id=task.task_id,
                    outcome=tasks.TASK_OUTCOME_WARNING_ENDED,
                    staff_reference="staff-1",
                )
                return int(answer.position.index)
        raise LookupError("no such task is open")

    async def _erase(self, event: h.Erased | h.HoldPlaced | h.HoldLifted) -> int:
        if isinstance(event, h.HoldLifted):
            lift = erasures.LiftHoldRequest
            answer = await self._send(event.agency, "LiftHold", lift, hold_id=self.ids[event.hold])
            return int(answer.position.index)
        scope = erasures.ErasureScope(client_reference=event.reference)
        if event.category is None:
            scope.record_id = event.record_id or ""
        else:
            scope.category = categories([event.category])[0]
        if isinstance(event, h.Erased):
            ground = erasures.ERASURE_GROUND_OBJECTION
            erase = erasures.EraseRequest
            answer = await self._send(event.agency, "Erase", erase, scope=scope, ground=ground)
            return int(answer.position.index)
        answer = await self._send(
            event.agency,
            "PlaceHold",
            erasures.PlaceHoldRequest,
            scope=scope,
            ground=erasures.HOLD_GROUND_LEGAL_CLAIMS,
            review_time=_time(event.at + timedelta(days=90)),
        )
        self.ids[event.hold] = answer.hold_id
        return int(answer.position.index)

    async def _agree(self, event: h.AgreementDrafted | h.AgreementSigned | h.AgreementTerminated) -> int:
        if isinstance(event, h.AgreementDrafted):
            answer = await self._send(
                None, "DraftAgreement", agreements.DraftAgreementRequest, agreement=_agreement(event)
            )
            assert answer.version == event.version
        elif isinstance(event, h.AgreementSigned):
            request = agreements.SignAgreementRequest
            named = {"agreement_id": event.agreement, "version": event.version}
            answer = await self._send(event.agency, "SignAgreement", request, **named)
        else:
            request_kind = agreements.TerminateAgreementRequest
            answer = await self._send(None, "TerminateAgreement", request_kind, agreement_id=event.agreement)
        return int(answer.position.index)

    async def _register(self, event: h.Event) -> int:
        kind: Callable[..., Any]
        more: dict[str, Any]
        match event:
            case h.ClientRegistered(agency=agency, reference=reference):
                kind, method, more = registrations.RegisterClientRequest, "RegisterClient", {}
            case h.RegistrationClosed(agency=agency, reference=reference):
                kind, method = registrations.CloseRegistrationRequest, "CloseRegistration"
                more = {"reason": registrations.ClosingReason.Value(f"CLOSING_REASON_{event.reason}")}
            case h.InvolvementOpened(by_agency=agency, reference=reference):
                kind, method = registrations.OpenInvolvementRequest, "OpenInvolvement"
                ground = registrations.InvolvementGround.Value(f"INVOLVEMENT_GROUND_{event.ground}")
                more = {"agency_id": event.agency, "ground": ground}
            case h.InvolvementEnded(agency=agency, reference=reference):
                kind, method, more = registrations.EndInvolvementRequest, "EndInvolvement", {}
            case h.StatusRecorded(agency=agency, reference=reference):
                kind, method = consents.RecordStatusRequest, "RecordStatus"
                more = {"status": consents.PersonStatus.Value(f"PERSON_STATUS_{event.status}")}
            case h.LinkUndone():
                answer = await self._send(
                    None, "UndoLink", registrations.UndoLinkRequest, link_id=self.ids[event.link]
                )
                return int(answer.position.index)
            case _:
                raise TypeError(type(event).__name__)
        answer = await self._send(agency, method, kind, client_reference=reference, **more)
        return int(answer.position.index)

    async def _link(self, event: h.LinkConfirmed) -> int:
        offered = await self._send(
            event.a[0],
            "CreateLinkToken",
            registrations.CreateLinkTokenRequest,
            client_reference=event.a[1],
        )
        await self._send(
            event.b[0],
            "RedeemLinkToken",
            registrations.RedeemLinkTokenRequest,
            client_reference=event.b[1],
            token=offered.token,
        )
        self.ids[event.link] = offered.link_id
        answer = await self._send(
            event.a[0], "ConfirmLink", registrations.ConfirmLinkRequest, link_id=offered.link_id
        )
        return int(answer.position.index)

    async def _choose(
        self, event: h.GrantRecorded | h.RefusalRecorded | h.GrantWithdrawn | h.GrantReconfirmed
    ) -> int:
        if isinstance(event, h.GrantRecorded):
            grant = _grant(event)
            answer = await self._send(event.agency, "RecordGrant", consents.RecordGrantRequest, grant=grant)
            self.ids[event.grant] = answer.grant_id
        elif isinstance(event, h.RefusalRecorded):
            answer = await self._send(
                event.agency,
                "RecordRefusal",
                consents.RecordRefusalRequest,
                client_reference=event.reference,
                scope=_scope(event.purposes, event.categories, event.recipient),
                at_once=event.at_once,
            )
        else:
            named = {"client_reference": event.reference, "grant_id": self.ids[event.grant]}
            if isinstance(event, h.GrantWithdrawn):
                kind = consents.WithdrawGrantRequest
                answer = await self._send(
                    event.by_agency,
                    "WithdrawGrant",
                    kind,
                    remove=event.remove,
                    at_once=event.at_once,
                    **named,
                )
            else:
                again = consents.ReconfirmGrantRequest
                answer = await self._send(event.by_agency, "ReconfirmGrant", again, **named)
        return int(answer.position.index)

    async def _protect(
        self, event: h.ExclusionRecorded | h.ExclusionLifted | h.MarkerPlaced | h.MarkerLifted
    ) -> int:
        agency, where = event.agency, {"client_reference": event.reference}
        match event:
            case h.ExclusionRecorded():
                whom: dict[str, Any]
                if event.category is not None:
                    whom = {"category": categories([event.category])[0]}
                elif event.staff is not None:
                    person = consents.PersonAtAgency(
                        agency_id=event.excluded_agency or "", staff_reference=event.staff
                    )
                    whom = {"person": person}
                else:
                    whom = {"agency_id": event.excluded_agency}
                answer = await self._send(
                    agency,
                    "RecordExclusion",
                    consents.RecordExclusionRequest,
                    remove=event.remove,
                    at_once=event.at_once,
                    **whom,
                    **where,
                )
                self.ids[event.exclusion] = answer.exclusion_id
            case h.ExclusionLifted():
                lift = consents.LiftExclusionRequest
                known = self.ids[event.exclusion]
                answer = await self._send(agency, "LiftExclusion", lift, exclusion_id=known, **where)
            case h.MarkerPlaced():
                answer = await self._send(
                    agency,
                    "PlaceMarker",
                    consents.PlaceMarkerRequest,
                    kind=consents.MarkerKind.Value(f"MARKER_KIND_{event.kind}"),
                    record_id=event.record_id or "",
                    **where,
                )
                self.ids[event.marker] = answer.marker_id
            case h.MarkerLifted():
                unmark = consents.LiftMarkerRequest
                known = self.ids[event.marker]
                answer = await self._send(agency, "LiftMarker", unmark, marker_id=known, **where)
        return int(answer.position.index)


def _new() -> str:
    return str(uuid4())


def _time(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _purposes(names: Iterable[str]) -> list[common.Purpose.ValueType]:
    return [common.Purpose.Value(f"PURPOSE_{name}") for name in sorted(names)]


def _scope(purposes: Iterable[str], listed: Iterable[str], recipient: h.Recipient | None) -> consents.Scope:
    scope = consents.Scope(purposes=_purposes(purposes), categories=categories(listed))
    if recipient is None:
        return scope
    if recipient.agency is not None:
        scope.agency_id = recipient.agency
    elif recipient.service_type is not None:
        scope.service_type = service(recipient.service_type)
    else:
        scope.support_team = True
    return scope


def _grant(event: h.GrantRecorded) -> consents.Grant:
    return consents.Grant(
        client_reference=event.reference,
        scope=_scope(event.purposes, event.categories, event.recipient),
        confidentiality_basis=common.ConfidentialityBasis.Value(f"CONFIDENTIALITY_BASIS_{event.basis}"),
        capture_method=common.CaptureMethod.Value(f"CAPTURE_METHOD_{event.method}"),
        notice_id=event.notice,
        given_time=_time(event.given),
        effective_from_time=_time(event.effective_from),
        effective_until_time=_time(event.effective_until),
        data_from_time=_time(event.data_from),
        data_until_time=_time(event.data_until),
        asked_alone=event.asked_alone,
        service_offered_anyway=event.service_offered_anyway,
        told_may_refuse=event.told_may_refuse,
        capacity_in_doubt=event.capacity_in_doubt,
        evidence=_evidence(event.evidence),
    )


def _evidence(shown: h.Evidence) -> consents.BasisEvidence:
    return consents.BasisEvidence(
        reference=shown.reference,
        told_care_team=shown.told_care_team,
        decision_maker=shown.decision_maker,
        authorised_by=shown.authorised_by,
        recorded_by=shown.recorded_by,
        duty=consents.StatutoryDuty.Value(f"STATUTORY_DUTY_{shown.duty or 'UNSPECIFIED'}"),
    )


def _agreement(event: h.AgreementDrafted) -> agreements.Agreement:
    return agreements.Agreement(
        agreement_id=event.agreement,
        title=f"Agreement {event.agreement}",
        parties=[
            agreements.AgreementParty(
                agency_id=party.agency,
                receives_only=party.receives_only,
                bases=[_basis(basis) for basis in party.bases],
            )
            for party in event.parties
        ],
        rows=[
            agreements.AgreementRow(
                category=categories([row.category])[0],
                purpose=_purposes([row.purpose])[0],
                on_end=common.OnEnd.Value(f"ON_END_{row.on_end}"),
                self_captured_restricted=row.self_captured_restricted,
            )
            for row in event.rows
        ],
        start_time=_time(event.start),
        end_time=_time(event.end),
        notice_id=event.notice,
    )


def _basis(basis: h.Basis) -> agreements.PartyBasis:
    return agreements.PartyBasis(
        purpose=_purposes([basis.purpose])[0],
        lawful_basis=common.LawfulBasis.Value(f"LAWFUL_BASIS_{basis.lawful_basis}"),
        article9=common.Article9Condition.Value(f"ARTICLE9_CONDITION_{basis.article9 or 'UNSPECIFIED'}"),
        article10=common.Article10Condition.Value(f"ARTICLE10_CONDITION_{basis.article10 or 'UNSPECIFIED'}"),
    )
