"""Row 18: the adapter dies when a batch is durable and nobody was told. Each delivery has just one effect."""

import random
import sqlite3
from collections import Counter
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner
from adapters.sql.engine import open_engine
from adapters.sql.sink import SqlSink
from oncetold.v1 import delivery_service_pb2
from tests.faults import processes
from tests.faults.children import Nursery, nursery
from tests.faults.effects import Sent, count_effects, wrong_effects
from tests.faults.figures import Figures, rounds
from tests.unit.adapters.certificates import pem
from tests.unit.adapters.fake_hub import FEED, FakeHub, serving
from tests.unit.adapters.feed import element, fragment


def _lived(folder: Path, seed: int, kills: int, figures: Figures) -> None:
    chance = random.Random(seed)
    key = ec.generate_private_key(ec.SECP256R1())
    fake = FakeHub(key.public_key())
    (folder / "key.pem").write_bytes(pem(key))
    database = folder / "sink.sqlite"
    count_effects(database, FEED)
    told: dict[int, Sent] = {}
    held: set[int] = set()
    with serving(fake) as address, nursery(folder) as home:
        for _ in range(kills):
            for _ in range(chance.randint(1, 4)):
                _tell(fake, told, held, chance)
            assert _dies(home, address, folder) == 9, home.log.read_text()[-3000:]
            unacknowledged = len(fake.queue)
            assert unacknowledged > 0, "it acknowledged what it was killed before"
        engine = open_engine("sink", {"url": "sqlite:///sink.sqlite"}, folder)
        sink = SqlSink(engine, FEED)
        with Hub(grpc.insecure_channel(address)) as hub:
            signer = ReceiptSigner.from_file(folder / "key.pem")
            Runner(hub, sink, signer, FeedSettings(FEED), backoff=processes.IMPATIENT).run(once=True)
        assert sink.status().put_aside == [] and not fake.queue
        engine.dispose()
    transactions, wrong = wrong_effects(database, told)
    assert wrong == []
    with sqlite3.connect(database) as connection:
        rows = {found for (found,) in connection.execute("SELECT fragment_id FROM oncetold_elements")}
        kinds = Counter(kind for (kind,) in connection.execute("SELECT kind FROM effects"))
    connection.close()
    assert rows == {fragment(number) for number in held}
    retracted = {sequence for sequence, one in told.items() if one.retracts}
    assert set(fake.receipts) == retracted and kinds["receipted"] == len(retracted)
    assert kinds["came"] == len(told) - len(retracted)
    figures.update(
        {"kills between applying and acknowledging": kills, "deliveries": len(told)},
        transactions=transactions,
    )
    figures["duplicated effects"] = figures["missing effects"] = 0


def _tell(fake: FakeHub, told: dict[int, Sent], held: set[int], chance: random.Random) -> None:
    if held and chance.random() < 0.4:
        number = chance.choice(sorted(held))
        held.discard(number)
        gone = delivery_service_pb2.Retraction(fragment_id=fragment(number))
        told[fake.queue_delivery(retract=gone).sequence] = Sent(fragment(number), True, False)
        return
    number = len(told) + 1
    held.add(number)
    told[fake.queue_delivery(disclose=element(number)).sequence] = Sent(fragment(number), False, True)


def _dies(home: Nursery, address: str, folder: Path) -> int:
    home.start(
        "adapter", "apply_and_die", address, str(folder / "sink.sqlite"), str(folder / "key.pem"), FEED
    )
    return home.wait("adapter")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_kills_between_applying_and_acknowledging(
    tmp_path: Path, seed: int, figures: Figures
) -> None:
    _lived(tmp_path, seed, rounds(1000, "ONCETOLD_KILLS"), figures)
