"""I10: after erasure completes no bytes that hub, database, logs or backups hold reveal what was erased.

A thief with every key of today and every copy of the database ever made, the ones from before the erasure
among them, tries each key on each ciphertext. Every proof given before still verifies; no partner holds it.
"""

import json
import logging
import re
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.kit.proofs import Checkpoint as Kept
from adapters.kit.proofs import LogProof, check_consistency, check_inclusion, leaf_hash
from consent_ledger.check import check_ledger
from oncetold.v1.consent_service_pb2 import GivenBy
from tests.erasure.asking import end_epoch, erase
from tests.erasure.thief import Loot, copied, dumped, steal
from tests.postgres import server
from tests.twins.cast import Cast, cast, note
from tests.twins.stage import Authority, Stage, stage

SEA, MOUNTAIN, REFERENCE = "Ask about the sea 7731.", "Ask about the mountain 4402.", "reference-rosa-9917"
SHARED = ("FAMILY", "SERVICE_CONTACT")


@dataclass
class Theft:
    """A world whose database is copied again and again."""

    world: Stage
    cast: Cast
    folder: Path
    ledger: str
    copies: list[Path] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.world.site.config.data

    def copy(self) -> Path:
        """One more backup."""
        to = self.folder / f"copy-{len(self.copies)}"
        self.copies.append(dumped(self.ledger, to) if self.ledger else copied(self.data, to))
        return self.copies[-1]

    def loot(self) -> Loot:
        """What is to be had today, out of all copies."""
        return steal(self.world.site.config.root_key, self.copies)


def vouched_for(loot: Loot) -> set[str]:
    """The clients named by agencies' words for their staff: base64 hides a reference from `holds`."""
    words = [word for text in loot.texts for word in re.findall(rb"eyJ[\w-]+\.(eyJ[\w-]+)\.[\w-]{86}", text)]
    return {str(json.loads(urlsafe_b64decode(word + b"==")).get("client")) for word in words}


@asynccontextmanager
async def theft(folder: Path, authority: Authority, ledger: str = "") -> AsyncIterator[Theft]:
    """Rosa told of the sea and of the mountain; the hostel has both."""
    async with stage(folder / "world", authority, ledger) as world:
        c = await cast(world, ends=dict.fromkeys(SHARED, "STOP"))
        await c.outreach.register(REFERENCE)
        for reference in ("rosa", REFERENCE):
            await c.outreach.grant(reference, SHARED, to="hostel")
            await c.outreach.publish(reference, f"sea-{reference}", note=note(SEA, "FAMILY"))
            await c.outreach.publish(reference, f"mountain-{reference}", note=note(MOUNTAIN, "FAMILY"))
        await c.hostel.drain()
        assert len(c.hostel.store) == 2
        yield Theft(world, c, folder, ledger)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def ledger(request: pytest.FixtureRequest) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """Where the ledger is, as in `hub.toml`, and further folders that it writes into."""
    if request.param == "SQLite":
        yield "", ()
        return
    database = server().create_database()
    yield server().url(database), (server().folder,)
    server().drop_database(database)


async def test_i10_nothing_that_is_kept_anywhere_reveals_what_was_erased(
    tmp_path: Path,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    ledger: tuple[str, tuple[Path, ...]],
) -> None:
    url, written = ledger
    with caplog.at_level(logging.DEBUG):
        async with theft(tmp_path, authority, url) as day:
            await day.cast.outreach.history(REFERENCE)
            day.copy()
            before = day.loot()
            assert before.holds(SEA) and before.holds(MOUNTAIN), "control: the thief opens what can be opened"
            assert REFERENCE in vouched_for(before), "control: her reference stands in the word for who read"

            await erase(day.cast.outreach, "rosa", "sea-rosa")
            await erase(day.cast.outreach, REFERENCE, "everything")
            await day.cast.hostel.drain()
            day.copy()
            assert day.loot().holds(SEA), "control: until the epoch ends an old copy still opens"

            await end_epoch(day.world)
            await day.cast.hostel.drain()
            day.copy()

            after = day.loot()
            assert not after.holds(SEA) and not after.holds(REFERENCE)
            assert REFERENCE not in vouched_for(after)
            assert after.holds(MOUNTAIN), "what was not erased is read as ever"
            assert not after.holds("sea-rosa") and after.holds("mountain-rosa"), "nor its name"
            held = [one.content.note.text.text for one in day.cast.hostel.store.values()]
            assert held == [MOUNTAIN]
            live = steal(day.world.site.config.root_key, [day.copies[-1]])
            lost = before.keys - after.keys
            assert lost, "control: keys did go"
            everything = b"".join(
                file.read_bytes()
                for folder in (day.data, tmp_path, *written)
                for file in sorted(folder.rglob("*"))
                if file.is_file() and "authority" not in file.parts
            )
            assert not [key for key in lost if key in everything]
            assert SEA.encode() not in everything and REFERENCE.encode() not in everything
            assert live.holds(MOUNTAIN) and not live.holds(SEA)
        assert SEA not in caplog.text and REFERENCE not in caplog.text
        assert check_ledger(url or str(day.data / "ledger.db"), day.world.site.config.root_key).damages == ()


async def test_i10_the_reference_of_whoever_spoke_for_another_goes_with_them(
    tmp_path: Path, authority: Authority
) -> None:
    """What Rosa agreed to stays, and that somebody spoke for her; not by what name her agency knew them."""
    async with theft(tmp_path, authority) as day:
        outreach, spoke = day.cast.outreach, GivenBy(client_reference=REFERENCE)
        granted = await outreach.grant("rosa", SHARED, to="hostel", given_by=spoke)

        async def speaker() -> GivenBy:
            choices = (await outreach.list_choices("rosa")).choices
            [given_by] = [one.grant.given_by for one in choices if one.choice_id == granted]
            return given_by

        assert await speaker() == spoke
        await erase(outreach, REFERENCE, "everything")
        assert await speaker() == GivenBy(client_reference="")
        await end_epoch(day.world)
        day.copy()
        assert day.loot().holds(MOUNTAIN) and not day.loot().holds(REFERENCE)
        await day.world.hub.rebuild()
        assert await speaker() == GivenBy(client_reference="")


async def test_i10_every_proof_given_before_still_verifies(tmp_path: Path, authority: Authority) -> None:
    async with theft(tmp_path, authority) as day:
        log, ledger_id = day.world.hub.log, day.world.hub.ledger.ledger_id
        size = await day.world.size()
        wait = timedelta(seconds=10)
        old = Kept.parse((await log.checkpoint(size, wait, cosigned=False)).note)
        entries = await log.entries(1, size)

        await erase(day.cast.outreach, "rosa", "sea-rosa")
        await end_epoch(day.world)
        await day.world.hub.rebuild()

        assert await log.entries(1, size) == entries, "what is published of an entry is what it was"
        new = Kept.parse((await log.checkpoint(await day.world.size(), wait, cosigned=False)).note)
        hashes, _ = await log.consistency_proof(old.size, new.size)
        check_consistency(old.size, old.root, new.size, new.root, hashes)
        for index, entry in enumerate(entries):
            written, proved = await log.inclusion_proof(ledger_id, index + 1, wait, cosigned=False)
            assert proved == entry
            proof = LogProof.parse(written)
            shown = Kept.parse(proof.checkpoint)
            check_inclusion(leaf_hash(entry), proof.index, shown.size, proof.hashes, shown.root)
