"""`oncetold-adapter outliers`: an agency's own registrations that stand out, for its officer."""

from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.output import Config, Json, command, show
from adapters.kit.assertions import Who
from adapters.kit.config import load
from adapters.kit.staff_hub import StaffHub
from oncetold.v1 import audit_service_pb2 as messages

DEFAULT = Path("adapter.toml")
_OFFICER = "DATA_PROTECTION_OFFICER"
_PREFIX = "OUTLIER_KIND_"


def register(app: typer.Typer) -> None:
    """Adds the command to `oncetold-adapter`."""
    command(
        app,
        "outliers",
        example="oncetold-adapter outliers --by officer-1 --staff-key staff.key --key-id s-1",
    )(outliers)


def outliers(
    by: Annotated[str, typer.Option("--by", metavar="STAFF", help="Who asks: your agency's pseudonym.")],
    staff_key: Annotated[
        Path, typer.Option("--staff-key", metavar="FILE", help="The key that signs for staff.")
    ],
    key_id: Annotated[str, typer.Option("--key-id", help="That key's id, as the hub knows it.")],
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Lists your own registrations that stand out: many on a day, nothing recorded since, or only looked at.

    Most have a good reason. Please ask whoever registered the person why, and do not tell the person's other
    services: you may not know who works there.
    """
    settings = load(config)
    found: list[dict[str, object]] = []
    after = 0
    with StaffHub.speaking_for(settings.hub, Who(by, _OFFICER), settings.folder / staff_key, key_id) as hub:
        while True:
            page = hub.list_registration_outliers(after)
            found += [_row(one) for one in page.outliers]
            after = page.next
            if not after:
                break
    show(
        {"outliers": found},
        [_sentence(one) for one in found] or ["No registration stands out."],
        as_json=as_json,
    )


def _row(one: messages.RegistrationOutlier) -> dict[str, object]:
    return {
        "kind": messages.OutlierKind.Name(one.kind).removeprefix(_PREFIX),
        "client_reference": one.client_reference,
        "time": one.time.ToDatetime(UTC).isoformat(),
        "registered": one.registered,
        "usual": one.usual,
        "looks": one.looks,
        "staff_references": list(one.staff_references),
    }


def _sentence(row: dict[str, object]) -> str:
    match row["kind"]:
        case "MANY_ON_ONE_DAY":
            usual = f"usually {row['usual']}" if row["usual"] else "no usual number yet"
            return f"{row['time']}: {row['registered']} people registered on one day, {usual}."
        case "NOTHING_RECORDED":
            return f"{row['client_reference']}: registered {row['time']}, and nothing recorded since."
        case _:
            return f"{row['client_reference']}: nothing recorded, but somebody looked ({row['looks']})."
