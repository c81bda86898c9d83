"""Whom a ledger entry may concern: the pairs that have to be looked at again."""

from dataclasses import dataclass, field
from uuid import UUID

from hub.projections.consent_index import ConsentIndex
from hub.projections.hearing import concerned


@dataclass(slots=True)
class Touched:
    """Whose permitted set an entry may have changed: registrations, or everybody at some agencies.

    `woken`: feeds whose waiting fetch looks again although nothing changed for them, such as one cut off.
    """

    registrations: set[UUID] = field(default_factory=set)
    agencies: set[str] = field(default_factory=set)
    woken: set[UUID] = field(default_factory=set)


def component(index: ConsentIndex, registration_id: UUID) -> Touched:
    """Everyone joined to the registration, and those who told something solely about one of them."""
    members = concerned(index, registration_id)
    tellers = {teller for member in members for teller in index.told_about.get(member, ())}
    for teller in tellers:
        members |= index.component(teller)
    return Touched(members)
