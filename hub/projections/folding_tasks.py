"""Follows the facts and says when somebody has to look: a permission ends, or a judgement is out of date.

Only what ended something counts. An agency is told of its own grants and records; that another's choice was
the cause it cannot tell.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from consent_ledger import domain, facts
from consent_ledger.policy.confidentiality import CLOSED_BY_A_STOP
from consent_ledger.records import RecordDue, StoredRecord, read_fragment_class
from consent_ledger.tasks import BreachReason, PeopleTold, TaskOutcome
from consent_ledger.vocabulary import (
    SAFETY_CRITICAL,
    DataCategory,
    PostKind,
    TaskKind,
)
from consent_ledger.working_days import working_days_later
from hub.projections.consent_index import BoundaryKind, ConsentIndex
from hub.projections.ended import Ended, Ends, counted_for, has_just_ended, uncovered
from hub.projections.newcomers import follow_newcomers
from hub.projections.tasks import Cause, Completion, Judgement
from hub.projections.touched import Touched, component

_TO_ASSESS = timedelta(hours=72)
_TO_REVIEW = 5
"""Working days to look at an overdue judgement: it is out of use meanwhile, so nobody relies on it."""


def follow(index: ConsentIndex, position: int, at: datetime, event: object) -> None:
    """Adds to the tasks what one entry's event makes one. The facts have been folded already."""
    following = _FOLLOWING.get(type(event))
    if following is not None:
        following(index, position, at, event)


def _ending(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    grant = index.grants[event.originator_id]
    ends = index.grant_ends[grant.grant_id]
    boundary = f"{ends.isoformat()} {event.days}"
    subject = str(grant.grant_id)
    index.tasks.add(
        Cause(
            TaskKind.GRANT_ENDING,
            subject,
            boundary,
            grant.registration_id,
            PostKind.DUTY_WORKER,
            at,
            ends,
            grant_id=grant.grant_id,
            recipient=grant.scope.agency_id,
        )
    )


def _grant_expired(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    grant = index.grants[event.originator_id]
    ends = Ends(index, position, grant.registration_id)
    _follow_ends(index, at, ends, [([grant], ends.open_before(grant))], recorded_by=None)


def _authority_ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """A parent's yes ended by age: the young person is asked, unless they have said as much themselves."""
    grant = index.grants[event.originator_id]
    ends = Ends(index, position, grant.registration_id)
    opened = ends.open_before(grant)
    _follow_ends(index, at, ends, [([grant], opened)], recorded_by=None)
    if ends.not_renewed([grant], opened, grant.captured_by):
        _seek_own_word(index, position, at, grant.registration_id)


def _own_word(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """No parent's yes counts any more, whichever agency recorded it: who recorded that asks the child."""
    recorded_by = index.registrations[event.registration_id].agency_id
    ends = Ends(index, position, event.registration_id)
    _follow_ends(index, at, ends, ends.said_by_parents(), recorded_by=recorded_by)
    _seek_own_word(index, position, at, event.registration_id)


def _seek_own_word(index: ConsentIndex, position: int, at: datetime, registration_id: UUID) -> None:
    index.tasks.add(
        Cause(
            TaskKind.OWN_WORD_TO_SEEK,
            str(registration_id),
            str(position),
            registration_id,
            PostKind.DUTY_WORKER,
            at,
            working_days_later(at, _TO_REVIEW),
        )
    )


def _grant_withdrawn(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """It ends, and closes its scope in every earlier grant; said again, it may end nothing."""
    grant = index.grants[event.originator_id]
    if index.stops_on[grant.registration_id][-1].position != position:
        return
    ends = Ends(index, position, grant.registration_id)
    ended = ends.closed_by(grant.scope)
    if not grant.expired:
        ended.append(([grant], ends.open_before(grant)))
    _follow_ends(index, at, ends, ended, recorded_by=event.by)


def _refused(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    ends = Ends(index, position, event.registration_id)
    ended = ends.closed_by(index.refusals[event.originator_id].scope)
    recorded_by = index.registrations[event.registration_id].agency_id
    _follow_ends(index, at, ends, ended, recorded_by=recorded_by)


def _excluded(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """Somebody or something shut out: only a warning to others is looked at (SAFETY H18)."""
    categories = frozenset() if event.category is None else frozenset({DataCategory(event.category)})
    ends = Ends(index, position, event.registration_id)
    for grants, closed in ends.shut_by(facts.Scope(frozenset(), categories, event.agency_id)):
        if DataCategory.SAFEGUARDING_RISK in closed:
            _warn_of_risks(index, at, ends, grants)


def _agreement_ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """One task for each registration with an active grant under what ended."""
    agreement = index.agreements[index.agreement_streams[event.originator_id]]
    found: dict[UUID, frozenset[DataCategory]] = {}
    around: dict[UUID, Ends] = {}
    for grant in list(index.grants.values()):
        if not grant.active:
            continue
        version = counted_for(agreement, grant.captured_by)
        if version is None or not has_just_ended(agreement, version, event):
            continue
        if grant.basis in CLOSED_BY_A_STOP and grant.notice_id != version.notice_id:
            continue
        ended = uncovered(index, version, grant) & SAFETY_CRITICAL
        if not ended:
            continue
        if grant.registration_id not in around:
            ends = Ends(index, position, grant.registration_id)
            around |= dict.fromkeys(ends.members, ends)
        ends = around[grant.registration_id]
        ended &= ends.open_before(grant)
        found[grant.registration_id] = found.get(grant.registration_id, frozenset()) | ended
        if DataCategory.SAFEGUARDING_RISK in ended:
            _warn_of_risks(index, at, ends, [grant])
    boundary = f"{agreement.agreement_id} {position}"
    for registration_id, ended in found.items():
        if ended:
            _ask_again(index, at, str(registration_id), boundary, registration_id, None, None)


def _follow_ends(
    index: ConsentIndex, at: datetime, ends: Ends, ended: Iterable[Ended], *, recorded_by: str | None
) -> None:
    """`recorded_by` is the agency at whose desk somebody chose it; `None` when time did it."""
    for grants, categories in ended:
        captured_by, recipient = grants[0].captured_by, grants[0].scope.agency_id
        critical = categories & SAFETY_CRITICAL
        # A stop against an agency that asked for itself, said elsewhere, is not told to that agency.
        if critical and (recorded_by in (None, captured_by) or recipient != captured_by):
            for grant in ends.not_renewed(grants, critical, captured_by):
                subject, boundary = str(grant.grant_id), str(ends.position)
                _ask_again(index, at, subject, boundary, grant.registration_id, grant.grant_id, recipient)
        if DataCategory.SAFEGUARDING_RISK in categories:
            _warn_of_risks(index, at, ends, grants)


def _ask_again(
    index: ConsentIndex,
    at: datetime,
    subject: str,
    boundary: str,
    registration_id: UUID,
    grant_id: UUID | None,
    recipient: str | None,
) -> None:
    index.tasks.add(
        Cause(
            TaskKind.SAFETY_CRITICAL_ENDED,
            subject,
            boundary,
            registration_id,
            PostKind.DUTY_WORKER,
            at,
            working_days_later(at, 1),
            grant_id=grant_id,
            recipient=recipient,
        )
    )


def _warn_of_risks(index: ConsentIndex, at: datetime, ends: Ends, grants: Sequence[facts.Grant]) -> None:
    """The grants, which say the same, carried warnings of others at risk: the agency that gave each decides
    what becomes of it."""
    for member in ends.members:
        judged = index.tasks.judged_on.get(member)
        origin = index.registrations[member].agency_id
        if not judged or member in ends.warned or origin == grants[0].scope.agency_id:
            continue
        if ends.not_renewed(grants, frozenset({DataCategory.SAFEGUARDING_RISK}), origin):
            ends.warned.add(member)
            for record_id in judged:
                _warn_of(index, at, index.tasks.judgements[record_id], origin, ends.position)


def _warn_of(index: ConsentIndex, at: datetime, judgement: Judgement, origin: str, position: int) -> None:
    subject = str(judgement.record_id)
    if not judgement.risk_to_others or index.tasks.is_open(
        TaskKind.RISK_TO_OTHERS, subject, judgement.registration_id, origin
    ):
        return
    # "No longer needed" was said of earlier ends: whoever loses the risk now is warned anew.
    index.warned_anew[judgement.record_id] = position
    index.tasks.add(
        Cause(
            TaskKind.RISK_TO_OTHERS,
            subject,
            str(position),
            judgement.registration_id,
            PostKind.SAFEGUARDING_LEAD,
            at,
            working_days_later(at, 1),
            record_id=judgement.record_id,
        )
    )


def _record_published(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    tasks = index.tasks
    classes = [read_fragment_class(one.fragment_class) for one in event.fragments]
    known = tasks.let_go(event.record_id)
    if event.review_by is not None or any(one.risk_to_others for one in classes):
        tasks.keep(
            Judgement(
                UUID(bytes=event.record_id),
                UUID(bytes=event.registration_id),
                event.revision,
                any(DataCategory.SAFEGUARDING_RISK in one.categories for one in classes),
                any(one.risk_to_others for one in classes),
                event.own_id,
            )
        )
    if known is not None:
        tasks.drop(TaskKind.REVIEW_OVERDUE, str(known.record_id), known.registration_id)
        if not any(one.risk_to_others for one in classes):
            tasks.drop(TaskKind.RISK_TO_OTHERS, str(known.record_id), known.registration_id)


def _record_due(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    judgement = index.tasks.judgements.get(event.record_id.bytes)
    if event.kind != BoundaryKind.REVIEW or judgement is None or judgement.revision != event.revision:
        return
    index.tasks.add(
        Cause(
            TaskKind.REVIEW_OVERDUE,
            str(judgement.record_id),
            str(event.revision),
            judgement.registration_id,
            PostKind.SAFEGUARDING_LEAD if judgement.is_risk else PostKind.DUTY_WORKER,
            at,
            working_days_later(at, _TO_REVIEW),
            record_id=judgement.record_id,
        )
    )


def _breached(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """Somebody's data went to the wrong place: the officers of each agency whose data it was assess it.

    The 72 hours of UK GDPR Article 33 run by the clock, nights and bank holidays too, from when it was said.
    """
    for registration_id in map(UUID, event.breached):
        index.tasks.add(
            Cause(
                TaskKind.BREACH_TO_ASSESS,
                f"{event.originator_id} {position} {registration_id}",
                str(position),
                registration_id,
                PostKind.DATA_PROTECTION_OFFICER,
                at,
                at + _TO_ASSESS,
                agency_id=index.registrations[registration_id].agency_id,
            )
        )


def _completed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Folds what came of a task. A warning that is no longer needed is taken back."""
    outcome, tasks = TaskOutcome(event.outcome), index.tasks
    tasks.completions[event.originator_id] = Completion(
        event.agency_id,
        outcome,
        position,
        None if event.reason is None else BreachReason(event.reason),
        None if event.people_told is None else PeopleTold(event.people_told),
    )
    tasks.completed.add((TaskKind(event.kind), event.subject, event.boundary, event.agency_id))
    if outcome is TaskOutcome.PERSON_SAYS_NO:
        tasks.denied.add(UUID(event.subject))
    elif outcome is TaskOutcome.PERSON_KNOWS_OF_IT:
        tasks.denied.discard(UUID(event.subject))
    if outcome is not TaskOutcome.WARNING_ENDED or event.record_id is None:
        return Touched()
    index.warnings_ended[event.record_id] = position
    return component(index, event.registration_id)


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.Task.Created: _completed,
}
_FOLLOWING: dict[type, Callable[[ConsentIndex, int, datetime, Any], None]] = {
    domain.Grant.Ending: _ending,
    domain.Grant.Expired: _grant_expired,
    domain.Grant.AuthorityEnded: _authority_ended,
    domain.OwnWord.Created: _own_word,
    domain.Grant.Withdrawn: _grant_withdrawn,
    domain.Refusal.Created: _refused,
    domain.Exclusion.Created: _excluded,
    domain.Agreement.Lapsed: _agreement_ended,
    domain.Agreement.Terminated: _agreement_ended,
    StoredRecord: _record_published,
    RecordDue: _record_due,
    domain.Registration.Created: follow_newcomers,
    domain.Registration.Reopened: follow_newcomers,
    domain.Link.Confirmed: follow_newcomers,
    domain.Involvement.Created: follow_newcomers,
    domain.Link.Undone: _breached,
    domain.Registration.MatchUndone: _breached,
    domain.Registration.Closed: _breached,
}
