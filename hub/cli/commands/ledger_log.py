"""`oncetold ledger export | prove | consistency | verify`: what outsiders check the ledger by."""

from __future__ import annotations

import base64
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.duration_pb2 import Duration

from hub.cli.command import Json, command, data_folder
from hub.cli.commands.ledger import commands
from hub.cli.connection import ask, call, connect, run
from hub.cli.errors import BadFile, CliError, Misused, Refused
from hub.cli.output import show
from hub.config import read_config
from oncetold.v1 import agency_service_pb2, audit_service_pb2, common_pb2, log_service_pb2

if TYPE_CHECKING:
    from consent_ledger.log.note import VerifierKey
    from consent_ledger.log.verify import Verified

PATIENT = Duration(seconds=10)
"""Longer than the hub takes to sign what it has just recorded."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder.", show_default=False)]


def register() -> None:
    """Adds the commands to `oncetold ledger`."""
    command(commands, "export", example="oncetold --data ./hub ledger export ./log")(export)
    command(commands, "prove", example="oncetold --data ./hub ledger prove 1207 --out ./proofs")(prove)
    command(commands, "consistency", example="oncetold --data ./hub ledger consistency 1000 1207")(
        consistency
    )
    command(commands, "verify", example="oncetold ledger verify ./log --vkey KEY")(verify)


def export(context: typer.Context, folder: Folder, as_json: Json = False) -> None:
    """Writes the whole log as a folder of plain files that anybody can check with tools of their own choice.

    Nothing in it is secret: it tells how many entries there are, not what happened to whom. A folder that was
    exported to before is brought up to date. Check it with `oncetold ledger verify DIR`.
    """
    # The ledger's code is slow to load, and most commands do without it.
    from consent_ledger.log.export import export_log
    from consent_ledger.log.note import VerifierKey
    from consent_ledger.log.stored import StoredLog
    from consent_ledger.store import read_store

    data = data_folder(context)
    note, keys = run(lambda: _newest(data))
    witnesses = [VerifierKey.parse(key) for key in keys]
    reader = read_store(read_config(data).ledger)
    try:
        log = StoredLog(reader)
        size = export_log(log, folder, note=note, witnesses=witnesses, progress=_progress)
    finally:
        reader.close()
    show(
        {"size": size, "verifier_key": str(log.vkey), "folder": str(folder)},
        [
            f"{size:,} entries are in {folder}, under this key of the ledger's:",
            str(log.vkey),
            "Give that key to whoever is to check them in another way than the folder.",
        ],
        as_json=as_json,
    )


async def _newest(data: Path) -> tuple[bytes, list[str]]:
    """The checkpoint to export, and the witnesses' keys: one that enough cosigned if there is any."""
    async with connect(data) as client:
        ledger = await call(
            client, lambda client: client.audit.GetLedger, audit_service_pb2.GetLedgerRequest()
        )
        asked = log_service_pb2.GetCheckpointRequest(min_size=ledger.size, wait=PATIENT)
        shown = await call(client, lambda client: client.log.GetCheckpoint, asked)
        with suppress(Refused):  # too few have cosigned any: the newest has to do
            asked = log_service_pb2.GetCheckpointRequest(cosigned=True)
            shown = await call(client, lambda client: client.log.GetCheckpoint, asked)
        listed = await call(
            client, lambda client: client.agencies.ListAgencies, agency_service_pb2.ListAgenciesRequest()
        )
    return shown.checkpoint, [agency.witness_key for agency in listed.agencies if agency.witness_key]


def prove(
    context: typer.Context,
    position: Annotated[
        int, typer.Argument(metavar="POSITION", min=1, help="The entry's position.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the two files are written.")],
    cosigned: Annotated[
        bool, typer.Option("--cosigned", help="Under a checkpoint that enough witnesses cosigned.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Writes the proof that an entry is in the ledger, POSITION.tlog-proof, and the entry, POSITION.leaf.

    Whoever holds both, and the ledger's key, can show for ever that the entry was there.
    """
    data = data_folder(context)
    answer = run(lambda: _proved(data, position, cosigned))
    proof, leaf = out / f"{position}.tlog-proof", out / f"{position}.leaf"
    try:
        out.mkdir(parents=True, exist_ok=True)
        proof.write_bytes(answer.proof)
        leaf.write_bytes(answer.entry)
    except OSError as error:
        raise BadFile(
            str(out), "", os.strerror(error.errno or 0), "Name a folder that can be written to."
        ) from None
    show(
        {"proof": str(proof), "leaf": str(leaf)},
        [f"The proof of entry {position:,} is {proof}; the entry is {leaf}. Keep both."],
        as_json=as_json,
    )


async def _proved(data: Path, position: int, cosigned: bool) -> log_service_pb2.GetInclusionProofResponse:
    async with connect(data) as client:
        ledger = await call(
            client, lambda client: client.audit.GetLedger, audit_service_pb2.GetLedgerRequest()
        )
        at = common_pb2.LedgerPosition(ledger_id=ledger.ledger_id, index=position)
        asked = log_service_pb2.GetInclusionProofRequest(position=at, wait=PATIENT, cosigned=cosigned)
        return await call(client, lambda client: client.log.GetInclusionProof, asked)


def consistency(
    context: typer.Context,
    old: Annotated[int, typer.Argument(metavar="OLD", min=0, help="The earlier size.", show_default=False)],
    new: Annotated[
        int, typer.Argument(metavar="NEW", min=0, help="The later size; 0: the newest checkpoint's.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Prints the proof that the ledger of one size is the beginning of that of another (RFC 6962, 2.1.2)."""
    answer = ask(
        data_folder(context),
        lambda client: client.log.GetConsistencyProof,
        log_service_pb2.GetConsistencyProofRequest(old_size=old, new_size=new),
    )
    hashes = [base64.b64encode(one).decode() for one in answer.hashes]
    show(
        {"old_size": old, "new_size": answer.new_size, "hashes": hashes},
        [f"From {old:,} to {answer.new_size:,} entries, {_hashes(len(hashes))}:", *hashes],
        as_json=as_json,
    )


def _hashes(count: int) -> str:
    return "one hash" if count == 1 else f"{count} hashes"


def verify(
    folder: Folder,
    vkey: Annotated[
        list[str] | None, typer.Option("--vkey", help="A key that you were given: the log's, or a witness's.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="A C2SP tlog-policy file: whose cosignatures you ask for.")
    ] = None,
    older: Annotated[
        list[Path] | None, typer.Option("--older", help="A checkpoint or proof that you kept from before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Checks an exported log, or a folder of proofs, without a hub. Says what is proved, and what is not.

    The same without the rest of OnceTold: `python -m consent_ledger.log.verify DIR --vkey KEY`. Exit codes: 0
    all of it is right, 1 something is not, 2 it could not be looked at.
    """
    from consent_ledger.errors import ProofRefused
    from consent_ledger.log.note import VerifierKey
    from consent_ledger.log.policy import Policy
    from consent_ledger.log.verify import refusal, sentences, verify_folder

    if not folder.is_dir():
        raise Misused(f"There is no folder {folder}.", "Name what `oncetold ledger export` wrote to.")
    try:
        keys = [VerifierKey.parse(text) for text in vkey or ()]
        rule = None if policy is None else Policy.parse(_file(policy))
        found = verify_folder(folder, keys, rule, older or ())
    except ProofRefused as refused:
        raise CliError(
            f"REFUSED: {refusal(refused)}", refused.next_step, reason="PROOF_REFUSED", details=refused.details
        ) from None
    show(_as_json(found), list(sentences(found)), as_json=as_json)


def _as_json(found: Verified) -> dict[str, object]:
    log = found.log
    return {
        "origin": found.key.name,
        "pinned": found.pinned,
        "size": None if log is None else log.checkpoint.size,
        "cosigned_by": _names(found),
        "begins_with": [one.size for one in found.older],
        "proved_positions": [proof.index + 1 for _, proof, _ in found.proofs],
    }


def _names(found: Verified) -> list[str]:
    opened = ([] if found.log is None else [found.log]) + [one for _, _, one in found.proofs]
    keys: set[VerifierKey] = {signed.key for one in opened for signed in one.cosigned}
    return sorted(key.name for key in keys)


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadFile(str(path), "", os.strerror(error.errno or 0), "Name a file that can be read.") from None


def _progress(done: int, size: int) -> None:
    if done % 65_536 == 0 or (done == size and size > 65_536):
        print(f"Wrote {done:,} of {size:,} entries.", file=sys.stderr, flush=True)
