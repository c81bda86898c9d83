"""How decisions to share are shown: an object for a program, a line for a person."""

from typing import Any

from adapters.kit.mais_request import word
from oncetold.v1 import common_pb2, sharing_pb2


def decided_line(row: dict[str, Any]) -> str:
    """A decision for a person."""
    end = "over" if row["ended"] else f"until {row['until_time']}"
    what = ", ".join(row["categories"])
    return f"{row['decision_id']}  {row['kind']}  {row['client_reference']} to {row['to']}: {what}, {end}"


def waiting_line(row: dict[str, Any]) -> str:
    """An override that waits for a lead, for a person."""
    who = f"{row['client_reference']} to {row['to']}, by {row['asked_by']}"
    return f"{row['override_id']}  waits for a lead  {who}"


def decided_row(one: sharing_pb2.Decision) -> dict[str, Any]:
    """A decision for a program."""
    return {
        "decision_id": one.decision_id,
        "client_reference": one.client_reference,
        "kind": word(sharing_pb2.DecisionKind, one.kind),
        "to": one.recipient_agency_id,
        "categories": [word(common_pb2.DataCategory, category) for category in one.categories],
        "decided_by": one.decided_by,
        "countersigned_by": one.countersigned_by,
        "until_time": one.until_time.ToJsonString(),
        "ended": one.ended,
        "why": one.why,
    }


def waiting_row(one: sharing_pb2.PendingOverride) -> dict[str, Any]:
    """An override that waits for a lead, for a program."""
    return {
        "override_id": one.override_id,
        "client_reference": one.client_reference,
        "to": one.recipient_agency_id,
        "categories": [word(common_pb2.DataCategory, category) for category in one.categories],
        "asked_by": one.asked_by,
        "until_time": one.until_time.ToJsonString(),
        "why": one.why,
    }
