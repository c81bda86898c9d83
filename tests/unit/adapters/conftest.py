"""What adapter tests share: a hub that answers, a key to sign with, and pauses too short to notice."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from tests.unit.adapters.fake_hub import FakeHub, serving
from tests.unit.adapters.feed import Setting


@pytest.fixture(scope="session")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def fake(key: ec.EllipticCurvePrivateKey) -> FakeHub:
    return FakeHub(key.public_key())


@pytest.fixture
def hub(fake: FakeHub) -> Iterator[Hub]:
    with serving(fake) as address, Hub(grpc.insecure_channel(address)) as connected:
        yield connected


@pytest.fixture
def quick() -> Backoff:
    return Backoff(attempts=3, first=0.001, longest=0.002, jitter=0.0)


@pytest.fixture
def setting(tmp_path: Path, hub: Hub, key: ec.EllipticCurvePrivateKey, quick: Backoff) -> Setting:
    return Setting(tmp_path / "sink.sqlite", hub, key, quick)
