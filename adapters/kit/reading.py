"""Calls by which a member of staff reads about a client, and says why where they do not work with them."""

import grpc

from adapters.kit.staff_hub import StaffHub
from oncetold.v1.record_service_pb2 import GetHistoryRequest, GetHistoryResponse
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from oncetold.v1.staff_service_pb2 import BreakGlassRequest, BreakGlassResponse
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub


class ReadingHub(StaffHub):
    """A connection by which one member of staff reads."""

    def _use(self, channel: grpc.Channel) -> None:
        super()._use(channel)
        self._reading = RecordServiceStub(channel)
        self._staff = StaffServiceStub(channel)

    def history(self, request: GetHistoryRequest) -> GetHistoryResponse:
        """What they may see of a client now, as their role and their relationship narrow it."""
        answer: GetHistoryResponse = self.signed(self._reading.GetHistory, request)
        return answer

    def break_glass(self, request: BreakGlassRequest) -> BreakGlassResponse:
        """Lets them read about a client whom they do not work with, for four hours and a reason."""
        answer: BreakGlassResponse = self.signed(self._staff.BreakGlass, request)
        return answer
