"""`oncetold consent preview` and `withdraw`: first who would stop knowing what, then the stop itself."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.choosing import Quiet
from hub.cli.command import ActingFor, Json, Reference, command, data_folder
from hub.cli.commands.consent import AtOnce, GrantId, Remove
from hub.cli.connection import ask
from hub.cli.errors import Misused
from hub.cli.output import position, show
from oncetold.v1.consent_service_pb2 import Loss, PreviewWithdrawalRequest, WithdrawGrantRequest


def register(group: typer.Typer) -> None:
    """Adds `preview` and `withdraw` to the commands about choices."""
    command(
        group, "preview", example="oncetold --data ./hub consent preview N-1042 0f6a4d38-… --as northside"
    )(preview)
    command(
        group, "withdraw", example="oncetold --data ./hub consent withdraw N-1042 0f6a4d38-… --as northside"
    )(withdraw)


def preview(
    context: typer.Context,
    reference: Reference,
    grant_id: GrantId,
    agency: ActingFor,
    remove: Remove = False,
    as_json: Json = False,
) -> None:
    """Says who would stop knowing what of the acting agency's own records. The look is itself recorded."""
    losses = _losses(context, reference, grant_id, agency, remove=remove)
    show({"losses": [_loss(one) for one in losses]}, read_aloud(losses), as_json=as_json)


def withdraw(
    context: typer.Context,
    reference: Reference,
    grant_id: GrantId,
    agency: ActingFor,
    remove: Remove = False,
    at_once: AtOnce = False,
    quiet: Quiet = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; with --json nothing is asked.")] = False,
    as_json: Json = False,
) -> None:
    """Says who would stop knowing what, asks, then ends the grant and closes its scope in every earlier one.

    A stop is always obeyed.
    """
    losses = _losses(context, reference, grant_id, agency, remove=remove)
    if not as_json:
        show({}, read_aloud(losses), as_json=False)
        if not yes and not _confirmed():
            show({}, ["Nothing is withdrawn."], as_json=False)
            raise typer.Exit(1)
    request = WithdrawGrantRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        grant_id=grant_id,
        remove=remove,
        at_once=at_once,
        quiet=quiet,
    )
    answer = ask(data_folder(context), lambda hub: hub.consent.WithdrawGrant, request, agency=agency)
    show(
        {"position": position(answer.position), "losses": [_loss(one) for one in losses]},
        ["The grant is withdrawn: from now on nothing that it covered is disclosed anywhere."],
        as_json=as_json,
    )


def read_aloud(losses: list[Loss]) -> list[str]:
    """One sentence for each loss; those that somebody may come to harm by come first."""
    if not losses:
        return ["Nobody would stop knowing anything of the acting agency's own records."]
    first = sorted(losses, key=lambda one: not one.safety_critical)
    said = [f"{'! ' if one.safety_critical else '  '}{one.sentence}" for one in first]
    if first[0].safety_critical:
        said.append(
            "! Somebody may come to harm by not knowing this. Talk it through before it is withdrawn."
        )
    return said


def _losses(
    context: typer.Context, reference: str, grant_id: str, agency: str, *, remove: bool
) -> list[Loss]:
    request = PreviewWithdrawalRequest(client_reference=reference, grant_id=grant_id, remove=remove)
    answer = ask(data_folder(context), lambda hub: hub.consent.PreviewWithdrawal, request, agency=agency)
    return list(answer.losses)


def _confirmed() -> bool:
    """Whether somebody says yes. Raises Misused when nobody is there to be asked."""
    try:
        return typer.confirm("Withdraw it?", default=False)
    except typer.Abort:
        raise Misused(
            "Nobody is there to be asked.", "Read it to the person, then add --yes.", reason="NOT_CONFIRMED"
        ) from None


def _loss(loss: Loss) -> dict[str, object]:
    return {
        "agency_id": loss.agency_id,
        "agency_name": loss.agency_name,
        "category": enums.CATEGORY.word(loss.category),
        "on_end": enums.ON_END.word(loss.on_end),
        "held": loss.held,
        "safety_critical": loss.safety_critical,
        "sentence": loss.sentence,
    }
