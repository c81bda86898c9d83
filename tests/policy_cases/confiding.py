"""Test 5: one of the eight confidentiality bases, with evidence, not closed by a choice; and objections."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger import facts
from consent_ledger.sharing import SharingDecision
from consent_ledger.vocabulary import CaptureMethod, ConfidentialityBasis, DataCategory, Level, Purpose
from tests.policy_cases.question import Question

Basis = ConfidentialityBasis

CLOSED_BY_A_NO = (Basis.EXPLICIT_CONSENT, Basis.IMPLIED_CONSENT, Basis.BEST_INTERESTS, Basis.NOT_CONFIDENTIAL)
"""Ruling 10."""
NOBODY_SAID_SO = (Basis.IMPLIED_CONSENT, Basis.NOT_CONFIDENTIAL)
"""Neither the person's own word nor somebody's decision for them: they answer no refusal and no objection."""


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that may open test 5: a grant, or what people decided."""

    id: UUID
    position: int
    basis: Basis
    scope: facts.Scope
    shown: bool  # with the evidence that its basis needs
    active: bool
    weak: bool = False
    imported: bool = False
    advised: bool = False  # it names the advice that the person had
    only_its_own: bool = False  # the recipient captured it, and nobody else vouches for it
    notice: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def of_grant(grant: facts.Grant, recipient: str) -> Word:
    given = grant.evidence
    return Word(
        grant.grant_id,
        grant.position,
        grant.basis,
        grant.scope,
        has_evidence(grant.basis, grant.method, grant.scope.agency_id, given.basis, given.recorded_at),
        grant.begun and not grant.expired and not grant.withdrawn,
        grant.weak,
        grant.method == CaptureMethod.IMPORTED_LEGACY,
        given.basis.reference != "",
        grant.captured_by == recipient and not [by for _, by in grant.reconfirmed if by != recipient],
        grant.notice_id,
        grant.data_from,
        grant.data_until,
    )


def of_decision(decision: SharingDecision) -> Word:
    """Two people decided: it names its recipient and says what it rests on."""
    scope = facts.Scope(
        decision.purposes, decision.categories | {DataCategory.SERVICE_CONTACT}, decision.recipient_agency_id
    )
    method, given = CaptureMethod.BEST_INTERESTS_RECORD, decision.evidence
    shown = has_evidence(
        decision.confidentiality_basis, method, decision.recipient_agency_id, given, decision.recorded_at
    )
    return Word(decision.decision_id, decision.position, decision.confidentiality_basis, scope, shown, True)


def has_evidence(
    basis: Basis,
    method: CaptureMethod,
    named: str | None,
    given: facts.BasisEvidence,
    recorded_at: datetime | None,
) -> bool:
    """H19: each basis with what it has to show."""
    needs: dict[Basis, list[object]] = {
        Basis.EXPLICIT_CONSENT: [],
        Basis.IMPLIED_CONSENT: [given.told_care_team],
        Basis.BEST_INTERESTS: [
            given.decision_maker,
            method in ("BEST_INTERESTS_RECORD", "PROXY_LPA_HW", "PROXY_DEPUTY"),
        ],
        Basis.PUBLIC_INTEREST: [
            named, given.authorised_by, given.recorded_by, given.authorised_by != given.recorded_by,
        ],
        Basis.STATUTORY_DUTY: [
            named, given.duty,
            given.duty_since is not None and recorded_at is not None and given.duty_since <= recorded_at,
        ],
        Basis.COURT_ORDER: [named],
        Basis.S251: [],
        Basis.NOT_CONFIDENTIAL: [],
    }  # fmt: skip
    return all(needs[basis]) and (basis == Basis.EXPLICIT_CONSENT or given.reference != "")


@dataclass(frozen=True, slots=True)
class Said:
    """What one subject of a fragment, or people for them, said of one use of it."""

    asked: Question
    subject: facts.Person
    notice: str
    rows: Mapping[tuple[DataCategory, Purpose], facts.Row]
    decided: Word | None = None

    def confides(self, *, explicitly: bool = False) -> bool:
        """Whether every category, and the envelope's, is opened; `explicitly`: by explicit consent."""
        return all(
            any(not explicitly or word.basis == Basis.EXPLICIT_CONSENT for word in self._opening(*part))
            for part in self.asked.parts
        )

    def objects(self) -> bool:
        """Ruling 11: a withdrawal covers a category and nothing unpressured since answers it.

        The envelope is no bar where content that is granted needs it (ruling 7).
        """
        for category, level, is_envelope in self.asked.parts:
            if is_envelope and category in self.asked.fragment.categories:
                continue
            if self._withdrawn_for_good(category):
                needed = {word.id for word in self._opening(category, level, True)} if is_envelope else set()
                if not needed & self._for_content():
                    return True
        return False

    def _words(self) -> Iterator[Word]:
        for grant in self.subject.grants:
            yield of_grant(grant, self.asked.recipient)
        if self.decided is not None:
            yield self.decided

    def _opening(self, category: DataCategory, level: Level, is_envelope: bool) -> list[Word]:
        spared = self._for_content() if is_envelope else set()
        return [
            word
            for word in self._words()
            if self._could_open(word, category, level)
            and not any(
                self._closes(stop, word, category)
                for stop in self.subject.stops
                # Ruling 7: an envelope that another grant needs stays.
                if word.id not in spared or stop.grant_id in (None, word.id)
            )
        ]

    def _for_content(self) -> set[UUID]:
        """The words that open any of the content itself."""
        return {
            word.id
            for category, level, is_envelope in self.asked.parts
            if not is_envelope
            for word in self._opening(category, level, False)
        }

    def _could_open(self, word: Word, category: DataCategory, level: Level) -> bool:
        if not (word.active and word.shown and self._reaches(word.scope, category)):
            return False
        named = word.scope.agency_id is not None
        if level == "V" and not named:
            return False
        if category == DataCategory.IMMIGRATION:  # ruling 23
            if not (named and word.basis == Basis.EXPLICIT_CONSENT):
                return False
            if self.asked.feed.may_have_to_report and not word.advised:  # H23
                return False
        if (word.weak or word.imported) and level != "N":
            return False  # ruling 19, capture methods
        care = (Purpose.DIRECT_SUPPORT, Purpose.CARE_COORDINATION)
        if word.basis == Basis.IMPLIED_CONSENT and (level == "V" or self.asked.purpose not in care):
            return False  # H19
        if word.basis == Basis.NOT_CONFIDENTIAL and level != "N":
            return False
        if word.basis == Basis.S251 and self.asked.purpose not in (
            Purpose.RESEARCH, Purpose.SERVICE_IMPROVEMENT_EVALUATION,
        ):  # fmt: skip
            return False
        if word.only_its_own and not (level == "N" or (level == "R" and self._self_captured(category))):
            return False  # ruling 2
        if word.basis in CLOSED_BY_A_NO and word.notice is not None and word.notice != self.notice:
            return False  # ruling 24
        at = self.asked.fragment.occurred_at
        return (word.since is None or word.since <= at) and (word.until is None or at <= word.until)

    def _self_captured(self, category: DataCategory) -> bool:
        return self.rows[category, self.asked.purpose].self_captured_restricted

    def _closes(self, stop: facts.Stop, word: Word, category: DataCategory) -> bool:
        if word.basis not in CLOSED_BY_A_NO or not self._reaches(stop.scope, category):
            return False
        return stop.position > word.position or word.weak or word.basis in NOBODY_SAID_SO

    def _withdrawn_for_good(self, category: DataCategory) -> bool:
        withdrawn = [
            stop.position
            for stop in self.subject.stops
            if stop.grant_id is not None and self._reaches(stop.scope, category)
        ]
        answered = [
            word.position
            for word in self._words()
            if not word.weak
            and word.basis not in NOBODY_SAID_SO
            and word.shown
            and self._reaches(word.scope, category)
        ]
        return max(withdrawn, default=0) > max(answered, default=0)

    def _reaches(self, scope: facts.Scope, category: DataCategory) -> bool:
        """Whether purpose, category and recipient are meant. A stop that names none means every one."""
        feed = self.asked.feed
        if scope.purposes and self.asked.purpose not in scope.purposes:
            return False
        if scope.categories and category not in scope.categories:
            return False
        if scope.agency_id is not None:
            return scope.agency_id == feed.agency_id
        return scope.service_type in (None, feed.service_type)
