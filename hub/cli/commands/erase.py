"""`oncetold erase`: what was recorded about a person is made unreadable, for good."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import ActingFor, Json, Reference, command, data_folder
from hub.cli.connection import ask
from hub.cli.errors import Misused
from hub.cli.output import moment, position, show
from oncetold.v1.erasure_service_pb2 import EraseRequest, ErasureScope

Record = Annotated[str, typer.Option(metavar="ID", help="One record, by its publisher's own id.")]
Category = Annotated[str, typer.Option(help="Everything of one category. " + enums.CATEGORY.help)]
Everything = Annotated[
    bool, typer.Option("--everything", help="All that the agency recorded, and the reference itself.")
]
Client = Annotated[
    bool, typer.Option("--client", help="The same at every agency that is linked: the operator's decision.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; with --json nothing is asked.")]


def register(app: typer.Typer) -> None:
    """Adds `erase` to the program."""
    command(
        app,
        "erase",
        example=(
            "oncetold --data ./hub erase N-1042 --as northside --category SUBSTANCE_USE"
            " --ground CONSENT_WITHDRAWN"
        ),
    )(erase)


def erase(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    ground: Annotated[str, typer.Option(help=enums.ERASURE_GROUND.help)],
    record: Record = "",
    category: Category = "",
    everything: Everything = False,
    client: Client = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erases what the acting agency recorded about a person: one record, one category, or everything.

    From the answer on nobody reads it, and it is taken back wherever it went. This cannot be undone. What the
    law needs kept is held first: oncetold hold place --help
    """
    scope = scope_of(reference, record=record, category=category, everything=everything, client=client)
    request = EraseRequest(request_id=str(uuid4()), scope=scope, ground=enums.ERASURE_GROUND.value(ground))
    if not (yes or as_json) and not confirmed(f"Erase this for good? {described(scope)}."):
        show({}, ["Nothing is erased."], as_json=False)
        raise typer.Exit(1)
    answer = ask(data_folder(context), lambda hub: hub.erasures.Erase, request, agency=agency)
    horizon = moment(answer.horizon)
    told = [
        f"It is erased (ledger position {answer.position.index}). Nobody reads it from now on.",
        f"Until {horizon[:10]} old copies of the hub's database could still be read with the hub's keys.",
        f"The certificate: oncetold erasure certificate {answer.erasure_id} --as {agency}",
    ]
    if answer.held:
        told.insert(1, "A part of it is held. It is shared with nobody, and erased when the hold is lifted.")
    show(
        {
            "erasure_id": answer.erasure_id,
            "position": position(answer.position),
            "horizon": horizon,
            "held": answer.held,
        },
        told,
        as_json=as_json,
    )


def scope_of(reference: str, *, record: str, category: str, everything: bool, client: bool) -> ErasureScope:
    """The scope that was typed. Raises Misused unless exactly one part is named."""
    if sum(map(bool, (record, category, everything, client))) != 1:
        raise Misused(
            "It is not clear what is meant.",
            "Give exactly one of --record, --category, --everything and --client.",
            reason="INVALID_FIELD",
            details={"field": "scope"},
        )
    if record:
        return ErasureScope(client_reference=reference, record_id=record)
    if category:
        return ErasureScope(client_reference=reference, category=enums.CATEGORY.value(category))
    if everything:
        return ErasureScope(client_reference=reference, registration=True)
    return ErasureScope(client_reference=reference, client=True)


def described(scope: ErasureScope) -> str:
    """What a scope means, for the question before it is carried out."""
    match scope.WhichOneof("part"):
        case "record_id":
            return f"Record {scope.record_id} of {scope.client_reference}"
        case "category":
            return f"All {enums.CATEGORY.phrase(scope.category)} of {scope.client_reference}"
        case "client":
            return f"Everything that any linked agency recorded about {scope.client_reference}"
    return f"Everything recorded about {scope.client_reference}, and the reference"


def confirmed(question: str) -> bool:
    """Asks. Raises Misused when nobody can answer: what cannot be undone is never assumed."""
    try:
        return typer.confirm(question, default=False)
    except typer.Abort:
        raise Misused(
            "Nobody is there to be asked.",
            "Be sure that it is meant, then add --yes.",
            reason="NOT_CONFIRMED",
        ) from None
