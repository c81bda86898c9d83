"""`oncetold emergency`: the emergency cards that clients agreed, and who opened them."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import ActingFor, Json, Reference, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.output import moment, position, show, show_rows
from oncetold.v1.emergency_service_pb2 import CardOpening, EndCardRequest, ListCardOpeningsRequest

commands = group("emergency", "Emergency cards: end one, see who opened them.")


@command(commands, "end", example="oncetold --data ./hub emergency end N-1042 --as northside")
def end(context: typer.Context, reference: Reference, agency: ActingFor, as_json: Json = False) -> None:
    """Ends a client's emergency card: no emergency team is given it any more."""
    request = EndCardRequest(request_id=str(uuid4()), client_reference=reference)
    answer = ask(data_folder(context), lambda hub: hub.emergencies.EndCard, request, agency=agency)
    show(
        {"position": position(answer.position)},
        ["The card is ended: no emergency team is given it from now on."],
        as_json=as_json,
    )


@command(commands, "openings", example="oncetold --data ./hub emergency openings --as northside")
def openings(
    context: typer.Context,
    agency: ActingFor,
    client: Annotated[
        str, typer.Option(metavar="REFERENCE", help="Only of this client of the acting agency's.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Lists who opened cards: the acting agency's own desk, and others that were given its clients' cards."""
    request = ListCardOpeningsRequest(client_reference=client)
    answer = ask(data_folder(context), lambda hub: hub.emergencies.ListCardOpenings, request, agency=agency)
    show_rows(
        "openings",
        [_row(opening) for opening in answer.openings],
        {
            "opened_time": "Opened",
            "agency_id": "Desk",
            "staff_reference": "By",
            "reason": "Reason",
            "client_reference": "Client",
            "cards": "Cards given",
        },
        nothing="No card was opened.",
        as_json=as_json,
    )


def _row(opening: CardOpening) -> dict[str, object]:
    return {
        "opening_id": opening.opening_id,
        "opened_time": moment(opening.opened_time),
        "agency_id": opening.agency_id,
        "staff_reference": opening.staff_reference,
        "reason": enums.CARD_REASON.word(opening.reason),
        "client_reference": opening.client_reference,
        "cards": opening.cards,
    }
