"""What can go wrong at the command line.

CliError                exit code 1
├── Refused             the hub said no, with a reason of the contract
├── Proposed            exit code 3: another administrator has to approve it
├── StoryBroken         the demo found something else than what it tells
├── Unforeseen          a fault of OnceTold's own
└── Misused             exit code 2: the command, a file or the configuration
    ├── BadFile         a file that cannot be used, and where in it
    └── HubNotReachable no hub here, or another process holds it
"""

from __future__ import annotations

from typing import ClassVar


class CliError(Exception):
    """A failure with what happened and what to do next; both are plain English and name no person."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self, what: str, next_step: str, *, reason: str = "", details: dict[str, str] | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step
        self.reason = reason
        self.details = details or {}

    def as_json(self) -> dict[str, object]:
        """The failure as a program reads it."""
        return {
            "error": {
                "reason": self.reason,
                "message": self.what,
                "next_step": self.next_step,
                "details": self.details,
            }
        }


class Refused(CliError):
    """The hub refused; `reason` is the contract's ErrorReason without its prefix."""


class HubGone(Refused):
    """The hub stopped before it answered; the same request may be made again."""


class Proposed(CliError):
    """Not done yet: two people do this, and this was the first of them."""

    exit_code = 3

    def __init__(self, proposal_id: str, method: str, by: str, until: str) -> None:
        super().__init__(
            f"Two people do this. {by} has proposed it ({method}) as {proposal_id}, until {until}.",
            f"Another administrator looks at it: oncetold proposals show {proposal_id}\n"
            f"and then approves it: oncetold proposals approve {proposal_id} --as NAME",
            reason="PROPOSED",
            details={"proposal_id": proposal_id, "method": method, "until": until},
        )


class StoryBroken(CliError):
    """The demo asserts its own story, and this part was not so."""


class Unforeseen(CliError):
    """Something in OnceTold itself failed; the text says where, never with what values."""


class Misused(CliError):
    """The command or its configuration has to change before anything can happen."""

    exit_code = 2


class BadFile(Misused):
    """A file that cannot be used."""

    def __init__(self, path: str, where: str, rule: str, next_step: str) -> None:
        place = f"{path}, {where}" if where else path
        super().__init__(
            f"{place}: {rule}.", next_step, reason="BAD_FILE", details={"field": where, "rule": rule}
        )


class HubNotReachable(Misused):
    """No hub answers for this data folder and none can be opened."""
