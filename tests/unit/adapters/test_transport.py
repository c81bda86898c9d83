"""A connection that does not come about is explained in plain English; one that does is mutual TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from adapters.kit import reasons
from adapters.kit.client import Hub
from adapters.kit.config import HubSettings
from adapters.kit.errors import ConfigInvalid, HubRefused, HubUnreachable
from adapters.kit.transport import probe, read_certificate
from oncetold.v1.delivery_service_pb2 import FetchDeliveriesRequest
from oncetold.v1.error_reason_pb2 import ErrorReason
from tests.unit.adapters.certificates import Authority, Issued, pem
from tests.unit.adapters.fake_hub import FEED, FakeHub, refuse, serving

URI = "https://hostel.example.org/oncetold"
FETCH = FetchDeliveriesRequest(feed_id=FEED, epoch=1, max_items=1)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("the hub's authority")


def settings(folder: Path, authority: Authority, issued: Issued, address: str) -> HubSettings:
    certificate, key = issued.write(folder, "agency")
    ca = folder / "ca.pem"
    ca.write_bytes(authority.certificate)
    return HubSettings(address, ca, certificate, key)


@contextmanager
def secured(fake: FakeHub, authority: Authority, *, host: str = "localhost", days: int = 5) -> Iterator[str]:
    issued = authority.issue(host=host, days=days)
    credentials = grpc.ssl_server_credentials(
        [(pem(issued.key), issued.certificate)],
        root_certificates=authority.certificate,
        require_client_auth=True,
    )
    with serving(fake, credentials) as address:
        yield address.replace("127.0.0.1", "localhost")


def refusal(chosen: HubSettings) -> HubUnreachable:
    """What a call says, and that `check` says the same."""
    with Hub.connect(chosen) as hub, pytest.raises(HubUnreachable) as caught:
        hub.fetch(FETCH)
    probed = probe(chosen)
    assert probed is not None and probed.code == caught.value.code
    assert caught.value.next_step and caught.value.__cause__ is None
    return caught.value


def test_with_the_right_files_the_hub_answers(tmp_path: Path, authority: Authority, fake: FakeHub) -> None:
    with secured(fake, authority) as address:
        chosen = settings(tmp_path, authority, authority.issue(uris=(URI,)), address)
        assert read_certificate(chosen, datetime.now(UTC)).uri == URI
        assert probe(chosen) is None
        with Hub.connect(chosen) as hub:
            assert hub.fetch(FETCH).access.index == 1


def test_nothing_listens(tmp_path: Path, authority: Authority) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"localhost:{taken.getsockname()[1]}"
        said = refusal(settings(tmp_path, authority, authority.issue(uris=(URI,)), address))
    assert said.code == "PORT_CLOSED" and said.retryable and "Nothing listens" in str(said)


def test_the_hubs_name_is_another(tmp_path: Path, authority: Authority, fake: FakeHub) -> None:
    with secured(fake, authority, host="hub.example.org") as address:
        chosen = settings(tmp_path, authority, authority.issue(uris=(URI,)), address)
        said = refusal(chosen)
        assert said.code == "HUB_CERTIFICATE_NAME" and not said.retryable and "server_name" in str(said)
        named = replace(chosen, server_name="hub.example.org")
        assert probe(named) is None
        with Hub.connect(named) as hub:
            assert hub.fetch(FETCH).access.index == 1


def test_the_hubs_certificate_expired(tmp_path: Path, authority: Authority, fake: FakeHub) -> None:
    with secured(fake, authority, days=-1) as address:
        said = refusal(settings(tmp_path, authority, authority.issue(uris=(URI,)), address))
    assert said.code == "HUB_CERTIFICATE_EXPIRED" and "clock" in str(said)


def test_the_hubs_authority_is_unknown(tmp_path: Path, authority: Authority, fake: FakeHub) -> None:
    with secured(fake, authority) as address:
        chosen = settings(tmp_path, Authority("another"), authority.issue(uris=(URI,)), address)
        assert refusal(chosen).code == "HUB_CA_UNKNOWN"


def test_our_certificate_is_another_hubs(tmp_path: Path, authority: Authority, fake: FakeHub) -> None:
    with secured(fake, authority) as address:
        chosen = settings(tmp_path, authority, Authority("another").issue(uris=(URI,)), address)
        assert refusal(chosen).code == "CERTIFICATE_NOT_ACCEPTED"


def test_a_hub_that_dies_while_we_connect_is_waited_for(tmp_path: Path, authority: Authority) -> None:
    """It hangs up just like one that does not know our certificate, but only once."""
    certificate, key = authority.issue(host="localhost").write(tmp_path, "hub")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"localhost:{listening.getsockname()[1]}"

        def die() -> None:
            accepted, _ = listening.accept()
            context.wrap_socket(accepted, server_side=True).close()
            listening.close()

        dying = threading.Thread(target=die)
        dying.start()
        said = probe(settings(tmp_path, authority, authority.issue(uris=(URI,)), address))
        dying.join()
    assert said is not None and said.code == "PORT_CLOSED" and said.retryable


def test_what_answers_speaks_only_an_older_tls(tmp_path: Path, authority: Authority) -> None:
    """As where an office's firewall opens connections to look into them."""
    certificate, key = authority.issue(host="localhost").write(tmp_path, "hub")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    shaken = []
    with socket.create_server(("localhost", 0)) as listening:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    accepted, _ = listening.accept()
                    with suppress(ssl.SSLError), accepted:
                        shaken.append(context.wrap_socket(accepted, server_side=True).version())

        answering = threading.Thread(target=answer)
        answering.start()
        address = f"localhost:{listening.getsockname()[1]}"
        said = refusal(settings(tmp_path, authority, authority.issue(uris=(URI,)), address))
        listening.shutdown(socket.SHUT_RDWR)
        answering.join()
    assert said.code == "TLS_TOO_OLD" and not said.retryable
    assert shaken == [], "our side of gRPC spoke it"


def test_what_answers_does_not_speak_tls(tmp_path: Path, authority: Authority, fake: FakeHub) -> None:
    with serving(fake) as address:
        chosen = settings(tmp_path, authority, authority.issue(uris=(URI,)), address)
        said = refusal(chosen)
    assert said.code in {"NOT_TLS", "CONNECTION_BROKEN", "TLS_FAILED"}


def test_a_hub_that_is_silent(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.kit.transport.PROBE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        said = probe(settings(tmp_path, authority, authority.issue(uris=(URI,)), address))
    assert said is not None and said.code == "NO_ANSWER" and said.retryable


@pytest.mark.parametrize(
    ("issued", "words"),
    [
        ({"uris": (URI,), "days": -1}, "expired"),
        ({"uris": (URI, URI + "/2")}, "exactly one URI name, and holds 2"),
        ({"host": "localhost"}, "exactly one URI name, and holds 0"),
    ],
)
def test_our_certificate_is_checked_before_anything_is_sent(
    issued: dict[str, object], words: str, tmp_path: Path, authority: Authority
) -> None:
    chosen = settings(tmp_path, authority, authority.issue(**issued), "localhost:1")  # type: ignore[arg-type]
    with pytest.raises(ConfigInvalid, match=words):
        Hub.connect(chosen)


def test_no_certificate_a_foreign_key_and_an_open_key_file(tmp_path: Path, authority: Authority) -> None:
    chosen = settings(tmp_path, authority, authority.issue(uris=(URI,)), "localhost:1")
    now = datetime.now(UTC)
    with pytest.raises(ConfigInvalid, match=r"there is no file nowhere\.pem"):
        read_certificate(replace(chosen, certificate_file=tmp_path / "nowhere.pem"), now)
    chosen.key_file.chmod(0o604)
    with pytest.raises(ConfigInvalid, match="chmod 600"):
        read_certificate(chosen, now)
    _, foreign = authority.issue(uris=(URI,)).write(tmp_path, "foreign")
    with pytest.raises(ConfigInvalid, match="does not belong"):
        read_certificate(replace(chosen, key_file=foreign), now)
    with pytest.raises(ConfigInvalid, match="begins on"):
        read_certificate(replace(chosen, key_file=foreign), now - timedelta(days=100))


def test_a_refusal_is_typed_and_says_what_to_do_next(hub: Hub, fake: FakeHub) -> None:
    fake.before = lambda method, context: refuse(context, "EPOCH_CHANGED", epoch="7")
    with pytest.raises(HubRefused) as caught:
        hub.fetch(FETCH)
    error = caught.value
    assert (error.reason, error.metadata, error.retryable) == ("EPOCH_CHANGED", {"epoch": "7"}, False)
    assert error.next_step == reasons.NEXT_STEP["EPOCH_CHANGED"] and "words" not in str(error)


def test_an_answer_that_is_not_the_hubs_is_a_refusal_without_its_text(hub: Hub, fake: FakeHub) -> None:
    fake.before = lambda method, context: context.abort(
        grpc.StatusCode.PERMISSION_DENIED, "proxy says secret"
    )
    with pytest.raises(HubRefused) as caught:
        hub.fetch(FETCH)
    assert caught.value.reason == "PERMISSION_DENIED" and "secret" not in str(caught.value)


def test_every_reason_of_the_contract_has_a_next_step() -> None:
    names = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.DESCRIPTOR.values_by_name}
    assert names - {"UNSPECIFIED"} == set(reasons.NEXT_STEP)
    assert names >= reasons.ABOUT_ONE_RECORD
