"""Splits a record into fragments, so that each can be permitted, sealed and delivered alone.

Every field of a record type names the least its content is (the ``category`` option); content that
can be about anything carries its own category. A fragment holds one category's fields and is still
a valid message of its type. Free text is a fragment of its own, under the categories its author
released it with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from consent_ledger.errors import Refused
from consent_ledger.vocabulary import DEFAULT_LEVEL, ENVELOPE_CATEGORY, DataCategory, Level, ServiceType
from hub.records.enums import term_of
from hub.records.former import refuse_what_was_before
from hub.records.immigration import with_what_it_tells
from hub.records.refusals import as_told
from hub.records.risk import is_risk_to_others, refuse_what_the_hub_sets
from hub.records.sleep_sites import asks_where_they_sleep, names_no_sleep_site
from oncetold.v1 import common_pb2, record_service_pb2, records_pb2

CARRYING = (common_pb2.CategorisedAnswer.DESCRIPTOR, records_pb2.UnaskedQuestion.DESCRIPTOR)
"""The parts of a record that name what they are about in a field `category` of their own."""


Categories = tuple[DataCategory, ...]


@dataclass(frozen=True, slots=True)
class SplitFragment:
    """One category's part of a record, or its released free text."""

    categories: tuple[str, ...]
    """Sorted; one, or several: for released free text, and where something tells of immigration as well."""
    level: str
    """``N``, ``R`` or ``V``."""
    free_text: bool
    third_party: bool
    """Free text of a note that its author marked as holding information about somebody else."""
    content: bytes
    """A serialised RecordContent of the record's type with only this fragment's fields."""
    risk_to_others: bool = False
    """It says that a worker, the public or a child is at risk."""
    no_sleep_site: bool = False
    """The location it gives is surely not where the person sleeps without a roof."""


@dataclass(frozen=True, slots=True)
class SplitRecord:
    """A record as the ledger keeps it."""

    envelope_category: DataCategory
    """What merely being known to this kind of service discloses."""
    record_type: str
    """The field name in RecordContent, e.g. ``service_episode``; empty for a withdrawn record."""
    fragments: tuple[SplitFragment, ...]
    """By categories; the structured fragment of a category before free text."""


def split(record: record_service_pb2.Record, path: str = "") -> SplitRecord:
    """Splits a checked record; one without content (withdrawn by its author) has no fragments.

    `path` is where the record stands in its request, e.g. ``records[3].``. Raises Refused:
    FREE_TEXT_NOT_RELEASED for words without released categories, INVALID_FIELD for content that
    says nothing or that only the hub may say. Raises LookupError when the contract gives a field no category.
    """
    service = term_of(common_pb2.ServiceType.DESCRIPTOR, record.service_type)
    if service is None:
        raise Refused("INVALID_FIELD", field=f"{path}service_type", rule="required")
    envelope_category = ENVELOPE_CATEGORY[ServiceType(service)]
    if not record.HasField("content"):
        return SplitRecord(envelope_category, "", ())
    record_type = record.content.WhichOneof("type")
    if record_type is None:
        raise Refused("INVALID_FIELD", field=f"{path}content.type", rule="required")
    refuse_what_the_hub_sets(record.content, path)
    refuse_what_was_before(record.content, path)
    path += f"content.{record_type}"
    fragments = _fragments(record_type, as_told(record.content), path)
    if not fragments:
        raise Refused("INVALID_FIELD", field=path, rule="at_least_one_field")
    return SplitRecord(envelope_category, record_type, fragments)


def _fragments(record_type: str, whole: records_pb2.RecordContent, path: str) -> tuple[SplitFragment, ...]:
    content = getattr(whole, record_type)
    parts: list[tuple[Categories, FieldDescriptor, Any]] = []
    fragments: list[SplitFragment] = []
    for field, value in content.ListFields():
        if _is_free_text(field):
            fragments.append(_free_text(record_type, content, field, value, path))
        else:
            parts += _parts(field, value, path)
    together = {categories for categories, _, _ in parts}
    if len(together) == 1 and not fragments:
        # The record is its own fragment as it stands.
        return (_structured(together.pop(), whole, whole),)
    structured: dict[Categories, records_pb2.RecordContent] = {}
    for categories, field, part in parts:
        fragment = structured.setdefault(categories, records_pb2.RecordContent())
        put(getattr(fragment, record_type), field, part)
    # Whatever else stands in a note about somebody else would tell that there is one.
    about_another = bool(getattr(content, "third_party", False))
    fragments += [
        _structured(categories, fragment, whole, about_another) for categories, fragment in structured.items()
    ]
    return tuple(sorted(fragments, key=lambda each: (each.categories, each.free_text)))


def _structured(
    categories: Categories,
    fragment: records_pb2.RecordContent,
    whole: records_pb2.RecordContent,
    third_party: bool = False,
) -> SplitFragment:
    level = max((DEFAULT_LEVEL[category] for category in categories), key=lambda one: one.rank)
    return SplitFragment(
        tuple(category.value for category in categories),
        level.value,
        False,
        third_party,
        _serialised(fragment),
        is_risk_to_others(fragment),
        DataCategory.CONTACT_LOCATION in categories and names_no_sleep_site(whole),
    )


@cache
def _is_free_text(field: FieldDescriptor) -> bool:
    return bool(field.GetOptions().Extensions[common_pb2.free_text])


@cache
def _floor(field: FieldDescriptor) -> DataCategory:
    category = _category(field.GetOptions().Extensions[common_pb2.category])
    if category is None:
        raise LookupError(f"the contract gives {field.full_name} no category")
    return category


@cache
def _category(number: int) -> DataCategory | None:
    term = term_of(common_pb2.DataCategory.DESCRIPTOR, number)
    return None if term is None else DataCategory(term)


def _parts(
    field: FieldDescriptor, value: Any, path: str
) -> Iterator[tuple[Categories, FieldDescriptor, Any]]:
    """A field's value, or each of its items, with the categories it falls under."""
    floor = _floor(field)
    items = value if field.is_repeated else (value,)
    if field.message_type is None:
        for item in items:
            yield (floor,), field, item
        return
    if field.message_type not in CARRYING:
        for item in items:
            yield with_what_it_tells(floor, item), field, item
        return
    for item in items:
        own = _category(item.category)
        if own is None:
            raise Refused("INVALID_FIELD", field=f"{path}.{field.name}.category", rule="required")
        category = stricter(floor, own)
        if asks_where_they_sleep(item):
            category = stricter(DataCategory.CONTACT_LOCATION, category)
        yield with_what_it_tells(category, item), field, item


@cache
def stricter(floor: DataCategory, own: DataCategory) -> DataCategory:
    """The stricter of a field's floor and the category its content carries; the content's if alike."""
    return floor if DEFAULT_LEVEL[floor].rank > DEFAULT_LEVEL[own].rank else own


def put(message: Message, field: FieldDescriptor, part: Any) -> None:
    """Puts a field's value, or one item of it, into another message of the same type."""
    if field.is_repeated:
        getattr(message, field.name).append(part)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(part)
    else:
        setattr(message, field.name, part)


def _free_text(
    record_type: str, content: Message, field: FieldDescriptor, text: Any, path: str
) -> SplitFragment:
    numbers = text.released_categories
    if not numbers:
        raise Refused("FREE_TEXT_NOT_RELEASED", field=f"{path}.{field.name}")
    released = {term_of(common_pb2.DataCategory.DESCRIPTOR, number) for number in numbers}
    fragment = records_pb2.RecordContent()
    put(getattr(fragment, record_type), field, text)
    return SplitFragment(
        tuple(sorted(DataCategory(str(category)).value for category in released)),
        Level.V.value,
        True,
        bool(getattr(content, "third_party", False)),
        _serialised(fragment),
    )


def _serialised(fragment: records_pb2.RecordContent) -> bytes:
    return fragment.SerializeToString(deterministic=True)
