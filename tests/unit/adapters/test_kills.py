"""The adapter's process is killed again and again while it receives: in the end each delivery had one
effect."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from oncetold.v1 import delivery_service_pb2
from tests.unit.adapters.certificates import pem
from tests.unit.adapters.fake_hub import FakeHub, serving
from tests.unit.adapters.feed import Setting, element, fragment

ROOT = Path(__file__).resolve().parents[3]
KILLS = 30
PER_KILL = 12
CHILD = """
import sys
from pathlib import Path
import grpc
from sqlalchemy import create_engine
from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings
from adapters.kit.copies import NOTHING_ELSE
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner
from adapters.sql.sink import SqlSink
from tests.unit.adapters.fake_hub import FEED

address, database, key = sys.argv[1:]
sink = SqlSink(create_engine(f"sqlite:///{database}"), FEED, beside=NOTHING_ELSE)
feed = FeedSettings(FEED, max_items=2, wait_seconds=0)
runner = Runner(Hub(grpc.insecure_channel(address)), sink, ReceiptSigner.from_file(Path(key)), feed)
print("ready", flush=True)
runner.run()
"""


@pytest.mark.slow
def test_killed_again_and_again(
    tmp_path: Path, key: ec.EllipticCurvePrivateKey, fake: FakeHub, quick: Backoff
) -> None:
    chance = random.Random(17)
    (tmp_path / "key.pem").write_bytes(pem(key))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")])}
    expected: set[str] = set()
    retracted, number, unfinished = 0, 0, 0
    with serving(fake) as address:
        command = [
            sys.executable,
            "-c",
            CHILD,
            address,
            str(tmp_path / "kills.sqlite"),
            str(tmp_path / "key.pem"),
        ]
        for _ in range(KILLS):
            for _ in range(PER_KILL):
                if expected and chance.random() < 0.3:
                    gone = chance.choice(sorted(expected))
                    expected.discard(gone)
                    retracted += 1
                    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=gone))
                else:
                    number += 1
                    expected.add(fragment(number))
                    fake.queue_delivery(disclose=element(number))
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
                assert process.stdout is not None and process.stdout.readline() == b"ready\n"
                time.sleep(chance.uniform(0.0, 0.15))
                process.kill()
            unfinished += bool(fake.queue)
        with Hub(grpc.insecure_channel(address)) as hub:
            setting = Setting(tmp_path / "kills.sqlite", hub, key, quick)
            setting.start()
            assert {row["fragment_id"] for row in setting.rows()} == expected
            assert setting.sink().status().put_aside == []
    assert unfinished > KILLS // 10, "hardly any kill came while there was work"
    assert len(fake.receipts) == retracted and fake.acknowledged == fake.last_sequence
