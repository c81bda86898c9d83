"""The door finds a known certificate without the writer, and asks it about every other."""

import asyncio
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest

from consent_ledger.vocabulary import ServiceType
from hub.projections.certificates import CertificateKey
from hub.projections.consent_index import Agency, ConsentIndex
from hub.use_cases.agencies import agency_of_certificate, agency_speaking

URI = "https://example.org/agency/north"
KEY = sha256(b"key").digest()


class Writer:
    """A hub whose index is behind by the entry that authorised `URI` with `KEY`, unless it is `caught_up`."""

    def __init__(self, *, caught_up: bool) -> None:
        self.ledger_says = _index()
        self.projector = SimpleNamespace(index=self.ledger_says if caught_up else ConsentIndex())
        self.asked = 0

    async def execute(self, use_case: Any, caller: Any, **question: Any) -> Any:
        assert use_case is agency_of_certificate
        self.asked += 1
        work: Any = SimpleNamespace(index=self.ledger_says)
        return use_case(work, caller, **question)


def _index() -> ConsentIndex:
    index = ConsentIndex()
    keys = {URI: {KEY.hex(): CertificateKey(1, datetime(2026, 1, 1, tzinfo=UTC))}}
    agency = Agency("north", "North", "north", ServiceType.HOUSING, False, 1, certificates=keys)
    index.agencies["north"] = agency
    index.certificate_owner[URI] = "north"
    return index


@pytest.mark.parametrize(
    ("caught_up", "uri", "key", "agency_id", "asked"),
    [
        (True, URI, KEY, "north", 0),
        (False, URI, KEY, "north", 1),
        (True, URI, sha256(b"another key").digest(), None, 1),
        (True, URI + "/2", KEY, None, 1),
    ],
    ids=["known", "known since the last entry", "another key", "another name"],
)
def test_who_is_not_found_at_once_is_asked_for(
    caught_up: bool, uri: str, key: bytes, agency_id: str | None, asked: int
) -> None:
    hub: Any = Writer(caught_up=caught_up)

    assert asyncio.run(agency_speaking(hub, uri, key)) == agency_id
    assert hub.asked == asked
