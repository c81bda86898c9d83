"""`oncetold staff`: which roles an agency's staff have, and with which clients they work."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import ActingFor, Json, Reference, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.output import moment, position, show, show_rows
from hub.cli.times import read_time
from oncetold.v1.staff_service_pb2 import (
    EndRelationshipRequest,
    EndRoleRequest,
    GiveRoleRequest,
    ListRolesRequest,
    RecordRelationshipRequest,
)

commands = group("staff", "Who of an agency's staff may read what.")

Somebody = Annotated[
    str, typer.Argument(metavar="STAFF", help="The agency's own pseudonym for a member of staff.")
]
Until = Annotated[str, typer.Option(metavar="TIME", help="When it ends by itself. Unset: until it is ended.")]


@command(
    commands,
    "give",
    example="oncetold --data ./hub staff give k-17 --as northside --role KEYWORKER --until 2027-04-01",
)
def give(
    context: typer.Context,
    staff_reference: Somebody,
    agency: ActingFor,
    role: Annotated[str, typer.Option(help=enums.STAFF_ROLE.help)],
    until: Until = "",
    as_json: Json = False,
) -> None:
    """Gives somebody a role. What they read follows from it, and from whom they work with."""
    request = GiveRoleRequest(
        request_id=str(uuid4()), staff_reference=staff_reference, role=enums.STAFF_ROLE.value(role)
    )
    if until:
        request.until_time.CopyFrom(read_time("--until", until))
    answer = ask(data_folder(context), lambda hub: hub.staff.GiveRole, request, agency=agency)
    show(
        {"position": position(answer.position)},
        [
            "The role is given.",
            f"Whom they work with: oncetold staff relate REFERENCE {staff_reference} --as {agency} --kind …",
        ],
        as_json=as_json,
    )


@command(commands, "end", example="oncetold --data ./hub staff end k-17 --as northside --role KEYWORKER")
def end(
    context: typer.Context,
    staff_reference: Somebody,
    agency: ActingFor,
    role: Annotated[str, typer.Option(help=enums.STAFF_ROLE.help)],
    as_json: Json = False,
) -> None:
    """Ends a role at once: when somebody leaves, or does something else from now on."""
    request = EndRoleRequest(
        request_id=str(uuid4()), staff_reference=staff_reference, role=enums.STAFF_ROLE.value(role)
    )
    answer = ask(data_folder(context), lambda hub: hub.staff.EndRole, request, agency=agency)
    show(
        {"position": position(answer.position)},
        ["The role is ended: from now on nothing is read in it."],
        as_json=as_json,
    )


@command(commands, "list", example="oncetold --data ./hub staff list --as northside")
def list_roles(context: typer.Context, agency: ActingFor, as_json: Json = False) -> None:
    """Lists the roles that the agency's staff have now."""
    answer = ask(data_folder(context), lambda hub: hub.staff.ListRoles, ListRolesRequest(), agency=agency)
    show_rows(
        "roles",
        [
            {
                "staff_reference": one.staff_reference,
                "role": enums.STAFF_ROLE.word(one.role),
                "until": moment(one.until_time) if one.HasField("until_time") else "",
            }
            for one in answer.roles
        ],
        {"staff_reference": "Staff", "role": "Role", "until": "Until"},
        nothing="Nobody has a role: nobody at the agency can read histories through the hub.",
        as_json=as_json,
    )


@command(
    commands,
    "relate",
    example="oncetold --data ./hub staff relate N-1042 k-17 --as northside --kind CASELOAD",
)
def relate(
    context: typer.Context,
    reference: Reference,
    staff_reference: Somebody,
    agency: ActingFor,
    kind: Annotated[str, typer.Option(help=enums.RELATIONSHIP.help)],
    handed: Annotated[
        list[str],
        typer.Option(
            "--handed", metavar="CATEGORY", help="What the client hands over. " + enums.CATEGORY.help
        ),
    ] = [],  # noqa: B006 - typer reads it and nobody writes it
    until: Until = "",
    as_json: Json = False,
) -> None:
    """Says that somebody works with a client. What a client hands over lasts for 8 hours at most."""
    request = RecordRelationshipRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        staff_reference=staff_reference,
        kind=enums.RELATIONSHIP.value(kind),
        categories=enums.CATEGORY.values(handed),
    )
    if until:
        request.until_time.CopyFrom(read_time("--until", until))
    answer = ask(data_folder(context), lambda hub: hub.staff.RecordRelationship, request, agency=agency)
    show(
        {"relationship_id": answer.relationship_id, "position": position(answer.position)},
        [
            f"{staff_reference} works with {reference}.",
            f"When that is over: oncetold staff unrelate {answer.relationship_id} --as {agency}",
        ],
        as_json=as_json,
    )


@command(commands, "unrelate", example="oncetold --data ./hub staff unrelate 0f6a4d38-… --as northside")
def unrelate(
    context: typer.Context,
    relationship_id: Annotated[str, typer.Argument(metavar="RELATIONSHIP", help="The relationship's id.")],
    agency: ActingFor,
    as_json: Json = False,
) -> None:
    """Ends a relationship at once."""
    request = EndRelationshipRequest(request_id=str(uuid4()), relationship_id=relationship_id)
    answer = ask(data_folder(context), lambda hub: hub.staff.EndRelationship, request, agency=agency)
    show(
        {"position": position(answer.position)},
        ["They work with the client no more: from now on they read nothing of them."],
        as_json=as_json,
    )
