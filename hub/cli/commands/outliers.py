"""`oncetold registration outliers`: whether an agency's registrations stand out, counted."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.connection import ask
from hub.cli.output import position, show
from oncetold.v1.audit_service_pb2 import CountRegistrationOutliersRequest


def register(group: typer.Typer) -> None:
    """Adds `outliers` to the commands about registrations."""
    command(group, "outliers", example="oncetold --data ./hub registration outliers northside")(outliers)


def outliers(
    context: typer.Context,
    agency: Annotated[str, typer.Argument(metavar="AGENCY", help="The agency's id.")],
    as_json: Json = False,
) -> None:
    """Counts an agency's registrations that stand out. Whose they are, its officer may list."""
    request = CountRegistrationOutliersRequest(agency_id=agency)
    found = ask(data_folder(context), lambda hub: hub.audit.CountRegistrationOutliers, request)
    show(
        {
            "days_with_many": found.days_with_many,
            "nothing_recorded": found.nothing_recorded,
            "denied_by_the_person": found.denied_by_the_person,
            "access": position(found.access),
        },
        [
            f"Days with far more registrations than usual: {found.days_with_many}.",
            f"Registrations with nothing recorded after 14 days: {found.nothing_recorded}.",
            f"Registrations that the person knows nothing of: {found.denied_by_the_person}.",
            *(
                [f"Please ring {agency}'s data protection officer, and nobody else there."]
                if found.days_with_many or found.nothing_recorded or found.denied_by_the_person
                else []
            ),
        ],
        as_json=as_json,
    )
