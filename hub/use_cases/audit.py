"""What a data protection officer asks: why, who, how far. Codes and ids, never content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from uuid import UUID

from consent_ledger.access import AccessKind, StepKind, read_access_entry
from consent_ledger.erasures import DepartedCopies
from consent_ledger.errors import Refused
from consent_ledger.facts import Feed
from consent_ledger.policy import OWN_CHOICE_OR_PROTECTION, Decision, may_disclose
from consent_ledger.sharing import DECISION_ROW
from consent_ledger.vocabulary import DataCategory, Purpose, Verdict
from hub.projections.disclosures import Disclosed
from hub.projections.holdings import DEPARTED
from hub.use_cases.deliver import own_feed
from hub.use_cases.due import OVERDUE_AFTER, retractions_due
from hub.use_cases.sentences import WITHHELD, sentence
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one fragment may or may not go. `reason` is a code, `WITHHELD`, or empty for a permit."""

    fragment_id: UUID
    categories: tuple[DataCategory, ...]
    verdict: Verdict
    test: int
    reason: str
    sentence: str
    relied_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisclosureLine:
    """One thing that left, was corrected, retracted or read. `outcome` is a receipt's, or empty.

    `due`: a retraction that the recipient's adapter has not fetched yet; it has no position, and
    `recorded_at` is when that adapter last fetched. `overdue`: a retraction without a receipt for too long.
    `statement`: what was signed, as received; empty without a receipt.
    """

    fragment_id: UUID
    recipient_agency_id: str
    step: StepKind
    position: int
    recorded_at: datetime
    outcome: str
    due: bool = False
    overdue: bool = False
    statement: bytes = b""


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """Totals of one feed."""

    epoch: int
    sent: int
    acknowledged: int
    held: int
    open_retractions: int
    receipted_retractions: int


def get_ledger_size(work: Work, caller: Caller) -> int:
    """The ledger's size; its id is `hub.ledger.ledger_id`. Holds nothing about clients."""
    return work.transaction.size


def explain_decision(
    work: Work, caller: Caller, *, record_id: str, recipient_agency_id: str, purpose: Purpose
) -> tuple[list[Explanation], int]:
    """Explains each fragment of one of the caller's own records. Raises `NOT_FOUND`."""
    origin = caller.agency()
    stream = work.vault.opaque_id("record", origin, record_id)
    record = work.segments.record(stream)
    agency = work.index.agencies.get(recipient_agency_id)
    if record is None or agency is None or agency.departed is not None:
        raise Refused("NOT_FOUND")
    registration_id = UUID(bytes=record.registration_id)
    recipient = next(
        (feed for feed in map(work.index.feeds.__getitem__, agency.feeds) if purpose in feed.purposes),
        Feed(
            UUID(int=0),
            agency.agency_id,
            "",
            agency.service_type,
            frozenset(Purpose),
            frozenset(DataCategory),
        ),
    )
    person = work.index.person(registration_id)
    own = [one for one in person.registrations.values() if one.agency_id == recipient_agency_id]
    registration = min(own, key=lambda one: (one.closed, -one.position), default=None)
    explanations = []
    for stored in work.segments.fragments_of_record(stream, registration_id):
        facts = work.index.dated(stored.facts)
        decision = may_disclose(
            facts,
            recipient,
            registration,
            purpose,
            person,
            list(work.index.agreements.values()),
            [work.index.person(other) for other in facts.solely_about],
        )
        explanations.append(_explained(facts.fragment_id, facts.categories, decision, origin))
    return explanations, work.record_access(caller, AccessKind.AUDIT)


def _explained(
    fragment_id: UUID, categories: tuple[DataCategory, ...], decision: Decision, asker: str
) -> Explanation:
    reason = "" if decision.reason is None else str(decision.reason)
    if decision.reason in OWN_CHOICE_OR_PROTECTION and decision.told_by != asker:
        reason = WITHHELD
    return Explanation(
        fragment_id,
        categories,
        decision.verdict,
        0 if reason == WITHHELD else decision.test,
        reason,
        sentence(decision.verdict, reason, by_people=(decision.agreement_id or "").startswith(DECISION_ROW)),
        decision.relied_on,
    )


def list_disclosures(
    work: Work, caller: Caller, *, client_reference: str
) -> tuple[list[DisclosureLine], int]:
    """What left of the caller's own registration, oldest first. Raises `REFERENCE_NOT_REGISTERED`.

    Not what is taken back: that somebody is to give something back, and is late, is for named posts (H4).
    """
    found = work.registration(caller, client_reference, open_only=False)
    left = [
        line for line in disclosure_lines(work, found.registration_id) if line.step is not StepKind.RETRACT
    ]
    return left, work.record_access(caller, AccessKind.AUDIT)


def disclosure_lines(work: Work, registration_id: UUID) -> list[DisclosureLine]:
    """What left of a registration, oldest first, then what is due back."""
    steps = work.disclosures.of_registration(registration_id)
    lines = []
    # One entry may hold the receipts of many.
    stated = cache(partial(_statements, work))
    for one in steps:
        outcome, overdue, statement = "", False, b""
        if one.kind is StepKind.RETRACT:
            retraction = work.holdings.retraction(one.feed_id, one.sequence)
            if retraction is not None and retraction.outcome:
                outcome = attested(retraction.outcome)
                statement = stated(retraction.receipted_at).get((one.feed_id, one.sequence), b"")
            # Who left without knowing what became of the copies will not say it later either.
            nobody_knows = retraction is not None and bool(retraction.outcome)
            overdue = not outcome and (nobody_knows or work.now - one.recorded_at > OVERDUE_AFTER)
        lines.append(
            DisclosureLine(
                one.fragment_id,
                one.agency_id,
                one.kind,
                one.position,
                one.recorded_at,
                outcome,
                overdue=overdue,
                statement=statement,
            )
        )
    lines += _left_with(work, steps)
    lines += [
        DisclosureLine(
            one.fragment_id,
            one.agency_id,
            StepKind.RETRACT,
            0,
            one.fetched_at,
            "",
            due=True,
            overdue=work.now - one.fetched_at > OVERDUE_AFTER,
        )
        for one in retractions_due(work, registration_id, steps)
    ]
    return lines


def _left_with(work: Work, steps: Sequence[Disclosed]) -> list[DisclosureLine]:
    """What agencies held that have left since: their leaving took it back, and what they attested answers."""
    last = {(one.feed_id, one.pair, one.fragment_id): one for one in steps if one.kind is not StepKind.READ}
    found = []
    for one in last.values():
        departed = work.index.agencies[one.agency_id].departed
        if departed is not None and one.kind is not StepKind.RETRACT:
            outcome = attested(DEPARTED + departed.copies)
            found.append(
                DisclosureLine(
                    one.fragment_id,
                    one.agency_id,
                    StepKind.RETRACT,
                    departed.position,
                    departed.at,
                    outcome,
                    overdue=not outcome,
                )
            )
    return found


def attested(outcome: str) -> str:
    """A retraction's outcome as a receipt has it; empty while nobody said anything, or nobody could say."""
    left = outcome.removeprefix(DEPARTED)
    return "" if left == DepartedCopies.UNKNOWN else left


def _statements(work: Work, position: int) -> dict[tuple[UUID, int], bytes]:
    """The signed statements in one fetch's entry, by feed and number."""
    access = read_access_entry(work.transaction.entry(position))
    if access is None or access.feed_id is None:
        return {}
    return {(access.feed_id, one.sequence): one.statement for one in access.receipts}


def get_feed_status(work: Work, caller: Caller, *, feed_id: UUID) -> FeedStatus:
    """Totals of one feed, for the operator or its own certificate. Raises `NOT_FOUND`."""
    if feed_id not in work.index.feeds:
        raise Refused("NOT_FOUND")
    if not caller.operator:
        own_feed(work, caller, feed_id)
    state = work.holdings.feed(feed_id)
    retractions = work.holdings.retractions(feed_id)
    open_count = sum(1 for one in retractions if not one.outcome)
    held = sum(len(work.holdings.held_about(feed_id, pair)) for pair in work.holdings.pairs_held(feed_id))
    return FeedStatus(
        state.epoch, state.sent, state.acknowledged, held, open_count, len(retractions) - open_count
    )
