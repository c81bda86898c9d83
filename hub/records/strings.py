"""Everything in a record's content that somebody could have written a place into."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from oncetold.v1 import records_pb2

_NUMBERS = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
    }
)


def strings_in(content: bytes) -> Iterator[str]:
    """Every text of a serialised RecordContent, codes and names included, and every number as its digits."""
    return _strings(records_pb2.RecordContent.FromString(content))


def _strings(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        for item in value if field.is_repeated else (value,):
            yield from _of(field, item)


def _of(field: FieldDescriptor, item: Any) -> Iterator[str]:
    if field.message_type is not None:
        yield from _strings(item)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        yield item
    elif field.cpp_type in _NUMBERS:
        yield str(item)
