"""`oncetold agreement`: who may share what with whom, why, and by what basis in law."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from hub.cli.agreement_file import read_agreement
from hub.cli.command import Json, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.errors import Misused
from hub.cli.output import moment, position, show, show_rows
from hub.cli.sharing_policy import checked_policy_text, from_agreement, read_policy_file, to_agreement
from oncetold.v1.agency_service_pb2 import ListAgenciesRequest
from oncetold.v1.agreement_service_pb2 import (
    AgreementState,
    DraftAgreementRequest,
    ListAgreementsRequest,
    SignAgreementRequest,
    TerminateAgreementRequest,
)

commands = group("agreement", "Information sharing agreements.")

AgreementId = Annotated[str, typer.Argument(metavar="AGREEMENT", help="The agreement's id.")]

EXAMPLE_FILE = """oncetold --data ./hub agreement draft partnership.toml

  partnership.toml:
    agreement_id = "northside-2026"
    title = "Northside support partnership"
    notice_id = "northside-notice-1"
    start = 2026-01-01
    end = 2027-01-01
    [[party]]
    agency_id = "northside"
    bases = [{ purpose = "DIRECT_SUPPORT", lawful_basis = "A6_1_F", article9 = "A9_2_H" }]
    [[party]]
    agency_id = "harbour"
    receives_only = true
    bases = [{ purpose = "DIRECT_SUPPORT", lawful_basis = "A6_1_E", article9 = "A9_2_H" }]
    [[share]]
    purposes = ["DIRECT_SUPPORT"]
    categories = ["IDENTITY", "ACCOMMODATION"]
    on_end = "RESTRICT\""""


@command(commands, "draft", example=EXAMPLE_FILE)
def draft(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The agreement, TOML.")],
    as_json: Json = False,
) -> None:
    """Drafts an agreement, or a new version of one, from a TOML file. Unsigned it permits nothing."""
    data = data_folder(context)
    agreement = read_agreement(file)
    request = DraftAgreementRequest(request_id=str(uuid4()), agreement=agreement)
    answer = ask(data, lambda hub: hub.agreements.DraftAgreement, request)
    show(
        {
            "agreement_id": agreement.agreement_id,
            "version": answer.version,
            "position": position(answer.position),
        },
        [
            f"{agreement.agreement_id} version {answer.version} is drafted:"
            f" {len(agreement.parties)} parties, {len(agreement.rows)} pairs of purpose and category.",
            "Each party signs it: oncetold agreement sign --help",
        ],
        as_json=as_json,
    )


MAIS_EXAMPLE = """oncetold --data ./hub agreement import-mais partnership.json

  What MAIS has no field for stands under keys of its own, for example:
    "oncetold:notice_id": "northside-notice-1",
    "oncetold:rows": [{"category": "IDENTITY", "purpose": "DIRECT_SUPPORT",
                       "on_end": "RESTRICT", "self_captured_restricted": false}],
    "Party": [{"Name": "Northside", "oncetold:receives_only": false,
               "CatalogueID": [{"value": "northside", "system": "https://oncetold.org/ns/agency"}],
               "oncetold:bases": [{"purpose": "DIRECT_SUPPORT", "lawful_basis": "A6_1_F",
                                   "article9": "A9_2_H", "article10": null}]}]"""


@command(commands, "import-mais", example=MAIS_EXAMPLE)
def import_mais(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A MAIS SharingPolicy, JSON.")],
    as_json: Json = False,
) -> None:
    """Drafts an agreement from a MAIS SharingPolicy. Everything it lacks is named at once; no lawful basis
    is ever guessed. Unsigned it permits nothing."""
    data = data_folder(context)
    policy = read_policy_file(file)
    request = DraftAgreementRequest(request_id=str(uuid4()), agreement=to_agreement(policy))
    answer = ask(data, lambda hub: hub.agreements.DraftAgreement, request)
    show(
        {
            "agreement_id": policy.agreement_id,
            "version": answer.version,
            "position": position(answer.position),
        },
        [
            f"{policy.agreement_id} version {answer.version} is drafted:"
            f" {len(policy.parties)} parties, {len(policy.rows)} pairs of purpose and category.",
            "Kept in the document only: its address, its contact, the parties' names and other ids.",
            "Each party signs it: oncetold agreement sign --help",
        ],
        as_json=as_json,
    )


@command(
    commands,
    "export-mais",
    example="oncetold --data ./hub agreement export-mais northside-2026"
    " --uri https://northside.example/sharing/2026.json --contact dpo@northside.example",
)
def export_mais(
    context: typer.Context,
    agreement_id: AgreementId,
    uri: Annotated[str, typer.Option("--uri", metavar="URI", help="Where you will publish it.")],
    contact: Annotated[str, typer.Option("--contact", metavar="TEXT", help="Whom to ask about it.")],
    version: Annotated[
        int | None, typer.Option(min=1, help="Refuse unless this is the newest version.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Writes the newest version of an agreement as a MAIS SharingPolicy; --json: on one line."""
    data = data_folder(context)
    listed = ask(data, lambda hub: hub.agreements.ListAgreements, ListAgreementsRequest())
    found = [one for one in listed.agreements if one.agreement.agreement_id == agreement_id]
    if not found:
        raise Misused(
            "There is no such agreement.", "See which there are: oncetold agreement list", reason="NOT_FOUND"
        )
    [state] = found
    if version not in (None, state.version):
        raise Misused(
            f"The hub tells an agreement's newest version: {state.version} of {agreement_id}.",
            "Leave out --version, or name that one.",
            reason="AGREEMENT_STATE",
        )
    agencies = ask(data, lambda hub: hub.agencies.ListAgencies, ListAgenciesRequest()).agencies
    policy = from_agreement(
        state.agreement,
        state.version,
        uri=uri,
        contact=contact,
        names={agency.agency_id: agency.name for agency in agencies},
    )
    text = checked_policy_text(policy)
    print(json.dumps(json.loads(text), ensure_ascii=False) if as_json else text)


@command(
    commands, "sign", example="oncetold --data ./hub agreement sign northside-2026 --version 1 --as northside"
)
def sign(
    context: typer.Context,
    agreement_id: AgreementId,
    version: Annotated[int, typer.Option(min=1, help="The version that is signed.")],
    agency: Annotated[str, typer.Option("--as", metavar="AGENCY", help="The party that signs.")],
    as_json: Json = False,
) -> None:
    """Signs a version for a party."""
    request = SignAgreementRequest(request_id=str(uuid4()), agreement_id=agreement_id, version=version)
    answer = ask(data_folder(context), lambda hub: hub.agreements.SignAgreement, request, agency=agency)
    show(
        {
            "agreement_id": agreement_id,
            "version": version,
            "signed_by": agency,
            "position": position(answer.position),
        },
        [f"{agency} has signed {agreement_id} version {version}."],
        as_json=as_json,
    )


@command(commands, "terminate", example="oncetold --data ./hub agreement terminate northside-2026")
def terminate(
    context: typer.Context,
    agreement_id: AgreementId,
    agency: Annotated[
        str, typer.Option("--as", metavar="AGENCY", help="The party that ends it. Unset: you.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Ends an agreement for all its parties."""
    request = TerminateAgreementRequest(request_id=str(uuid4()), agreement_id=agreement_id)
    answer = ask(
        data_folder(context), lambda hub: hub.agreements.TerminateAgreement, request, agency=agency or None
    )
    show(
        {"agreement_id": agreement_id, "position": position(answer.position)},
        [f"{agreement_id} is terminated. What was shared under it follows its on_end."],
        as_json=as_json,
    )


@command(commands, "list", example="oncetold --data ./hub agreement list")
def list_agreements(
    context: typer.Context,
    agency: Annotated[str, typer.Option("--as", metavar="AGENCY", help="One party's only. Unset: all.")] = "",
    as_json: Json = False,
) -> None:
    """Lists agreements."""
    answer = ask(
        data_folder(context),
        lambda hub: hub.agreements.ListAgreements,
        ListAgreementsRequest(),
        agency=agency or None,
    )
    show_rows(
        "agreements",
        [_agreement(state) for state in answer.agreements],
        {
            "agreement_id": "Agreement",
            "version": "Version",
            "title": "Title",
            "parties": "Parties",
            "signed_by": "Signed by",
            "state": "State",
            "start_time": "From",
            "end_time": "Until",
        },
        nothing="There is no agreement yet: oncetold agreement draft --help",
        as_json=as_json,
    )


def _agreement(state: AgreementState) -> dict[str, object]:
    agreement = state.agreement
    standing = "terminated" if state.terminated else "in force" if state.in_force else "not in force"
    return {
        "agreement_id": agreement.agreement_id,
        "version": state.version,
        "title": agreement.title,
        "notice_id": agreement.notice_id,
        "parties": [party.agency_id for party in agreement.parties],
        "signed_by": list(state.signed_by),
        "pairs": len(agreement.rows),
        "state": standing,
        "start_time": moment(agreement.start_time),
        "end_time": moment(agreement.end_time),
    }
