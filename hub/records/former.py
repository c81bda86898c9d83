"""Who somebody was before is nobody's record: former names and changes of sex marker stay home (SAFETY H28).

Passing them on without the person's word may be an offence (Gender Recognition Act 2004 s.22). They are given
as matching details, where they find other registrations and are kept nowhere.
"""

from collections.abc import Iterator
from functools import lru_cache

from google.protobuf.message import Message

from consent_ledger.errors import Refused
from hub.records.words import holds, phrases, words_of
from oncetold.v1 import common_pb2, records_pb2

FORMER = phrases(
    *("former name", "previous name", "name at birth", "birth name", "maiden name", "dead name", "deadname"),
    *("former surname", "previous surname", "former forename", "previous forename", "former nhs number"),
    *("sex marker change", "sex marker changed", "change of sex marker", "former sex", "previous sex"),
    *("gender marker change", "former gender", "previous gender", "change of gender", "gender change"),
    *("gender reassignment", "gender history", "gender recognition", "trans history", "transition date"),
    *(
        "sex at birth",
        "sex assigned at birth",
        "gender at birth",
        "same as at birth",
        "same as sex registered",
    ),
)
"""What an answer or a change is about, in whatever coding system and however written."""


@lru_cache(maxsize=8192)
def _says(code: str) -> bool:
    return holds(words_of(code), FORMER)


def refuse_what_was_before(content: records_pb2.RecordContent, path: str) -> None:
    """Raises INVALID_FIELD for a record that says who somebody was, or a wish not to be asked it: that tells
    that there is something to ask."""
    kind = content.WhichOneof("type")
    if kind is None:
        return
    record: Message = getattr(content, kind)
    for field, value in record.ListFields():
        if field.message_type is None:
            continue
        for at, item in enumerate(value if field.is_repeated else (value,)):
            for name, coding in _codings(item):
                if _says(coding.code):
                    where = f"{field.name}[{at}]" if field.is_repeated else field.name
                    field_path = ".".join(filter(None, (f"{path}content.{kind}", where, name)))
                    raise Refused("INVALID_FIELD", field=field_path, rule="matching details only")


def _codings(part: Message) -> Iterator[tuple[str, common_pb2.Coding]]:
    """The codes of a part, by the field each stands in; empty for the part itself."""
    match part:
        case common_pb2.Coding():
            yield "", part
        case common_pb2.CategorisedAnswer():
            yield "question", part.question
            yield "coded", part.coded
        case records_pb2.UnaskedQuestion():
            yield "question", part.question
