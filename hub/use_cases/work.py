"""What a use case works with: who calls, the caught-up facts, and entries to append when it is done."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from consent_ledger.access import Accessed, AccessKind, PersonAccess, Receipt
from consent_ledger.domain import RecordedAggregate
from consent_ledger.errors import Refused
from consent_ledger.facts import Registration
from consent_ledger.ledger import Draft, EntryClass, KeyOwner, Part, Transaction
from consent_ledger.records import StoredRecord, read_record
from consent_ledger.repository import Repository
from consent_ledger.staff import Role
from consent_ledger.vault import Vault
from consent_ledger.vocabulary import KeyCategory, Purpose
from hub.projections.assertions import Assertions
from hub.projections.consent_index import ConsentIndex
from hub.projections.disclosures import Disclosures
from hub.projections.holdings import Holdings
from hub.projections.owed import Owed
from hub.projections.segments import Segments
from hub.use_cases.observer import NOTHING, Outcomes

ADMINISTRATION = KeyOwner(None, KeyCategory.ADMINISTRATION)
C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Staff:
    """Whoever asks, by their agency's signed word for this one call.

    `reference` is the agency's pseudonym for them; `assertion` the word itself, as it was sent. `jti` is its
    own id, with which it is good once; `key_id` names the agency's key that signed it. `client`: the agency's
    reference that stands in it, maybe empty.
    """

    reference: str
    role: Role
    purpose: Purpose
    jti: UUID
    key_id: str
    expires: datetime
    assertion: str
    client: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an agency by its certificate, or the operator, who may act for an agency.

    `certificate_sha256` is of the whole certificate; `staff` is set where the agency vouched for somebody.
    """

    agency_id: str | None
    certificate_uri: str | None = None
    public_key_der: bytes | None = None
    operator: bool = False
    certificate_sha256: bytes | None = None
    staff: Staff | None = None

    @property
    def name(self) -> str:
        """How the ledger names it."""
        return "operator" if self.operator else (self.certificate_uri or "")

    @property
    def is_newcomer(self) -> bool:
        """Whether it has no certificate yet: nobody, but for the one call by which it comes by one."""
        return self.agency_id is None and not self.operator

    @property
    def key_sha256(self) -> str:
        """Its certificate's key in hexadecimal: SHA-256 of its SubjectPublicKeyInfo; empty for none."""
        return "" if self.public_key_der is None else hashlib.sha256(self.public_key_der).hexdigest()

    def agency(self) -> str:
        """The agency it speaks for. `INVALID_FIELD` when the operator named none."""
        if self.agency_id is None:
            raise Refused("INVALID_FIELD", field="oncetold-agency", rule="the operator names the agency")
        return self.agency_id

    def require_operator(self) -> None:
        """Raises `OPERATOR_ONLY`."""
        if not self.operator:
            raise Refused("OPERATOR_ONLY")

    def require_staff(self) -> Staff:
        """Whoever asks. Raises `NO_ASSERTION`."""
        if self.staff is None:
            raise Refused("NO_ASSERTION")
        return self.staff


_WITHOUT_CELLS: set[Callable[..., Any]] = set()


def without_cells(use_case: C) -> C:
    """Marks a use case that decides by the index and by streams: cells may be behind while it runs.

    Folding them for many of its calls at once costs a third of folding them for each.
    """
    _WITHOUT_CELLS.add(use_case)
    return use_case


def reads_cells(use_case: Callable[..., Any]) -> bool:
    """Whether the cells have to be caught up for it, as for nearly all."""
    return use_case not in _WITHOUT_CELLS


StreamsOf = Callable[..., Sequence[UUID]]
_STREAMS: dict[Callable[..., Any], StreamsOf] = {}


def foreseeing(streams: StreamsOf) -> Callable[[C], C]:
    """Marks a use case whose streams are known ahead of it: they are looked at with those of other calls.

    `streams` is given the vault, the caller and the use case's own values, and raises nothing.
    """

    def mark(use_case: C) -> C:
        _STREAMS[use_case] = streams
        return use_case

    return mark


def streams_of(
    use_case: Callable[..., Any], vault: Vault, caller: Caller, values: Mapping[str, Any]
) -> Sequence[UUID]:
    """The streams that a use case was marked to know ahead; for most none."""
    streams = _STREAMS.get(use_case)
    return () if streams is None else streams(vault, caller, **values)


@dataclass(slots=True)
class Work:
    """One use case's view of the ledger, caught up to its head. Entries are appended when it returns."""

    transaction: Transaction
    index: ConsentIndex
    new_id: Callable[[], UUID]
    drafts: list[Draft] = field(default_factory=list)
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    """What is done once the entries are appended, in the same transaction."""
    outcomes: Outcomes = NOTHING
    """Fragments looked at that may stand at their recipient or may not, and requests judged."""
    told_who: bool = False
    """Whether an access entry keeps the assertion of whoever asks."""
    with_cells: bool = True
    """Whether the cells are caught up as well as the index (`without_cells`)."""
    streams: Sequence[UUID] = ()
    """What was known ahead (`foreseeing`), by the same function of the same values."""

    @property
    def now(self) -> datetime:
        """The transaction's time."""
        return self.transaction.now

    @property
    def vault(self) -> Vault:
        """Labels, keyed ids, cells."""
        return self.transaction.vault

    @property
    def repository(self) -> Repository:
        """Aggregates by id."""
        return Repository(self.transaction)

    @property
    def segments(self) -> Segments:
        """Sealed segments."""
        return Segments(self._caught_up())

    @property
    def holdings(self) -> Holdings:
        """What feeds hold."""
        return Holdings(self._caught_up())

    @property
    def assertions(self) -> Assertions:
        """Which assertions were used in the last minutes."""
        return Assertions(self._caught_up())

    @property
    def disclosures(self) -> Disclosures:
        """Who was given what."""
        return Disclosures(self._caught_up())

    @property
    def owed(self) -> Owed:
        """Where to look for copies that are overdue."""
        return Owed(self._caught_up(), self.index)

    def _caught_up(self) -> Transaction:
        if not self.with_cells:
            raise RuntimeError("it reads cells, and was marked as reading none")
        return self.transaction

    def record(self, stream: UUID) -> StoredRecord | None:
        """A record's latest revision, read from the ledger itself; `None` when there is none."""
        if not self.transaction.version_of(stream):
            return None
        return read_record(self.transaction.stream(stream)[-1])

    def append(self, *drafts: Draft) -> int:
        """Takes entries to append; returns the position of the last."""
        self.drafts.extend(drafts)
        return self.transaction.size + len(self.drafts)

    def when_appended(self, act: Callable[[], None]) -> None:
        """Takes what is to be done in the same transaction once the entries stand in it."""
        self.afterwards.append(act)

    def save(self, aggregate: RecordedAggregate, owner: KeyOwner, *, beside: Part | None = None) -> int:
        """Takes an aggregate's new events to append; returns the position of the last.

        `beside`: a part that stands in the last one's entry, sealed by itself.
        """
        entry_class = EntryClass.ADMINISTRATION if owner.registration_id is None else EntryClass.CLIENT
        drafts = self.repository.drafts(aggregate, owner=owner, entry_class=entry_class, changes_policy=True)
        if beside is not None:
            drafts[-1] = replace(drafts[-1], parts=(*drafts[-1].parts, beside))
        return self.append(*drafts)

    def record_access(self, caller: Caller, kind: AccessKind, **found: Any) -> int:
        """Takes the one access entry of this call; returns its position."""
        people: tuple[PersonAccess, ...] = found.pop("people", ())
        receipts: tuple[Receipt, ...] = found.pop("receipts", ())
        said = "" if caller.staff is None else caller.staff.assertion
        access = Accessed(
            kind,
            caller.agency_id,
            caller.name,
            people=people,
            receipts=receipts,
            assertion=said,
            key=caller.key_sha256,
            **found,
        )
        self.told_who = self.told_who or bool(said)
        return self.append(access.draft(self.new_id(), word_names=self._named_by(caller)))

    def _named_by(self, caller: Caller) -> UUID | None:
        """The registration whose reference stands in the word for whoever asks."""
        if caller.staff is None or not caller.staff.client:
            return None
        named = self.index.current_registration(caller.agency(), caller.staff.client)
        return None if named is None else named.registration_id

    def require_role(self, caller: Caller, *roles: Role) -> Staff:
        """Whoever asks, in one of these roles; of none named, in any. Raises `NO_ASSERTION`, `ROLE_NEEDED`.

        Their agency has to say so twice: for good, by a role that it gave and that has not ended, and now.
        """
        staff = caller.require_staff()
        given = self.index.staff.role(caller.agency(), staff.reference, staff.role)
        if given is None or (roles and staff.role not in roles):
            raise Refused("ROLE_NEEDED", role=", ".join(roles or (staff.role,)))
        return staff

    def registration(self, caller: Caller, reference: str, *, open_only: bool = True) -> Registration:
        """The caller's registration under its own reference; `REFERENCE_NOT_REGISTERED`, always the same."""
        found = self.index.current_registration(caller.agency(), reference)
        if found is None or found.in_error or (open_only and found.closed):
            raise Refused("REFERENCE_NOT_REGISTERED")
        return found

    def require_agency(self, agency_id: str) -> None:
        """Raises `UNKNOWN_AGENCY`, or `AGENCY_DEPARTED` of one that has left."""
        known = self.index.agencies.get(agency_id)
        if known is None:
            raise Refused("UNKNOWN_AGENCY")
        if known.departed is not None:
            raise Refused("AGENCY_DEPARTED")
