"""What workers record at the person's word: links, grants, refusals, a withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from hub.cli import enums
from hub.cli.times import now
from hub.demo.agencies import Agency
from hub.demo.stage import NOTICE, PURPOSE, Stage
from oncetold.v1.consent_service_pb2 import (
    Grant,
    Loss,
    PreviewWithdrawalRequest,
    RecordGrantRequest,
    RecordRefusalRequest,
    Scope,
    WithdrawGrantRequest,
)
from oncetold.v1.registration_service_pb2 import (
    AppointLeadRequest,
    ConfirmLinkRequest,
    CreateLinkTokenRequest,
    RedeemLinkTokenRequest,
)

Client = tuple[Agency, str]
"""An agency and its own reference to a person."""


def link(stage: Stage, first: Client, second: Client) -> None:
    """The first agency hands the person a one-use code, the second redeems it, the first confirms."""
    (maker, reference), (redeemer, other) = first, second
    made = stage.ask(
        lambda hub: hub.registrations.CreateLinkToken,
        CreateLinkTokenRequest(request_id=str(uuid4()), client_reference=reference),
        maker,
    )
    stage.ask(
        lambda hub: hub.registrations.RedeemLinkToken,
        RedeemLinkTokenRequest(request_id=str(uuid4()), client_reference=other, token=made.token),
        redeemer,
    )
    stage.ask(
        lambda hub: hub.registrations.ConfirmLink,
        ConfirmLinkRequest(request_id=str(uuid4()), link_id=made.link_id),
        maker,
    )


def grant(
    stage: Stage, recorder: Agency, reference: str, recipient: Agency, categories: Sequence[str]
) -> str:
    """The person says yes, asked alone, free to refuse. Returns the grant's id."""
    until = Timestamp()
    until.FromDatetime(datetime.now(UTC) + timedelta(days=180))
    said = Grant(
        client_reference=reference,
        scope=Scope(
            purposes=[PURPOSE],
            categories=[enums.CATEGORY.value(category) for category in categories],
            agency_id=recipient.agency_id,
        ),
        confidentiality_basis=enums.CONFIDENTIALITY.value("EXPLICIT_CONSENT"),
        capture_method=enums.CAPTURE.value("VERBAL_IN_PERSON"),
        notice_id=NOTICE,
        given_time=now(),
        effective_until_time=until,
        asked_alone=True,
        service_offered_anyway=True,
        told_may_refuse=True,
    )
    request = RecordGrantRequest(request_id=str(uuid4()), grant=said)
    return stage.ask(lambda hub: hub.consent.RecordGrant, request, recorder).grant_id


def refuse(stage: Stage, recorder: Agency, reference: str, recipient: Agency) -> None:
    """The person says no to an agency, to everything."""
    request = RecordRefusalRequest(
        request_id=str(uuid4()), client_reference=reference, scope=Scope(agency_id=recipient.agency_id)
    )
    stage.ask(lambda hub: hub.consent.RecordRefusal, request, recorder)


def preview(stage: Stage, recorder: Agency, reference: str, grant_id: str) -> list[Loss]:
    """Who would stop knowing what, before a yes is taken back."""
    request = PreviewWithdrawalRequest(client_reference=reference, grant_id=grant_id)
    return list(stage.ask(lambda hub: hub.consent.PreviewWithdrawal, request, recorder).losses)


def lead(stage: Stage, recorder: Agency, reference: str) -> None:
    """The agency leads for the person from now on."""
    request = AppointLeadRequest(
        request_id=str(uuid4()), client_reference=reference, agency_id=recorder.agency_id
    )
    stage.ask(lambda hub: hub.registrations.AppointLead, request, recorder)


def withdraw(stage: Stage, recorder: Agency, reference: str, grant_id: str) -> None:
    """The person takes a yes back."""
    request = WithdrawGrantRequest(request_id=str(uuid4()), client_reference=reference, grant_id=grant_id)
    stage.ask(lambda hub: hub.consent.WithdrawGrant, request, recorder)
