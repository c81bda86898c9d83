"""`oncetold certificate`: which keys speak for an agency: invited, confirmed, listed, cut off."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import Json, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.errors import BadFile, Misused
from hub.cli.output import position, show, show_rows
from hub.cli.times import read_time
from oncetold.v1 import certificate_service_pb2 as messages

commands = group("certificate", "Which keys speak for an agency: invite, confirm, list, revoke.")

REVOCATION = enums.Vocabulary(messages.RevocationReason, "REVOCATION_REASON_")

AgencyId = Annotated[str, typer.Argument(metavar="AGENCY", help="The agency's id.")]
KeyHash = Annotated[
    str, typer.Option("--key", metavar="SHA256", help="The key, as `certificate list` shows it.")
]


@command(
    commands,
    "invite",
    example=(
        "oncetold --data ./hub certificate invite northside --hub hub.example.org:8443"
        " --door hub.example.org:8444 --to northside.invitation"
    ),
)
def invite(
    context: typer.Context,
    agency_id: AgencyId,
    hub: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where adapters reach the hub.")],
    door: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where newcomers do: enrolment.listen.")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the invitation.")],
    adapter: Annotated[str, typer.Option(help="Which of the agency's adapters.")] = "1",
    as_json: Json = False,
) -> None:
    """Invites an adapter: a file to send by e-mail (it holds no secret), and a code to tell by telephone."""
    request = messages.InviteAdapterRequest(request_id=str(uuid4()), agency_id=agency_id, adapter=adapter)
    answer = ask(data_folder(context), lambda hub: hub.certificates.InviteAdapter, request)
    text = (
        f"# An invitation to OnceTold for {agency_id}. Then: oncetold-adapter enrol --invitation {to.name}\n"
        f'hub = "{hub}"\ndoor = "{door}"\nuri = "{answer.uri}"\n'
        f"authorities = '''\n{answer.authorities.decode()}'''\n"
    )
    try:
        with to.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        problem = f"cannot be written ({error.strerror or 'unknown cause'})"
        raise BadFile(str(to), "", problem, "Name a file that is not there yet.") from None
    expires = answer.expires_time.ToDatetime(UTC)
    show(
        {
            "invitation": str(to),
            "invitation_id": answer.invitation_id,
            "code": answer.code,
            "uri": answer.uri,
            "expires_time": expires.isoformat(),
            "position": position(answer.position),
        },
        [
            f"Wrote {to}. Send it by e-mail; it holds no secret.",
            f"Tell this code by another way, by telephone or face to face: {answer.code}",
            f"It works once, until {expires:%d %B %Y, %H:%M} UTC. It is not kept: note it now.",
            "Then they read out six words to you: oncetold certificate confirm --help",
        ],
        as_json=as_json,
    )


@command(
    commands,
    "confirm",
    example="oncetold --data ./hub certificate confirm northside acorn basket cedar dolphin ember fiddle",
)
def confirm(
    context: typer.Context,
    agency_id: AgencyId,
    words: Annotated[
        list[str], typer.Argument(metavar="WORD...", help="The six words that you hear, in order.")
    ],
    as_json: Json = False,
) -> None:
    """Lets a newcomer's key speak for its agency. The first four letters of each are enough.

    Ring a number that you know already, and ask for the words. If they do not match, try no others: either
    somebody misread, or somebody else used the code.
    """
    from hub.enrolment.words import WORDS, word_list

    heard = [_whole(word.strip().lower(), word_list()) for word in words]
    if len(heard) != WORDS or not all(heard):
        raise Misused(
            "These are not six words of the list.",
            "Ask for the six words again, and type them in order.",
            reason="INVALID_FIELD",
            details={"field": "words"},
        )
    request = messages.ConfirmEnrolmentRequest(request_id=str(uuid4()), agency_id=agency_id, words=heard)
    answer = ask(data_folder(context), lambda hub: hub.certificates.ConfirmEnrolment, request)
    show(
        {
            "uri": answer.uri,
            "public_key_sha256": answer.public_key_sha256.hex(),
            "position": position(answer.position),
        },
        [f"{answer.uri} is confirmed. Their computer fetches its certificate by itself within a minute."],
        as_json=as_json,
    )


def _whole(heard: str, known: tuple[str, ...]) -> str:
    """The word that was meant, from its first four letters or all of it; empty for none."""
    found = [word for word in known if word == heard or (len(heard) >= 4 and word.startswith(heard))]
    return found[0] if len(found) == 1 else ""


@command(commands, "list", example="oncetold --data ./hub certificate list northside")
def list_certificates(context: typer.Context, agency_id: AgencyId, as_json: Json = False) -> None:
    """Lists an agency's keys, those that were revoked, and invitations that are open."""
    request = messages.ListCertificatesRequest(agency_id=agency_id)
    answer = ask(data_folder(context), lambda hub: hub.certificates.ListCertificates, request)
    rows = [_key(key) for key in answer.keys]
    rows += [
        {
            "uri": one.uri,
            "state": "words to confirm" if one.waiting else "invited",
            "until": one.expires_time.ToDatetime(UTC).isoformat(),
            "key_id": "",
        }
        for one in answer.invitations
    ]
    show_rows(
        "certificates",
        rows,
        {"uri": "Certificate", "state": "State", "until": "Until", "key_id": "Key"},
        nothing="No key speaks for this agency: oncetold certificate invite --help",
        as_json=as_json,
    )


def _key(key: messages.CertificateKey) -> dict[str, object]:
    over = f"revoked: {REVOCATION.phrase(key.reason)}" if key.revoked else "counts"
    until = key.not_after_time.ToDatetime(UTC).isoformat() if key.HasField("not_after_time") else ""
    return {
        "uri": key.uri,
        "state": over,
        "until": key.revoked_time.ToDatetime(UTC).isoformat() if key.revoked else until,
        "key_id": key.public_key_sha256.hex(),
    }


@command(
    commands,
    "revoke",
    example=(
        "oncetold --data ./hub certificate revoke northside"
        " --key 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
        " --reason DEVICE_LOST --since 2026-11-20"
    ),
)
def revoke(
    context: typer.Context,
    agency_id: AgencyId,
    key: KeyHash,
    reason: Annotated[str, typer.Option(help=REVOCATION.help)],
    since: Annotated[
        str, typer.Option(metavar="DATE", help="Since when somebody else may have had it, if you know.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Cuts a key off for good, at once, with what it renewed since. One person may do this, at any hour."""
    request = messages.RevokeCertificateRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        public_key_sha256=_sha256(key),
        reason=REVOCATION.value(reason),
        compromised_since_time=read_time("--since", since) if since else None,
    )
    answer = ask(data_folder(context), lambda hub: hub.certificates.RevokeCertificate, request)
    keys = [one.hex() for one in answer.public_keys_sha256]
    show(
        {"revoked": keys, "position": position(answer.position)},
        [
            f"{len(keys)} {'key is' if len(keys) == 1 else 'keys are'} cut off, and never count again.",
            "What it was given: oncetold certificate accesses --help. A new one: oncetold certificate invite",
        ],
        as_json=as_json,
    )


@command(
    commands,
    "accesses",
    example=(
        "oncetold --data ./hub certificate accesses northside"
        " --key 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --since 2026-11-20"
    ),
)
def accesses(
    context: typer.Context,
    agency_id: AgencyId,
    key: KeyHash,
    since: Annotated[str, typer.Option(metavar="DATE", help="Since when.")],
    as_json: Json = False,
) -> None:
    """Counts what a key asked for and was given. Of whom, its agency alone sees: by its own certificate."""
    request = messages.ListKeyAccessRequest(
        agency_id=agency_id, public_key_sha256=_sha256(key), since_time=read_time("--since", since)
    )
    calls = given = 0
    while True:
        page = ask(data_folder(context), lambda hub: hub.certificates.ListKeyAccess, request)
        calls, given = calls + page.calls, given + page.given
        if not page.next:
            break
        request.after = page.next
    show(
        {"calls": calls, "given": given},
        [
            f"{calls} calls, which were given {given} pieces of content.",
            "The agency lists of whom: oncetold-adapter accesses",
        ],
        as_json=as_json,
    )


def _sha256(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise Misused(
            "--key is not a key's SHA-256.",
            "Give its 64 letters and digits, as `oncetold certificate list` shows them.",
            reason="INVALID_FIELD",
            details={"field": "key"},
        )
    return found
