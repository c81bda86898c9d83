"""`oncetold admin`: the people who run this hub, two at least."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID, uuid4

import typer

from hub.cli.administrators import key_file, made_key, read_key
from hub.cli.command import Json, command, data_folder, group
from hub.cli.commands.init import issued
from hub.cli.commands.operate import FOUNDING
from hub.cli.connection import ask, no_hub, run
from hub.cli.errors import Misused
from hub.cli.output import position, show, show_rows
from hub.config import read_config
from oncetold.v1.administration_service_pb2 import (
    AddAdministratorRequest,
    AuthoriseWindDownRequest,
    EndAdministratorRequest,
    EnrolAdministratorRequest,
    ListAdministratorsRequest,
)
from oncetold.v1.audit_service_pb2 import GetLedgerRequest

if TYPE_CHECKING:
    from consent_ledger.log.note import SigningKey

commands = group("admin", "The people who run this hub: two at least.")

_PUBLIC, _SIGNATURE = 32, 64

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A short name that the ledger keeps for ever: initials are best."),
]
Key = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="The key's file. Unset: ~/.oncetold/NAME.key."),
]


@command(commands, "enrol", example="oncetold --data ./hub admin enrol amina")
def enrol(
    context: typer.Context,
    name: Name,
    code: Annotated[str, typer.Option(help="Your one-use code. Unset: you are asked for it.")] = "",
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Enrols you as an administrator, by a code that `oncetold init` printed, and makes your key.

    Keep the key on a stick of your own: whoever has it is you. With two administrators a lost key stops every
    change until the other ends your part, so enrol a third soon: oncetold admin add --help
    """
    data = data_folder(context)
    code = code or typer.prompt("Your code", hide_input=True, err=True)
    file = key_file(name, key)
    own = made_key(name, file)
    request = EnrolAdministratorRequest(
        request_id=str(uuid4()),
        code=code,
        name=name,
        public_key=own.verifier.public,
        signature=_signature(data, own),
    )
    answer = ask(data, lambda hub: hub.administration.EnrolAdministrator, request)
    show(
        {"name": name, "key": str(file), "founded": answer.founded, "position": position(answer.position)},
        [
            f"{name} is an administrator (ledger position {answer.position.index}). Your key: {file}",
            "From now on two people change agencies, keys and policy: one proposes, another approves."
            if answer.founded
            else "The hub is still being founded: a second person enrols with the other code.",
        ],
        as_json=as_json,
    )


@command(commands, "codes", example="oncetold --data ./hub admin codes")
def codes(context: typer.Context, as_json: Json = False) -> None:
    """Makes two new one-use codes, while fewer than two people administer the hub. The hub must be stopped.

    Codes handed out before hold no more.
    """
    config = read_config(data_folder(context))
    if not config.has_ledger():
        raise no_hub(config.data)
    founding = run(lambda: issued(config))
    show(founding.as_json(), founding.told(), as_json=as_json)


@command(commands, "list", example="oncetold --data ./hub admin list")
def list_administrators(context: typer.Context, as_json: Json = False) -> None:
    """Lists who administers the hub, and who did."""
    request = ListAdministratorsRequest()
    answer = ask(data_folder(context), lambda hub: hub.administration.ListAdministrators, request)
    rows: list[dict[str, object]] = [
        {
            "name": one.name,
            "public_key": one.public_key.hex(),
            "position": one.position.index,
            "ended": one.ended,
        }
        for one in answer.administrators
    ]
    told = {"founded": answer.founded, "file_root_accepted": answer.file_root_accepted}
    if as_json:
        show({"administrators": rows, **told}, [], as_json=True)
        return
    columns = {"name": "Name", "public_key": "Public key", "position": "Ledger position", "ended": "Ended"}
    nothing = "Nobody is enrolled yet: oncetold admin enrol --help"
    show_rows("administrators", rows, columns, nothing=nothing, as_json=False)
    sentences = [] if answer.founded else [FOUNDING]
    if answer.file_root_accepted:
        sentences.append("A data protection officer has accepted that the root key lies in a file.")
    show(told, sentences, as_json=False)


@command(commands, "card", example="oncetold --data ./hub admin card carys")
def card(context: typer.Context, name: Name, key: Key = None, as_json: Json = False) -> None:
    """Makes your key and prints your card: what others need to add you. Nothing in it is secret."""
    own = made_key(name, file := key_file(name, key))
    shown = base64.urlsafe_b64encode(own.verifier.public + _signature(data_folder(context), own)).decode()
    show(
        {"name": name, "card": shown, "key": str(file)},
        [
            f"Your key is {file}: keep it on a stick of your own. Your card, for an administrator:",
            shown,
            f"who types: oncetold --administrator THEIR-NAME admin add {name} --card CARD",
        ],
        as_json=as_json,
    )


@command(
    commands,
    "add",
    example="oncetold --data ./hub --administrator amina admin add carys --card AbC3…",
)
def add(
    context: typer.Context,
    name: Name,
    card: Annotated[str, typer.Option(help="What `oncetold admin card` printed for them.")],
    as_json: Json = False,
) -> None:
    """Proposes one more administrator; another approves it. Compare the card with its owner first."""
    try:
        read = base64.urlsafe_b64decode(card)
    except (binascii.Error, ValueError):
        read = b""
    if len(read) != _PUBLIC + _SIGNATURE:
        raise Misused("That is no administrator's card.", "Copy all of it: oncetold admin card --help")
    request = AddAdministratorRequest(
        request_id=str(uuid4()), name=name, public_key=read[:_PUBLIC], signature=read[_PUBLIC:]
    )
    answer = ask(data_folder(context), lambda hub: hub.administration.AddAdministrator, request)
    show({"position": position(answer.position)}, [f"{name} is an administrator."], as_json=as_json)


@command(commands, "end", example="oncetold --data ./hub admin end carys --as amina")
def end(
    context: typer.Context,
    name: Name,
    by: Annotated[str, typer.Option("--as", metavar="NAME", help="The administrator that you are.")],
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Ends somebody's part at once: their key is lost or stolen, or they leave. Your word alone does it.

    What they proposed can be approved no more. Two ratify it afterwards: oncetold proposals list. If that
    leaves one administrator, stop the hub and make codes for another: oncetold admin codes
    """
    from consent_ledger.administration import ending, sign

    data = data_folder(context)
    own = read_key(by, key_file(by, key))
    signature = sign(own.seed, ending(_ledger_id(data), by, name))
    request = EndAdministratorRequest(
        request_id=str(uuid4()), name=name, administrator=by, signature=signature
    )
    answer = ask(data, lambda hub: hub.administration.EndAdministrator, request)
    show(
        {"position": position(answer.position)},
        [f"{name} administers nothing any more (ledger position {answer.position.index})."],
        as_json=as_json,
    )


@command(
    commands, "allow-wind-down", example="oncetold --data ./hub --administrator amina admin allow-wind-down"
)
def allow_wind_down(context: typer.Context, as_json: Json = False) -> None:
    """Proposes to wind the hub up: for a week from the approval on, `oncetold wind-down` does it."""
    request = AuthoriseWindDownRequest(request_id=str(uuid4()))
    answer = ask(data_folder(context), lambda hub: hub.administration.AuthoriseWindDown, request)
    show(
        {"position": position(answer.position)},
        ["The hub may be wound up within a week: oncetold wind-down --help"],
        as_json=as_json,
    )


def _signature(data: Path, own: SigningKey) -> bytes:
    """That whoever enrols has the key."""
    from consent_ledger.administration import enrolment, sign

    return sign(own.seed, enrolment(_ledger_id(data), own.name, own.verifier.public))


def _ledger_id(data: Path) -> UUID:
    return UUID(ask(data, lambda hub: hub.audit.GetLedger, GetLedgerRequest()).ledger_id)
