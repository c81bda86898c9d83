"""`oncetold link`: two agencies' references to one person, joined by a token and undone as easily."""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import uuid4

import typer

from hub.cli.command import ActingFor, Json, Reference, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.output import position, show
from oncetold.v1.registration_service_pb2 import (
    ConfirmLinkRequest,
    CreateLinkTokenRequest,
    LinkStrength,
    ListProposedLinksRequest,
    RedeemLinkTokenRequest,
    UndoLinkRequest,
)

commands = group(
    "link", "Links between two agencies' references to one person. A link never starts a delivery."
)

LinkId = Annotated[str, typer.Argument(metavar="LINK", help="The link's id.")]


@command(commands, "token", example="oncetold --data ./hub link token N-1042 --as northside")
def token(context: typer.Context, reference: Reference, agency: ActingFor, as_json: Json = False) -> None:
    """Makes a one-use token, valid 7 days. Hand it to the other agency with the person's knowledge."""
    request = CreateLinkTokenRequest(request_id=str(uuid4()), client_reference=reference)
    answer = ask(data_folder(context), lambda hub: hub.registrations.CreateLinkToken, request, agency=agency)
    show(
        {"token": answer.token, "link_id": answer.link_id, "position": position(answer.position)},
        [f"Token: {answer.token}", f"Link:  {answer.link_id}"],
        as_json=as_json,
    )


@command(commands, "redeem", example="oncetold --data ./hub link redeem H-77 - --as harbour < token.txt")
def redeem(
    context: typer.Context,
    reference: Reference,
    given: Annotated[
        str, typer.Argument(metavar="TOKEN", help="The token, or - to read it from standard input.")
    ],
    agency: ActingFor,
    as_json: Json = False,
) -> None:
    """Redeems another agency's token: proposes that both references are one person. Nothing flows by it."""
    text = sys.stdin.readline(200).strip() if given == "-" else given
    request = RedeemLinkTokenRequest(request_id=str(uuid4()), client_reference=reference, token=text)
    answer = ask(data_folder(context), lambda hub: hub.registrations.RedeemLinkToken, request, agency=agency)
    show(
        {"link_id": answer.link_id, "position": position(answer.position)},
        [f"Link {answer.link_id} is proposed; the agency that made the token confirms it."],
        as_json=as_json,
    )


@command(commands, "list", example="oncetold --data ./hub link list --as northside")
def list_proposed(context: typer.Context, agency: ActingFor, as_json: Json = False) -> None:
    """Lists the links that wait for the agency's word. It never says which agency proposes."""
    request = ListProposedLinksRequest()
    answer = ask(
        data_folder(context), lambda hub: hub.registrations.ListProposedLinks, request, agency=agency
    )
    found = [
        {
            "link_id": one.link_id,
            "client_reference": one.client_reference,
            "strength": LinkStrength.Name(one.strength).removeprefix("LINK_STRENGTH_"),
            "token_made": one.token_made_time.ToJsonString(),
        }
        for one in answer.links
    ]
    told = [
        f"{one['client_reference']}: your token of {one['token_made']} was used. Link: {one['link_id']}"
        for one in found
    ]
    show(
        {"links": found, "access": position(answer.access)},
        [
            *(told or ["No link waits for this agency."]),
            *(["Confirm one only when the person says that it is so."] if told else []),
        ],
        as_json=as_json,
    )


@command(
    commands,
    "confirm",
    example="oncetold --data ./hub link confirm 6f1c2f52-0f0e-4c1e-9f0c-8d2f6f0a9b11 --as northside",
)
def confirm(
    context: typer.Context,
    link_id: LinkId,
    agency: Annotated[
        str, typer.Option("--as", metavar="AGENCY", help="The agency that made the token. Unset: you.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Confirms a proposed link."""
    request = ConfirmLinkRequest(request_id=str(uuid4()), link_id=link_id)
    answer = ask(
        data_folder(context), lambda hub: hub.registrations.ConfirmLink, request, agency=agency or None
    )
    show({"position": position(answer.position)}, ["The link is confirmed."], as_json=as_json)


@command(
    commands,
    "undo",
    example="oncetold --data ./hub link undo 6f1c2f52-0f0e-4c1e-9f0c-8d2f6f0a9b11 --as harbour",
)
def undo(
    context: typer.Context,
    link_id: LinkId,
    agency: Annotated[
        str, typer.Option("--as", metavar="AGENCY", help="One of the two sides. Unset: you.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Undoes a link and retracts what it caused."""
    request = UndoLinkRequest(request_id=str(uuid4()), link_id=link_id)
    answer = ask(data_folder(context), lambda hub: hub.registrations.UndoLink, request, agency=agency or None)
    show({"position": position(answer.position)}, ["The link is undone."], as_json=as_json)
