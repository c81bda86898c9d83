"""Asks the product why it withholds, where the oracle says that each reason is to be found."""

import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime

from tests.oracle.decide import Case
from tests.oracle.facts import Facts
from tests.oracle.reasons import reasons

Question = tuple[str, str, str, str]  # origin, its record, recipient, purpose
Ask = Callable[[str, str, str, str], Awaitable[set[str]]]

PURPOSES = ("DIRECT_SUPPORT", "REFERRAL_ELIGIBILITY", "RESEARCH")
WITHHELD = frozenset({
    "NO_AGREEMENT", "AGREEMENT_NOT_SIGNED", "AGREEMENT_NOT_IN_FORCE", "NOT_A_PARTY", "NOT_INVOLVED",
    "NO_LAWFUL_BASIS", "OBJECTION", "NO_CONFIDENTIALITY_BASIS", "CONSENT_REFUSED", "CONSENT_WITHDRAWN",
    "CONSENT_EXPIRED", "PURPOSE_NOT_COVERED", "CATEGORY_NOT_COVERED", "OUTSIDE_DATA_PERIOD",
    "CLIENT_EXCLUSION", "PROTECTED_ADDRESS", "THIRD_PARTY_DATA", "SERIOUS_HARM", "PRIVILEGED",
    "CRIME_PREJUDICE", "ART18_RESTRICTED", "REVIEW_OVERDUE", "SPENT", "DECEASED", "DATA_OPT_OUT",
    "IDENTITY_UNCERTAIN", "SUPERSEDED",
})  # fmt: skip
"""Every reason but ERASED, NO_ROLE, NO_RELATIONSHIP and SMALL_NUMBER."""
ENOUGH = 12
"""Clear questions for one reason: those that no agreement stops anywhere else."""
MOST_UNCLEAR = 48


def candidates(
    facts: Facts, now: datetime, seed: int, wanted: AbstractSet[str]
) -> Mapping[str, list[Question]]:
    """Where each reason that is wanted may be found, the clearest first, by a seeded walk."""
    clear: dict[str, list[Question]] = defaultdict(list)
    unclear: dict[str, list[Question]] = defaultdict(list)
    feeds = {feed.agency: feed for feed in facts.feeds.values()}
    registrations = list(facts.registrations)
    random.Random(seed).shuffle(registrations)
    for registration in registrations:
        lacking = {reason for reason in wanted if len(clear[reason]) < ENOUGH}
        if not lacking:
            break
        agency = registration.agency
        case = Case(facts, feeds[agency], now, facts.person(registration))
        for record in case.person.records:
            latest = record.latest
            if latest.agency == agency:
                continue
            for part in latest.parts or record.revisions[0].parts:
                for purpose in PURPOSES:
                    found = set(reasons(case, registration, record, part, purpose))
                    question = (latest.agency, latest.record_id, agency, purpose)
                    for reason in lacking & found:
                        if found <= {reason, "NOT_A_PARTY"}:
                            clear[reason].append(question)
                        elif len(unclear[reason]) < MOST_UNCLEAR:
                            unclear[reason].append(question)
    return {reason: clear[reason][:ENOUGH] + unclear[reason] for reason in sorted(wanted)}


async def answered(
    ask: Ask, questions: Mapping[str, list[Question]], missing: AbstractSet[str]
) -> Counter[str]:
    """Asks until every missing reason was the product's own answer once, or there is nothing left to ask."""
    told: Counter[str] = Counter()
    for reason, places in sorted(questions.items(), key=lambda item: (len(item[1]), item[0])):
        for question in dict.fromkeys(places):
            if reason in told or reason not in missing:
                break
            told.update(await ask(*question))
    return told
