"""Elements as a hub sends them, and one adapter over one database file that can die and start again."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import create_engine, event, text

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings
from adapters.kit.copies import NOTHING_ELSE
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner
from adapters.sql.sink import SqlSink
from oncetold.v1 import common_pb2, delivery_service_pb2, records_pb2
from tests.unit.adapters.certificates import pem
from tests.unit.adapters.fake_hub import FEED

ACTIVE = delivery_service_pb2.PERMISSION_STATE_ACTIVE
STOPPED = delivery_service_pb2.PERMISSION_STATE_STOPPED
RESTRICTED = delivery_service_pb2.PERMISSION_STATE_RESTRICTED


def fragment(number: int) -> str:
    return str(uuid.UUID(int=number, version=4))


def terms(*states: "delivery_service_pb2.PermissionState.ValueType") -> delivery_service_pb2.Terms:
    purposes = [
        delivery_service_pb2.PermittedPurpose(purpose=index, agreement_id="a-1", state=state)  # type: ignore[arg-type]
        for index, state in enumerate(states or (ACTIVE,), start=1)
    ]
    return delivery_service_pb2.Terms(purposes=purposes, marks=[common_pb2.HANDLING_MARK_NORDSCLCD])


def element(
    number: int,
    mode: str = "street",
    category: "common_pb2.DataCategory.ValueType" = common_pb2.DATA_CATEGORY_SERVICE_CONTACT,
) -> delivery_service_pb2.Element:
    made = delivery_service_pb2.Element(
        fragment_id=fragment(number),
        categories=[category],
        level=common_pb2.SENSITIVITY_LEVEL_N,
        content=records_pb2.RecordContent(
            contact=records_pb2.Contact(mode=common_pb2.Coding(system="test:mode", code=mode))
        ),
        terms=terms(),
        etag=f"{number:032x}",
    )
    made.envelope.record_id = str(uuid.UUID(int=number))
    made.envelope.origin_agency_id = "hostel"
    made.envelope.service_type = common_pb2.SERVICE_TYPE_HOSTEL
    made.envelope.occurred_time.FromDatetime(datetime(2026, 3, 1, tzinfo=UTC))
    made.envelope.recorded_time.FromDatetime(datetime(2026, 3, 2, tzinfo=UTC))
    made.envelope.revision = 1
    return made


class Setting:
    """One adapter over one SQLite file; `start` is a fresh process."""

    def __init__(self, path: Path, hub: Hub, key: ec.EllipticCurvePrivateKey, quick: Backoff) -> None:
        self.engine = create_engine(f"sqlite:///{path}")
        # These processes die, the machine does not: waiting for its disk would only cost time.
        event.listen(self.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
        self.hub, self.signer, self.quick = hub, ReceiptSigner(pem(key)), quick
        self.pauses: list[Exception] = []
        self.keep: dict[str, str] = {}
        self.beside = NOTHING_ELSE
        self.checks: dict[str, str] = {}

    def sink(self) -> SqlSink:
        return SqlSink(self.engine, FEED, keep_on_own_basis=self.keep, beside=self.beside, checks=self.checks)

    def start(self, sink: Any = None, *, reconcile: bool = False) -> Any:
        feed = FeedSettings(FEED, max_items=8, wait_seconds=0, attempts=2)
        runner = Runner(
            self.hub, sink or self.sink(), self.signer, feed, backoff=self.quick, on_pause=self.pauses.append
        )
        return runner.run(once=True, reconcile=reconcile)

    def rows(self, table: str = "oncetold_elements") -> list[Mapping[str, Any]]:
        with self.engine.connect() as connection:
            order = "sequence" if table in ("oncetold_receipts", "oncetold_poison") else "fragment_id"
            return [
                dict(row)
                for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings()
            ]

    def refuse_code(self, code: str) -> None:
        """Makes the agency's database refuse rows whose content holds a code."""
        self.sink()
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "CREATE TRIGGER refusing BEFORE INSERT ON oncetold_elements "
                    f"WHEN NEW.content LIKE '%{code}%' BEGIN SELECT RAISE(ABORT, 'agency rule'); END"
                )
            )
