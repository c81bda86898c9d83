"""`oncetold-adapter keys`: which keys speak for an agency; cutting one off. `accesses`: what it was given."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from adapters.cli.output import Config, Json, command, show
from adapters.kit.client import Hub
from adapters.kit.config import load
from adapters.kit.errors import ConfigInvalid
from oncetold.v1 import certificate_service_pb2 as messages

DEFAULT = Path("adapter.toml")
_PREFIX = "REVOCATION_REASON_"
REASONS = tuple(name.removeprefix(_PREFIX) for name, number in messages.RevocationReason.items() if number)
KEY = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Which keys speak for your agency: list, revoke."
)

Key = Annotated[
    str, typer.Option(metavar="SHA256", help="The key, as `oncetold-adapter keys list` shows it.")
]


def register(app: typer.Typer) -> None:
    """Adds `keys` and `accesses`."""
    app.add_typer(commands, name="keys")
    command(app, "accesses", example=f"oncetold-adapter accesses --since 2026-11-20 --key {KEY}")(accesses)


@command(commands, "list", example="oncetold-adapter keys list")
def list_keys(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Lists your agency's keys, this computer's and those that were revoked among them."""
    with Hub.connect(load(config).hub) as hub:
        own = hub.standing()
        found = hub.certificates(messages.ListCertificatesRequest(agency_id=own.agency_id)).keys
    rows = [_row(key, own.public_key_sha256) for key in found]
    show(
        {"keys": rows},
        [" ".join(str(row[name]) for name in ("key", "adapter", "state", "until")).strip() for row in rows],
        as_json=as_json,
    )


def _row(key: messages.CertificateKey, own: bytes) -> dict[str, object]:
    state = "this computer" if key.public_key_sha256 == own else "counts"
    until = key.not_after_time if key.HasField("not_after_time") else None
    if key.revoked:
        state, until = "revoked", key.revoked_time
    return {
        "key": key.public_key_sha256.hex(),
        "adapter": key.uri.rpartition("/")[2],
        "state": state,
        "until": until.ToDatetime(UTC).isoformat() if until else "",
    }


@command(commands, "revoke", example=f"oncetold-adapter keys revoke --reason DEVICE_LOST --key {KEY}")
def revoke(
    key: Key,
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")],
    since: Annotated[
        datetime | None,
        typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="Since when others may have had it (UTC)."),
    ] = None,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Cuts off one of your agency's keys for good, at once, with what it renewed since.

    One person may do this, at any hour, from any computer of the agency that is enrolled. Without --since
    nobody knows since when, so everything that it ever renewed goes with it.
    """
    if reason not in REASONS:
        raise ConfigInvalid([f"--reason is one of {', '.join(REASONS)}."])
    request = messages.RevokeCertificateRequest(
        request_id=str(uuid4()),
        public_key_sha256=_sha256(key),
        reason=messages.RevocationReason.Value(_PREFIX + reason),
    )
    if since is not None:
        request.compromised_since_time.FromDatetime(since.replace(tzinfo=UTC))
    with Hub.connect(load(config).hub) as hub:
        own = hub.standing()
        request.agency_id = own.agency_id
        gone = list(hub.revoke(request).public_keys_sha256)
    here = own.public_key_sha256 in gone
    show(
        {"revoked": [one.hex() for one in gone], "this_computer": here},
        [
            f"{len(gone)} {'key is' if len(gone) == 1 else 'keys are'} cut off, and never count again.",
            "This computer's is among them: to connect again, ask the hub operator for an invitation."
            if here
            else "What it was given: oncetold-adapter accesses --help",
        ],
        as_json=as_json,
    )


def accesses(
    key: Key,
    since: Annotated[datetime, typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="Since when (UTC).")],
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Lists what one of your agency's keys was given, and of whom: after a computer was lost or stolen."""
    settings = load(config)
    request = messages.ListKeyAccessRequest(public_key_sha256=_sha256(key))
    request.since_time.FromDatetime(since.replace(tzinfo=UTC))
    rows: list[dict[str, object]] = []
    calls = given = 0
    with Hub.connect(settings.hub) as hub:
        request.agency_id = hub.standing().agency_id
        while True:
            page = hub.key_access(request)
            calls, given = calls + page.calls, given + page.given
            rows += [
                {
                    "time": one.recorded_time.ToDatetime(UTC).isoformat(),
                    "position": one.position.index,
                    "kind": one.kind,
                    "client_reference": one.client_reference,
                    "given": one.given,
                    "taken_back": one.taken_back,
                    "code": one.code,
                }
                for one in page.accesses
            ]
            if not page.next:
                break
            request.after = page.next
    about = sorted({str(row["client_reference"]) for row in rows if row["given"]})
    show(
        {"calls": calls, "given": given, "accesses": rows},
        [
            f"{calls} calls, which were given {given} pieces of content about {len(about)} of your clients.",
            *(f"{reference or '(erased since)'}" for reference in about),
            "Each call with its time: --json",
        ],
        as_json=as_json,
    )


def _sha256(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise ConfigInvalid(["--key must be 64 letters and digits: the SHA-256 of a key."])
    return found
