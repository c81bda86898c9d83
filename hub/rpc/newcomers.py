"""The door for whoever has no certificate yet: it serves one call, to anybody, and not too many."""

from collections.abc import Callable
from datetime import datetime

from hub.limit_settings import LimitSettings
from hub.rpc.authentication import Newcomers
from hub.rpc.dispatch import Dispatcher
from hub.rpc.enrolment_servicer import EnrolmentServicer
from hub.rpc.limits import Limits
from hub.rpc.server import Door
from hub.telemetry import Telemetry
from hub.use_cases.hub import Hub
from oncetold.v1 import enrolment_service_pb2

LIMITS = LimitSettings(calls_at_once=8, calls_per_second=10, seconds_in_advance=3)
"""All that people without a certificate may ask together: they enrol rarely, and anybody may guess."""


def newcomers_door(hub: Hub, now: Callable[[], datetime], telemetry: Telemetry | None) -> Door:
    """Not listening yet: `Door.bind_newcomers`."""
    dispatcher = Dispatcher(Newcomers(), now, telemetry, Limits(LIMITS))
    services = enrolment_service_pb2.DESCRIPTOR.services_by_name.values()
    return Door(dispatcher, {service: EnrolmentServicer(hub) for service in services})
