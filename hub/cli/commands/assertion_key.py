"""`oncetold agency assertion-key`: with which key an agency vouches for its staff."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated
from uuid import uuid4

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.commands.agency import AgencyId
from hub.cli.connection import ask
from hub.cli.errors import Misused
from hub.cli.output import position, show
from oncetold.v1.common_pb2 import LedgerPosition
from oncetold.v1.staff_service_pb2 import AuthoriseAssertionKeyRequest, EndAssertionKeyRequest

_KEY_BYTES = 32


def register(commands: typer.Typer) -> None:
    """Adds the command to `oncetold agency`."""
    command(
        commands,
        "assertion-key",
        example=(
            "oncetold --data ./hub agency assertion-key northside --id staff-1"
            " --key 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        ),
    )(assertion_key)


def assertion_key(
    context: typer.Context,
    agency_id: AgencyId,
    key_id: Annotated[str, typer.Option("--id", metavar="ID", help="The agency's own name for the key.")],
    key: Annotated[
        str, typer.Option(metavar="KEY", help="What `oncetold-adapter staff-key` printed there.")
    ] = "",
    end: Annotated[bool, typer.Option("--end", help="Believe nothing that it signs, from now on.")] = False,
    as_json: Json = False,
) -> None:
    """Lets a key sign for an agency's staff, or ends that at once.

    The agency keeps the key itself: only its public half is given here.
    """
    if bool(key) == end:
        raise typer.BadParameter("Give --key, or --end.")
    if end:
        ending = EndAssertionKeyRequest(request_id=str(uuid4()), agency_id=agency_id, key_id=key_id)
        ended = ask(data_folder(context), lambda hub: hub.staff.EndAssertionKey, ending)
        _said(agency_id, ended.position, f"Nothing that {agency_id} signs with this key counts.", as_json)
        return
    request = AuthoriseAssertionKeyRequest(
        request_id=str(uuid4()), agency_id=agency_id, key_id=key_id, public_key=_public_key(key)
    )
    answer = ask(data_folder(context), lambda hub: hub.staff.AuthoriseAssertionKey, request)
    _said(agency_id, answer.position, f"{agency_id} can vouch for its staff with this key.", as_json)


def _said(agency_id: str, at: LedgerPosition, line: str, as_json: bool) -> None:
    show({"agency_id": agency_id, "position": position(at)}, [line], as_json=as_json)


def _public_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise Misused(
            "--key is not a public key.",
            "Copy the whole line that `oncetold-adapter staff-key` printed.",
            reason="INVALID_FIELD",
            details={"field": "--key"},
        )
    return key
