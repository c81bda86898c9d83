"""`oncetold registration`: an agency's own references to people, and who works with them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import ActingFor, Json, Reference, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.errors import BadFile
from hub.cli.output import position, show
from oncetold.v1.registration_service_pb2 import (
    AppointLeadRequest,
    CloseRegistrationRequest,
    EndInvolvementRequest,
    MatchingDetails,
    OpenInvolvementRequest,
    RegisterClientRequest,
)

commands = group("registration", "An agency's own references to people, and who works with them.")

MATCHING_KEYS = ("nhs_number", "birth_date", "given_name", "family_name")
FORMER = ("former_family_names", "former_nhs_numbers")
"""The keys that may be left out: lists of texts."""


@command(commands, "add", example="oncetold --data ./hub registration add N-1042 --as northside")
def add(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    matching: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"TOML with {', '.join(MATCHING_KEYS)}, and {', '.join(FORMER)} if any, which find other"
            " registrations and are shown nowhere; a file, so that no name stands on a command line.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Registers a reference to a person. It gives nothing and says nothing about anybody else."""
    details = _matching(matching) if matching is not None else None
    request = RegisterClientRequest(
        request_id=str(uuid4()), client_reference=reference, matching_details=details
    )
    answer = ask(data_folder(context), lambda hub: hub.registrations.RegisterClient, request, agency=agency)
    show({"position": position(answer.position)}, ["The reference is registered."], as_json=as_json)


@command(
    commands,
    "close",
    example="oncetold --data ./hub registration close N-1042 --as northside --reason CASE_CLOSED",
)
def close(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    reason: Annotated[str, typer.Option(help=enums.CLOSING.help + " IN_ERROR unlinks and retracts.")],
    as_json: Json = False,
) -> None:
    """Ends the agency's work with the person."""
    request = CloseRegistrationRequest(
        request_id=str(uuid4()), client_reference=reference, reason=enums.CLOSING.value(reason)
    )
    answer = ask(
        data_folder(context), lambda hub: hub.registrations.CloseRegistration, request, agency=agency
    )
    show({"position": position(answer.position)}, ["The registration is closed."], as_json=as_json)


@command(
    commands,
    "involve",
    example="oncetold --data ./hub registration involve N-1042 --as northside --agency harbour --ground LEAD",
)
def involve(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    involved: Annotated[
        str, typer.Option("--agency", metavar="AGENCY", help="The agency that works with the person.")
    ],
    ground: Annotated[str, typer.Option(help="One of REFERRAL, LEAD, EMERGENCY, SAFEGUARDING.")],
    as_json: Json = False,
) -> None:
    """Records that another agency works with the person. Nobody confirms itself."""
    request = OpenInvolvementRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        agency_id=involved,
        ground=enums.GROUND.value(ground),
    )
    answer = ask(data_folder(context), lambda hub: hub.registrations.OpenInvolvement, request, agency=agency)
    show({"position": position(answer.position)}, ["The involvement is recorded."], as_json=as_json)


@command(commands, "leave", example="oncetold --data ./hub registration leave N-1042 --as harbour")
def leave(context: typer.Context, reference: Reference, agency: ActingFor, as_json: Json = False) -> None:
    """Ends the acting agency's own involvement; what it holds follows the agreement's on_end."""
    request = EndInvolvementRequest(request_id=str(uuid4()), client_reference=reference)
    answer = ask(data_folder(context), lambda hub: hub.registrations.EndInvolvement, request, agency=agency)
    show({"position": position(answer.position)}, ["The involvement has ended."], as_json=as_json)


@command(
    commands, "lead", example="oncetold --data ./hub registration lead N-1042 --as northside --agency harbour"
)
def lead(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    leading: Annotated[
        str, typer.Option("--agency", metavar="AGENCY", help="The agency that leads from now on.")
    ],
    as_json: Json = False,
) -> None:
    """Records which agency leads. The present lead says so, or you when there is none."""
    request = AppointLeadRequest(request_id=str(uuid4()), client_reference=reference, agency_id=leading)
    answer = ask(data_folder(context), lambda hub: hub.registrations.AppointLead, request, agency=agency)
    show({"position": position(answer.position)}, ["The lead is recorded."], as_json=as_json)


def _matching(path: Path) -> MatchingDetails:
    """Reads matching details. Raises BadFile naming the key, never what it holds."""
    name = str(path)
    fix = f"The file has the keys {', '.join(MATCHING_KEYS)}, each text in quotes."
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadFile(
            name, "", f"cannot be read ({error.strerror or 'unknown cause'})", "Check the path."
        ) from None
    except ValueError:
        # The parser's own message may quote a character of somebody's name.
        raise BadFile(name, "", "is not UTF-8 TOML", fix) from None
    for key in MATCHING_KEYS:
        if not isinstance(content.get(key), str):
            raise BadFile(name, key, "must be text in quotes", fix)
    former = {key: content.pop(key, []) for key in FORMER}
    for key, found in former.items():
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise BadFile(name, key, "must be a list of texts in quotes", fix)
    if len(content) > len(MATCHING_KEYS):
        raise BadFile(name, "", "has a key that is not known", fix)
    return MatchingDetails(**{key: content[key] for key in MATCHING_KEYS}, **former)
