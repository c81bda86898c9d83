"""Tasks: what somebody at the caller's own agency has to look at, and what came of it.

They are read off the ledger at the moment of looking. Another agency's task is not there at all: it is
neither listed, nor counted, nor told from an id that never was.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger.access import AccessKind
from consent_ledger.domain import Task as TaskAggregate
from consent_ledger.errors import Refused
from consent_ledger.facts import Registration, Scope
from consent_ledger.ledger import KeyOwner
from consent_ledger.tasks import BreachReason, PeopleTold, TaskOutcome
from consent_ledger.vocabulary import SAFETY_CRITICAL, KeyCategory, OnEnd, PostKind, TaskKind
from hub.projections.consent_index import ConsentIndex
from hub.projections.tasks import Cause
from hub.use_cases.sentences import task_sentence
from hub.use_cases.sharing_requests import asked_on
from hub.use_cases.work import ADMINISTRATION, Caller, Work

_Lasting = dict[tuple[str, Scope], datetime]
"""Until when, at the longest, what was allowed stands: by who captured it, and what it covers."""
_FOR_THE_LEAD = frozenset({TaskKind.GRANT_ENDING, TaskKind.SAFETY_CRITICAL_ENDED})
_ABOUT_SHARING = frozenset({TaskKind.SHARING_ASKED, TaskKind.TO_COUNTERSIGN, TaskKind.OVERRIDE_TO_REVIEW})
_OUTCOMES: dict[TaskKind, frozenset[TaskOutcome]] = {
    TaskKind.GRANT_ENDING: frozenset({TaskOutcome.ASKED, TaskOutcome.NOT_REACHED}),
    TaskKind.SAFETY_CRITICAL_ENDED: frozenset({TaskOutcome.ASKED, TaskOutcome.NOT_REACHED}),
    TaskKind.RISK_TO_OTHERS: frozenset({TaskOutcome.SHARED_ON_OTHER_BASIS, TaskOutcome.WARNING_ENDED}),
    TaskKind.REVIEW_OVERDUE: frozenset({TaskOutcome.REVIEWED}),
    # These are answered and signed by calls of their own.
    TaskKind.SHARING_ASKED: frozenset(),
    TaskKind.TO_COUNTERSIGN: frozenset(),
    TaskKind.OVERRIDE_TO_REVIEW: frozenset(
        {TaskOutcome.REVIEWED_IN_ORDER, TaskOutcome.REVIEWED_NOT_IN_ORDER}
    ),
    TaskKind.PLACE_TO_RING: frozenset({TaskOutcome.RUNG}),
    TaskKind.BREAK_GLASS_OPENED: frozenset(
        {TaskOutcome.REVIEWED_IN_ORDER, TaskOutcome.REVIEWED_NOT_IN_ORDER}
    ),
    TaskKind.EMERGENCY_CARD_OPENED: frozenset(
        {TaskOutcome.REVIEWED_IN_ORDER, TaskOutcome.REVIEWED_NOT_IN_ORDER}
    ),
    TaskKind.NEW_INVOLVEMENT: frozenset(
        {TaskOutcome.PERSON_KNOWS_OF_IT, TaskOutcome.PERSON_SAYS_NO, TaskOutcome.NOT_REACHED}
    ),
    TaskKind.OWN_WORD_TO_SEEK: frozenset({TaskOutcome.ASKED, TaskOutcome.NOT_REACHED}),
    TaskKind.BREACH_TO_ASSESS: frozenset({TaskOutcome.BREACH_REPORTED, TaskOutcome.BREACH_UNLIKELY_TO_RISK}),
}
"""What can come of each kind."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task as its agency sees it.

    `grant_id` and `record_id` (the publisher's own) are set where they are the agency's own;
    `staff_reference` is whoever holds the post now, empty when nobody does. `sharing_id`: the request to
    share, the override or the decision that it is about.
    """

    task_id: UUID
    kind: TaskKind
    client_reference: str
    post: PostKind
    staff_reference: str
    raised_time: datetime
    due_time: datetime
    overdue: bool
    grant_id: UUID | None
    record_id: str
    sentence: str
    sharing_id: UUID | None = None


def list_tasks(work: Work, caller: Caller, *, client_reference: str = "") -> tuple[list[Task], int]:
    """The caller's open tasks, the most urgent first, and the position of this look."""
    agency_id = caller.agency()
    found = [
        _shown(work, agency_id, registration, cause)
        for registration, cause in _open(work, agency_id)
        if client_reference in ("", _reference(registration))
    ]
    found.sort(key=lambda task: (not task.overdue, task.due_time, task.task_id))
    return found, work.record_access(caller, AccessKind.AUDIT)


def complete_task(
    work: Work,
    caller: Caller,
    *,
    task_id: UUID,
    outcome: TaskOutcome,
    staff_reference: str,
    reason: BreachReason | None = None,
    people_told: PeopleTold | None = None,
) -> int:
    """Says what came of a task; returns the entry's position. `reason` and `people_told` are of a breach.

    Raises `INVALID_FIELD`, `NOT_FOUND`, `TASK_STATE`.
    """
    _require_answer(outcome, reason, people_told)
    agency_id = caller.agency()
    known = work.index.tasks.completions.get(task_id)
    if known is not None and known.agency_id == agency_id:
        if (known.outcome, known.reason, known.people_told) != (outcome, reason, people_told):
            raise Refused("TASK_STATE")
        return known.position
    own = next((one for one in _open(work, agency_id) if _task_id(work, agency_id, one[1]) == task_id), None)
    if own is None:
        raise Refused("NOT_FOUND")
    registration, cause = own
    if outcome not in _OUTCOMES[cause.kind]:
        raise Refused("TASK_STATE")
    task = TaskAggregate.begin(
        task_id,
        agency_id=agency_id,
        registration_id=None if registration is None else registration.registration_id,
        kind=cause.kind,
        subject=cause.subject,
        boundary=cause.boundary,
        record_id=cause.record_id,
        outcome=outcome,
        by=staff_reference,
        reason=reason,
        people_told=people_told,
    )
    if registration is None:
        return work.save(task, ADMINISTRATION)
    return work.save(task, KeyOwner(registration.registration_id, KeyCategory.CONSENT))


def _require_answer(
    outcome: TaskOutcome, reason: BreachReason | None, people_told: PeopleTold | None
) -> None:
    """Of a breach it is said whether the people are told; and, where it is not reported, why not."""
    if (reason is not None) is not (outcome is TaskOutcome.BREACH_UNLIKELY_TO_RISK):
        raise Refused("INVALID_FIELD", field="breach.reason", rule="for BREACH_UNLIKELY_TO_RISK")
    of_a_breach = outcome in _OUTCOMES[TaskKind.BREACH_TO_ASSESS]
    if (people_told is not None) is not of_a_breach:
        raise Refused("INVALID_FIELD", field="breach.people_told", rule="for a breach")


def _reference(registration: Registration | None) -> str:
    return "" if registration is None else registration.reference


def _open(work: Work, agency_id: str) -> Iterator[tuple[Registration | None, Cause]]:
    """The agency's open tasks, each with its own registration that it is about, if it has one."""
    index = work.index
    for cause in index.tasks.causes_at.get(agency_id, {}).values():
        if not index.tasks.is_done(cause, agency_id):
            known = None if cause.registration_id is None else index.registrations[cause.registration_id]
            yield None if known is None or known.in_error else known, cause
    seen: set[tuple[TaskKind, str]] = set()
    lasting: dict[UUID, _Lasting] = {}
    for registration_id in index.by_agency[agency_id]:
        registration = index.registrations[registration_id]
        if registration.in_error:
            continue
        # Most are linked to nobody, and an agency has thousands.
        is_linked = bool(index.links_of.get(registration_id))
        for member in index.component(registration_id) if is_linked else (registration_id,):
            own = index.registrations[member].agency_id == agency_id
            if own and member != registration_id:
                continue
            for cause in index.tasks.causes_on.get(member, {}).values():
                if (cause.kind, cause.subject) in seen or not _matters(index, cause, lasting):
                    continue
                if not _is_for(work, agency_id, registration, cause, own):
                    continue
                if not index.tasks.is_done(cause, agency_id):
                    seen.add((cause.kind, cause.subject))
                    yield registration, cause


def _matters(index: ConsentIndex, cause: Cause, lasting: dict[UUID, _Lasting]) -> bool:
    """Whether what is to come is still to come: a grant that ended, or was given again, ends no more.

    `lasting` keeps what was found of each registration.
    """
    if cause.kind is not TaskKind.GRANT_ENDING:
        return True
    assert cause.grant_id is not None
    grant = index.grants[cause.grant_id]
    if not grant.active:
        return False
    if grant.registration_id not in lasting:
        lasting[grant.registration_id] = _lasting(index, grant.registration_id)
    return lasting[grant.registration_id][grant.captured_by, grant.scope] <= cause.due


def _lasting(index: ConsentIndex, registration_id: UUID) -> _Lasting:
    found: _Lasting = {}
    for kind, grants in index.chosen_on[registration_id].standing.items():
        last = max(index.grant_ends[grant.grant_id] for grant in grants)
        same = (kind.captured_by, kind.scope)
        found[same] = max(last, found.get(same, last))
    return found


def _is_for(work: Work, agency_id: str, registration: Registration, cause: Cause, own: bool) -> bool:
    """Whether the agency has to look at it. A request to share is for whoever else holds something."""
    if cause.kind is TaskKind.SHARING_ASKED:
        asked = work.index.sharing.requests[UUID(cause.subject[:36])]
        return not own and asked_on(work, agency_id, asked) == registration
    return own or _leads(work, agency_id, registration, cause)


def _leads(work: Work, agency_id: str, registration: Registration, cause: Cause) -> bool:
    """Whether it is for the agency as the person's lead: another's, so without its ids.

    An agency whose own permission ended is told so as the lead only where its copies stay, greyed for all to
    see: where they are taken back, its staff would learn of a stop against their own agency (SAFETY H4).
    """
    if cause.kind not in _FOR_THE_LEAD or registration.closed:
        return False
    lost_itself = cause.kind is TaskKind.SAFETY_CRITICAL_ENDED and cause.recipient == agency_id
    if lost_itself and not _stays_greyed(work, cause):
        return False
    return work.index.lead_of(work.index.person(registration.registration_id)) == agency_id


def _stays_greyed(work: Work, cause: Cause) -> bool:
    """Whether every agreement between the two leaves the recipient's copies of it, greyed."""
    if cause.grant_id is None or cause.recipient is None:
        return False
    grant = work.index.grants[cause.grant_id]
    ends = {
        row.on_end
        for agreement in work.index.agreements.values()
        for category in grant.scope.categories & SAFETY_CRITICAL
        for purpose in grant.scope.purposes
        if (row := agreement.row_at_end(category, purpose, grant.captured_by, cause.recipient)) is not None
    }
    stops = work.index.stops_on[grant.registration_id]
    removed = any(stop.remove and stop.position > grant.position for stop in stops)
    return ends == {OnEnd.RESTRICT} and not removed


def _task_id(work: Work, agency_id: str, cause: Cause) -> UUID:
    return work.vault.opaque_id("task", cause.kind, cause.subject, agency_id, cause.boundary)


def _shown(work: Work, agency_id: str, registration: Registration | None, cause: Cause) -> Task:
    posts = work.index.agencies[agency_id].posts
    post = cause.post
    if cause.kind is TaskKind.SHARING_ASKED and PostKind.CALDICOTT_GUARDIAN in posts:
        # Whether health and care information is shared is for the guardian, where there is one.
        post = PostKind.CALDICOTT_GUARDIAN if post is PostKind.DATA_PROTECTION_OFFICER else post
    holder = posts.get(post)
    at = cause.registration_id
    own = at is not None and work.index.registrations[at].agency_id == agency_id
    judgement = None if cause.record_id is None else work.index.tasks.judgements.get(cause.record_id.bytes)
    return Task(
        _task_id(work, agency_id, cause),
        cause.kind,
        _reference(registration),
        post,
        "" if holder is None else holder.staff_reference,
        cause.raised,
        cause.due,
        cause.due < work.now,
        cause.grant_id if own else None,
        judgement.own_id if own and judgement is not None else "",
        task_sentence(cause.kind, cause.due),
        UUID(cause.subject[:36]) if cause.kind in _ABOUT_SHARING else None,
    )
