"""Splitting neither loses nor duplicates anything, and each fragment holds only its category."""

import string
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent_ledger.errors import OnceToldError
from consent_ledger.vocabulary import DEFAULT_LEVEL, DataCategory, Level
from hub.records.refusals import as_told
from hub.records.splitter import CARRYING, SplitFragment, split, stricter
from oncetold.v1 import common_pb2, record_service_pb2, records_pb2

TYPES = tuple(records_pb2.RecordContent.DESCRIPTOR.oneofs_by_name["type"].fields)
WORDS = st.text(string.ascii_letters + " ", min_size=1, max_size=12)
TELLING = ("nationality", "InterpreterNeeded", "country_of_birth")
"""Of immigration, whatever their author called it; all other codes here say nothing in words."""
CODES = st.text(string.digits + ".", min_size=1, max_size=12) | st.sampled_from(TELLING)
CODINGS = st.builds(common_pb2.Coding, system=st.just("test:codes"), code=CODES)
CATEGORIES = st.sampled_from([number for number in common_pb2.DataCategory.values() if number])
ANSWERS = st.builds(
    common_pb2.CategorisedAnswer, category=CATEGORIES, question=CODINGS, coded=CODINGS
) | st.builds(common_pb2.CategorisedAnswer, category=CATEGORIES, question=CODINGS, yes=st.booleans())
DATES = st.integers(0, 20_000).map(lambda days: (date(1980, 1, 1) + timedelta(days)).isoformat())
MESSAGES: dict[str, st.SearchStrategy[Any]] = {
    "Coding": CODINGS,
    "CategorisedAnswer": ANSWERS,
    "UnaskedQuestion": st.builds(
        records_pb2.UnaskedQuestion, category=CATEGORIES, question=CODINGS, standing=st.booleans()
    )
    | st.builds(records_pb2.UnaskedQuestion, category=CATEGORIES, standing=st.booleans()),
    "FreeText": st.builds(
        common_pb2.FreeText,
        text=WORDS,
        released_categories=st.lists(CATEGORIES, min_size=1, max_size=4, unique=True),
    ),
    "Place": st.builds(records_pb2.Place, postcode=st.just("AB1 2CD")),
    "PersonName": st.builds(records_pb2.PersonName, given=WORDS, family=WORDS),
    "Timestamp": st.integers(0, 2_000_000_000).map(lambda seconds: Timestamp(seconds=seconds)),
}
CATEGORY = common_pb2.DataCategory.DESCRIPTOR
CATEGORISED = {"FreeText", "CategorisedAnswer", "UnaskedQuestion"}


def values_of(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        one = MESSAGES[field.message_type.name]
    elif field.type == FieldDescriptor.TYPE_BOOL:
        one = st.booleans()
    elif field.type == FieldDescriptor.TYPE_UINT32:
        one = st.integers(0, 300)
    else:
        one = DATES if field.name.endswith("_date") else WORDS
    return st.lists(one, min_size=1, max_size=5) if field.is_repeated else one


def fields_of(kind: FieldDescriptor) -> list[FieldDescriptor]:
    assert kind.message_type is not None
    # What only the hub sets is never published: tests/unit/records/test_risk.py.
    return [field for field in kind.message_type.fields if field.name not in ("do_not_visit_alone", "ring")]


@st.composite
def contents(draw: st.DrawFn) -> records_pb2.RecordContent:
    """Any content of any type, with at least one field."""
    kind = draw(st.sampled_from(TYPES))
    fields = draw(st.lists(st.sampled_from(fields_of(kind)), min_size=1, unique_by=lambda each: each.name))
    content = records_pb2.RecordContent()
    body = getattr(content, kind.name)
    for field in fields:
        value = draw(values_of(field))
        if field.is_repeated:
            getattr(body, field.name).extend(value)
        elif field.message_type is not None:
            getattr(body, field.name).CopyFrom(value)
        else:
            setattr(body, field.name, value)
    return content


def record_of(
    content: records_pb2.RecordContent | None, service: str = "HOSTEL"
) -> record_service_pb2.Record:
    number = common_pb2.ServiceType.Value(f"SERVICE_TYPE_{service}")
    return record_service_pb2.Record(record_id="r1", revision=1, service_type=number, content=content)


def body_of(content: records_pb2.RecordContent) -> Message:
    body: Message = getattr(content, str(content.WhichOneof("type")))
    return body


def leaves(body: Message) -> Iterator[tuple[str, bytes]]:
    """Every set value of a record's body, repeated items one by one, as comparable bytes."""
    for field, value in body.ListFields():
        for item in value if field.is_repeated else [value]:
            yield field.name, written(item)


def written(value: Any) -> bytes:
    return value.SerializeToString(deterministic=True) if isinstance(value, Message) else repr(value).encode()


def named(number: Any) -> DataCategory:
    return DataCategory(common_pb2.DataCategory.Name(number).removeprefix("DATA_CATEGORY_"))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contents())
def test_union_of_the_fragments_is_the_record(content: records_pb2.RecordContent) -> None:
    fragments = split(record_of(content)).fragments

    rejoined = [
        leaf
        for each in fragments
        for leaf in leaves(body_of(records_pb2.RecordContent.FromString(each.content)))
    ]

    # A refusal that reveals something is told in plain words too: tests/twins/test_h23_immigration.py.
    assert sorted(rejoined) == sorted(leaves(body_of(as_told(content))))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contents())
def test_each_fragment_holds_only_its_own_category(content: records_pb2.RecordContent) -> None:
    parts = split(record_of(content))

    assert parts.record_type == content.WhichOneof("type")
    keys = [(each.categories, each.free_text) for each in parts.fragments]
    assert keys == sorted(set(keys))
    for each in parts.fragments:
        parsed = records_pb2.RecordContent.FromString(each.content)
        assert parsed.WhichOneof("type") == parts.record_type
        assert parsed.SerializeToString(deterministic=True) == each.content
        for field, value in body_of(parsed).ListFields():
            assert_belongs(each, field, value)


def assert_belongs(fragment: SplitFragment, field: FieldDescriptor, value: Any) -> None:
    options = field.GetOptions().Extensions
    if fragment.free_text:
        assert options[common_pb2.free_text]
        assert fragment.categories == tuple(sorted(named(each) for each in value.released_categories))
        assert fragment.level == "V"
        return
    floor = named(options[common_pb2.category])
    answers = field.message_type in CARRYING
    for item in value if field.is_repeated else [value]:
        own = named(item.category) if answers else floor
        category = floor if DEFAULT_LEVEL[floor].rank > DEFAULT_LEVEL[own].rank else own
        assert fragment.categories == tuple(sorted(about(category, item)))
    levels = [DEFAULT_LEVEL[DataCategory(one)].value for one in fragment.categories]
    assert fragment.level == max(levels, key="NRV".index)


def about(category: DataCategory, item: Any) -> set[DataCategory]:
    """Immigration where a code tells of it, beside what its author called it if that says more."""
    said = [item] if isinstance(item, common_pb2.Coding) else []
    if isinstance(item, common_pb2.CategorisedAnswer | records_pb2.UnaskedQuestion):
        said = [item.question, *([item.coded] if isinstance(item, common_pb2.CategorisedAnswer) else [])]
    if not any(one.code in TELLING for one in said):
        return {category}
    more = DEFAULT_LEVEL[category] is not Level.N and category is not DataCategory.EQUALITY
    return {DataCategory.IMMIGRATION, category} if more else {DataCategory.IMMIGRATION}


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_every_field_of_every_type_has_a_category_or_is_free_text(kind: FieldDescriptor) -> None:
    texts = 0
    for field in fields_of(kind):
        options = field.GetOptions().Extensions
        is_text = field.message_type is not None and field.message_type.name == "FreeText"
        texts += is_text
        assert options[common_pb2.free_text] == is_text, field.full_name
        assert bool(options[common_pb2.category]) != is_text, field.full_name
        if field.message_type is not None and not is_text:
            inner = {part.message_type.name for part in field.message_type.fields if part.message_type}
            assert not inner & CATEGORISED, f"{field.full_name} hides a category"
            own = any(part.enum_type is CATEGORY for part in field.message_type.fields)
            assert own == (field.message_type in CARRYING), f"{field.full_name} names a category in vain"
    assert texts <= 1, "two free texts released alike could not be told apart"


def test_the_contract_has_eighteen_types() -> None:
    assert len(TYPES) == 18


@pytest.mark.parametrize(
    ("floor", "own", "result"),
    [
        ("SERVICE_CONTACT", "MENTAL_HEALTH", "MENTAL_HEALTH"),
        ("SAFEGUARDING_RISK", "MENTAL_HEALTH", "SAFEGUARDING_RISK"),
        ("DOMESTIC_ABUSE", "IMMIGRATION", "IMMIGRATION"),
        ("IDENTITY", "MONEY_WORK", "MONEY_WORK"),
    ],
)
def test_the_stricter_category_wins_and_the_contents_own_if_alike(floor: str, own: str, result: str) -> None:
    assert stricter(DataCategory(floor), DataCategory(own)) == DataCategory(result)


def test_unreleased_free_text_is_refused_without_repeating_it() -> None:
    note = records_pb2.Note(text=common_pb2.FreeText(text="Something private"))

    with pytest.raises(OnceToldError) as refusal:
        split(record_of(records_pb2.RecordContent(note=note)))

    assert refusal.value.code == "FREE_TEXT_NOT_RELEASED"
    assert refusal.value.details == {"field": "content.note.text"}
    assert "private" not in str(refusal.value)


def test_a_note_about_somebody_else_is_marked_in_all_its_parts() -> None:
    text = common_pb2.FreeText(text="His brother", released_categories=[common_pb2.DATA_CATEGORY_FAMILY])
    note = records_pb2.Note(text=text, third_party=True)

    fragments = split(record_of(records_pb2.RecordContent(note=note))).fragments

    assert [(each.categories, each.free_text, each.third_party) for each in fragments] == [
        (("FAMILY",), True, True),
        (("SERVICE_CONTACT",), False, True),
    ]


def test_a_withdrawn_record_has_no_fragments_and_its_envelope_keeps_the_services_category() -> None:
    parts = split(record_of(None, service="PROBATION"))

    assert (parts.envelope_category, parts.record_type, parts.fragments) == (DataCategory.OFFENDING, "", ())


def test_content_that_says_nothing_is_refused_because_it_would_read_as_a_withdrawal() -> None:
    with pytest.raises(OnceToldError) as refusal:
        split(record_of(records_pb2.RecordContent(contact=records_pb2.Contact())))

    assert refusal.value.details == {"field": "content.contact", "rule": "at_least_one_field"}


def test_levels_are_those_of_the_vocabulary() -> None:
    risk = records_pb2.Risk(current_safety=True)

    [fragment] = split(record_of(records_pb2.RecordContent(risk=risk))).fragments

    assert fragment.level == Level.V
