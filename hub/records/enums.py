"""Between the contract's enum numbers and the vocabulary's names, which carry no prefix."""

from functools import cache
from typing import Any

from google.protobuf.descriptor import EnumDescriptor

_UNSPECIFIED = "UNSPECIFIED"


@cache
def _names(enum: EnumDescriptor) -> dict[int, str]:
    prefix = enum.values_by_number[0].name.removesuffix(_UNSPECIFIED)
    return {value.number: value.name.removeprefix(prefix) for value in enum.values if value.number != 0}


@cache
def _numbers(enum: EnumDescriptor) -> dict[str, int]:
    return {name: number for number, name in _names(enum).items()}


def term_of(enum: EnumDescriptor, number: int) -> str | None:
    """The vocabulary's name of an enum number, e.g. 6 of DataCategory is ``MENTAL_HEALTH``.

    None for the unspecified value. Raises KeyError for a number the contract does not define.
    """
    return None if number == 0 else _names(enum)[number]


def number_of(enum: EnumDescriptor, term: str | None) -> Any:
    """The enum number of a vocabulary's name; 0 for None. Raises KeyError for an unknown name."""
    return 0 if term is None else _numbers(enum)[term]
