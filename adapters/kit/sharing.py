"""Calls of SharingService: each is a member of staff's, so each is signed for."""

from typing import Any

import grpc
from google.protobuf.message import Message

from adapters.kit.staff_hub import StaffHub
from oncetold.v1.sharing_service_pb2_grpc import SharingServiceStub


class SharingHub(StaffHub):
    """A connection by which an agency's staff ask others to share, and decide about their own records."""

    def _use(self, channel: grpc.Channel) -> None:
        super()._use(channel)
        self._sharing = SharingServiceStub(channel)

    def ask(self, method: str, request: Message) -> Any:
        """One call by its name in the contract, with the agency's word for whoever makes it. HubRefused."""
        return self.signed(getattr(self._sharing, method), request)
