"""`oncetold agency`: who takes part, with which certificates and feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import Json, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.errors import BadFile
from hub.cli.output import position, show, show_rows
from oncetold.v1.agency_service_pb2 import (
    Agency,
    AppointPostRequest,
    AuthoriseCertificateRequest,
    AuthoriseWitnessRequest,
    ListAgenciesRequest,
    Post,
    RegisterAgencyRequest,
    SubscribeRequest,
)

commands = group("agency", "Agencies, their certificates and their feeds.")

DAILY_WINDOW = "03:00"
"""When copies are taken back unless the operator says otherwise: at night, when few people look."""

AgencyId = Annotated[str, typer.Argument(metavar="AGENCY", help="Small letters, digits and hyphens.")]


@command(
    commands,
    "add",
    example="oncetold --data ./hub agency add northside --name 'Northside Hostel' --service-type HOSTEL",
)
def add(
    context: typer.Context,
    agency_id: AgencyId,
    name: Annotated[str, typer.Option(help="The public name; a confidential service gives a neutral one.")],
    service_type: Annotated[str, typer.Option(help=enums.SERVICE_TYPE.help)],
    controller: Annotated[str, typer.Option(help="The controller in law. Unset: the agency itself.")] = "",
    public_authority: Annotated[bool, typer.Option(help="Whether it is a public authority.")] = False,
    enforcement: Annotated[
        bool | None,
        typer.Option(
            help="Whether it could move on, fine, detain or report somebody for where they sleep. "
            "Unset: as a public authority."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Registers an agency."""
    request = RegisterAgencyRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        name=name,
        controller_id=controller or agency_id,
        service_type=enums.SERVICE_TYPE.value(service_type),
        public_authority=public_authority,
        enforcement_powers=enforcement,
    )
    answer = ask(data_folder(context), lambda hub: hub.agencies.RegisterAgency, request)
    show(
        {"agency_id": agency_id, "position": position(answer.position)},
        [f"{agency_id} is registered (ledger position {answer.position.index})."],
        as_json=as_json,
    )


@command(
    commands,
    "certificate",
    example="oncetold --data ./hub agency certificate northside --file ./hub/pki/northside.crt",
)
def certificate(
    context: typer.Context,
    agency_id: AgencyId,
    file: Annotated[Path, typer.Option(help="The certificate, PEM. Only its public part is read.")],
    as_json: Json = False,
) -> None:
    """Lets a certificate speak for an agency: its URI name and its public key together."""
    # The certificate library is slow to load, and only this command needs it.
    from hub.pki import CertificateUnusable, certificate_identity

    try:
        identity = certificate_identity(file.read_bytes())
    except OSError as error:
        raise BadFile(
            str(file), "", f"cannot be read ({error.strerror or 'unknown cause'})", "Check the path."
        ) from None
    except CertificateUnusable as error:
        raise BadFile(
            str(file), "", str(error), "Give a PEM certificate with exactly one URI name."
        ) from None
    request = AuthoriseCertificateRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        uri=identity.uri,
        public_key_sha256=identity.public_key_sha256,
    )
    answer = ask(data_folder(context), lambda hub: hub.agencies.AuthoriseCertificate, request)
    show(
        {"agency_id": agency_id, "uri": identity.uri, "position": position(answer.position)},
        [f"{identity.uri} now speaks for {agency_id}."],
        as_json=as_json,
    )


@command(
    commands,
    "subscribe",
    example=(
        "oncetold --data ./hub agency subscribe northside --uri spiffe://hub/agency/northside/adapter/1"
        " --service-type HOSTEL --purpose DIRECT_SUPPORT --category IDENTITY,ACCOMMODATION"
    ),
)
def subscribe(
    context: typer.Context,
    agency_id: AgencyId,
    uri: Annotated[str, typer.Option(help="The URI name of the adapter's certificate.")],
    service_type: Annotated[str, typer.Option(help="The service that reads. " + enums.SERVICE_TYPE.help)],
    purpose: Annotated[list[str], typer.Option(help=enums.PURPOSE.help + " Several: repeat, or commas.")],
    category: Annotated[list[str], typer.Option(help=enums.CATEGORY.help + " Several: repeat, or commas.")],
    enforces_person_restriction: Annotated[
        bool, typer.Option(help="The agency's own system can hide a client from one member of staff.")
    ] = False,
    retraction_window: Annotated[
        str, typer.Option(metavar="HH:MM", help="When of a day (UTC) copies are taken back.")
    ] = DAILY_WINDOW,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Take copies back at once: for demonstrations and tests.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Opens a feed for one of an agency's adapters."""
    request = SubscribeRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        certificate_uri=uri,
        service_type=enums.SERVICE_TYPE.value(service_type),
        purposes=enums.PURPOSE.values(purpose),
        categories=enums.CATEGORY.values(category),
        enforces_person_restriction=enforces_person_restriction,
        retraction_window="" if at_once else retraction_window,
    )
    answer = ask(data_folder(context), lambda hub: hub.agencies.Subscribe, request)
    show(
        {"feed_id": answer.feed_id, "epoch": answer.epoch, "position": position(answer.position)},
        [f"Feed {answer.feed_id} is open, epoch {answer.epoch}. The adapter's configuration names both."],
        as_json=as_json,
    )


@command(
    commands,
    "appoint",
    example=(
        "oncetold --data ./hub agency appoint northside SAFEGUARDING_LEAD --staff sg-2"
        " --telephone '01632 960145'"
    ),
)
def appoint(
    context: typer.Context,
    agency_id: AgencyId,
    post: Annotated[str, typer.Argument(metavar="POST", help=enums.POST.help)],
    staff: Annotated[str, typer.Option(help="The agency's own pseudonym for its member of staff.")],
    telephone: Annotated[str, typer.Option(help="An office number, never a private one.")],
    as_json: Json = False,
) -> None:
    """Says who holds a post at an agency: whom tasks are for, and whom others ring."""
    request = AppointPostRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        post=Post(kind=enums.POST.value(post), staff_reference=staff, telephone=telephone),
    )
    answer = ask(data_folder(context), lambda hub: hub.agencies.AppointPost, request)
    show(
        {"position": position(answer.position)},
        [f"{staff} holds this post at {agency_id} from now on."],
        as_json=as_json,
    )


@command(
    commands,
    "witness",
    example=(
        "oncetold --data ./hub agency witness northside"
        " --key north.example/witness+424d9028+BDojzzY3RY0Gv5QCb5hAMGBxNShphxSIxEDDSZoL0vvO"
    ),
)
def witness(
    context: typer.Context,
    agency_id: AgencyId,
    key: Annotated[str, typer.Option(help="What `oncetold-adapter witness key show` prints there.")] = "",
    end: Annotated[bool, typer.Option("--end", help="The agency is no witness any more.")] = False,
    as_json: Json = False,
) -> None:
    """Lets an agency's witness cosign the ledger's checkpoints, or ends that."""
    if bool(key) == end:
        raise typer.BadParameter("Give --key, or --end.")
    request = AuthoriseWitnessRequest(request_id=str(uuid4()), agency_id=agency_id, verifier_key=key)
    answer = ask(data_folder(context), lambda hub: hub.agencies.AuthoriseWitness, request)
    show(
        {"agency_id": agency_id, "position": position(answer.position)},
        [f"{agency_id} is {'no witness any more' if end else 'a witness'}."],
        as_json=as_json,
    )


@command(commands, "list", example="oncetold --data ./hub agency list")
def list_agencies(context: typer.Context, as_json: Json = False) -> None:
    """Lists agencies and feeds."""
    answer = ask(data_folder(context), lambda hub: hub.agencies.ListAgencies, ListAgenciesRequest())
    show_rows(
        "agencies",
        [_agency(agency) for agency in answer.agencies],
        {
            "agency_id": "Agency",
            "name": "Name",
            "service_type": "Service",
            "public_authority": "Public authority",
            "enforcement_powers": "Could enforce",
            "post_holders": "Posts",
            "certificate_uris": "Certificates",
            "feed_ids": "Feeds",
        },
        nothing="No agency is registered yet: oncetold agency add --help",
        as_json=as_json,
    )


def _agency(agency: Agency) -> dict[str, object]:
    return {
        "agency_id": agency.agency_id,
        "name": agency.name,
        "controller_id": agency.controller_id,
        "service_type": enums.SERVICE_TYPE.word(agency.service_type),
        "public_authority": agency.public_authority,
        "enforcement_powers": agency.enforcement_powers,
        "certificate_uris": list(agency.certificate_uris),
        "post_holders": [f"{enums.POST.phrase(post.kind)}: {post.staff_reference}" for post in agency.posts],
        "posts": [
            {
                "kind": enums.POST.word(post.kind),
                "staff_reference": post.staff_reference,
                "telephone": post.telephone,
            }
            for post in agency.posts
        ],
        "witness_key": agency.witness_key,
        "feed_ids": [feed.feed_id for feed in agency.feeds],
        "feeds": [
            {
                "feed_id": feed.feed_id,
                "certificate_uri": feed.certificate_uri,
                "service_type": enums.SERVICE_TYPE.word(feed.service_type),
                "purposes": [enums.PURPOSE.word(purpose) for purpose in feed.purposes],
                "categories": [enums.CATEGORY.word(category) for category in feed.categories],
                "enforces_person_restriction": feed.enforces_person_restriction,
                "retraction_window": feed.retraction_window,
            }
            for feed in agency.feeds
        ],
    }
