"""Tests 4 and 5: both controllers have a basis in law, and somebody may lift the duty of confidence."""

from collections.abc import Iterator, Mapping, Sequence

from consent_ledger import facts
from consent_ledger.vocabulary import (
    ARTICLE_9_CATEGORIES,
    ARTICLE_10_CATEGORIES,
    Article9Condition,
    DataCategory,
    LawfulBasis,
    Purpose,
    Reason,
    Verdict,
)
from tests.policy_cases.confiding import Said, Word
from tests.policy_cases.question import Question, Why


def lawful_and_confided(
    asked: Question,
    bases: Sequence[facts.PartyBasis | None],
    notice: str,
    rows: Mapping[tuple[DataCategory, Purpose], facts.Row],
    decided: Word | None = None,
) -> Iterator[Why]:
    """Tests 4 and 5. `decided`: what people decided stands in for a grant."""
    if not all(has_condition(basis, asked.touched) for basis in bases):
        yield Verdict.DENY, 4, Reason.NO_LAWFUL_BASIS
        return
    laws = {basis.lawful_basis for basis in bases if basis is not None}
    by_consent = LawfulBasis.A6_1_A in laws or any(
        basis is not None and basis.article9 == Article9Condition.A9_2_A for basis in bases
    )
    for subject in asked.subjects:
        given = Said(asked, subject, notice, rows, decided)
        if not given.confides() and not asked.for_life:
            yield Verdict.DENY, 5, None  # where the law rests on consent it closes test 4 as well
        elif by_consent and not given.confides(explicitly=True):
            yield Verdict.DENY, 4, Reason.NO_LAWFUL_BASIS
        if laws & {LawfulBasis.A6_1_E, LawfulBasis.A6_1_EA, LawfulBasis.A6_1_F} and given.objects():
            yield Verdict.REVIEW, 4, Reason.OBJECTION  # ruling 11


def has_condition(basis: facts.PartyBasis | None, categories: set[DataCategory]) -> bool:
    """A basis in law, and a condition of Article 9 or 10 where the content needs one."""
    return (
        basis is not None
        and basis.lawful_basis is not None
        and (basis.article9 is not None or not categories & ARTICLE_9_CATEGORIES)
        and (basis.article10 is not None or not categories & ARTICLE_10_CATEGORIES)
    )
