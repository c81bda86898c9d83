"""`oncetold agency depart`: an agency leaves for good."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import Json, command, data_folder
from hub.cli.commands.agency import AgencyId
from hub.cli.commands.erase import Yes, confirmed
from hub.cli.connection import ask
from hub.cli.output import position, show
from oncetold.v1.agency_service_pb2 import DEPARTED_RECORDS_ERASED, DepartAgencyRequest


def register(group: typer.Typer) -> None:
    """Adds `depart` to the commands about agencies."""
    command(
        group,
        "depart",
        example=(
            "oncetold --data ./hub agency depart northside --copies ERASED --records KEPT"
            " --attested-by manager-1"
        ),
    )(depart)


def depart(
    context: typer.Context,
    agency_id: AgencyId,
    copies: Annotated[
        str, typer.Option(help="What it attests of copies in its own system. " + enums.COPIES.help)
    ],
    records: Annotated[str, typer.Option(help="What becomes of what it published. " + enums.RECORDS.help)],
    attested_by: Annotated[str, typer.Option(help="Who attests it: the agency's own pseudonym for them.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Ends an agency's part for good: certificates, feeds and posts. It cannot come back under this id."""
    request = DepartAgencyRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        copies=enums.COPIES.value(copies),
        records=enums.RECORDS.value(records),
        attested_by=attested_by,
    )
    if not (yes or as_json) and not confirmed(f"{agency_id} leaves for good?"):
        show({}, ["Nothing has changed."], as_json=False)
        raise typer.Exit(1)
    answer = ask(data_folder(context), lambda hub: hub.agencies.DepartAgency, request)
    told = [
        f"{agency_id} has left (ledger position {answer.position.index}). Nothing is sent to it any more."
    ]
    if request.records == DEPARTED_RECORDS_ERASED:
        told.append("What it published is being erased by the running hub, but for what is held.")
    else:
        told.append("What it published stays with those who may see it.")
    show({"position": position(answer.position)}, told, as_json=as_json)
