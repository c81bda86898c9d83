"""Content as JSON values that read without this program: for copies that leave for good."""

from typing import Any

from google.protobuf.json_format import MessageToDict

from oncetold.v1 import records_pb2


def as_json(content: bytes) -> dict[str, Any]:
    """A record's content, its fields named as in the contract."""
    found: dict[str, Any] = MessageToDict(
        records_pb2.RecordContent.FromString(content), preserving_proto_field_name=True
    )
    return found
