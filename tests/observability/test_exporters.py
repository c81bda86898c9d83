"""Where figures go never stands in the way of a call: a page for this machine, a collector that may hang."""

import importlib
import socket
import threading
import time
import urllib.error
import urllib.request
from types import ModuleType
from uuid import UUID

import pytest

from hub.telemetry import Exporters, TelemetryUnavailable
from hub.telemetry import exporters as room
from hub.telemetry.exporters import STOP_SECONDS
from hub.telemetry.providers import INSTRUMENTS
from hub.use_cases.standing import FeedStanding, Standing
from hub.use_cases.witnesses import WitnessStanding
from tests.observability.collector import collector, deaf_endpoint
from tests.observability.page import samples, scrape

STANDING = Standing(
    False,
    True,
    7,
    1,
    2,
    0,
    (FeedStanding(UUID(int=7), "northside", 130, 1),),
    (WitnessStanding("northside", 130),),
    False,
)
REGISTER = "oncetold.v1.RegistrationService.RegisterClient"


def call(exporters: Exporters, times: int = 1) -> None:
    for _ in range(times):
        with exporters.telemetry.call(REGISTER) as one:
            one.ended(0)


def test_a_collector_gets_spans_and_figures_at_the_latest_when_the_hub_stops() -> None:
    with collector() as received:
        exporters = Exporters.start(otlp=f"http://127.0.0.1:{received.port}")
        call(exporters, 3)
        exporters.telemetry.figures.committed(1, 1, 0.001, "")
        exporters.telemetry.figures.stands(STANDING)
        exporters.stop()

    for figure in INSTRUMENTS:
        assert figure.encode() in b"".join(received.metrics), figure
    assert b"".join(received.spans).count(REGISTER.encode()) >= 3
    assert b"host.name" not in received.everything and b"process." not in received.everything


def test_a_collector_that_hangs_holds_up_neither_calls_nor_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "SEND_EVERY_SECONDS", 0.2)
    with deaf_endpoint() as (port, taken):
        exporters = Exporters.start(prometheus="127.0.0.1:0", otlp=f"http://127.0.0.1:{port}")
        began = time.monotonic()
        call(exporters, 5_000)
        took = time.monotonic() - began
        assert exporters.page is not None
        page = scrape(exporters.page.port)
        until = time.monotonic() + 10
        while not taken and time.monotonic() < until:
            time.sleep(0.05)
        began = time.monotonic()
        exporters.stop()
        stopped = time.monotonic() - began

    assert taken, "the exporter did try"
    assert took < 5, "more than a millisecond a call is a wait"
    assert [one.value for one in samples(page) if one.name == "oncetold_calls_total"] == [5_000]
    assert stopped < STOP_SECONDS + 2


def test_a_collector_that_is_not_there_holds_up_nothing_either() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    exporters = Exporters.start(otlp=f"http://127.0.0.1:{port}")
    call(exporters, 1_000)
    began = time.monotonic()
    exporters.stop()

    assert time.monotonic() - began < STOP_SECONDS + 2


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ({"prometheus": "127.0.0.1:0"}, "prometheus_client"),
        ({"otlp": "http://127.0.0.1:1"}, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter"),
    ],
)
def test_a_missing_extra_is_named(
    asked: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def without(name: str) -> ModuleType:
        if name == missing:
            raise ModuleNotFoundError(name)
        return real(name)

    monkeypatch.setattr(room, "import_module", without)

    with pytest.raises(TelemetryUnavailable) as refused:
        Exporters.start(**asked)

    assert refused.value.details["setting"] == f"telemetry.{next(iter(asked))}"
    assert "oncetold[hub,telemetry]" in refused.value.next_step


def test_a_taken_address_is_refused_by_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(TelemetryUnavailable) as refused:
        Exporters.start(prometheus=f"127.0.0.1:{other.getsockname()[1]}")

    assert refused.value.details["setting"] == "telemetry.prometheus"


def test_the_page_is_the_only_thing_served(capfd: pytest.CaptureFixture[str]) -> None:
    exporters = Exporters.start(prometheus="127.0.0.1:0")
    assert exporters.page is not None
    port = exporters.page.port
    for path in ("/", "/metrics/", "/Zoe?x=1", "/debug", "/%0aZoe"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5)
        answer = refused.value.read() + str(refused.value.headers).encode()
        assert refused.value.code == 404 and b"Zo" not in answer and b"Python" not in answer
    with socket.create_connection(("127.0.0.1", port)) as broken:
        broken.sendall(b"Zoe\r\n\r\n")
        assert b"Zo" not in broken.recv(1000)
    exporters.stop()

    assert capfd.readouterr() == ("", ""), "no path that somebody asked for is written down"


def test_readers_that_never_ask_take_no_room_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.telemetry.page._Handler.timeout", 0.5)
    exporters = Exporters.start(prometheus="127.0.0.1:0")
    assert exporters.page is not None
    before = threading.active_count()
    idle = [socket.create_connection(("127.0.0.1", exporters.page.port)) for _ in range(40)]
    time.sleep(0.2)
    assert threading.active_count() - before <= 8
    time.sleep(0.6)
    page = scrape(exporters.page.port)
    exporters.stop()
    for one in idle:
        one.close()

    assert samples(page)
