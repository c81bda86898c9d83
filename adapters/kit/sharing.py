"""Calls of SharingService: staff ask others to share, and decide about their own agency's records."""

from typing import Any

import grpc
from google.protobuf.message import Message

from adapters.kit.staff_hub import StaffHub
from oncetold.v1.sharing_service_pb2_grpc import SharingServiceStub


class SharingHub(StaffHub):
    """A connection by which one member of staff asks and decides."""

    def _use(self, channel: grpc.Channel) -> None:
        super()._use(channel)
        self._sharing = SharingServiceStub(channel)

    def ask(self, method: str, request: Message) -> Any:
        """One call by its name in the contract. HubRefused."""
        return self.signed(getattr(self._sharing, method), request)
