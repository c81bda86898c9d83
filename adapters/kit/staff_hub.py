"""A connection by which an agency's staff make calls: each is signed for by the agency, once."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import grpc
from google.protobuf.message import Message

from adapters.kit import transport
from adapters.kit.assertions import Signer, Who, open_key
from adapters.kit.client import CALL_SECONDS, Hub
from adapters.kit.config import HubSettings
from adapters.kit.errors import ConfigInvalid, HubUnreachable
from oncetold.v1.audit_service_pb2 import (
    GetLedgerRequest,
    ListRegistrationOutliersRequest,
    ListRegistrationOutliersResponse,
    ListRetractionsRequest,
    ListRetractionsResponse,
)
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub


class StaffHub(Hub):
    """A hub as one member of staff calls it."""

    def __init__(
        self, channel: grpc.Channel, explain: Callable[[], HubUnreachable | None] = lambda: None
    ) -> None:
        super().__init__(channel, explain)
        self._signer: Signer | None = None
        self._who: Who | None = None

    def _use(self, channel: grpc.Channel) -> None:
        super()._use(channel)
        self._audit = AuditServiceStub(channel)

    @classmethod
    def speaking_for(cls, settings: HubSettings, who: Who, key_file: Path, key_id: str) -> Self:
        """Opens a connection for one member of staff. ConfigInvalid if a file cannot be used; HubRefused."""
        key = open_key(key_file)
        try:
            certificate = settings.certificate_file.read_bytes()
        except OSError:
            raise ConfigInvalid(["hub.certificate_file cannot be read."]) from None
        hub = cls.connect(settings)
        answer = hub._call(hub._audit.GetLedger, GetLedgerRequest(), CALL_SECONDS)
        hub._who = who
        hub._signer = Signer(
            key,
            key_id=key_id,
            agency_id=transport.read_certificate(settings, datetime.now(UTC)).uri.split("/")[4],
            ledger_id=UUID(answer.ledger_id),
            certificate_pem=certificate,
        )
        return hub

    def list_retractions(self, request: ListRetractionsRequest) -> ListRetractionsResponse:
        """What is being taken back, for whoever asks in one of the posts that may know. HubRefused."""
        answer: ListRetractionsResponse = self.signed(self._audit.ListRetractions, request)
        return answer

    def list_registration_outliers(self, after: int) -> ListRegistrationOutliersResponse:
        """One page of the agency's own registrations that stand out. HubRefused."""
        request = ListRegistrationOutliersRequest(after=after)
        answer: ListRegistrationOutliersResponse = self.signed(self._audit.ListRegistrationOutliers, request)
        return answer

    def signed(self, method: Any, request: Message) -> Any:
        """One call of a stub's method, with the agency's word for whoever makes it. HubRefused."""
        if self._signer is None or self._who is None:
            raise RuntimeError("nobody was named who asks")
        return self._call(
            partial(method, metadata=self._signer.metadata(self._who, request)), request, CALL_SECONDS
        )
