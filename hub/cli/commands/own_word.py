"""`oncetold consent own-word`: a child speaks for themselves."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli.command import ActingFor, Json, Reference, command, data_folder
from hub.cli.connection import ask
from hub.cli.output import position, show
from oncetold.v1.growing_up_pb2 import RecordOwnWordRequest


def register(group: typer.Typer) -> None:
    """Adds `own-word` to the commands about choices."""
    command(
        group,
        "own-word",
        example=(
            "oncetold --data ./hub consent own-word N-1042 --as northside --assessment file/7"
            " --recorded-by w-3"
        ),
    )(own_word)


def own_word(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    assessment: Annotated[
        str, typer.Option(metavar="REFERENCE", help="Where it is kept that they understand what it means.")
    ],
    recorded_by: Annotated[str, typer.Option(help="Who says so, by the agency's own pseudonym.")],
    as_json: Json = False,
) -> None:
    """Records that a child speaks for themselves: what a parent agreed to opens nothing from now on."""
    request = RecordOwnWordRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        assessment_reference=assessment,
        recorded_by=recorded_by,
    )
    answer = ask(data_folder(context), lambda hub: hub.consent.RecordOwnWord, request, agency=agency)
    show(
        {"position": position(answer.position)},
        ["It is recorded. Ask them, alone, what they want to be shared."],
        as_json=as_json,
    )
