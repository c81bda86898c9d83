"""What is wrong around a call rather than in it: certificates, clock, keys, another hub, a taken port."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from adapters.kit.client import Hub
from adapters.kit.config import HubSettings
from adapters.kit.errors import AdapterError, ConfigInvalid, HubRefused, HubUnreachable
from consent_ledger.errors import KeyFileRefused, LedgerInUse, OnceToldError
from hub import pki
from hub.bootstrap import RunningHub, running_hub
from hub.config import Config, ConfigError
from tests.clock import ManualClock
from tests.integration.bad_requests import REGISTER, Known, registering
from tests.integration.loopback import Site, adapter_channel, refusal, register
from tests.integration.served import call

NOBODY = Known("", "")


def size(running: RunningHub) -> int:
    return running.hub.ledger.submit(lambda transaction: transaction.size).result(10)


async def told(running: RunningHub, settings: HubSettings) -> AdapterError:
    """What the adapter says when it calls with these settings."""

    def work() -> AdapterError:
        request = registering()(NOBODY)
        with pytest.raises(AdapterError) as failure, Hub.connect(settings) as hub:
            hub.register(request)  # type: ignore[arg-type]
        return failure.value

    return await asyncio.to_thread(work)


async def test_the_adapter_explains_what_the_transport_refuses_by_itself(site: Site) -> None:
    now = datetime.now(UTC)
    elsewhere = pki.create_authority(site.pki_folder / "other", now)
    foreign = pki.issue_adapter(elsewhere, site.pki_folder / "other", "hostel", now)
    async with running_hub(site.config) as running:
        member = await register(site, "hostel")
        stranger = site.issue("stranger")

        def using(credentials: pki.Credentials) -> HubSettings:
            address = f"localhost:{running.port}"
            return HubSettings(address, site.authority.certificate, credentials.certificate, credentials.key)

        before = size(running)
        not_accepted = await told(running, using(foreign))
        missing = await told(running, replace(using(member), certificate_file=Path("no-certificate.pem")))
        unknown = await told(running, using(stranger))

        assert isinstance(not_accepted, HubUnreachable) and not not_accepted.retryable
        assert not_accepted.code == "CERTIFICATE_NOT_ACCEPTED"
        assert isinstance(missing, ConfigInvalid) and "no-certificate.pem" in missing.message
        assert isinstance(unknown, HubRefused) and unknown.reason == "UNKNOWN_CERTIFICATE"
        assert all(error.next_step for error in (not_accepted, missing, unknown))
        assert size(running) == before
        async with adapter_channel(site, running, member) as channel:
            await call(channel, REGISTER, registering()(NOBODY))


@pytest.mark.parametrize("stepped", [timedelta(minutes=2, seconds=1), -timedelta(minutes=2, seconds=1)])
async def test_a_clock_more_than_two_minutes_off_stops_everything_until_it_is_accepted(
    site: Site, stepped: timedelta
) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running_hub(site.config, clock=clock) as running:
        member = await register(site, "hostel")
        async with adapter_channel(site, running, member) as channel:
            before = size(running)
            clock.step(stepped)
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(channel, REGISTER, registering()(NOBODY))

            assert refusal(failure.value) == (grpc.StatusCode.UNAVAILABLE, "CLOCK_IN_DOUBT", {})
            assert "out-7" not in repr(failure.value)
            assert size(running) == before
            clock.accept()
            # A clock set back is waited for: time in the ledger never runs backwards.
            clock.advance(timedelta(minutes=5))
            await call(channel, REGISTER, registering()(NOBODY))
            assert size(running) == before + 1


async def test_a_clock_two_minutes_off_is_no_reason_to_stop(site: Site) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running_hub(site.config, clock=clock) as running:
        member = await register(site, "hostel")
        clock.step(timedelta(minutes=2))
        async with adapter_channel(site, running, member) as channel:
            await call(channel, REGISTER, registering()(NOBODY))


def _without_key(config: Config) -> Config:
    config.root_key.rename(config.root_key.with_suffix(".away"))
    return config


def _key_for_all(config: Config) -> Config:
    config.root_key.chmod(0o644)
    return config


def _another_key(config: Config) -> Config:
    config.root_key.chmod(0o600)
    config.root_key.write_bytes(bytes(32))
    return config


SPOILED: dict[str, tuple[Callable[[Config], Config], type[OnceToldError]]] = {
    "missing key file": (_without_key, KeyFileRefused),
    "key file that everybody may read": (_key_for_all, KeyFileRefused),
    "another ledger's key": (_another_key, KeyFileRefused),
}


@pytest.mark.parametrize("name", SPOILED)
async def test_a_hub_that_may_not_start_says_why_and_changes_nothing(site: Site, name: str) -> None:
    spoil, kind = SPOILED[name]
    async with running_hub(site.config):
        await register(site, "hostel")
    key, ledger = site.config.root_key.read_bytes(), Path(site.config.ledger).read_bytes()
    config = spoil(site.config)
    with pytest.raises(kind) as refused:
        async with running_hub(config):
            raise AssertionError("the hub serves")

    assert refused.value.code == "UNAVAILABLE" and refused.value.next_step
    assert str(site.config.data) not in str(refused.value)
    assert Path(site.config.ledger).read_bytes() == ledger
    site.config.root_key.unlink(missing_ok=True)
    site.config.root_key.write_bytes(key)
    site.config.root_key.chmod(0o600)
    async with running_hub(site.config) as running:
        assert size(running) > 0


async def test_a_second_hub_and_a_taken_port_are_told_and_the_first_hub_goes_on(site: Site) -> None:
    async with running_hub(site.config) as running:
        member = await register(site, "hostel")
        before = size(running)
        with pytest.raises(LedgerInUse) as in_use:
            async with running_hub(site.config):
                raise AssertionError("two hubs on one ledger")

        assert in_use.value.details["pid"] and in_use.value.next_step
        async with adapter_channel(site, running, member) as channel:
            await call(channel, REGISTER, registering()(NOBODY))
        assert size(running) == before + 1
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = replace(site.config, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ConfigError) as refused:
            async with running_hub(config):
                raise AssertionError("the port is another's")

    assert refused.value.setting == "listen" and "in use" in refused.value.problem
    async with running_hub(site.config) as running:
        assert size(running) == before + 1
