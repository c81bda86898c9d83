"""What a person is told of an erasure: by whom, why, what stays, where it had gone, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from consent_ledger.erasures import Erasure, ErasureGround, ErasurePart, HoldGround
from hub.use_cases.certificate_words import Facts, statement

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE = UUID(int=1)
ERASURE = Erasure(
    ONE,
    ONE,
    (ONE,),
    ErasurePart.REGISTRATION,
    ErasureGround.OBJECTION,
    7,
    NOON,
    NOON + timedelta(days=60),
    3,
    {},
    True,
    7,
)
FACTS = Facts(ERASURE, ("Northside",), (), (), True, ())


def test_it_says_who_erased_what_when_why_and_until_when_copies_could_be_read() -> None:
    said = statement(FACTS)
    assert said.startswith(
        "On 2 March 2026 Northside erased everything that was recorded about you (3 pieces of information)."
        " You objected to its use."
    )
    assert "Until 1 May 2026 those who run the service could still bring it back" in said
    assert "None of it had been shared with another agency" in said
    assert "what you agreed to and refused" in said
    assert "section 184" in said.rsplit("\n\n", 1)[1], "nobody may demand it (H13)"


@pytest.mark.parametrize("ground", ErasureGround)
@pytest.mark.parametrize("part", ErasurePart)
def test_every_ground_and_part_has_its_words(ground: ErasureGround, part: ErasurePart) -> None:
    said = statement(replace(FACTS, erasure=replace(ERASURE, ground=ground, part=part)))
    assert "None" not in said.replace("None of it", "") and ground not in said and part not in said


@pytest.mark.parametrize("ground", HoldGround)
def test_what_is_held_is_told_with_its_reason(ground: HoldGround) -> None:
    held = replace(ERASURE, waiting={b"f": (ONE, ONE)})
    said = statement(replace(FACTS, erasure=held, holds=(ground,)))
    assert "A part of it (1 piece of information) is kept for now because" in said and ground not in said


def test_it_names_who_was_told_and_who_has_to_answer() -> None:
    told = replace(FACTS, recipients=("Harbour", "Hostel", "Quay"), unanswered=("Quay",))
    assert "shared with Harbour, Hostel and Quay. Quay still has to answer" in statement(told)
    assert "has answered" in statement(replace(told, unanswered=()))


def test_a_reference_that_cannot_be_erased_by_itself_is_told() -> None:
    assert "by which you were registered" in statement(replace(FACTS, separable=False))
    assert "by which you were registered" not in statement(FACTS)


def test_once_complete_nobody_could_bring_it_back() -> None:
    done = replace(ERASURE, complete_position=9, gone_at=NOON + timedelta(days=30))
    said = statement(replace(FACTS, erasure=done))
    assert "destroyed for good on 1 April 2026" in said and "could still" not in said


def test_of_what_several_agencies_told_each_is_told_its_own() -> None:
    two = UUID(int=2)
    both = replace(
        ERASURE, registrations=(ONE, two), waiting={b"f": (two, ONE)}, fragments=3, told={ONE: 1, two: 2}
    )
    assert (both.on([ONE]).fragments, both.on([ONE]).waiting) == (1, {})
    assert (both.on([two]).fragments, both.on([two]).waiting) == (2, both.waiting)
    assert both.on([two, ONE]) == both
    unnoted = replace(both, told={})
    assert unnoted.on([ONE]).fragments == 0, "in the oldest entries nobody noted whose they were"
    assert "recorded about you. You objected" in statement(replace(FACTS, erasure=unnoted.on([ONE])))
