"""`oncetold erasure` and `oncetold retention`: how far erasures have come, and what becomes due."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli import enums
from hub.cli.command import ActingFor, Json, command, data_folder, group
from hub.cli.connection import ask, no_hub, run
from hub.cli.errors import BadFile
from hub.cli.output import moment, show, show_rows
from hub.config import Config, read_config
from oncetold.v1.erasure_service_pb2 import (
    DueForErasure,
    Erasure,
    GetErasureCertificateRequest,
    Hold,
    ListDueForErasureRequest,
    ListErasuresRequest,
)

commands = group("erasure", "How far erasures and holds have come, and their certificates.")
retention = group("retention", "What is kept for as long as agreed, and no longer.")


@command(commands, "list", example="oncetold --data ./hub erasure list --as northside")
def list_erasures(context: typer.Context, agency: ActingFor, as_json: Json = False) -> None:
    """Lists the acting agency's erasures and holds, newest first. The look is itself recorded."""
    answer = ask(
        data_folder(context), lambda hub: hub.erasures.ListErasures, ListErasuresRequest(), agency=agency
    )
    erasures = [_erasure(one) for one in answer.erasures]
    holds = [_hold(one) for one in answer.holds]
    if as_json:
        show({"erasures": erasures, "holds": holds}, [], as_json=True)
        return
    show_rows(
        "erasures",
        erasures,
        {
            "erasure_id": "Erasure",
            "state": "State",
            "ground": "Ground",
            "fenced_time": "Erased",
            "horizon": "Copies readable until",
            "fragments": "Pieces",
            "open_retractions": "Unanswered",
        },
        nothing="Nothing was erased.",
        as_json=False,
    )
    if holds:
        show_rows(
            "holds",
            holds,
            {"hold_id": "Hold", "ground": "Ground", "review_time": "Look again"},
            nothing="",
            as_json=False,
        )


@command(
    commands, "certificate", example="oncetold --data ./hub erasure certificate 0f6a4d38-… --as northside"
)
def certificate(
    context: typer.Context,
    erasure_id: Annotated[str, typer.Argument(metavar="ERASURE", help="The erasure's id.")],
    agency: ActingFor,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Writes the statement to a file.")] = None,
    as_json: Json = False,
) -> None:
    """Gives the certificate of an erasure: a statement for the person, and where its proof stands."""
    request = GetErasureCertificateRequest(erasure_id=erasure_id)
    answer = ask(data_folder(context), lambda hub: hub.erasures.GetErasureCertificate, request, agency=agency)
    one = answer.erasure
    proved = one.complete_position.index or one.fenced_position.index
    if out is not None:
        try:
            out.write_text(answer.statement + "\n", encoding="utf-8")
        except OSError as error:
            raise BadFile(
                str(out), "", f"cannot be written ({error.strerror or 'unknown cause'})", "Name another file."
            ) from None
    show(
        {"erasure": _erasure(one), "statement": answer.statement},
        [answer.statement, "", f"Its proof: oncetold ledger prove {proved} --out ."],
        as_json=as_json,
    )


@command(retention, "due", example="oncetold --data ./hub retention due --as northside --days 30")
def due(
    context: typer.Context,
    agency: ActingFor,
    days: Annotated[int, typer.Option(min=0, max=366, help="Looking ahead so many days.")] = 0,
    as_json: Json = False,
) -> None:
    """Lists what the acting agency's agreements make due for erasure. The hub erases it by itself."""
    answer = ask(
        data_folder(context),
        lambda hub: hub.erasures.ListDueForErasure,
        ListDueForErasureRequest(days=days),
        agency=agency,
    )
    show_rows(
        "due",
        [_due(one) for one in answer.due],
        {"record_id": "Record", "categories": "Categories", "due_time": "Due", "held": "Held"},
        nothing="Nothing is due.",
        as_json=as_json,
    )


def _erasure(one: Erasure) -> dict[str, object]:
    return {
        "erasure_id": one.erasure_id,
        "ground": enums.ERASURE_GROUND.word(one.ground),
        "state": enums.ERASURE_STATE.word(one.state),
        "fenced_time": moment(one.fenced_time),
        "horizon": moment(one.horizon),
        "fragments": one.fragments,
        "open_retractions": one.open_retractions,
        "fenced_position": one.fenced_position.index,
        "complete_position": one.complete_position.index,
    }


def _hold(one: Hold) -> dict[str, object]:
    return {
        "hold_id": one.hold_id,
        "ground": enums.HOLD_GROUND.word(one.ground),
        "review_time": moment(one.review_time),
        "position": one.position.index,
    }


def _due(one: DueForErasure) -> dict[str, object]:
    return {
        "record_id": one.record_id,
        "categories": [enums.CATEGORY.word(category) for category in one.categories],
        "due_time": moment(one.due_time),
        "held": one.held,
    }


@command(retention, "run", example="oncetold --data ./hub retention run")
def run_now(context: typer.Context, as_json: Json = False) -> None:
    """Erases what is due, of every agency. For a hub that is stopped: one that runs does it each hour."""
    data = data_folder(context)
    config = read_config(data)
    if not config.has_ledger():
        raise no_hub(data)
    erased = run(lambda: _run(config))
    show(
        {"registrations": erased},
        ["Nothing is due." if not erased else f"What was due of {erased} registrations is erased."],
        as_json=as_json,
    )


async def _run(config: Config) -> int:
    # The hub's code is slow to load, and most commands do without it.
    from hub.bootstrap import running_hub
    from hub.use_cases.upkeep import erase_due

    async with running_hub(config, adapters=False) as running:
        return await erase_due(running.hub)
