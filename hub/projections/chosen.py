"""What was chosen on one registration, kept by what it speaks of.

Somebody may have thousands of choices, and each may end others. So which grants stand, and up to where stops
have closed, is found here without looking through them all: grants that say the same are one kind, and of
stops that say the same the newest counts.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from consent_ledger.facts import Exclusion, Grant, Proxy, Scope, Stop
from consent_ledger.policy.confidentiality import CLOSED_BY_A_STOP, NOT_OF_THE_PERSON
from consent_ledger.vocabulary import CaptureMethod, DataCategory, Purpose, ServiceType

ALWAYS = 2**63
"""Behind every position."""

Recipient = tuple[str | None, ServiceType | None]
"""An agency by name, or a kind of service, or everybody."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What grants have in common that begin and end alike, as far as anybody's choices go.

    `closable`: a stop closes it. `yields`: to earlier stops as well. `parental`: a parent said it.
    """

    captured_by: str
    scope: Scope
    closable: bool
    yields: bool
    parental: bool
    given_by: Proxy | None


def kind_of(grant: Grant) -> Kind:
    """The grant's kind."""
    return Kind(
        grant.captured_by,
        grant.scope,
        grant.basis in CLOSED_BY_A_STOP,
        grant.weak or grant.basis in NOT_OF_THE_PERSON,
        grant.method is CaptureMethod.PARENTAL_RESPONSIBILITY,
        grant.given_by,
    )


def position_of(grant: Grant) -> int:
    """Where it was recorded."""
    return grant.position


@dataclass(slots=True)
class Chosen:
    """One registration's choices. `standing`: the active grants of each kind, oldest first."""

    standing: dict[Kind, list[Grant]] = field(default_factory=dict)
    _withdrawn: dict[UUID, int] = field(default_factory=dict)
    _stops: dict[tuple[Recipient, DataCategory | None], dict[frozenset[Purpose], tuple[int, int]]] = field(
        default_factory=dict
    )
    _excluded: dict[tuple[str | None, DataCategory | None], set[int]] = field(default_factory=dict)
    _shut_out: dict[tuple[str, str | None], set[int]] = field(default_factory=dict)

    def opened(self, grant: Grant) -> None:
        """A grant began, unless it ended before."""
        if grant.active:
            known = self.standing.setdefault(kind_of(grant), [])
            at = bisect_left(known, grant.position, key=position_of)
            if known[at : at + 1] != [grant]:
                known.insert(at, grant)

    def ended(self, grant: Grant) -> None:
        """A grant ended by itself: it was withdrawn, or time ended it."""
        kind = kind_of(grant)
        known = self.standing.get(kind, [])
        at = bisect_left(known, grant.position, key=position_of)
        if known[at : at + 1] == [grant]:
            del known[at]
            if not known:
                del self.standing[kind]

    def stopped(self, stop: Stop) -> None:
        """Somebody said no, or no more."""
        if stop.grant_id is not None:
            self._withdrawn.setdefault(stop.grant_id, stop.position)
        scope = stop.scope
        recipient = (scope.agency_id, scope.service_type if scope.agency_id is None else None)
        for category in scope.categories or (None,):
            known = self._stops.setdefault((recipient, category), {})
            known[scope.purposes] = (stop.position, known.get(scope.purposes, (0, 0))[0])

    def excluded(self, exclusion: Exclusion) -> None:
        """An agency, somebody at one, or a category was shut out, or is let in again."""
        _mark(self._excluded, (exclusion.agency_id, exclusion.category), exclusion)
        if exclusion.agency_id is not None:
            _mark(self._shut_out, (exclusion.agency_id, exclusion.staff_reference), exclusion)

    def is_withdrawn(self, grant_id: UUID, before: int) -> bool:
        """Whether the grant was withdrawn ahead of the position."""
        return self._withdrawn.get(grant_id, before) < before

    def stop_on(
        self,
        recipients: Iterable[Recipient],
        category: DataCategory,
        purposes: frozenset[Purpose],
        before: int,
    ) -> int:
        """The newest stop that leaves nothing of the category for these purposes; 0 for none.

        `before`: the newest entry's position, which does not count itself, or behind every one. `recipients`:
        whichever a stop may name to leave nothing.
        """
        newest = 0
        for recipient in recipients:
            for named in (category, None):
                for closed, (last, earlier) in self._stops.get((recipient, named), _NONE).items():
                    if not closed or purposes <= closed:
                        newest = max(newest, last if last < before else earlier)
        return newest

    def shuts(self, agency_id: str | None, category: DataCategory, before: int) -> bool:
        """Whether an exclusion that stands shuts out the category, or the agency of which there is one.

        `before` as of `stop_on`.
        """
        return any(
            len(known) > (before in known)
            for shut in {agency_id, None}
            for named in (category, None)
            if (known := self._excluded.get((shut, named)))
        )

    def silences(self, proxy: Proxy) -> bool:
        """Whether whoever spoke for the person is shut out, or everybody at their agency."""
        at = proxy.agency_id
        return at is not None and ((at, None) in self._shut_out or (at, proxy.reference) in self._shut_out)


_NONE: dict[frozenset[Purpose], tuple[int, int]] = {}
_K = TypeVar("_K")


def _mark(known: dict[_K, set[int]], key: _K, exclusion: Exclusion) -> None:
    """Notes that the exclusion stands, or that it stands no more."""
    if not exclusion.lifted:
        known.setdefault(key, set()).add(exclusion.position)
    elif key in known:
        known[key].discard(exclusion.position)
        if not known[key]:
            del known[key]
