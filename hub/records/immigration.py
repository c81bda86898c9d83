"""What tells of somebody's immigration status by inference: the hub calls it that, whatever its author did.

Country of origin, nationality, leave to remain and the language an interpreter speaks come under many names,
and a mapping puts them under equality or identity (SAFETY H23). Their codes say what they are: by the words
of the question and the answer, or by a coding system that is only of countries or languages. Doubt falls on
the safe side: an English speaker's language is held back like any other, or its absence would tell.
"""

from functools import lru_cache

from google.protobuf.message import Message

from consent_ledger.vocabulary import DEFAULT_LEVEL, DataCategory, Level
from hub.records.words import holds, phrases, words_of
from oncetold.v1 import common_pb2, records_pb2

_STEMS = (
    *("country", "countries", "nationalit", "citizen", "immigra", "asylum", "refugee", "deport", "nrpf"),
    *("language", "interpreter", "birthplace"),
)
"""Wherever they stand, also run together with others."""

_TELLING = phrases(
    *("place of birth", "birth place", "place of origin", "born abroad", "migrant", "migration", "overseas"),
    *("visa", "visas", "evisa", "leave to remain", "leave to enter", "settled status", "settlement status"),
    *("brp", "residence permit", "biometric residence", "right to work", "right to rent", "right to reside"),
    *(
        "no recourse",
        "recourse to public funds",
        "public funds",
        "home office",
        "nass",
        "ukvi",
        "ilr",
        "euss",
    ),
    *("eea", "eu national", "foreign national", "habitual residence", "date of entry", "entered uk"),
    *("entry to uk", "uk entry", "arrival in uk", "arrived in uk", "uk arrival"),
    *("interpreting", "interpretation", "translation", "translator", "mother tongue"),
    *("esol", "speaks english", "english speaker", "english proficiency"),
)
_NOT_TELLING = phrases("sign language", "bsl", "makaton", "speech and language", "language disorder")
"""How somebody deaf, or with a speech disorder, is to be spoken with."""

_SYSTEMS = (
    "urn:ietf:bcp:47",
    "urn:ietf:rfc:3066",
    "urn:ietf:rfc:5646",
    "urn:oid:1.0.639",
    "urn:oid:1.0.3166",
)
_SYSTEM_WORDS = phrases("iso 3166", "iso 639", "bcp 47")
"""Coding systems of countries and languages alone."""

_LOINC = {"54588-9", "54899-0"}
"""Interpreter needed; preferred language."""

_TELLS_NOTHING_MORE = frozenset({DataCategory.EQUALITY})


@lru_cache(maxsize=8192)
def _tells(system: str, code: str) -> bool:
    if system.startswith(_SYSTEMS) or holds(words_of(system), _SYSTEM_WORDS):
        return True
    if code in _LOINC and "loinc" in system.lower():
        return True
    return any(_is_telling(one) for one in (system, code))


def _is_telling(written: str) -> bool:
    words, small = words_of(written), written.lower()
    return not holds(words, _NOT_TELLING) and (
        any(stem in small for stem in _STEMS) or holds(words, _TELLING)
    )


def tells_of_immigration(part: Message) -> bool:
    """Whether a part of a record's content is of immigration: an answer, a question left unasked, a code."""
    match part:
        case common_pb2.Coding():
            return _tells(part.system, part.code)
        case common_pb2.CategorisedAnswer():
            return tells_of_immigration(part.question) or tells_of_immigration(part.coded)
        case records_pb2.UnaskedQuestion():
            return tells_of_immigration(part.question)
        case _:
            return False


def with_what_it_tells(category: DataCategory, part: Message) -> tuple[DataCategory, ...]:
    """What a part is about, of the category given: that of immigration where it tells of it.

    What its author called it stays beside where that says something of its own, so that nobody learns of
    a diagnosis or of abuse from the language that was asked about there.
    """
    if not tells_of_immigration(part):
        return (category,)
    own = DEFAULT_LEVEL[category] is not Level.N and category not in _TELLS_NOTHING_MORE
    return tuple(sorted({DataCategory.IMMIGRATION, category} if own else {DataCategory.IMMIGRATION}))
