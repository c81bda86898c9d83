"""`oncetold-adapter retractions`: what is being taken back, and who is late, for named posts alone."""

from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.output import Config, Json, command, show
from adapters.kit.assertions import Who
from adapters.kit.config import load
from adapters.kit.staff_hub import StaffHub
from oncetold.v1 import audit_service_pb2 as messages
from oncetold.v1.delivery_service_pb2 import RetractionOutcome

DEFAULT = Path("adapter.toml")
_PREFIX = "RETRACTION_OUTCOME_"


def register(app: typer.Typer) -> None:
    """Adds the command to `oncetold-adapter`."""
    command(
        app,
        "retractions",
        example=(
            "oncetold-adapter retractions --by officer-1 --role DATA_PROTECTION_OFFICER"
            " --staff-key staff.key --key-id s-1"
        ),
    )(retractions)


def retractions(
    by: Annotated[str, typer.Option("--by", metavar="STAFF", help="Who asks: your agency's pseudonym.")],
    role: Annotated[str, typer.Option("--role", help="DATA_PROTECTION_OFFICER or CALDICOTT_GUARDIAN.")],
    staff_key: Annotated[
        Path, typer.Option("--staff-key", metavar="FILE", help="The key that signs for staff.")
    ],
    key_id: Annotated[str, typer.Option("--key-id", help="That key's id, as the hub knows it.")],
    client: Annotated[
        str, typer.Option("--client", metavar="REFERENCE", help="All of this client; empty: what is overdue.")
    ] = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Lists what is being taken back of what you told others, and what you should have given back yourselves.

    Please ring the other agency's data protection officer, nobody else there, and do not say why: you may not
    know who would hear it.
    """
    settings = load(config)
    request = messages.ListRetractionsRequest(client_reference=client)
    with StaffHub.speaking_for(settings.hub, Who(by, role), settings.folder / staff_key, key_id) as hub:
        answer = hub.list_retractions(request)
    told, copies = [_told(one) for one in answer.retractions], [_copy(one) for one in answer.copies]
    show(
        {"retractions": told, "copies": copies, "more": answer.more},
        [
            *(
                f"{one['client_reference']}: {one['recipient_agency_id']}, {one['state']} ({one['since']})"
                for one in told
            ),
            *(
                f"{one['client_reference']}: held here, to be given back since {one['since']}"
                for one in copies
            ),
            *(["Nothing is being taken back."] if not told and not copies else []),
            *(["There is more than is listed here."] if answer.more else []),
        ],
        as_json=as_json,
    )


def _told(line: messages.Disclosure) -> dict[str, object]:
    return {
        "client_reference": line.client_reference,
        "fragment_id": line.fragment_id,
        "recipient_agency_id": line.recipient_agency_id,
        "state": _state(line),
        "since": line.recorded_time.ToDatetime(UTC).isoformat(),
        "looked_at": list(line.looked_at),
        "not_looked_at": list(line.not_looked_at),
    }


def _state(line: messages.Disclosure) -> str:
    if line.outcome:
        return RetractionOutcome.Name(line.outcome).removeprefix(_PREFIX)
    return ("due, not fetched" if line.due else "open") + (", OVERDUE" if line.overdue else "")


def _copy(copy: messages.OverdueCopy) -> dict[str, object]:
    return {
        "client_reference": copy.client_reference,
        "feed_id": copy.feed_id,
        "fragment_id": copy.fragment_id,
        "since": copy.since_time.ToDatetime(UTC).isoformat(),
        "fetched": not copy.due,
    }
