"""`oncetold-adapter enrol`: from a code to a certificate; `accesses`: what a key was given."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.output import Config, Json, command, show
from adapters.cli.pauses import Pauses
from adapters.cli.template import TEMPLATE
from adapters.kit.client import Hub
from adapters.kit.config import load
from adapters.kit.enrolment import Files, Invitation, enrol
from adapters.kit.errors import ConfigInvalid
from oncetold.v1.certificate_service_pb2 import ListKeyAccessRequest

DEFAULT = Path("adapter.toml")
NO_FEED = "00000000-0000-4000-8000-000000000000"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "enrol", example="oncetold-adapter enrol --invitation northside.invitation")(enrol_here)
    command(
        app,
        "accesses",
        example=(
            "oncetold-adapter accesses --since 2026-11-20"
            " --key 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        ),
    )(accesses)


def enrol_here(
    invitation: Annotated[Path, typer.Option(metavar="FILE", help="What came by e-mail.")],
    code: Annotated[
        str,
        typer.Option(prompt="The code that you were told", help="Asked for if left out."),
    ] = "",
    config: Config = DEFAULT,
    server_name: Annotated[
        str, typer.Option(help="The name in the hub's certificate, if it is not in its address.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Gets this computer's certificate. It shows six words to read out to whoever invited you.

    The key is made here and never leaves. You may stop and begin again with the same code.
    """
    invited = Invitation.read(invitation)
    folder = config.resolve().parent
    files = Files(folder / "agency.key", folder / "agency.pem", folder / "ca.pem")
    waiting = Pauses()
    answer = enrol(
        invited,
        code,
        files,
        tell_words=_tell_words,
        on_pause=lambda error: None if _is_expected(error) else waiting(error),
        server_name=server_name or None,
    )
    written = _write_config(config, invited.hub, list(answer.feed_ids), server_name)
    until = answer.not_after_time.ToDatetime(UTC)
    show(
        {
            "agency_id": answer.agency_id,
            "uri": answer.uri,
            "not_after_time": until.isoformat(),
            "feed_ids": list(answer.feed_ids),
            "written": [path.name for path in (files.key, files.certificate, files.ca)] + written,
        },
        [
            f"This computer speaks for {answer.agency_id}: {answer.uri}.",
            f"Its certificate lasts until {until:%d %B %Y}, and is renewed by itself while the adapter runs.",
            f"Next: fill in {config.name}, then: oncetold-adapter check",
        ],
        as_json=as_json,
    )


def _tell_words(words: tuple[str, ...]) -> None:
    print(
        f"\nRead these six words out to whoever invited you, by telephone:\n\n    {' '.join(words)}\n\n"
        "Waiting until they say yes. You may stop with Ctrl-C and begin again with the same code.",
        file=sys.stderr,
        flush=True,
    )


def _is_expected(error: Exception) -> bool:
    return getattr(error, "reason", "") == "NOT_CONFIRMED"


def _write_config(config: Path, hub: str, feed_ids: list[str], server_name: str) -> list[str]:
    """A configuration to begin with, where there is none. What was written."""
    text = TEMPLATE.replace('"hub.example.org:7443"', f'"{hub}"', 1)
    if server_name:
        text = text.replace('# server_name = "hub.example.org"', f'server_name = "{server_name}"', 1)
    if feed_ids:
        text = text.replace(NO_FEED, feed_ids[0], 1)
    try:
        with config.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return []
    except OSError:
        raise ConfigInvalid([f"{config.name} cannot be written here."]) from None
    return [config.name]


def accesses(
    key: Annotated[str, typer.Option(metavar="SHA256", help="The key; the operator lists those there are.")],
    since: Annotated[datetime, typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="Since when (UTC).")],
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Lists what one of your agency's keys was given, and of whom: after a computer was lost or stolen."""
    settings = load(config)
    request = ListKeyAccessRequest(public_key_sha256=_sha256(key))
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
