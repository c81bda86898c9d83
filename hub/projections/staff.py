"""Which roles staff have, whom they work with, and where somebody reads without that."""

from dataclasses import dataclass, field
from uuid import UUID

from consent_ledger.staff import BreakGlass, GivenRole, Relationship, Role


@dataclass(slots=True)
class StaffIndex:
    """Committed facts about agencies' staff. `folding_staff` alone changes it.

    `given`: the newest of each role, by the agency, its pseudonym and the role.
    """

    roles: dict[UUID, GivenRole] = field(default_factory=dict)
    given: dict[tuple[str, str, Role], GivenRole] = field(default_factory=dict)
    relationships: dict[UUID, Relationship] = field(default_factory=dict)
    relationships_on: dict[UUID, list[Relationship]] = field(default_factory=dict)
    broken: dict[UUID, BreakGlass] = field(default_factory=dict)
    broken_on: dict[UUID, list[BreakGlass]] = field(default_factory=dict)

    def give(self, given: GivenRole) -> None:
        """Keeps a role; of one given twice the newest counts."""
        self.roles[given.role_id] = given
        self.given[given.agency_id, given.staff_reference, given.role] = given

    def relate(self, relationship: Relationship) -> None:
        """Keeps a relationship."""
        self.relationships[relationship.relationship_id] = relationship
        self.relationships_on.setdefault(relationship.registration_id, []).append(relationship)

    def break_glass(self, broken: BreakGlass) -> None:
        """Keeps that somebody reads without a relationship."""
        self.broken[broken.break_glass_id] = broken
        self.broken_on.setdefault(broken.registration_id, []).append(broken)

    def role(self, agency_id: str, staff_reference: str, role: Role) -> GivenRole | None:
        """The role as the agency gave it, while it has it."""
        given = self.given.get((agency_id, staff_reference, role))
        return None if given is None or given.ended else given

    def roles_of(self, agency_id: str) -> list[GivenRole]:
        """All roles that the agency's staff have now, by whom and by role."""
        found = (one for one in self.given.values() if one.agency_id == agency_id and not one.ended)
        return sorted(found, key=lambda one: (one.staff_reference, one.role))

    def relationships_with(self, registration_id: UUID, staff_reference: str) -> list[Relationship]:
        """Those of one member of staff with the client of a registration that have not ended."""
        return [
            one
            for one in self.relationships_on.get(registration_id, ())
            if one.staff_reference == staff_reference and not one.ended
        ]

    def broken_for(self, registration_id: UUID, staff_reference: str) -> list[BreakGlass]:
        """What one member of staff broke for the client of a registration and has not ended."""
        return [
            one
            for one in self.broken_on.get(registration_id, ())
            if one.staff_reference == staff_reference and not one.ended
        ]
