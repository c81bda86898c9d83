"""What a judged risk means beyond its words: how long it lasts, and whom it concerns besides the client.

Codes count in whatever coding system they stand. Sources: SAFETY H18 and H25, and the contract's `Risk`.
"""

from datetime import UTC, datetime

from consent_ledger.errors import Refused
from oncetold.v1 import record_service_pb2, records_pb2

TO_OTHERS = frozenset({"worker", "public", "child"})
ALLEGED = "alleged"

_SET_BY_THE_HUB = frozenset({"do_not_visit_alone", "ring"})


def is_risk_to_others(content: records_pb2.RecordContent) -> bool:
    """Whether it says that a worker, the public or a child is at risk: then it is not the client's alone."""
    return content.risk.risk_to.code in TO_OTHERS


def risk_stub(telephone: str) -> bytes:
    """All that is left of a risk to others once permission ended: do not visit alone, and whom to ring.

    An empty telephone number: nobody is appointed who could be rung. Answers a serialised RecordContent.
    """
    stub = records_pb2.Risk(do_not_visit_alone=True, ring=telephone or None)
    return records_pb2.RecordContent(risk=stub).SerializeToString(deterministic=True)


def refuse_what_the_hub_sets(content: records_pb2.RecordContent, path: str) -> None:
    """Raises INVALID_FIELD for a published stub: an agency's own would pass for the hub's warning."""
    for field, _ in content.risk.ListFields():
        if field.name in _SET_BY_THE_HUB:
            where = f"{path}content.risk.{field.name}"
            raise Refused("INVALID_FIELD", field=where, rule="set by the hub only")


def review_by(record: record_service_pb2.Record) -> datetime | None:
    """When the record leaves delivery unless it is affirmed again; `None`: never by itself.

    What is only alleged and has no outcome ends twelve months after it occurred, however late its author
    would look again. A later revision is judged anew.
    """
    own = record.review_by_time.ToDatetime(UTC) if record.HasField("review_by_time") else None
    risk = record.content.risk
    if risk.source.code != ALLEGED or risk.HasField("outcome"):
        return own
    ends = a_year_after(record.occurred_time.ToDatetime(UTC))
    return ends if own is None else min(own, ends)


def a_year_after(moment: datetime) -> datetime:
    """Twelve calendar months on, at the same time of day; 29 February becomes 28 February."""
    try:
        return moment.replace(year=moment.year + 1)
    except ValueError:
        return moment.replace(year=moment.year + 1, day=28)
