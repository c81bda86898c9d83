"""The product's answer beside the oracle's, question by question."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from consent_ledger.policy import Decision, disclosure, running
from consent_ledger.vocabulary import Verdict
from tests.policy_cases import oracle
from tests.policy_cases.happenings import made
from tests.policy_cases.question import Question


def questions(cases: int, *, first: int = 0) -> Iterator[Question]:
    """So many, from worlds numbered from `first`."""
    left = cases
    for seed in count(first):
        for asked in made(seed).questions():
            yield asked
            left -= 1
            if not left:
                return


def decide(asked: Question) -> Decision:
    """The product's answer."""
    return disclosure.may_disclose(
        asked.fragment,
        asked.feed,
        asked.registration,
        asked.purpose,
        asked.person,
        asked.agreements,
        asked.others,
    )


def listed(asked: Question) -> frozenset[tuple[object, str]]:
    """The product's list: every purpose and every agreement or decision by which the feed may have it."""
    if asked.registration is None:
        return frozenset()
    between = running(asked.agreements, asked.origin, asked.recipient)
    return disclosure.permitted_rows(
        asked.fragment, asked.feed, asked.registration, asked.person, between, asked.others, asked.glass
    )


def difference(asked: Question, right: oracle.Answer | None = None) -> str:
    """In what the product and the oracle differ; empty when they do not. `right`: what the oracle says."""
    found, right = decide(asked), right or oracle.answer(asked)
    if found.permitted:
        if found.agreement_id not in right.permitted_by:
            return f"let go by {found.agreement_id}; the table: {_said(right)}"
    elif right.permitted_by:
        return f"withheld by test {found.test} {found.reason}; the table lets it go by {_said(right)}"
    elif not any(
        (verdict, test) == (found.verdict, found.test) and reason in (None, found.reason)
        for verdict, test, reason in right.otherwise
    ):
        return f"{found.verdict} by test {found.test} {found.reason}; the table: {_said(right)}"
    return ""


def list_difference(asked: Question) -> str:
    """In what the product's list differs from the oracle's, or from the product's own check."""
    found, right = listed(asked), oracle.rows(asked)
    if found != right:
        return f"listed {sorted(map(str, found))}; the table: {sorted(map(str, right))}"
    if asked.glass or asked.registration is None:
        return ""  # the check knows deliveries alone
    if not set(asked.fragment.categories) <= asked.feed.categories:
        return ""
    checked = {
        (purpose, str(by))
        for purpose in asked.feed.purposes
        for one in [replace(asked, purpose=purpose)]
        for by in _each_that_permits(one)
    }
    return (
        "" if checked == found else f"listed {sorted(map(str, found))}; checked: {sorted(map(str, checked))}"
    )


def _each_that_permits(asked: Question) -> Iterator[str | None]:
    """The agreements and decisions that permit, each asked by itself."""
    nobody = replace(asked, person=replace(asked.person, decisions=()))
    for agreement in asked.agreements:
        found = decide(replace(nobody, agreements=(agreement,)))
        if found.permitted:
            yield found.agreement_id
    for decision in asked.person.decisions:
        found = decide(replace(asked, person=replace(asked.person, decisions=(decision,)), agreements=()))
        if found.permitted:
            yield found.agreement_id


def _said(right: oracle.Answer) -> str:
    return ", ".join(sorted(right.permitted_by) or sorted(str(why) for why in right.otherwise))


def outcome(asked: Question) -> str:
    """For counting: what became of it, and by which test."""
    found = decide(asked)
    by = " by decision" if found.permitted and str(found.agreement_id).startswith("decision:") else ""
    reason = "" if found.verdict is Verdict.PERMIT else f" {found.test} {found.reason}"
    return f"{found.verdict}{reason}{by}"
