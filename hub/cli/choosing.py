"""Options that several commands about choices share: a quiet stop, and who spoke for the person."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.errors import Misused
from oncetold.v1.consent_service_pb2 import GivenBy, PersonAtAgency

Quiet = Annotated[
    bool, typer.Option("--quiet", help="A quiet stop: it holds like any other, and is never printed.")
]
ProxyStaff = Annotated[
    str, typer.Option(metavar="AGENCY:STAFF", help="Who spoke for the person: somebody at an agency.")
]
ProxyClient = Annotated[
    str, typer.Option(metavar="REFERENCE", help="Who spoke for the person: another client of the agency.")
]
ProxyOther = Annotated[
    str, typer.Option(metavar="NAME", help="Who spoke for the person: somebody else, by a pseudonym.")
]


def person_at(option: str, given: str) -> PersonAtAgency:
    """`AGENCY:STAFF`. Raises Misused."""
    agency, separator, staff = given.partition(":")
    if not separator:
        raise Misused(f"{option} needs both parts.", "Give it as AGENCY:STAFF.", reason="INVALID_FIELD")
    return PersonAtAgency(agency_id=agency, staff_reference=staff)


def given_by(staff: str, client: str, other: str) -> GivenBy | None:
    """Who spoke for the person; None when they spoke themselves. Raises Misused for more than one."""
    if sum(map(bool, (staff, client, other))) > 1:
        raise Misused(
            "One person spoke for the client.",
            "Give one of --proxy-staff, --proxy-client and --proxy.",
            reason="INVALID_FIELD",
        )
    if staff:
        return GivenBy(person=person_at("--proxy-staff", staff))
    if client:
        return GivenBy(client_reference=client)
    return GivenBy(other=other) if other else None
