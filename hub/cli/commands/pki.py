"""`oncetold dev-pki`: certificates for trying things out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from hub.cli.command import Json, command, data_folder
from hub.cli.errors import Misused
from hub.cli.output import show

AGENCY_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def register(app: typer.Typer) -> None:
    """Adds `dev-pki`."""
    command(app, "dev-pki", example="oncetold --data ./hub dev-pki northside harbour")(dev_pki)


def dev_pki(
    context: typer.Context,
    agencies: Annotated[
        list[str] | None, typer.Argument(metavar="[AGENCY]...", help="Agencies that need a certificate.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Makes certificates for development in DIR/pki: an authority, the hub's own, one for each agency.

    What is there already is kept, so the command may be repeated for more agencies. Not for production: the
    authority's key lies beside the certificates.
    """
    # The certificate library is slow to load, and only this command needs it.
    from hub import pki

    wanted = agencies or []
    for agency_id in wanted:
        if not AGENCY_ID.fullmatch(agency_id):
            raise Misused(
                "One of the names is no agency id.",
                "Agency ids are small letters, digits and hyphens, 40 at most.",
                reason="INVALID_FIELD",
            )
    folder = data_folder(context) / "pki"
    now = datetime.now(UTC)
    try:
        try:
            authority = pki.open_authority(folder)
        except FileNotFoundError:
            authority = pki.create_authority(folder, now)
        made = []
        if not (folder / "hub.pem").exists():
            made.append(pki.issue_server(authority, folder, now).certificate)
        for agency_id in wanted:
            if not (folder / f"{agency_id}-1.pem").exists():
                made.append(pki.issue_adapter(authority, folder, agency_id, now).certificate)
    except OSError as error:
        raise Misused(
            f"The certificates cannot be written to {folder} ({error.strerror or 'unknown cause'}).",
            "Name a data folder that you may write to.",
            reason="NOT_WRITABLE",
        ) from None
    adapters = {agency_id: str(folder / f"{agency_id}-1.pem") for agency_id in wanted}
    show(
        {
            "authority": str(authority.certificate),
            "hub": str(folder / "hub.pem"),
            "adapters": adapters,
            "made": [str(path) for path in made],
        },
        [
            f"Authority: {authority.certificate}",
            f"Hub:       {folder / 'hub.pem'}",
            *(f"{agency_id}: {path}, its key beside it" for agency_id, path in adapters.items()),
            "For development only. Let one speak for its agency: oncetold agency certificate --help",
        ],
        as_json=as_json,
    )
