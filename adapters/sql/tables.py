"""The tables that deliveries are kept in. Other programs of the agency may read them; only the adapter
writes.

A worker's screen reads `oncetold_elements` by `client_reference`, shows `content` with `origin_agency` and
times, and shows a row with `no_longer_updated` greyed. It never reads `oncetold_retained` as if it were
disclosed.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

# What one fragment is; the same in both tables that hold content.
_CONTENT: tuple[tuple[str, type | String], ...] = (
    ("client_reference", String(100)),
    ("origin_agency", String(40)),
    ("record_id", String(64)),
    ("record_type", String(40)),
    ("categories", String(400)),
    ("level", String(1)),
    ("service_type", String(40)),
    ("source_system", String(100)),
    ("content", Text),
)


def _content_columns() -> list[Column[str]]:
    return [Column(name, kind, nullable=False) for name, kind in _CONTENT]


ELEMENTS = Table(
    "oncetold_elements",
    METADATA,
    Column("feed_id", String(36), primary_key=True),
    Column("fragment_id", String(36), primary_key=True),
    *_content_columns(),
    # `categories`: names joined by commas. `content`: JSON of the record's type. `content_bytes`:
    # RecordContent, exact.
    Column("content_bytes", LargeBinary, nullable=False),
    Column("occurred_time", DateTime(timezone=True), nullable=False),
    Column("recorded_time", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    # JSON: [{"purpose": …, "agreement_id": …, "state": …}] and ["NORDSCLCD", …].
    Column("purposes", Text, nullable=False),
    Column("marks", Text, nullable=False),
    # ACTIVE, STOPPED or RESTRICTED: the best over the purposes.
    Column("state", String(10), nullable=False),
    Column("no_longer_updated", Boolean, nullable=False),
    Column("etag", String(32), nullable=False),
    Index("oncetold_elements_client", "client_reference"),
)

# What was retracted and is kept on a basis of the agency's own: no longer disclosed by the hub, never
# updated.
RETAINED = Table(
    "oncetold_retained",
    METADATA,
    Column("feed_id", String(36), primary_key=True),
    Column("fragment_id", String(36), primary_key=True),
    *_content_columns(),
    Column("content_bytes", LargeBinary, nullable=False),
    Column("occurred_time", DateTime(timezone=True), nullable=False),
    Column("recorded_time", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("own_basis", String(20), nullable=False),
    Column("retained_time", DateTime(timezone=True), nullable=False),
)

BOOKMARK = Table(
    "oncetold_bookmark",
    METADATA,
    Column("feed_id", String(36), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

# `state`: PENDING, SENT, or SUPERSEDED: of an epoch that is over, and not wanted by the hub.
RECEIPTS = Table(
    "oncetold_receipts",
    METADATA,
    Column("feed_id", String(36), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("state", String(10), nullable=False),
)

# Deliveries that could not be written, without their content; a reconciliation brings them again.
POISON = Table(
    "oncetold_poison",
    METADATA,
    Column("feed_id", String(36), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("fragment_id", String(36), nullable=False),
    Column("reason", String(60), nullable=False),
    Column("noted_time", DateTime(timezone=True), nullable=False),
)
