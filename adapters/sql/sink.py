"""Keeps deliveries in any SQL database: rows, receipts and bookmark in one transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, and_, delete, func, insert, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from adapters.kit import copies
from adapters.kit.copies import Copies, Copy
from adapters.kit.errors import ConfigInvalid, DeliveryNotWritten, SinkUnavailable
from adapters.kit.sink import Bookmark, HeldElement, PendingReceipt, SinkStatus, statement
from adapters.sql.copies import CHECKS, read_checks, still_in, try_checks
from adapters.sql.engine import open_engine
from adapters.sql.rows import Row, element_row, out_of_date_row, terms_row
from adapters.sql.tables import BOOKMARK, ELEMENTS, METADATA, POISON, RECEIPTS, RETAINED
from oncetold.v1.common_pb2 import DataCategory, LawfulBasis
from oncetold.v1.delivery_service_pb2 import Delivery

SETTINGS = {"kind", "url", "password_file", "keep_on_own_basis"} | copies.SETTINGS | set(CHECKS.values())


def open_sink(settings: Mapping[str, object], feed_id: str, folder: Path) -> "SqlSink":
    """Opens the sink of a `[sink]` table: `url`, and optionally `keep_on_own_basis`, a table from data
    category to the lawful basis under which the agency keeps it when it is retracted, and what the system
    keeps beside its rows. ConfigInvalid names what is wrong."""
    problems = [f"sink.{key} is not a setting." for key in sorted(set(settings) - SETTINGS)]
    kept = settings.get("keep_on_own_basis", {})
    bases: dict[str, str] = {}
    if not isinstance(kept, Mapping):
        problems.append("sink.keep_on_own_basis must be a section.")
    else:
        for category, basis in kept.items():
            if f"DATA_CATEGORY_{category}" not in DataCategory.keys()[1:]:
                problems.append(f"sink.keep_on_own_basis: {category} is not a data category.")
            elif f"LAWFUL_BASIS_{basis}" not in LawfulBasis.keys()[1:]:
                problems.append(f"sink.keep_on_own_basis.{category} must be a lawful basis such as A6_1_C.")
            else:
                bases[category] = str(basis)
    beside = copies.read_copies("sink", settings, problems)
    checks = read_checks("sink", settings, beside, problems)
    if problems:
        raise ConfigInvalid(problems)
    engine = open_engine("sink", settings, folder)
    sink = SqlSink(engine, feed_id, keep_on_own_basis=bases, beside=beside, checks=checks)
    try_checks(engine, checks)
    return sink


class SqlSink:
    """A `kit.sink.Sink` over SQLAlchemy. Two processes on one feed are safe: the bookmark's row is locked
    first."""

    def __init__(
        self,
        engine: Engine,
        feed_id: str,
        *,
        keep_on_own_basis: Mapping[str, str] | None = None,
        beside: Copies = copies.UNKNOWN,
        checks: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Makes the tables if they are missing. `keep_on_own_basis` maps data categories to lawful bases, by
        name; a fragment is kept when it names every one of the fragment's categories. `beside` says where
        else the system keeps things, and `checks` holds the query that looks into each cleared place.
        ValueError when a cleared place has none, SinkUnavailable without a database."""
        cleared = {place for place, copy in beside.beside.items() if copy is Copy.CLEARED}
        if cleared != set(checks or {}):
            raise ValueError("every cleared place, and no other, has a query that looks there")
        self._engine = engine
        self._feed_id = feed_id
        self._bases = dict(keep_on_own_basis or {})
        self._beside = beside
        self._checks = dict(checks or {})
        self._now = now
        with self._transaction() as connection:
            METADATA.create_all(connection)

    @property
    def beside(self) -> Copies:
        """See `Sink.beside`."""
        return self._beside

    def bookmark(self) -> Bookmark:
        """Where this sink stands."""
        with self._transaction() as connection:
            return self._bookmark(connection)

    def apply(
        self, deliveries: Sequence[Delivery], bookmark: Bookmark, put_aside: Mapping[int, str] | None = None
    ) -> list[PendingReceipt]:
        """See `Sink.apply`."""
        staged: list[PendingReceipt] = []
        with self._transaction() as connection:
            at = self._lock_bookmark(connection)
            if at.epoch != bookmark.epoch:
                # Another process reconciled meanwhile: this batch is of an epoch that is over.
                return []
            for delivery in deliveries:
                if delivery.sequence <= at.sequence:
                    continue
                reason = (put_aside or {}).get(delivery.sequence)
                if reason is not None:
                    with _blaming(delivery.sequence):
                        self._put_aside(connection, bookmark, delivery, reason)
                    continue
                with _blaming(delivery.sequence):
                    receipt = self._write(connection, bookmark, delivery)
                if receipt is not None:
                    staged.append(receipt)
            if bookmark.sequence > at.sequence:
                self._move_bookmark(connection, bookmark)
        return staged

    def note_blocked(self, delivery: Delivery, reason: str) -> None:
        """See `Sink.note_blocked`."""
        with self._transaction() as connection:
            self._note(connection, self._lock_bookmark(connection), delivery, reason)

    def pending_receipts(self, limit: int) -> list[PendingReceipt]:
        """See `Sink.pending_receipts`."""
        with self._transaction() as connection:
            rows = connection.execute(
                select(RECEIPTS.c.epoch, RECEIPTS.c.sequence, RECEIPTS.c.statement)
                .where(self._of_feed(RECEIPTS), RECEIPTS.c.state == "PENDING")
                .order_by(RECEIPTS.c.epoch.desc(), RECEIPTS.c.sequence)
                .limit(limit)
            )
            return [PendingReceipt(row.epoch, row.sequence, row.statement) for row in rows]

    def receipts_sent(self, receipts: Sequence[PendingReceipt]) -> None:
        """Notes that the hub accepted these receipts."""
        with self._transaction() as connection:
            for receipt in receipts:
                connection.execute(
                    update(RECEIPTS)
                    .where(
                        self._of_feed(RECEIPTS),
                        RECEIPTS.c.epoch == receipt.epoch,
                        RECEIPTS.c.sequence == receipt.sequence,
                    )
                    .values(state="SENT")
                )

    def supersede_receipts(self) -> int:
        """See `Sink.supersede_receipts`."""
        with self._transaction() as connection:
            epoch = self._bookmark(connection).epoch
            given_up = connection.execute(
                update(RECEIPTS)
                .where(self._of_feed(RECEIPTS), RECEIPTS.c.epoch < epoch, RECEIPTS.c.state == "PENDING")
                .values(state="SUPERSEDED")
            )
            return int(given_up.rowcount)

    def holdings(self, page: int, size: int) -> list[HeldElement]:
        """One page of what is held, ordered by fragment id. What is kept on an own basis is not held any
        more."""
        with self._transaction() as connection:
            rows = connection.execute(
                select(ELEMENTS.c.fragment_id, ELEMENTS.c.etag, ELEMENTS.c.client_reference)
                .where(self._of_feed(ELEMENTS))
                .order_by(ELEMENTS.c.fragment_id)
                .limit(size)
                .offset((page - 1) * size)
            )
            return [HeldElement(row.fragment_id, row.etag, row.client_reference) for row in rows]

    def adopt(self, bookmark: Bookmark) -> None:
        """See `Sink.adopt`."""
        with self._transaction() as connection:
            self._lock_bookmark(connection)
            connection.execute(delete(POISON).where(self._of_feed(POISON)))
            self._move_bookmark(connection, bookmark)

    def status(self) -> SinkStatus:
        """See `Sink.status`."""
        with self._transaction() as connection:
            at = self._bookmark(connection)
            poison = connection.execute(
                select(POISON.c.epoch, POISON.c.sequence, POISON.c.reason)
                .where(self._of_feed(POISON))
                .order_by(POISON.c.epoch, POISON.c.sequence)
            ).all()
            behind = [row for row in poison if (row.epoch, row.sequence) > (at.epoch, at.sequence)]
            return SinkStatus(
                bookmark=at,
                held=self._count(connection, ELEMENTS),
                receipts_to_send=self._count(connection, RECEIPTS, RECEIPTS.c.state == "PENDING"),
                put_aside=[(row.sequence, row.reason) for row in poison if row not in behind],
                retained=self._count(connection, RETAINED),
                blocked=[(row.sequence, row.reason) for row in behind],
            )

    def _write(self, connection: Connection, bookmark: Bookmark, delivery: Delivery) -> PendingReceipt | None:
        match delivery.WhichOneof("step"):
            case "disclose":
                self._keep(connection, delivery.disclose.fragment_id, _disclosed(delivery))
            case "correct":
                self._correct(connection, delivery)
            case "retract":
                return self._retract(connection, bookmark, delivery)
            case _:
                raise ValueError("a step that this adapter does not know")
        return None

    def _keep(self, connection: Connection, fragment_id: str, row: Row) -> None:
        """Writes a whole element. It replaces one of the same fragment, and takes it back from what was
        retained: it is disclosed again."""
        for table in (ELEMENTS, RETAINED, POISON):
            connection.execute(delete(table).where(self._is(table, fragment_id)))
        connection.execute(insert(ELEMENTS).values(feed_id=self._feed_id, fragment_id=fragment_id, **row))

    def _correct(self, connection: Connection, delivery: Delivery) -> None:
        correction = delivery.correct
        if correction.HasField("replacement"):
            row = element_row(correction.replacement, delivery.client_reference)
            # The correction's own terms and etag are what holds from now on.
            row |= terms_row(correction.terms, correction.etag) if correction.HasField("terms") else {}
            self._keep(connection, correction.fragment_id, row)
            return
        row = terms_row(correction.terms, correction.etag)
        changed = connection.execute(
            update(ELEMENTS)
            .where(self._is(ELEMENTS, correction.fragment_id))
            .values(client_reference=delivery.client_reference, **row)
        )
        if changed.rowcount != 1:
            # Its disclosure was put aside: without content there is nothing to change the terms of.
            raise DeliveryNotWritten(delivery.sequence, "NOT_HELD")

    def _retract(
        self, connection: Connection, bookmark: Bookmark, delivery: Delivery
    ) -> PendingReceipt | None:
        """Deletes the row, or moves it to what is retained, and stages the receipt that says which."""
        fragment_id = delivery.retract.fragment_id
        held = connection.execute(select(ELEMENTS).where(self._is(ELEMENTS, fragment_id))).mappings().first()
        basis = self._own_basis(str(held["categories"]).split(",")) if held is not None else None
        if held is not None and basis is not None:
            kept = {name: held[name] for name in (column.name for column in RETAINED.columns) if name in held}
            connection.execute(delete(RETAINED).where(self._is(RETAINED, fragment_id)))
            connection.execute(insert(RETAINED).values(**kept, own_basis=basis, retained_time=self._now()))
        # Whatever was kept earlier is still here, so the receipt must not say "erased".
        basis = connection.execute(
            select(RETAINED.c.own_basis).where(self._is(RETAINED, fragment_id))
        ).scalar_one_or_none()
        for table in (ELEMENTS, POISON):
            connection.execute(delete(table).where(self._is(table, fragment_id)))
        # Deleted is what can no longer be read: a trigger, a rule or a view may have kept it.
        if connection.execute(select(ELEMENTS.c.etag).where(self._is(ELEMENTS, fragment_id))).first():
            raise DeliveryNotWritten(delivery.sequence, "STILL_THERE")
        done = self._now()
        left = still_in(connection, self._checks, fragment_id)
        staged = statement(
            bookmark,
            delivery,
            answer=copies.answer(self._beside, done, still_in=left, own_basis=basis is not None),
            done=done,
            own_basis=LawfulBasis.Value(f"LAWFUL_BASIS_{basis or 'UNSPECIFIED'}"),
        )
        stated = and_(RECEIPTS.c.epoch == bookmark.epoch, RECEIPTS.c.sequence == staged.sequence)
        if connection.execute(select(RECEIPTS.c.state).where(self._of_feed(RECEIPTS), stated)).first():
            # Carried out before, while another retraction held up the bookmark: it is stated already.
            return None
        connection.execute(
            insert(RECEIPTS).values(
                feed_id=self._feed_id,
                epoch=bookmark.epoch,
                sequence=staged.sequence,
                statement=staged.statement,
                state="PENDING",
            )
        )
        return staged

    def _own_basis(self, categories: list[str]) -> str | None:
        """The basis under which all of these categories are kept: one basis for all, or none."""
        bases = {self._bases.get(category) for category in categories}
        return bases.pop() if len(bases) == 1 else None

    def _put_aside(self, connection: Connection, bookmark: Bookmark, delivery: Delivery, reason: str) -> None:
        if delivery.WhichOneof("step") == "correct":
            # What is held is out of date, or may no longer be used so: nobody may take it for current.
            held = self._is(ELEMENTS, delivery.correct.fragment_id)
            purposes = connection.execute(select(ELEMENTS.c.purposes).where(held)).scalar_one_or_none()
            if purposes is not None:
                connection.execute(update(ELEMENTS).where(held).values(**out_of_date_row(purposes)))
        self._note(connection, bookmark, delivery, reason)

    def _note(self, connection: Connection, bookmark: Bookmark, delivery: Delivery, reason: str) -> None:
        step = delivery.WhichOneof("step")
        fragment_id = getattr(delivery, step).fragment_id if step is not None else ""
        connection.execute(
            delete(POISON).where(
                self._of_feed(POISON),
                POISON.c.epoch == bookmark.epoch,
                POISON.c.sequence == delivery.sequence,
            )
        )
        connection.execute(
            insert(POISON).values(
                feed_id=self._feed_id,
                epoch=bookmark.epoch,
                sequence=delivery.sequence,
                fragment_id=fragment_id,
                reason=reason,
                noted_time=self._now(),
            )
        )

    def _bookmark(self, connection: Connection, *, lock: bool = False) -> Bookmark:
        query = select(BOOKMARK.c.epoch, BOOKMARK.c.sequence).where(self._of_feed(BOOKMARK))
        row = connection.execute(query.with_for_update() if lock else query).first()
        return (
            Bookmark(self._feed_id, 1, 0) if row is None else Bookmark(self._feed_id, row.epoch, row.sequence)
        )

    def _lock_bookmark(self, connection: Connection) -> Bookmark:
        """The bookmark, held until the transaction ends. SQLite has no row locks: writing first takes its
        one lock."""
        moved = connection.execute(
            update(BOOKMARK).where(self._of_feed(BOOKMARK)).values(sequence=BOOKMARK.c.sequence)
        )
        if moved.rowcount == 0:
            connection.execute(insert(BOOKMARK).values(feed_id=self._feed_id, epoch=1, sequence=0))
        return self._bookmark(connection, lock=True)

    def _move_bookmark(self, connection: Connection, bookmark: Bookmark) -> None:
        connection.execute(
            update(BOOKMARK)
            .where(self._of_feed(BOOKMARK))
            .values(epoch=bookmark.epoch, sequence=bookmark.sequence)
        )

    def _count(self, connection: Connection, table: Table, condition: Any = None) -> int:
        query = select(func.count()).select_from(table).where(self._of_feed(table))
        if condition is not None:
            query = query.where(condition)
        return int(connection.execute(query).scalar_one())

    def _of_feed(self, table: Table) -> Any:
        return table.c.feed_id == self._feed_id

    def _is(self, table: Table, fragment_id: str) -> Any:
        return and_(self._of_feed(table), table.c.fragment_id == fragment_id)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction; whatever the database says becomes SinkUnavailable, without its text, which may
        hold rows."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise SinkUnavailable(type(error).__name__) from None


def _disclosed(delivery: Delivery) -> Row:
    return element_row(delivery.disclose, delivery.client_reference)


@contextmanager
def _blaming(sequence: int) -> Iterator[None]:
    """Tells an error that is about one delivery's values from one that is about the database."""
    try:
        yield
    except DataError:
        raise DeliveryNotWritten(sequence, "VALUE_NOT_ACCEPTED") from None
    except IntegrityError:
        raise DeliveryNotWritten(sequence, "CONSTRAINT_BROKEN") from None
    except DBAPIError:
        raise  # the connection, the disk, a right or a table: not this delivery's fault
    except (StatementError, ValueError):
        raise DeliveryNotWritten(sequence, "NOT_UNDERSTOOD") from None
