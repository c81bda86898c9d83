"""What the hub tells to whoever measures it: figures, never of whom. By default nobody listens."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many decisions came out how."""

    permit: int = 0
    deny: int = 0
    review: int = 0

    def __add__(self, other: "Outcomes") -> "Outcomes":
        return Outcomes(self.permit + other.permit, self.deny + other.deny, self.review + other.review)

    @classmethod
    def of(cls, verdict: str) -> "Outcomes":
        """One decision, by the name of its verdict."""
        return cls(int(verdict == "PERMIT"), int(verdict == "DENY"), int(verdict == "REVIEW"))

    @property
    def total(self) -> int:
        return self.permit + self.deny + self.review


NOTHING = Outcomes()


class Observer(Protocol):
    """Listens. It must neither wait nor raise: it is told on the writer's thread."""

    def judged(self, outcomes: Outcomes) -> None:
        """What the policy said within one call; of how many people and whose is not told."""
        ...


class Nobody:
    """Listens to nothing."""

    def judged(self, outcomes: Outcomes) -> None:
        """Lets it go by."""
