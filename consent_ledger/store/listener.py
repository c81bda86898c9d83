"""Hears that other processes appended: a thread of its own, with a connection of its own (LISTEN).

What it hears wakes and never authorises. So nothing depends on hearing everything, nor in time.
"""

import os
import selectors
import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from consent_ledger.errors import StorageError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds between attempts to connect again."""


class Listener:
    """Calls `heard` after each notification of another replica, and once after every new connection."""

    def __init__(
        self, connect: Callable[[], Connection], channel: str, replica: str, heard: Callable[[], None]
    ) -> None:
        """`replica`: what this process says itself carries it, and is passed over."""
        self._connect = connect
        self._channel = channel
        self._replica = replica
        self._heard = heard
        self._closing = threading.Event()
        self._end, self._ending = os.pipe()
        self._thread = threading.Thread(target=self._work, name="ledger-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Returns once the connection is given back."""
        self._closing.set()
        os.close(self._ending)
        self._thread.join()
        os.close(self._end)

    def _work(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing.is_set():
            with suppress(StorageError, SQLAlchemyError, psycopg.Error, OSError):
                connection = self._connect()
                pause = _FIRST_PAUSE
                try:
                    self._listen(connection)
                finally:
                    connection.close()
                    connection.engine.dispose()
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _listen(self, connection: Connection) -> None:
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, psycopg.Connection)
        driver.autocommit = True
        driver.execute(f'LISTEN "{self._channel}"')
        self._heard()  # for whatever was said while nobody listened
        with selectors.DefaultSelector() as waiting:
            waiting.register(driver.fileno(), selectors.EVENT_READ)
            waiting.register(self._end, selectors.EVENT_READ)
            while not self._closing.is_set():
                waiting.select()
                if any(note.payload != self._replica for note in driver.notifies(timeout=0)):
                    self._heard()
