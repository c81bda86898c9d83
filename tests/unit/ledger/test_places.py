"""How a protected place is found again: the same place in other spellings, and no other place."""

import pytest

from consent_ledger.places import candidates, says_enough, spelt
from hub.records.strings import strings_in
from oncetold.v1 import common_pb2, records_pb2

PLACE = spelt(["Flat 2", "7 Mill Lane", "St Mary's School", "LS1 4AB", "100051234567"])
SIZES = frozenset(map(len, PLACE))


def is_found(text: str) -> bool:
    return any(one in PLACE for one in candidates(text, SIZES))


@pytest.mark.parametrize(
    "text",
    [
        "7 Mill Lane",
        "7, MILL LN.",
        "c/o Rosa, 07 mill-lane (rear)",
        "7milllane",
        "saint mary's school",
        "near ST MARYS SCHOOL, by the bus",
        "Apartment 2",
        "ls14ab",
        "LS1\u00a04AB",
        "uprn:000100051234567",
        "\uff17 \uff2dill Lane",
        "7 Míll Lane",
    ],
)
def test_another_spelling_is_the_same_place(text: str) -> None:
    assert is_found(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "17 Mill Lane",
        "7 Mill Land",
        "Mill Lane",
        "Flat 22",
        "LS1 4AC",
        "1000512345678",
        "school",
        "7 Mills Lane",
    ],
)
def test_another_place_is_another(text: str) -> None:
    assert not is_found(text)


@pytest.mark.parametrize("name", ["", "?!", "abc", "7 B", " - "])
def test_too_little_is_no_name(name: str) -> None:
    assert not says_enough(name) and not spelt([name])


def test_a_long_text_is_looked_through_in_one_go() -> None:
    words = "the bus stops by the river and then goes on " * 400
    assert is_found(words + "to 7 Mill Lane") and not is_found(words)


def test_every_text_and_number_of_a_record_is_looked_at() -> None:
    answer = common_pb2.CategorisedAnswer(
        category=common_pb2.DATA_CATEGORY_FAMILY,
        question=common_pb2.Coding(system="a", code="b"),
        whole_number=100051234567,
    )
    content = records_pb2.RecordContent(
        contact=records_pb2.Contact(
            place=records_pb2.Place(address_line="c", postcode="D"),
            bedded_down=True,
            details=[answer],
            narrative=common_pb2.FreeText(text="e"),
        )
    )
    found = list(strings_in(content.SerializeToString()))
    assert sorted(found) == ["100051234567", "D", "a", "b", "c", "e"]
