"""`oncetold keys`: the ledger's keys, and the epochs in which they are changed."""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import uuid4

import typer

from hub.cli.command import Json, command, data_folder, group
from hub.cli.connection import ask, no_hub
from hub.cli.output import moment, position, show
from hub.config import read_config
from oncetold.v1.administration_service_pb2 import AcceptFileRootRequest
from oncetold.v1.operator_service_pb2 import RotateKeysRequest

commands = group("keys", "The ledger's keys.")


@command(commands, "status", example="oncetold --data ./hub keys status")
def status(context: typer.Context, as_json: Json = False) -> None:
    """Tells when the present key epoch began and ends, and what old copies of keys may still open.

    A hub may go on running meanwhile. Nothing is changed.
    """
    # The ledger's code is slow to load, and most commands do without it.
    from datetime import UTC, datetime

    from consent_ledger.epochs import read_standing
    from consent_ledger.store import read_store
    from hub.root_keys import opened_root_keys

    data = data_folder(context)
    config = read_config(data)
    if not config.has_ledger():
        raise no_hub(data)
    now = datetime.now(UTC)
    store = read_store(config.ledger)
    try:
        standing, ended = read_standing(store, opened_root_keys(config), now)
    finally:
        store.close()
    waiting = [one for one in ended if one.gone_at > now]
    sentences = [
        f"The present key epoch began on {standing.started:%Y-%m-%d}. It ends on {standing.due:%Y-%m-%d}, or "
        "when you run `oncetold keys rotate --force`."
    ]
    if standing.remaining:
        sentences.append(
            f"An earlier epoch is being ended: {standing.remaining} keys are left. The hub goes on by "
            "itself; `oncetold keys rotate` does it now."
        )
    sentences += [
        f"What was erased up to entry {one.position}: the last key to old copies of it is destroyed on "
        f"{one.gone_at:%Y-%m-%d %H:%M} UTC."
        for one in waiting
    ]
    show(
        {
            "provider": config.keys.provider,
            "started": standing.started.isoformat(),
            "due": standing.due.isoformat(),
            "remaining": standing.remaining,
            "ended": [{"position": one.position, "gone": one.gone_at.isoformat()} for one in ended],
        },
        sentences,
        as_json=as_json,
    )


@command(commands, "rotate", example="oncetold --data ./hub keys rotate --force")
def rotate(
    context: typer.Context,
    force: Annotated[
        bool, typer.Option("--force", help="Begin an epoch even if the present one is younger than 30 days.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ends a key epoch that is due: every key is wrapped anew, then the old epoch's key is destroyed.

    From then on old copies of what was erased open no more. The hub does this by itself every 30 days. Broken
    off anywhere, run it again: it goes on where it was.
    """
    data = data_folder(context)
    most = 0
    while True:
        request = RotateKeysRequest(force=force and not most, request_id=str(uuid4()))
        answer = ask(data, lambda hub: hub.operator.RotateKeys, request)
        if not answer.remaining:
            break
        most = max(most, answer.remaining)
        if not as_json:
            print(f"{answer.remaining} keys left.", file=sys.stderr, flush=True)
    gone = moment(answer.gone_time) if answer.HasField("gone_time") else None
    if gone is None and not most:
        sentence = "No key epoch was due. `oncetold keys rotate --force` begins one all the same."
    elif gone is None:
        sentence = "The key epoch is over: another process destroyed its key meanwhile."
    else:
        sentence = f"The key epoch is over. Its key is beyond recovery from {gone} on."
    show({"remaining": 0, "gone": gone}, [sentence], as_json=as_json)


@command(
    commands,
    "accept-file-root",
    example="oncetold --data ./hub --administrator amina keys accept-file-root northside --dpo dpo-1",
)
def accept_file_root(
    context: typer.Context,
    agency_id: Annotated[
        str, typer.Argument(metavar="AGENCY", help="Whose data protection officer has said so.")
    ],
    dpo: Annotated[str, typer.Option(help="The agency's own pseudonym for them, as they were appointed.")],
    as_json: Json = False,
) -> None:
    """Records a data protection officer's word that the root key may lie in a file.

    Whoever has that file can read everything in this hub. With `[serve] production` the hub serves nobody
    from such a key without this. Better: let a key provider keep it (`keys.provider` in hub.toml).
    """
    request = AcceptFileRootRequest(request_id=str(uuid4()), agency_id=agency_id, accepted_by=dpo)
    answer = ask(data_folder(context), lambda hub: hub.administration.AcceptFileRoot, request)
    show(
        {"position": position(answer.position)},
        [f"It is on record that {dpo} of {agency_id} accepts a root key in a file."],
        as_json=as_json,
    )
