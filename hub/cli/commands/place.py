"""`oncetold place`: places that nobody may be told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from google.protobuf.json_format import Parse, ParseError

from hub.cli.command import ActingFor, Json, Reference, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.errors import Misused
from hub.cli.output import moment, position, show, show_rows
from oncetold.v1.place_service_pb2 import (
    LiftPlaceRequest,
    ListPlacesRequest,
    ProtectedPlace,
    ProtectPlaceRequest,
)

commands = group("place", "Places that nobody may be told: a refuge, the home of somebody who fled.")


@command(
    commands,
    "protect",
    example="oncetold --data ./hub place protect N-1042 --as northside --from place.json --care-of address-9",
)
def protect(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FILE",
            help="The place as JSON, or - to read it from standard input:"
            ' {"lines": ["7 Mill Lane"], "names": ["Mill House"], "postcode": "LS1 4AB", "uprn": "10001234"}.'
            " Leave out the town. It is never given on the command line, where others could see it.",
        ),
    ],
    care_of: Annotated[
        str,
        typer.Option(metavar="RECORD", help="The agency's own record with the address given out instead."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Blocks a place in every record, whoever wrote it, and takes back at once what was given out."""
    request = ProtectPlaceRequest(
        request_id=str(uuid4()), client_reference=reference, care_of_record_id=care_of
    )
    request.place.CopyFrom(_read_place(source))
    answer = ask(data_folder(context), lambda hub: hub.places.ProtectPlace, request, agency=agency)
    show(
        {"place_id": answer.place_id, "position": position(answer.position)},
        [
            f"Place {answer.place_id} is protected from now on.",
            "While the hub runs it looks through what was there before; oncetold place list says how far.",
            "Delete the file that you wrote the place into.",
        ],
        as_json=as_json,
    )


def _read_place(source: str) -> ProtectedPlace:
    """The place from a file or standard input. What is wrong with it is told without quoting it."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(
            f"The file of the place cannot be read ({type(error).__name__}).",
            "Give --from a file that you may read, or - and the place on standard input.",
            reason="FILE_NOT_READ",
        ) from None
    try:
        return Parse(text, ProtectedPlace())
    except ParseError:
        raise Misused(
            "The place is not the JSON that was expected.",
            "Give an object with lines, names, postcode and uprn; leave out what you do not know.",
            reason="INVALID_FIELD",
        ) from None


@command(commands, "lift", example="oncetold --data ./hub place lift N-1042 0f6a4d38-… --as northside")
def lift(
    context: typer.Context,
    reference: Reference,
    place_id: Annotated[str, typer.Argument(metavar="PLACE", help="The place's id.")],
    agency: ActingFor,
    as_json: Json = False,
) -> None:
    """Ends a protection: what was held back goes where it is permitted."""
    request = LiftPlaceRequest(request_id=str(uuid4()), client_reference=reference, place_id=place_id)
    answer = ask(data_folder(context), lambda hub: hub.places.LiftPlace, request, agency=agency)
    show({"position": position(answer.position)}, ["The place is protected no more."], as_json=as_json)


@command(commands, "list", example="oncetold --data ./hub place list N-1042 --as northside")
def list_(context: typer.Context, reference: Reference, agency: ActingFor, as_json: Json = False) -> None:
    """Lists the places protected for a person: that they are, not which."""
    request = ListPlacesRequest(client_reference=reference)
    answer = ask(data_folder(context), lambda hub: hub.places.ListPlaces, request, agency=agency)
    show_rows(
        "places",
        [
            {
                "place_id": one.place_id,
                "state": "lifted" if one.lifted else "protected",
                "looked_through_percent": one.looked_through,
                "care_of_record_id": one.care_of_record_id,
                "protected_time": moment(one.protected_time),
            }
            for one in answer.places
        ],
        {
            "place_id": "Id",
            "state": "State",
            "looked_through_percent": "Looked through, %",
            "care_of_record_id": "Care of",
            "protected_time": "Since",
        },
        nothing="No place is protected for this person.",
        as_json=as_json,
    )
