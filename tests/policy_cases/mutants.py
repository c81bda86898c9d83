"""Faults put into the policy on purpose, one at a time. Each must make it differ from the oracle."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from consent_ledger import facts
from consent_ledger.policy import (
    agreement,
    confidentiality,
    disclosure,
    evidence,
    involvement,
    sharing_decision,
)
from consent_ledger.sharing import DecisionKind, SharingDecision
from consent_ledger.vocabulary import (
    DEFAULT_LEVEL,
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    Level,
    MarkerKind,
    Purpose,
    Reason,
)

Patch = pytest.MonkeyPatch
_EVERY = frozenset({3, 5, 6, 7, 8})


def _says(value: Any) -> Callable[..., Any]:
    """Whatever it is asked."""
    return lambda *_, **__: value


def _newest_that_both_signed(patch: Patch) -> None:
    """What the origin signed later without the recipient is not looked at."""

    def careless(one: facts.Agreement, origin: str, recipient: str) -> facts.AgreementVersion | Reason:
        both = {origin, recipient}
        signed = [version for version in one.versions if both <= version.signed_by]
        if not signed or one.terminated or signed[-1].lapsed or not signed[-1].begun:
            return Reason.AGREEMENT_NOT_IN_FORCE
        return signed[-1]

    patch.setattr(agreement, "effective_version", careless)


def _drafts_count(patch: Patch) -> None:
    """A version counts before it is signed."""
    right = agreement.effective_version

    def careless(one: facts.Agreement, origin: str, recipient: str) -> facts.AgreementVersion | Reason:
        versions = [replace(version, signed_by=set(version.parties)) for version in one.versions]
        return right(replace(one, versions=versions), origin, recipient)

    patch.setattr(agreement, "effective_version", careless)


def _the_envelope_is_not_asked_about(patch: Patch) -> None:
    patch.setattr(disclosure, "_all_categories", lambda fragment: fragment.categories)


def _no_envelope_is_spared(patch: Patch) -> None:
    right = confidentiality.grants_for
    patch.setattr(confidentiality, "grants_for", lambda person, use, **_: right(person, use))


def _every_envelope_is_spared(patch: Patch) -> None:
    right = confidentiality._closing
    patch.setattr(confidentiality, "_closing", lambda *args, **_: right(*args, spare_other_withdrawals=True))


def _confirms_itself(patch: Patch) -> None:
    right = involvement.highest_level

    def careless(person: facts.Person, own: facts.Registration, feed: facts.Feed, *rest: Any) -> Level | None:
        openings = tuple(replace(one, by="somebody else") for one in person.openings)
        return right(replace(person, openings=openings), own, feed, *rest)

    patch.setattr(disclosure, "highest_level", careless)


def _openings_never_age(patch: Patch) -> None:
    right = involvement.highest_level

    def careless(person: facts.Person, own: facts.Registration, *rest: Any) -> Level | None:
        return right(person, replace(own, position=0, involvement_ended=0), *rest)

    patch.setattr(disclosure, "highest_level", careless)


def _immigration_is_like_anything_else(patch: Patch) -> None:
    patch.setattr(disclosure, "DEFAULT_LEVEL", {**DEFAULT_LEVEL, DataCategory.IMMIGRATION: Level.N})


def _nobody_reports(patch: Patch) -> None:
    right = confidentiality._reaches

    def careless(grant: facts.Grant, use: confidentiality.Use) -> bool:
        return right(grant, replace(use, recipient=replace(use.recipient, may_have_to_report=False)))

    patch.setattr(confidentiality, "_reaches", careless)


def _nobody_enforces(patch: Patch) -> None:
    patch.setattr(disclosure, "level_for", lambda fragment, _: fragment.level)


def _weak_is_as_good(patch: Patch) -> None:
    right = confidentiality._reaches
    patch.setattr(confidentiality, "_reaches", lambda grant, use: right(replace(grant, weak=False), use))


def _imported_is_as_good(patch: Patch) -> None:
    right = confidentiality._reaches
    method = CaptureMethod.ESIGNATURE
    patch.setattr(confidentiality, "_reaches", lambda grant, use: right(replace(grant, method=method), use))


def _a_decision_reaches_everything(patch: Patch) -> None:
    patch.setattr(sharing_decision, "outside", _says(None))


def _a_decision_outlasts_its_end(patch: Patch) -> None:
    patch.setattr(SharingDecision, "active", property(_says(True)))


def _a_decision_needs_no_row(patch: Patch) -> None:
    """One that opens test 5 or 8 alone is taken for one that shares."""
    right = sharing_decision.between

    def careless(person: facts.Person, fragment: facts.Fragment, feed: facts.Feed) -> list[SharingDecision]:
        decisions = tuple(replace(one, opens=one.opens | {3}) for one in person.decisions)
        return right(replace(person, decisions=decisions), fragment, feed)

    patch.setattr(sharing_decision, "between", careless)


def _employment_is_a_purpose_too(patch: Patch) -> None:
    def careless(version: facts.AgreementVersion, category: DataCategory, purpose: Purpose) -> Reason | None:
        return None if (category, purpose) in version.rows else Reason.CATEGORY_NOT_COVERED

    patch.setattr(agreement, "covered", careless)


def _nobody_else_is_asked(name: str) -> Callable[[Patch], None]:
    """What is solely about somebody else is decided by the teller alone."""

    def put(patch: Patch) -> None:
        right = getattr(disclosure, name)
        patch.setattr(disclosure, name, lambda *args: right(*args[:-1], ()))

    return put


def _without_places(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda fragment, person: right(replace(fragment, holds_place=None), person)


def _of_any_revision(right: Callable[..., Any]) -> Callable[..., Any]:
    def careless(fragment: facts.Fragment, person: facts.Person) -> Any:
        given_out = dict(person.care_of)
        revision = given_out.get(fragment.record_id, fragment.revision)
        return right(replace(fragment, revision=revision), person)

    return careless


def _attribute(owner: object, name: str, value: object) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(owner, name, value)


MUTANTS: dict[str, Callable[[Patch], None]] = {
    "2: one report of a death is enough": _attribute(
        facts.Person,
        "deceased",
        property(lambda person: any(one.death_reported for one in person.registrations.values())),
    ),
    "2: a restriction is not looked at": _attribute(facts.Person, "restricted", property(_says(False))),
    "2: spent counts for everybody": _attribute(disclosure, "_SPENT_FOR", frozenset()),
    "3: later versions are not looked at": _newest_that_both_signed,
    "3: a draft counts": _drafts_count,
    "3: employment is a purpose too": _employment_is_a_purpose_too,
    "4: no basis in law is needed": _attribute(agreement, "lawful", _says(None)),
    "4: no condition for special categories": _attribute(agreement, "ARTICLE_9_CATEGORIES", frozenset()),
    "4: no condition for offences": _attribute(agreement, "ARTICLE_10_CATEGORIES", frozenset()),
    "4: the law never rests on consent": _attribute(agreement, "rests_on_consent", _says(False)),
    "4: a withdrawal is never an objection": _attribute(agreement, "withdrawal_is_objection", _says(False)),
    "4: any basis answers where consent is the law": _attribute(disclosure, "_consented", _says(True)),
    "5: no evidence is needed": _attribute(evidence, "shown", _says(True)),
    "5: every basis opens everything": _attribute(evidence, "can_open", _says(True)),
    "5: no period is kept to": _attribute(confidentiality, "_in_data_period", _says(True)),
    "5: no stop closes": _attribute(confidentiality, "_closing", _says(None)),
    "5: best interests outlast a no": _attribute(
        confidentiality,
        "CLOSED_BY_A_STOP",
        confidentiality.CLOSED_BY_A_STOP - {ConfidentialityBasis.BEST_INTERESTS},
    ),
    "5: what nobody said answers a no": _attribute(confidentiality, "NOT_OF_THE_PERSON", frozenset()),
    "5: weak opens anything": _weak_is_as_good,
    "5: imported opens anything": _imported_is_as_good,
    "5: a recipient vouches for itself": _attribute(facts.Grant, "captured_for_itself", _says(False)),
    "5: whoever is named, everybody is": _attribute(facts.Scope, "names", _says(True)),
    "5: the envelope is not asked about": _the_envelope_is_not_asked_about,
    "5: no envelope is spared": _no_envelope_is_spared,
    "5: every envelope is spared": _every_envelope_is_spared,
    "5: immigration rides along": _immigration_is_like_anything_else,
    "5: nobody has to report anything": _nobody_reports,
    "5: nobody could enforce anything": _nobody_enforces,
    "6: nobody is shut out": _attribute(disclosure, "_excluded", _says(())),
    "6: who is linked to a risk is let in": _attribute(
        facts.Exclusion, "may_be_overridden", property(_says(True))
    ),
    "6: a request is answered past an exclusion": _attribute(
        sharing_decision, "CAN_OPEN", dict.fromkeys(DecisionKind, _EVERY)
    ),
    "7: nothing is protected": _attribute(disclosure, "_protected", _says(())),
    "7: privilege yields": _attribute(sharing_decision, "MARKERS_THAT_YIELD", frozenset(MarkerKind)),
    "8: it confirms itself": _confirms_itself,
    "8: openings never age": _openings_never_age,
    "8: agreeing details are people's word": _attribute(facts.Person, "joined_by_people", _says(True)),
    "7: a place is protected in one field only": _attribute(
        disclosure, "_protected", _without_places(disclosure._protected)
    ),
    "7: a care-of record is one in every revision": _attribute(
        disclosure, "_protected", _of_any_revision(disclosure._protected)
    ),
    "9: research gets rows": _attribute(disclosure, "_NO_ROWS_LEAVE", frozenset()),
    "a decision reaches everything": _a_decision_reaches_everything,
    "a decision outlasts its end": _a_decision_outlasts_its_end,
    "a decision needs no row of its own": _a_decision_needs_no_row,
    "the check asks nobody else": _nobody_else_is_asked("may_disclose"),
    "the list asks nobody else": _nobody_else_is_asked("permitted_rows"),
}
"""By the test of the table that each breaks."""
