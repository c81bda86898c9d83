"""A hub as it is really started: page, log, a collector that hangs, and callers who would make series."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest

from hub.config import LogSettings, TelemetrySettings, write_config
from hub.limit_settings import LimitSettings
from hub.telemetry.exporters import STOP_SECONDS
from oncetold.v1 import agency_service_pb2, registration_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.integration.loopback import Site, bare, make_site, operator_channel, register
from tests.integration.story import request_id
from tests.observability.collector import deaf_endpoint
from tests.observability.page import scrape, series
from tests.privacy import person
from tests.privacy.scanner import hits
from tests.privacy.world import channel_of

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")])}
CALLERS = 64
STRANGE_CALLS = 10_000


def serving(data: Path, prometheus: str) -> list[str]:
    """The command that serves a hub with a page of figures."""
    return [sys.executable, "-m", "hub", "--data", str(data), "serve", "--prometheus", prometheus]


@dataclass
class Served:
    """A hub in a process of its own."""

    site: Site
    process: "subprocess.Popen[bytes]"
    port: int
    metrics_port: int
    errors: Path

    def stop(self) -> float:
        """Ends it as systemd does; the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        return time.monotonic() - began


@contextmanager
def served(folder: Path, otlp: str = "") -> Iterator[Served]:
    site = make_site(folder)
    write_config(
        replace(
            site.config,
            telemetry=TelemetrySettings(otlp=otlp),
            log=LogSettings("json", "debug"),
            # On a fast machine an agency's share would be used up before the last of the strange calls.
            limits=LimitSettings(calls_per_second=STRANGE_CALLS),
        )
    )
    errors = folder / "stderr"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(
            [*serving(site.config.data, "127.0.0.1:0"), "--json"],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        port, metrics_port = (int(told[name].rpartition(":")[2]) for name in ("address", "metrics"))
        yield Served(site, process, port, metrics_port, errors)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


@pytest.mark.slow
def test_a_collector_that_hangs_costs_the_hub_nothing_but_seconds_at_its_stop(tmp_path: Path) -> None:
    async def call(hub: Served, times: int) -> float:
        async with operator_channel(hub.site) as channel:
            stub, began = AgencyServiceStub(channel), time.monotonic()
            for _ in range(times):
                await stub.ListAgencies(agency_service_pb2.ListAgenciesRequest(), timeout=5)
            return time.monotonic() - began

    with deaf_endpoint() as (port, taken), served(tmp_path, f"http://127.0.0.1:{port}") as hub:
        took = asyncio.run(call(hub, 300))
        stopped = hub.stop()
        assert taken, "the collector was called"
        lines = [json.loads(line) for line in hub.errors.read_text().splitlines()]

    assert took < 10
    assert stopped < STOP_SECONDS + 5
    events = [line["event"] for line in lines if line["logger"] == "hub.cli.commands.operate"]
    assert events == ["BEING_FOUNDED", "SERVING", "STOPPING"]


@pytest.mark.slow
def test_ten_thousand_strange_calls_over_the_wire_make_no_series(tmp_path: Path) -> None:
    """Unknown methods; people's words in metadata, ids, references and fields; bytes that are no message."""

    async def attack(hub: Served) -> tuple[int, int]:
        keys = await register(hub.site, "outreach")
        done = 0
        async with channel_of(hub.site, hub.port, keys) as channel:
            stub = RegistrationServiceStub(channel)

            async def strange(number: int) -> None:
                nonlocal done
                text = f"{person.REFERENCES['outreach']}-{number}"
                message = registration_service_pb2.RegisterClientRequest(
                    request_id=text, client_reference=f"{text} {person.FAMILY.encode('ascii', 'replace')!r}"
                )
                beside = (("note", text), ("oncetold-agency", text), ("traceparent", text))
                ways = (
                    lambda: bare(channel, f"/oncetold.v1.RegistrationService/{text}")(b""),
                    lambda: bare(channel, f"/{text}/Register")(b"", metadata=beside),
                    lambda: bare(channel, "/oncetold.v1.RecordService/PublishRecords")(text.encode()),
                    lambda: stub.RegisterClient(message, metadata=beside),
                )
                with pytest.raises(grpc.aio.AioRpcError):
                    await ways[number % len(ways)]()
                done += 1

            async def several(numbers: range) -> None:
                for number in numbers:
                    await strange(number)

            for way in range(4):
                await strange(way)
            before = series(await asyncio.to_thread(scrape, hub.metrics_port))
            await asyncio.gather(*(several(range(first, STRANGE_CALLS, CALLERS)) for first in range(CALLERS)))
            # One that is as it should be: afterwards as well served as before.
            await stub.RegisterClient(
                registration_service_pb2.RegisterClientRequest(
                    request_id=request_id(), client_reference="ours"
                )
            )
            page = await asyncio.to_thread(scrape, hub.metrics_port)
        new = {labels for name, labels in series(page) - before if name == "oncetold_calls_total"}
        assert {dict(labels)["rpc_grpc_status_code"] for labels in new} == {"0"}, (
            "the good call's series alone"
        )
        assert hits(page, person.WORDS) == set()
        return done, len(new)

    with served(tmp_path) as hub:
        done, new = asyncio.run(attack(hub))
        hub.stop()
        assert hits(hub.errors.read_bytes(), person.WORDS) == set()

    assert done == STRANGE_CALLS + 4 and new == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [("0.0.0.0:9464", "other machines could read it"), ("9464", "not a host and port")],
)
def test_the_page_is_refused_where_others_could_read_it(address: str, said: str, tmp_path: Path) -> None:
    site = make_site(tmp_path)
    done = subprocess.run(
        serving(site.config.data, address),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert said in " ".join(done.stderr.split()) and "Traceback" not in done.stderr


def test_a_taken_page_is_told_in_a_sentence_and_the_hub_lets_go_of_its_ledger(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = subprocess.run(
            serving(site.config.data, address),
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert "telemetry.prometheus" in done.stderr and "Traceback" not in done.stderr
