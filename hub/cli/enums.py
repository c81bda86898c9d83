"""Words at the command line and in TOML files to values of the contract's enums, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from oncetold.v1 import (
    agency_service_pb2,
    common_pb2,
    consent_service_pb2,
    emergency_service_pb2,
    erasure_service_pb2,
    registration_service_pb2,
    staff_service_pb2,
    task_service_pb2,
)


class UnknownWord(ValueError):
    """A word that is no value of the enum; carries the words that are."""

    def __init__(self, kind: str, allowed: Sequence[str]) -> None:
        super().__init__(f"not a {kind}; one of: {', '.join(allowed)}")
        self.kind = kind
        self.allowed = tuple(allowed)


class Vocabulary:
    """One enum of the contract, spoken without its prefix: `DIRECT_SUPPORT` or `direct-support`."""

    def __init__(self, wrapper: Any, prefix: str) -> None:
        self.kind = prefix.strip("_").lower().replace("_", " ")
        self._wrapper = wrapper
        self._prefix = prefix
        self.words = tuple(name.removeprefix(prefix) for name, number in wrapper.items() if number != 0)
        self.help = f"One of {', '.join(self.words)}."

    def value(self, word: str) -> Any:
        """The number of a word. Raises UnknownWord."""
        name = word.strip().upper().replace("-", "_")
        if name not in self.words:
            raise UnknownWord(self.kind, self.words)
        return self._wrapper.Value(self._prefix + name)

    def values(self, words: Iterable[str]) -> list[Any]:
        """The numbers of words, each of which may hold several separated by commas. Raises UnknownWord."""
        return [self.value(word) for given in words for word in given.split(",") if word.strip()]

    def word(self, number: int) -> str:
        """The word of a number; UNSPECIFIED for 0."""
        name: str = self._wrapper.Name(number)
        return name.removeprefix(self._prefix)

    def phrase(self, number: int) -> str:
        """The word as it stands in a sentence: `substance use`."""
        return self.word(number).lower().replace("_", " ")


CATEGORY = Vocabulary(common_pb2.DataCategory, "DATA_CATEGORY_")
PURPOSE = Vocabulary(common_pb2.Purpose, "PURPOSE_")
SERVICE_TYPE = Vocabulary(common_pb2.ServiceType, "SERVICE_TYPE_")
LAWFUL_BASIS = Vocabulary(common_pb2.LawfulBasis, "LAWFUL_BASIS_")
ARTICLE_9 = Vocabulary(common_pb2.Article9Condition, "ARTICLE9_CONDITION_")
ARTICLE_10 = Vocabulary(common_pb2.Article10Condition, "ARTICLE10_CONDITION_")
CONFIDENTIALITY = Vocabulary(common_pb2.ConfidentialityBasis, "CONFIDENTIALITY_BASIS_")
STATUTORY_DUTY = Vocabulary(consent_service_pb2.StatutoryDuty, "STATUTORY_DUTY_")
CAPTURE = Vocabulary(common_pb2.CaptureMethod, "CAPTURE_METHOD_")
ON_END = Vocabulary(common_pb2.OnEnd, "ON_END_")
MARKER = Vocabulary(consent_service_pb2.MarkerKind, "MARKER_KIND_")
EXCLUSION_EFFECT = Vocabulary(consent_service_pb2.ExclusionEffect, "EXCLUSION_EFFECT_")
CHOICE_STATE = Vocabulary(consent_service_pb2.ChoiceState, "CHOICE_STATE_")
CARD_REASON = Vocabulary(emergency_service_pb2.CardReason, "CARD_REASON_")
STATUS = Vocabulary(consent_service_pb2.PersonStatus, "PERSON_STATUS_")
CLOSING = Vocabulary(registration_service_pb2.ClosingReason, "CLOSING_REASON_")
POST = Vocabulary(agency_service_pb2.PostKind, "POST_KIND_")
TASK = Vocabulary(task_service_pb2.TaskKind, "TASK_KIND_")
OUTCOME = Vocabulary(task_service_pb2.TaskOutcome, "TASK_OUTCOME_")
BREACH_REASON = Vocabulary(task_service_pb2.BreachReason, "BREACH_REASON_")
PEOPLE_TOLD = Vocabulary(task_service_pb2.PeopleTold, "PEOPLE_TOLD_")
ERASURE_GROUND = Vocabulary(erasure_service_pb2.ErasureGround, "ERASURE_GROUND_")
ERASURE_STATE = Vocabulary(erasure_service_pb2.ErasureState, "ERASURE_STATE_")
HOLD_GROUND = Vocabulary(erasure_service_pb2.HoldGround, "HOLD_GROUND_")
COPIES = Vocabulary(agency_service_pb2.DepartedCopies, "DEPARTED_COPIES_")
RECORDS = Vocabulary(agency_service_pb2.DepartedRecords, "DEPARTED_RECORDS_")
STAFF_ROLE = Vocabulary(staff_service_pb2.StaffRole, "STAFF_ROLE_")
RELATIONSHIP = Vocabulary(staff_service_pb2.RelationshipKind, "RELATIONSHIP_KIND_")
GROUND = Vocabulary(registration_service_pb2.InvolvementGround, "INVOLVEMENT_GROUND_")
