"""What a file that should be a MAIS document can be refused for. No text of the file is ever repeated.

MaisError             a file that cannot be used
├── NotJson           not JSON as we read it, and where
└── PolicyRefused     JSON, but with things missing, wrong, or beyond what can be mapped; all of them at once
"""

from collections.abc import Sequence
from dataclasses import dataclass

from consent_ledger.errors import OnceToldError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: the field as a path from the top, what is wrong with it, and what to do."""

    field: str
    rule: str
    next_step: str


class MaisError(OnceToldError):
    """A file that cannot be used."""

    code = "INVALID_FIELD"


class NotJson(MaisError):
    """`line` counts from 1; 0 where the fault has no one place."""

    next_step = "Save the document as JSON in UTF-8, each key once, at most 1 MiB."

    def __init__(self, rule: str, line: int = 0) -> None:
        self.rule, self.line = rule, line
        super().__init__(rule=rule, line=line)


class PolicyRefused(MaisError):
    """Everything that keeps the document from becoming an agreement, in the order of the document."""

    next_step = "Mend every field named, then import again."

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(**{problem.field: problem.rule for problem in problems})
