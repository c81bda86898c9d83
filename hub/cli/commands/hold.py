"""`oncetold hold`: the law needs content kept for now, whoever asks for its erasure."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import ActingFor, Json, Reference, command, data_folder, group
from hub.cli.commands.erase import Category, Client, Everything, Record, scope_of
from hub.cli.connection import ask
from hub.cli.output import position, show
from hub.cli.times import read_time
from oncetold.v1.erasure_service_pb2 import LiftHoldRequest, PlaceHoldRequest

commands = group("hold", "What the law needs kept, whoever asks for its erasure.")


@command(
    commands,
    "place",
    example=(
        "oncetold --data ./hub hold place N-1042 --as northside --record visit-7 --ground LEGAL_CLAIMS"
        " --review 2027-06-01"
    ),
)
def place(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    ground: Annotated[str, typer.Option(help=enums.HOLD_GROUND.help)],
    review: Annotated[str, typer.Option(metavar="DATE", help="When somebody looks at it again.")],
    record: Record = "",
    category: Category = "",
    everything: Everything = False,
    client: Client = False,
    as_json: Json = False,
) -> None:
    """Keeps content from being erased. It goes on being shared, or not, as before."""
    request = PlaceHoldRequest(
        request_id=str(uuid4()),
        scope=scope_of(reference, record=record, category=category, everything=everything, client=client),
        ground=enums.HOLD_GROUND.value(ground),
        review_time=read_time("--review", review),
    )
    answer = ask(data_folder(context), lambda hub: hub.erasures.PlaceHold, request, agency=agency)
    show(
        {"hold_id": answer.hold_id, "position": position(answer.position)},
        [
            f"Hold {answer.hold_id} is placed: what it names is not erased until it is lifted.",
            f"When it is needed no longer: oncetold hold lift {answer.hold_id} --as {agency}",
        ],
        as_json=as_json,
    )


@command(commands, "lift", example="oncetold --data ./hub hold lift 0f6a4d38-… --as northside")
def lift(
    context: typer.Context,
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id.")],
    agency: ActingFor,
    as_json: Json = False,
) -> None:
    """Ends a hold. What waited for it is erased by that."""
    request = LiftHoldRequest(request_id=str(uuid4()), hold_id=hold_id)
    answer = ask(data_folder(context), lambda hub: hub.erasures.LiftHold, request, agency=agency)
    show(
        {"position": position(answer.position)},
        ["The hold is lifted. What waited for it, and nothing else holds, is erased."],
        as_json=as_json,
    )
