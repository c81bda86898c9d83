"""Calls of EmergencyService: a card is agreed by the agency, and opened by one of its staff."""

import grpc

from adapters.kit.client import CALL_SECONDS
from adapters.kit.staff_hub import StaffHub
from oncetold.v1.emergency_service_pb2 import (
    AgreeCardRequest,
    AgreeCardResponse,
    OpenCardRequest,
    OpenCardResponse,
)
from oncetold.v1.emergency_service_pb2_grpc import EmergencyServiceStub


class EmergencyHub(StaffHub):
    """A connection by which an agency keeps emergency cards and an emergency desk opens them."""

    def _use(self, channel: grpc.Channel) -> None:
        super()._use(channel)
        self._emergencies = EmergencyServiceStub(channel)

    def agree(self, request: AgreeCardRequest) -> AgreeCardResponse:
        """Records the card that a client agreed."""
        return self._call(self._emergencies.AgreeCard, request, CALL_SECONDS)

    def open_card(self, request: OpenCardRequest) -> OpenCardResponse:
        """Opens a person's cards, for whoever this connection speaks for."""
        answer: OpenCardResponse = self.signed(self._emergencies.OpenCard, request)
        return answer
