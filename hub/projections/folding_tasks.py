"""Follows the facts and says when somebody has to look: a permission ends, or a judgement is out of date.

Only what ended something counts. An agency is told of its own grants and records; that another's choice was
the cause it cannot tell.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import domain, facts
from consent_ledger.policy import running
from consent_ledger.policy.confidentiality import CLOSED_BY_A_STOP
from consent_ledger.records import RecordDue, StoredRecord, read_fragment_class
from consent_ledger.vocabulary import SAFETY_CRITICAL, DataCategory, PostKind, TaskKind, TaskOutcome
from consent_ledger.working_days import working_days_later
from hub.projections.consent_index import BoundaryKind, ConsentIndex
from hub.projections.tasks import Cause, Completion, Judgement
from hub.projections.touched import Touched, component

_TO_REVIEW = 5
"""Working days to look at an overdue judgement: it is out of use meanwhile, so nobody relies on it."""

_ALWAYS = 2**63
"""Behind every position."""

Ended = tuple[facts.Grant, frozenset[DataCategory]]
"""A grant and the categories of it that ended."""


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
    _follow_ends(index, position, at, [(grant, _open_before(index, grant, position))], recorded_by=None)


def _grant_withdrawn(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """It ends, and closes its scope in every earlier grant."""
    grant = index.grants[event.originator_id]
    ended = list(_closed_by(index, position, grant.registration_id))
    if not grant.expired:
        ended.append((grant, _open_before(index, grant, position)))
    _follow_ends(index, position, at, ended, recorded_by=event.by)


def _refused(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    ended = list(_closed_by(index, position, event.registration_id))
    recorded_by = index.registrations[event.registration_id].agency_id
    _follow_ends(index, position, at, ended, recorded_by=recorded_by)


def _closed_by(index: ConsentIndex, position: int, registration_id: UUID) -> Iterator[Ended]:
    """What the stop recorded at the position took from each grant that was open."""
    scope = next(one.scope for one in reversed(index.stops_on[registration_id]) if one.position == position)
    for grant in index.person(registration_id).grants:
        if grant.active and grant.basis in CLOSED_BY_A_STOP and _reaches(index, scope, grant):
            yield grant, _open_before(index, grant, position) & (scope.categories or grant.scope.categories)


def _excluded(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """Somebody or something shut out: only a warning to others is looked at (SAFETY H18)."""
    categories = frozenset() if event.category is None else frozenset({DataCategory(event.category)})
    scope = facts.Scope(frozenset(), categories, event.agency_id)
    for grant in index.person(event.registration_id).grants:
        if grant.active and _reaches(index, scope, grant):
            closed = _open_before(index, grant, position) & (categories or grant.scope.categories)
            if DataCategory.SAFEGUARDING_RISK in closed:
                _warn_of_risks(index, position, at, grant)


def _agreement_ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """One task for each registration with an active grant under what ended."""
    agreement = index.agreements[index.agreement_streams[event.originator_id]]
    found: dict[UUID, frozenset[DataCategory]] = {}
    for grant in list(index.grants.values()):
        if not grant.active:
            continue
        version = _counted_for(agreement, grant.captured_by)
        if version is None or not _has_just_ended(agreement, version, event):
            continue
        if grant.basis in CLOSED_BY_A_STOP and grant.notice_id != version.notice_id:
            continue
        ended = _open_before(index, grant, position) & _uncovered(index, version, grant)
        found[grant.registration_id] = found.get(grant.registration_id, frozenset()) | ended
        if DataCategory.SAFEGUARDING_RISK in ended:
            _warn_of_risks(index, position, at, grant)
    boundary = f"{agreement.agreement_id} {position}"
    for registration_id, ended in found.items():
        if ended & SAFETY_CRITICAL:
            _ask_again(index, at, str(registration_id), boundary, registration_id, None, None)


def _counted_for(agreement: facts.Agreement, agency_id: str) -> facts.AgreementVersion | None:
    """The newest version that the agency signed."""
    return next((one for one in reversed(agreement.versions) if agency_id in one.signed_by), None)


def _has_just_ended(agreement: facts.Agreement, version: facts.AgreementVersion, event: Any) -> bool:
    if isinstance(event, domain.Agreement.Terminated):
        return version.begun and not version.lapsed
    return version.version == event.agreement_version and not agreement.terminated


def _uncovered(
    index: ConsentIndex, version: facts.AgreementVersion, grant: facts.Grant
) -> frozenset[DataCategory]:
    """The grant's categories that the version listed for its purposes and no other agreement still does."""
    recipient = grant.scope.agency_id
    others = [] if recipient is None else running(index.agreements.values(), grant.captured_by, recipient)
    return frozenset(
        category
        for category in grant.scope.categories
        if any(
            (category, purpose) in version.rows
            and not any((category, purpose) in other.rows for _, other in others)
            for purpose in grant.scope.purposes
        )
    )


def _follow_ends(
    index: ConsentIndex, position: int, at: datetime, ended: Iterable[Ended], *, recorded_by: str | None
) -> None:
    """`recorded_by` is the agency at whose desk somebody chose it; `None` when time did it."""
    for grant, categories in ended:
        critical = categories & SAFETY_CRITICAL
        # A stop against an agency that asked for itself, said elsewhere, is not told to that agency.
        told = recorded_by in (None, grant.captured_by) or grant.scope.agency_id != grant.captured_by
        if critical and told and not _renewed(index, grant, critical, grant.captured_by):
            subject = str(grant.grant_id)
            recipient = grant.scope.agency_id
            _ask_again(index, at, subject, str(position), grant.registration_id, grant.grant_id, recipient)
        if DataCategory.SAFEGUARDING_RISK in categories:
            _warn_of_risks(index, position, at, grant)


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


def _warn_of_risks(index: ConsentIndex, position: int, at: datetime, grant: facts.Grant) -> None:
    """The grant carried warnings of others at risk: the agency that gave each decides what becomes of it."""
    for judgement in _risks(index, grant.registration_id):
        origin = index.registrations[judgement.registration_id].agency_id
        subject = str(judgement.record_id)
        if origin == grant.scope.agency_id or _renewed(
            index, grant, frozenset({DataCategory.SAFEGUARDING_RISK}), origin
        ):
            continue
        if index.tasks.is_open(TaskKind.RISK_TO_OTHERS, subject, judgement.registration_id, origin):
            continue
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


def _risks(index: ConsentIndex, registration_id: UUID) -> Iterator[Judgement]:
    members = index.component(registration_id)
    for judgement in index.tasks.judgements.values():
        if judgement.risk_to_others and judgement.registration_id in members:
            yield judgement


def _renewed(index: ConsentIndex, ended: facts.Grant, categories: frozenset[DataCategory], by: str) -> bool:
    """Whether another grant that the same agency captured still says as much to the same recipient."""

    def recipient(grant: facts.Grant) -> tuple[object, ...]:
        return (grant.scope.agency_id, grant.scope.service_type, grant.scope.support_team)

    return any(
        grant is not ended
        and grant.active
        and grant.captured_by == by
        and recipient(grant) == recipient(ended)
        and grant.scope.purposes >= ended.scope.purposes
        and categories <= _open_before(index, grant, _ALWAYS)
        for grant in index.person(ended.registration_id).grants
    )


def _open_before(index: ConsentIndex, grant: facts.Grant, position: int) -> frozenset[DataCategory]:
    """The categories of a grant that nothing recorded before the position has closed altogether."""
    if not grant.begun:
        return frozenset()
    person = index.person(grant.registration_id)
    closing = [
        stop.scope
        for stop in person.stops
        if stop.position < position
        and (stop.position > grant.position or grant.weak)
        and (grant.basis in CLOSED_BY_A_STOP or stop.grant_id == grant.grant_id)
    ]
    closing += [
        facts.Scope(
            frozenset(),
            frozenset() if one.category is None else frozenset({one.category}),
            one.agency_id,
        )
        for one in person.exclusions
        if one.position < position and not one.lifted
    ]
    return frozenset(
        category
        for category in grant.scope.categories
        if not any(_closes(index, scope, grant, category) for scope in closing)
    )


def _closes(index: ConsentIndex, scope: facts.Scope, grant: facts.Grant, category: DataCategory) -> bool:
    """Whether the scope leaves nothing of the grant's category, for no purpose and no recipient."""
    own = grant.scope
    if scope.categories and category not in scope.categories:
        return False
    if scope.purposes and not own.purposes <= scope.purposes:
        return False
    if scope.agency_id is not None:
        return scope.agency_id == own.agency_id
    if scope.service_type is not None:
        return scope.service_type in (own.service_type, _service_of(index, own.agency_id))
    return True


def _reaches(index: ConsentIndex, scope: facts.Scope, grant: facts.Grant) -> bool:
    """Whether the scope takes anything from the grant: some purpose, category and recipient of both."""
    own = grant.scope
    if scope.categories and not scope.categories & own.categories:
        return False
    if scope.purposes and not scope.purposes & own.purposes:
        return False
    mine, theirs = (scope.agency_id, scope.service_type), (own.agency_id, own.service_type)
    if mine == (None, None) or theirs == (None, None):
        return True
    if mine[0] is not None and theirs[0] is not None:
        return mine[0] == theirs[0]
    kinds = [kind or _service_of(index, agency_id) for agency_id, kind in (mine, theirs)]
    return kinds[0] == kinds[1]


def _service_of(index: ConsentIndex, agency_id: str | None) -> object:
    return None if agency_id is None else index.agencies[agency_id].service_type


def _record_published(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    tasks = index.tasks
    classes = [read_fragment_class(one.fragment_class) for one in event.fragments]
    known = tasks.judgements.pop(event.record_id, None)
    if event.review_by is not None or any(one.risk_to_others for one in classes):
        tasks.judgements[event.record_id] = Judgement(
            UUID(bytes=event.record_id),
            UUID(bytes=event.registration_id),
            event.revision,
            any(DataCategory.SAFEGUARDING_RISK in one.categories for one in classes),
            any(one.risk_to_others for one in classes),
            event.own_id,
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


def _completed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Folds what came of a task. A warning that is no longer needed is taken back."""
    outcome, tasks = TaskOutcome(event.outcome), index.tasks
    tasks.completions[event.originator_id] = Completion(event.agency_id, outcome, position)
    tasks.completed.add((TaskKind(event.kind), event.subject, event.boundary, event.agency_id))
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
    domain.Grant.Withdrawn: _grant_withdrawn,
    domain.Refusal.Created: _refused,
    domain.Exclusion.Created: _excluded,
    domain.Agreement.Lapsed: _agreement_ended,
    domain.Agreement.Terminated: _agreement_ended,
    StoredRecord: _record_published,
    RecordDue: _record_due,
}
