"""The eleven tests of the decision table, once more, written from the table and its rulings alone.

Shares no code with the policy: only the facts and the words for them. It is slow and says each rule where the
table says it. `ruling n` is a ruling of the table's second part.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from consent_ledger import facts
from consent_ledger.vocabulary import Purpose, Reason, Verdict
from tests.policy_cases import about
from tests.policy_cases.deciding import decision_permits
from tests.policy_cases.involving import works_with
from tests.policy_cases.law import lawful_and_confided
from tests.policy_cases.question import Question, Why


@dataclass(frozen=True, slots=True)
class Answer:
    """What lets it go, by id; when nothing does, every verdict that the table allows for saying so."""

    permitted_by: frozenset[str]
    otherwise: frozenset[Why]


def answer(asked: Question) -> Answer:
    """The table's answer."""
    if asked.origin == asked.recipient:
        return Answer(frozenset(), frozenset({(Verdict.ALLOW_OWN, 0, None)}))
    general = [
        (Verdict.DENY, number, reason)
        for test in (about.identity, about.alive, about.not_shut_out, about.not_protected, about.for_research)
        for number, reason in test(asked)
    ]
    permitted, reasons = set(), set()
    for agreement in asked.agreements:
        against = list(under(agreement, asked))
        if not general and not against:
            permitted.add(agreement.agreement_id)
        reasons |= first([*general, *against])
    for decision in asked.person.decisions:
        if decision_permits(decision, asked):
            permitted.add(f"decision:{decision.decision_id}")
    if not asked.agreements:
        reasons |= first([*general, (Verdict.DENY, 3, Reason.NO_AGREEMENT)])
    return Answer(frozenset(permitted), frozenset(reasons))


def rows(asked: Question) -> frozenset[tuple[Purpose, str]]:
    """The list that the check has to agree with: what the feed may have, for each of its purposes."""
    if not set(asked.fragment.categories) <= asked.feed.categories:
        return frozenset()
    found = set()
    for purpose in asked.feed.purposes:
        found |= {(purpose, by) for by in answer(replace(asked, purpose=purpose)).permitted_by}
    return frozenset(found)


def first(findings: list[Why]) -> set[Why]:
    """Ruling 31: DENY before REVIEW, then the lowest test; codes of one test are not ranked."""
    denied = [why for why in findings if why[0] is Verdict.DENY]
    among = denied or findings
    lowest = min((why[1] for why in among), default=0)
    return {why for why in among if why[1] == lowest}


def under(agreement: facts.Agreement, asked: Question) -> Iterator[Why]:
    """Tests 3, 4, 5 and 8 within one agreement."""
    version = in_force(agreement, asked)
    if isinstance(version, Reason):
        yield Verdict.DENY, 3, version
        return
    if asked.purpose == Purpose.EMPLOYMENT or not any(
        purpose == asked.purpose for _, purpose in version.rows
    ):
        yield Verdict.DENY, 3, Reason.PURPOSE_NOT_COVERED
        return
    if any((category, asked.purpose) not in version.rows for category in asked.touched):
        yield Verdict.DENY, 3, Reason.CATEGORY_NOT_COVERED
        return
    bases = [version.parties[agency].bases.get(asked.purpose) for agency in (asked.origin, asked.recipient)]
    yield from lawful_and_confided(asked, bases, version.notice_id, version.rows)
    if asked.glass is None and not works_with(asked, version.rows):
        yield Verdict.DENY, 8, Reason.NOT_INVOLVED


def in_force(agreement: facts.Agreement, asked: Question) -> facts.AgreementVersion | Reason:
    """Test 3: the newest version that both signed; an unsigned draft changes nothing (ruling 24).

    What the origin signed later without the recipient ends it for the recipient.
    """
    both = {asked.origin, asked.recipient}
    if not any(both <= set(one.parties) for one in agreement.versions):
        return Reason.NOT_A_PARTY
    signed = [one for one in agreement.versions if both <= one.signed_by]
    if not signed:
        return Reason.AGREEMENT_NOT_SIGNED
    # What is signed ahead of its start replaces nothing until then.
    version = ([one for one in signed if one.begun] or signed)[-1]
    by_origin = [one for one in agreement.versions if asked.origin in one.signed_by]
    if asked.recipient not in by_origin[-1].parties or version.parties[asked.origin].receives_only:
        return Reason.NOT_A_PARTY
    if agreement.terminated or version.lapsed or not version.begun:
        return Reason.AGREEMENT_NOT_IN_FORCE
    return version
