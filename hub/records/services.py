"""Whoever reads which service somebody was sent to learns why: a refuge tells of abuse (VOCABULARY 1.6).

An envelope says so of the service that recorded it. Here is what stands in a record of another: to whom it
refers, who leads now, which service was met. Where that is a service of which nobody may know without being
named, it goes under that service's own category, and the rest goes as before. Services are known by the names
under which they take part, and by words that say what they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message

from consent_ledger.vocabulary import DEFAULT_LEVEL, ENVELOPE_CATEGORY, DataCategory, Level, ServiceType
from hub.records.immigration import tells_of_immigration
from hub.records.splitter import SplitFragment, put
from hub.records.words import Phrase, holds, phrases, words_of
from oncetold.v1 import common_pb2, records_pb2

_CONTACT = (DataCategory.SERVICE_CONTACT.value,)
_ABUSE = phrases(
    *("refuge", "women s aid", "womens aid", "womensaid", "idva", "isva", "rape crisis", "marac"),
    *("domestic abuse", "domestic violence", "domesticabuse", "domesticviolence", "sexual assault", "sarc"),
)
_SEXUAL_HEALTH = phrases(
    *("sexual health", "sexualhealth", "gum clinic", "genitourinary", "hiv", "sti clinic", "sex work"),
    *("sex worker", "sex workers", "abortion", "termination of pregnancy"),
)


def named(agency_id: str, name: str, service_type: ServiceType) -> dict[Phrase, DataCategory]:
    """How an agency may be written, and what that tells; nothing of a service that anybody may know."""
    category = ENVELOPE_CATEGORY[service_type]
    if DEFAULT_LEVEL[category] is not Level.V:
        return {}
    return {words: category for one in (agency_id, name) if (words := words_of(one))}


def told_apart(
    fragments: Sequence[SplitFragment], record_type: str, known: Mapping[Phrase, DataCategory]
) -> list[SplitFragment]:
    """A record's fragments, with what names such a service apart from other contact with services.

    `record_type`: its field in RecordContent; empty for what the contract does not know.
    """
    found = {(one.categories, one.free_text): one for one in fragments}
    contact = found.pop((_CONTACT, False), None)
    if contact is None or not record_type:
        return list(fragments)
    whole = records_pb2.RecordContent.FromString(contact.content)
    parts = _parts(whole, record_type, known)
    if parts.keys() == {None}:
        return list(fragments)
    for category, part in parts.items():
        categories = _CONTACT if category is None else (category.value,)
        level = DEFAULT_LEVEL[category or DataCategory.SERVICE_CONTACT].value
        beside = found.get((categories, False))
        if beside is not None:
            part.MergeFrom(records_pb2.RecordContent.FromString(beside.content))
        written = part.SerializeToString(deterministic=True)
        found[categories, False] = replace(
            beside or contact, categories=categories, level=level, content=written
        )
    return [found[key] for key in sorted(found)]


def _parts(
    whole: records_pb2.RecordContent, kind: str, known: Mapping[Phrase, DataCategory]
) -> dict[DataCategory | None, records_pb2.RecordContent]:
    """The content by what it tells of a service; `None`: nothing."""
    parts: dict[DataCategory | None, records_pb2.RecordContent] = {}
    for field, value in getattr(whole, kind).ListFields():
        for item in value if field.is_repeated else (value,):
            told = next((one for text in _texts(item) if (one := _kind_of(text, known)) is not None), None)
            # A code that tells of immigration, the splitter knows already.
            if told is None and isinstance(item, str) and tells_of_immigration(common_pb2.Coding(code=item)):
                told = DataCategory.IMMIGRATION
            part = parts.setdefault(told, records_pb2.RecordContent())
            put(getattr(part, kind), field, item)
    return parts


def _texts(part: Any) -> Iterator[str]:
    match part:
        case str():
            yield part
        case common_pb2.Coding():
            yield part.code
        case common_pb2.CategorisedAnswer():
            yield from (part.question.code, part.coded.code)
        case Message():
            return


def _kind_of(text: str, known: Mapping[Phrase, DataCategory]) -> DataCategory | None:
    words = words_of(text)
    if holds(words, _ABUSE):
        return DataCategory.DOMESTIC_ABUSE
    if holds(words, _SEXUAL_HEALTH):
        return DataCategory.SEXUAL_HEALTH
    if words in known:
        return known[words]
    # A name of several words may stand among others; one word alone would be found everywhere.
    longer = (one for one in known if len(one) > 1 and holds(words, frozenset({one})))
    return next((known[one] for one in longer), None)
