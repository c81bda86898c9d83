"""Where somebody sleeps, for whoever could move them on, fine or detain them (SAFETY H23).

A location is taken for a sleep site unless its record says otherwise: what is not known falls on the safe
side. Codes are read by their words, in whatever coding system.
"""

from google.protobuf.message import Message

from hub.records.words import holds, phrases, words_of
from oncetold.v1 import common_pb2, records_pb2

_ROOF = phrases(
    *(
        "hostel",
        "shelter",
        "house",
        "housing",
        "flat",
        "apartment",
        "bedsit",
        "hotel",
        "bed and breakfast",
        "b b",
    ),
    *("tenancy", "tenant", "rented", "owner occupied", "owned", "home", "supported accommodation", "room"),
    *(
        "temporary accommodation",
        "refuge",
        "residential",
        "care home",
        "hospital",
        "ward",
        "prison",
        "custody",
    ),
)
_OUTSIDE = phrases(
    *("rough", "street", "streets", "tent", "camp", "encampment", "doorway", "park", "outside", "outdoors"),
    *("car", "vehicle", "van", "bus", "squat", "squatting", "derelict", "abandoned", "stairwell", "bridge"),
    *("not meant for", "garage", "shed", "bedded down", "no fixed abode", "homeless", "none"),
)
_ASKS_WHERE = phrases(
    *("sleep site", "sleeping site", "sleepsite", "sleep location", "sleeping location", "sleeping place"),
    *(
        "sleep spot",
        "sleeping spot",
        "where sleeping",
        "where they sleep",
        "bedding down",
        "bedded down location",
    ),
    *("bedded down at", "rough sleeping location", "rough sleeping site", "tent location", "pitch location"),
)


def names_no_sleep_site(content: records_pb2.RecordContent) -> bool:
    """Whether the location in a record is surely not where the person sleeps without a roof.

    An appointment's place is the service's; a stay under a roof, or a meeting with somebody who had not
    bedded down, says so itself.
    """
    match content.WhichOneof("type"):
        case "appointment":
            return True
        case "accommodation":
            return _under_a_roof(content.accommodation.kind)
        case "contact":
            met = content.contact
            if met.bedded_down or _outside(met.living_situation) or _outside(met.place_type):
                return False
            return met.HasField("bedded_down") or _under_a_roof(met.living_situation)
        case _:
            return False


def asks_where_they_sleep(part: Message) -> bool:
    """Whether an answer says where somebody sleeps, whatever its author called it."""
    return isinstance(part, common_pb2.CategorisedAnswer) and holds(words_of(part.question.code), _ASKS_WHERE)


def _under_a_roof(kind: common_pb2.Coding) -> bool:
    return holds(words_of(kind.code), _ROOF) and not _outside(kind)


def _outside(kind: common_pb2.Coding) -> bool:
    return holds(words_of(kind.code), _OUTSIDE)
