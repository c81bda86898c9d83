"""A client's statement that disputes a record: which one, in whose words its id is written.

The publisher's own record ids never leave its agency. A recipient knows the disputed record by the id that
its envelope has there, so the statement has to name that one, or it would stand beside nothing.
"""

from consent_ledger.vocabulary import DataCategory
from hub.records.splitter import stricter
from oncetold.v1 import records_pb2

_NUMBER = records_pb2.RecordContent.DESCRIPTOR.fields_by_name["client_statement"].number
_LENGTH_DELIMITED = 2
_TAG = _NUMBER << 3 | _LENGTH_DELIMITED
STATEMENT = bytes((_TAG & 0x7F | 0x80, _TAG >> 7))
"""How the content of every client's statement begins, and no other's: looked at for each fragment sent."""


def disputed(content: bytes) -> str:
    """The publisher's id of the record that a fragment disputes; empty when it disputes none."""
    if not content.startswith(STATEMENT):
        return ""
    return records_pb2.RecordContent.FromString(content).client_statement.disputes_record_id


def naming(content: bytes, record_id: str) -> bytes:
    """The same fragment, naming the disputed record by the recipient's id of it."""
    named = records_pb2.RecordContent.FromString(content)
    named.client_statement.disputes_record_id = record_id
    return named.SerializeToString(deterministic=True)


def categories_of_pointer(about: frozenset[DataCategory]) -> frozenset[DataCategory]:
    """What a pointer at a record with these categories is about: each, or the client's own story if stricter.

    Who may not know the record may not learn that there is one to dispute.
    """
    return frozenset(stricter(DataCategory.OWN_STORY, category) for category in about)
