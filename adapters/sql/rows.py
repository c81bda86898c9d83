"""One element as one row: what a worker's screen can query, beside the exact bytes."""

import json
from datetime import UTC, datetime

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from oncetold.v1.common_pb2 import DataCategory, HandlingMark, Purpose, SensitivityLevel, ServiceType
from oncetold.v1.delivery_service_pb2 import Element, PermissionState, Terms

BEST_FIRST = ("ACTIVE", "STOPPED", "RESTRICTED")
Row = dict[str, object]


def element_row(element: Element, client_reference: str) -> Row:
    """Every column of an element except feed and fragment id. ValueError for a value this adapter does not
    know."""
    envelope = element.envelope
    record_type = element.content.WhichOneof("type")
    if record_type is None:
        raise ValueError("no content of a known type")
    body = getattr(element.content, record_type)
    content = MessageToDict(body, preserving_proto_field_name=True)
    return {
        "client_reference": client_reference,
        "origin_agency": envelope.origin_agency_id,
        "record_id": envelope.record_id,
        "record_type": record_type,
        "categories": ",".join(
            DataCategory.Name(category).removeprefix("DATA_CATEGORY_") for category in element.categories
        ),
        "level": SensitivityLevel.Name(element.level).removeprefix("SENSITIVITY_LEVEL_"),
        "service_type": ServiceType.Name(envelope.service_type).removeprefix("SERVICE_TYPE_"),
        "source_system": envelope.source_system,
        "content": json.dumps(content, ensure_ascii=False, sort_keys=True),
        "content_bytes": element.content.SerializeToString(deterministic=True),
        "occurred_time": _instant(envelope.occurred_time),
        "recorded_time": _instant(envelope.recorded_time),
        "revision": envelope.revision,
        **terms_row(element.terms, element.etag),
    }


def terms_row(terms: Terms, etag: str) -> Row:
    """The columns that terms decide. ValueError for terms without a purpose: nothing would permit holding
    it."""
    purposes = [
        {
            "purpose": Purpose.Name(row.purpose).removeprefix("PURPOSE_"),
            "agreement_id": row.agreement_id,
            "state": PermissionState.Name(row.state).removeprefix("PERMISSION_STATE_"),
        }
        for row in terms.purposes
    ]
    states = {row["state"] for row in purposes}
    state = next((name for name in BEST_FIRST if name in states), None)
    if state is None:
        raise ValueError("no purpose permits it")
    marks = [HandlingMark.Name(mark).removeprefix("HANDLING_MARK_") for mark in terms.marks]
    return {
        "purposes": json.dumps(purposes),
        "marks": json.dumps(marks),
        "state": state,
        "no_longer_updated": state != "ACTIVE",
        "etag": etag,
    }


def out_of_date_row(purposes: str) -> Row:
    """The columns of a row whose correction could not be written, from its purposes: shown greyed, and under
    an etag that the hub never gave, so that a reconciliation brings it anew."""
    restricted = [row | {"state": "RESTRICTED"} for row in json.loads(purposes)]
    return {
        "purposes": json.dumps(restricted),
        "state": "RESTRICTED",
        "no_longer_updated": True,
        "etag": "0" * 32,
    }


def _instant(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
