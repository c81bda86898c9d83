"""Hands checkpoints to witnesses that are reached over HTTP (C2SP tlog-witness, `add-checkpoint`).

Their answers are believed as little as anybody's: only lines that verify with an authorised key are taken.
"""

import asyncio
import base64
import http.client
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

from consent_ledger.errors import LedgerClosed, OnceToldError, Refused
from hub.use_cases.witnesses import Offer, Witnesses

EVERY_SECONDS = 45.0
"""A ledger in which nothing happens is handed over again so often."""
AFTER_FAILURE_SECONDS = 20.0
CALL_SECONDS = 15.0
"""For each of an answer's pieces."""
ANSWER_SECONDS = 30.0
"""For the whole of it: a witness may send a byte at a time."""
MOST_BYTES = 64 * 1024

log = logging.getLogger(__name__)


class Said(NamedTuple):
    """A witness's answer over HTTP; status 0 for none."""

    status: int
    body: bytes


_NO_ANSWER = Said(0, b"")


class HandingOver:
    """One witness's URL. `run` goes on until cancelled."""

    def __init__(self, witnesses: Witnesses, url: str) -> None:
        self._witnesses = witnesses
        self._url = url
        self._old_size = 0
        self._last: Offer | None = None
        self._posting: threading.Thread | None = None

    async def run(self) -> None:
        """Hands over each checkpoint; a witness that is away, or refuses, is asked again later."""
        said = ""
        while True:
            problem = await self._step()
            if problem and problem != said:
                fields = {"reason": problem}
                log.warning("a witness did not cosign", extra={"event": "WITNESS_REFUSED", "fields": fields})
            said = problem
            if problem == "LEDGER_CLOSED":
                return
            if problem:
                await asyncio.sleep(AFTER_FAILURE_SECONDS)

    async def _step(self) -> str:
        """The next checkpoint, or the last once more. What went wrong, as a code; empty for nothing."""
        try:
            offer = await self._witnesses.offered(self._url, self._old_size, timedelta(seconds=EVERY_SECONDS))
            if self._witnesses.are_stopping:
                return "LEDGER_CLOSED"
            if offer is None:
                if self._last is None:
                    return ""
                offer = self._last._replace(proof=[])
            return await self._hand(offer)
        except LedgerClosed:
            return "LEDGER_CLOSED"
        except OnceToldError as refusal:
            if isinstance(refusal, Refused) and refusal.code == "BEYOND_LEDGER":
                # It cosigned more than this ledger has: the operator has to know (rollback, FAULTS).
                return "WITNESS_IS_AHEAD"
            return refusal.code

    async def _hand(self, offer: Offer) -> str:
        size = offer.checkpoint.size
        said = await self._said(_body(self._old_size, offer))
        if said.status == 200:
            if not await self._witnesses.add_lines(size, said.body):
                return "UNKNOWN_WITNESS"
            self._old_size, self._last = size, offer
            return ""
        if said.status == 409 and said.body.strip().isdigit() and len(said.body) < 25:
            stands = int(said.body)
            if stands == self._old_size:
                return "OTHER_ROOT"
            self._old_size, self._last = stands, None
            return ""
        return f"HTTP_{said.status}" if said.status else "NO_ANSWER"

    async def _said(self, body: bytes) -> Said:
        """Asks on a thread for which a hub that stops does not wait, one at a time."""
        if self._posting is not None and self._posting.is_alive():
            return _NO_ANSWER
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Said] = loop.create_future()

        def arrived(said: Said) -> None:
            if not answered.done():
                answered.set_result(said)

        def post() -> None:
            said = _post(self._url, body)
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(arrived, said)

        self._posting = threading.Thread(target=post, name="witness", daemon=True)
        self._posting.start()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answered
        except TimeoutError:
            return _NO_ANSWER


def _body(old_size: int, offer: Offer) -> bytes:
    lines: Sequence[str] = [f"old {old_size}", *(base64.b64encode(one).decode() for one in offer.proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + offer.note


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Only the address that the operator wrote down is called, whatever the one there answers."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _post(url: str, body: bytes) -> Said:
    # The settings allow http and https only.
    request = urllib.request.Request(f"{url.rstrip('/')}/add-checkpoint", body, method="POST")  # noqa: S310
    try:
        return _answered(request)
    except (OSError, http.client.HTTPException):  # the second: what came is no HTTP
        return _NO_ANSWER


def _answered(request: urllib.request.Request) -> Said:
    try:
        with _OPENER.open(request, timeout=CALL_SECONDS) as answer:
            return Said(answer.status, answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            return Said(error.code, error.read(MOST_BYTES))
