"""What a decision says, and in which order reasons are compared."""

from dataclasses import dataclass

from consent_ledger.vocabulary import Reason, Verdict

OWN_CHOICE_OR_PROTECTION = frozenset(
    {
        Reason.CLIENT_EXCLUSION,
        Reason.PROTECTED_ADDRESS,
        Reason.THIRD_PARTY_DATA,
        Reason.SERIOUS_HARM,
        Reason.PRIVILEGED,
        Reason.CRIME_PREJUDICE,
    }
)
"""Reasons that are somebody's exclusion or marker: another agency's read WITHHELD."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One test that did not pass.

    `test` is its number in the decision table; `told_by` the agency whose exclusion or marker it is.
    `yields`: whether a decision to share may ever speak against it.
    """

    test: int
    reason: Reason
    verdict: Verdict = Verdict.DENY
    told_by: str | None = None
    yields: bool = False

    @property
    def order(self) -> tuple[bool, int]:
        """DENY before REVIEW, then the lowest test."""
        return (self.verdict is Verdict.REVIEW, self.test)


@dataclass(frozen=True, slots=True)
class Decision:
    """PERMIT with what it relies on, or the reason why not.

    `relied_on` holds the agreement's id and the ids of the grants; `progress` how far the best agreement got.
    """

    verdict: Verdict
    test: int
    reason: Reason | None = None
    agreement_id: str | None = None
    relied_on: tuple[str, ...] = ()
    told_by: str | None = None

    @property
    def permitted(self) -> bool:
        """REVIEW is not permitted."""
        return self.verdict is Verdict.PERMIT


def first(findings: list[Finding]) -> Finding:
    """The finding that speaks for all."""
    return min(findings, key=lambda finding: finding.order)
