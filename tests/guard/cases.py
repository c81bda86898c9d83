"""For every call of the contract: what a stranger could quote in it, and how it is answered then.

A call that is added to the contract needs its case here, or says that it quotes nothing of anybody's.
"""

from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import Message

from hub.rpc.rules import RULES, Rule
from tests.guard import cases_authority
from tests.guard.cases_authority import Its
from tests.integration.quoting import ANSWERED, QUOTING, QUOTING_NOTHING


@dataclass(frozen=True)
class Case:
    """`answer`: the response of a call that finds nothing and says so alike; None where it is refused."""

    request: Callable[[Its], Message]
    answer: type[Message] | None = None


def call_of(name: str) -> str:
    """The call that a case is of: behind its name may stand what is quoted in it."""
    return name.partition(" ")[0]


CASES: dict[str, Case] = {
    **{name: Case(quoting) for name, quoting in QUOTING.items()},
    **{name: Case(quoting) for name, quoting in cases_authority.REFUSED.items()},
    **{
        name: Case(quoting, answer)
        for name, (quoting, answer) in {**ANSWERED, **cases_authority.ANSWERED}.items()
    },
}

QUOTES_NOTHING = frozenset(QUOTING_NOTHING) | cases_authority.QUOTES_NOTHING
"""Names nothing that could be another's."""

OPERATORS = frozenset(
    name.removeprefix("oncetold.v1.") for name, rule in RULES.items() if rule is Rule.OPERATOR
)
"""Refused to every agency, whatever it quotes."""

OWN_ALIKE = {
    # Whoever asked does not answer.
    "SharingService.AnswerSharing": "NOT_FOUND",
    # A token is for one other agency: to its maker it is as good as none.
    "RegistrationService.RedeemLinkToken": "LINK_TOKEN",
}
"""What even one's own is answered with, where that is the answer to what is not there."""

CHANGES_EVERYTHING = (
    "StaffService.EndAssertionKey",
    "RegistrationService.EndInvolvement",
    "RegistrationService.CloseRegistration",
    "ErasureService.Erase",
    "AgencyService.DepartAgency",
    "CertificateService.RevokeCertificate",
)
"""One's own are tried in this order when everything else has been."""
