"""`oncetold-adapter read` and `break-glass`: what one member of staff may see of a client, now."""

from datetime import UTC
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from google.protobuf.json_format import MessageToDict

from adapters.cli.output import Config, Json, command, show
from adapters.kit.assertions import Who
from adapters.kit.config import load
from adapters.kit.errors import ConfigInvalid
from adapters.kit.reading import ReadingHub
from oncetold.v1 import common_pb2, record_service_pb2, staff_service_pb2
from oncetold.v1.delivery_service_pb2 import Element

DEFAULT = Path("adapter.toml")
_REASON, _ROLE = "BREAK_GLASS_REASON_", "STAFF_ROLE_"
REASONS = tuple(
    name.removeprefix(_REASON) for name, number in staff_service_pb2.BreakGlassReason.items() if number
)
ROLES = tuple(name.removeprefix(_ROLE) for name, number in staff_service_pb2.StaffRole.items() if number)
_LIMITS = {
    record_service_pb2.READING_LIMIT_FULL: "All that your agency may see.",
    record_service_pb2.READING_LIMIT_UP_TO_R: "Your role reads nothing that is very restricted.",
    record_service_pb2.READING_LIMIT_HANDED_ONLY: "What the client handed to you.",
    record_service_pb2.READING_LIMIT_NO_RELATIONSHIP: "Your agency has not said that you work with them.",
    record_service_pb2.READING_LIMIT_NO_ROLE: "Your agency has not given you a role that reads histories.",
}

Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="Your own reference to the client.")]
By = Annotated[str, typer.Option("--by", metavar="STAFF", help="Who asks: your agency's pseudonym.")]
Role = Annotated[str, typer.Option(help=f"In which role: one of {', '.join(ROLES)}.")]
StaffKey = Annotated[Path, typer.Option("--staff-key", metavar="FILE", help="The key that signs for staff.")]
KeyId = Annotated[str, typer.Option("--key-id", help="That key's id, as the hub knows it.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    signed = "--by kw-7 --role KEYWORKER --staff-key staff.key --key-id s-1"
    command(app, "read", example=f"oncetold-adapter read N-1042 {signed}")(read)
    command(
        app,
        "break-glass",
        example=f"oncetold-adapter break-glass N-1042 --reason VITAL_INTERESTS {signed}",
    )(break_glass)


def read(
    reference: Reference,
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Shows what somebody may see of a client now. That they looked is recorded before they see it."""
    settings = load(config)
    if settings.feed is None:
        raise ConfigInvalid(["[feed] is missing: its id says what your agency may see."])
    request = record_service_pb2.GetHistoryRequest(feed_id=settings.feed.feed_id, client_reference=reference)
    with ReadingHub.speaking_for(settings.hub, _who(by, role), settings.folder / staff_key, key_id) as hub:
        answer = hub.history(request)
    limit = record_service_pb2.ReadingLimit.Name(answer.narrowed).removeprefix("READING_LIMIT_")
    show(
        {
            "elements": [MessageToDict(one, preserving_proto_field_name=True) for one in answer.elements],
            "narrowed": limit,
            "reminder": answer.reminder,
        },
        [*(_line(one) for one in answer.elements), _LIMITS[answer.narrowed], answer.reminder],
        as_json=as_json,
    )


def break_glass(
    reference: Reference,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Lets somebody read for four hours about a client whom they do not work with.

    Data protection officers are told at once, and look at it within two working days.
    """
    if reason not in REASONS:
        raise ConfigInvalid([f"--reason is one of {', '.join(REASONS)}."])
    settings = load(config)
    request = staff_service_pb2.BreakGlassRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        reason=staff_service_pb2.BreakGlassReason.Value(_REASON + reason),
    )
    with ReadingHub.speaking_for(settings.hub, _who(by, role), settings.folder / staff_key, key_id) as hub:
        answer = hub.break_glass(request)
    until = answer.until_time.ToDatetime(UTC)
    show(
        {"until": until.isoformat()},
        [f"Until {until:%H:%M} UTC: oncetold-adapter read {reference} --by {by} --role {role} …"],
        as_json=as_json,
    )


def _who(by: str, role: str) -> Who:
    if role not in ROLES:
        raise ConfigInvalid([f"--role is one of {', '.join(ROLES)}."])
    return Who(by, role)


def _line(element: Element) -> str:
    names = [common_pb2.DataCategory.Name(one).removeprefix("DATA_CATEGORY_") for one in element.categories]
    occurred = element.envelope.occurred_time.ToDatetime(UTC)
    return f"{occurred:%Y-%m-%d}  {', '.join(names)}, told by {element.envelope.origin_agency_id}"
