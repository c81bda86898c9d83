"""Who gets in, and what anybody who does not is told."""

import asyncio
import importlib
import pkgutil
import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from grpc_health.v1 import health_pb2, health_pb2_grpc

import oncetold.v1
from consent_ledger.errors import LedgerInUse
from hub import pki
from hub.bootstrap import running_hub
from hub.config import Config, ConfigError
from hub.rpc.rules import RULES, Rule
from oncetold.v1 import agency_service_pb2, agreement_service_pb2, common_pb2, operator_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.operator_service_pb2_grpc import OperatorServiceStub
from tests.clock import ManualClock
from tests.integration.loopback import Site, adapter_channel, bare, operator_channel, refused, register

CONTRACT = [
    importlib.import_module(f"oncetold.v1.{module.name}")
    for module in pkgutil.iter_modules(oncetold.v1.__path__)
    if module.name.endswith("_service_pb2")
]
METHODS = [
    method
    for module in CONTRACT
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
LIST = agreement_service_pb2.ListAgreementsRequest()


def new_agency(agency_id: str = "shelter", **changed: object) -> agency_service_pb2.RegisterAgencyRequest:
    request = agency_service_pb2.RegisterAgencyRequest(
        request_id=str(uuid4()),
        agency_id=agency_id,
        name="A door in a street",
        controller_id="shelter",
        service_type=common_pb2.SERVICE_TYPE_HOSTEL,
    )
    for name, value in changed.items():
        setattr(request, name, value)
    return request


def test_every_method_of_the_contract_has_a_rule_and_no_other_has() -> None:
    assert set(RULES) == {method.full_name for method in METHODS}


@pytest.mark.parametrize("service", ["AgencyService", "OperatorService"])
def test_a_service_of_the_operators_is_no_agencys(service: str) -> None:
    # Who holds a post, and that it leaves, the agency may say itself.
    its_own = ("AgencyService.AppointPost", "AgencyService.DepartAgency")
    rules = {rule for name, rule in RULES.items() if f".{service}." in name and not name.endswith(its_own)}

    assert rules == {Rule.OPERATOR}


async def test_every_method_refuses_every_caller_it_should(site: Site) -> None:
    async with running_hub(site.config) as running:
        member = await register(site, "hostel")
        stranger = site.issue("stranger")
        async with (
            adapter_channel(site, running, member) as known,
            adapter_channel(site, running, stranger) as unknown,
            operator_channel(site) as operator,
        ):
            for method in METHODS:
                path = f"/{method.containing_service.full_name}/{method.name}"
                rule = RULES[method.full_name]
                outcome = await refused(bare(unknown, path)(b""))
                assert outcome == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE", {}), path
                if rule is Rule.OPERATOR:
                    outcome = await refused(bare(known, path)(b""))
                    assert outcome == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_ONLY", {}), path
                if rule is Rule.NEWCOMER:
                    for channel in (known, operator):
                        outcome = await refused(bare(channel, path)(b""))
                        assert outcome == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE", {}), path
                if rule is Rule.CERTIFICATE:
                    outcome = await refused(bare(operator, path)(b""))
                    assert outcome[:2] == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE"), path
                if rule is Rule.AGENCY:
                    status, reason, details = await refused(bare(operator, path)(b""))
                    assert (status, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"), path
                    assert details == {"field": "oncetold-agency", "rule": "required"}


async def test_a_registered_certificate_gets_in_and_no_other_does(site: Site) -> None:
    async with running_hub(site.config) as running:
        member = await register(site, "hostel")
        # The same name in another certificate: only name and key together speak for an agency.
        impostor = pki.issue_adapter(site.authority, site.pki_folder / "stolen", "hostel", datetime.now(UTC))
        async with adapter_channel(site, running, member) as channel:
            await AgreementServiceStub(channel).ListAgreements(LIST)
        async with adapter_channel(site, running, impostor) as channel:
            outcome = await refused(AgreementServiceStub(channel).ListAgreements(LIST))
        assert outcome == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE", {})


async def test_without_a_certificate_there_is_no_connection(site: Site) -> None:
    async with running_hub(site.config) as running, adapter_channel(site, running, None) as channel:
        status, reason, _ = await refused(AgreementServiceStub(channel).ListAgreements(LIST))

    assert (status, reason) == (grpc.StatusCode.UNAVAILABLE, "")


async def test_a_certificate_of_another_authority_does_not_connect(site: Site) -> None:
    now = datetime.now(UTC)
    other = pki.create_authority(site.pki_folder / "other", now)
    foreign = pki.issue_adapter(other, site.pki_folder / "other", "hostel", now)
    async with running_hub(site.config) as running, adapter_channel(site, running, foreign) as channel:
        status, reason, _ = await refused(AgreementServiceStub(channel).ListAgreements(LIST))

    assert (status, reason) == (grpc.StatusCode.UNAVAILABLE, "")


async def test_a_certificate_with_two_uri_names_speaks_for_nobody(site: Site) -> None:
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(pki.adapter_uri(agency)) for agency in ("hostel", "clinic")
    ]
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    double = pki.issue(site.authority, site.pki_folder, "double", names, usage, datetime.now(UTC))
    async with running_hub(site.config) as running, adapter_channel(site, running, double) as channel:
        outcome = await refused(AgreementServiceStub(channel).ListAgreements(LIST))

    assert outcome == (grpc.StatusCode.UNAUTHENTICATED, "CERTIFICATE_NAME", {})


async def test_a_certificate_that_expires_while_connected_is_refused_on_the_next_call(site: Site) -> None:
    later = datetime.now(UTC)

    def today() -> datetime:
        return later

    async with running_hub(site.config, today=today) as running:
        member = await register(site, "hostel")
        async with adapter_channel(site, running, member) as channel:
            stub = AgreementServiceStub(channel)
            await stub.ListAgreements(LIST)
            later += timedelta(days=30, minutes=1)
            outcome = await refused(stub.ListAgreements(LIST))

    assert outcome == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE", {})


@pytest.mark.parametrize(
    ("agency", "rule"), [(("Not An Id",), "string.pattern"), (("hostel", "clinic"), "once")]
)
async def test_an_acting_agency_is_named_once_by_its_id(
    site: Site, agency: tuple[str, ...], rule: str
) -> None:
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        metadata = tuple(("oncetold-agency", name) for name in agency)
        outcome = await refused(AgreementServiceStub(channel).ListAgreements(LIST, metadata=metadata))

    assert outcome[2] == {"field": "oncetold-agency", "rule": rule}


async def test_an_unknown_field_and_an_unknown_value_are_refused(site: Site) -> None:
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        stub = AgencyServiceStub(channel)
        newer = new_agency()
        newer.MergeFromString(b"\xba\x3e\x07Private")

        assert await refused(stub.RegisterAgency(newer)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "UNKNOWN_FIELD",
            {"field": "999"},
        )
        assert await refused(stub.RegisterAgency(new_agency(service_type=99))) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "UNKNOWN_ENUM",
            {"field": "service_type"},
        )


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
async def test_a_message_over_one_mebibyte_is_refused_and_the_next_call_works(site: Site, size: int) -> None:
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        register_agency = bare(channel, "/oncetold.v1.AgencyService/RegisterAgency")
        status, reason, _ = await refused(register_agency(b"\x00" * size))

        assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
        # Far beyond the limit gRPC itself refuses, without reading on.
        assert reason == ("MESSAGE_TOO_LARGE" if size < 2 * 1024 * 1024 else "")
        await AgencyServiceStub(channel).RegisterAgency(new_agency())


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x12\x02\xc3\x28"])
async def test_bytes_that_are_no_message_are_the_senders_fault(site: Site, body: bytes) -> None:
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        outcome = await refused(bare(channel, "/oncetold.v1.AgencyService/RegisterAgency")(body))

    assert outcome[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")


async def test_a_repeated_request_gets_its_first_answer_and_another_body_is_refused(site: Site) -> None:
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        stub = AgencyServiceStub(channel)
        request = new_agency()
        first = await stub.RegisterAgency(request)
        await stub.RegisterAgency(new_agency("clinic"))

        assert await stub.RegisterAgency(request) == first
        request.name = "Another name"
        assert await refused(stub.RegisterAgency(request)) == (
            grpc.StatusCode.ALREADY_EXISTS,
            "REQUEST_ID_REUSED",
            {},
        )


async def test_a_repeated_request_gets_its_first_answer_after_a_restart(site: Site) -> None:
    request = new_agency()
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        first = await AgencyServiceStub(channel).RegisterAgency(request)
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        again = await AgencyServiceStub(channel).RegisterAgency(request)

    assert again == first and again.position.index > 0


async def test_no_refusal_repeats_what_was_sent(site: Site) -> None:
    told: list[str] = []
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        stub = AgencyServiceStub(channel)
        for request in (
            new_agency(agency_id="Zebedee Smith"),
            new_agency(request_id="Zebedee"),
            new_agency(name="Zebedee\x00"),
            new_agency(controller_id="ZEBEDEE"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await stub.RegisterAgency(request)
            error = failure.value
            told += [str(error.details()), str(error.debug_error_string()), str(error.trailing_metadata())]

    assert told and not [text for text in told if "zebedee" in text.lower()]


async def test_a_taken_port_is_an_error_and_not_shared(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = Config(site.config.data, f"127.0.0.1:{taken.getsockname()[1]}", site.config.tls)
        with pytest.raises(ConfigError) as refusal:
            async with running_hub(config):
                pass

    assert refusal.value.setting == "listen"
    async with running_hub(site.config) as running:  # and the ledger was let go
        assert running.port


async def test_health_is_on_and_reflection_is_off(site: Site) -> None:
    async with running_hub(site.config) as running:
        stranger = site.issue("stranger")
        async with adapter_channel(site, running, stranger) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            for name in ("", "oncetold.v1.AgencyService"):
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
            for path in (
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                "/grpc.channelz.v1.Channelz/GetServers",
                "/oncetold.v1.AgencyService/NoSuchCall",
            ):
                status, _, _ = await refused(bare(channel, path)(b""))
                assert status is grpc.StatusCode.UNIMPLEMENTED


async def test_the_operators_socket_lies_where_only_its_user_may_enter(site: Site) -> None:
    async with running_hub(site.config, adapters=False):
        assert site.config.admin_socket.parent.stat().st_mode & 0o777 == 0o700


async def test_metadata_beyond_eight_kibibytes_is_refused_and_the_next_call_works(site: Site) -> None:
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        stub = AgreementServiceStub(channel)
        status, _, _ = await refused(stub.ListAgreements(LIST, metadata=(("padding", "x" * 20_000),)))

        assert status is grpc.StatusCode.RESOURCE_EXHAUSTED
        await stub.ListAgreements(LIST)


async def test_a_second_hub_on_the_same_data_is_refused_and_the_first_goes_on(site: Site) -> None:
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        with pytest.raises(LedgerInUse):
            async with running_hub(site.config, adapters=False):
                pass

        await AgreementServiceStub(channel).ListAgreements(LIST)


async def test_a_hub_killed_before_leaves_a_socket_that_the_next_one_replaces(site: Site) -> None:
    site.config.admin_socket.parent.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(site.config.admin_socket))
    async with running_hub(site.config, adapters=False), operator_channel(site) as channel:
        await AgreementServiceStub(channel).ListAgreements(LIST)
        assert site.config.admin_socket.parent.stat().st_mode & 0o777 == 0o700


async def test_while_the_clock_is_in_doubt_every_call_but_the_operators_acceptance_is_refused(
    site: Site,
) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with (
        running_hub(site.config, clock=clock, adapters=False),
        operator_channel(site) as channel,
    ):
        stub = AgreementServiceStub(channel)
        await stub.ListAgreements(LIST)
        clock.step(timedelta(hours=1))

        assert await refused(stub.ListAgreements(LIST)) == (
            grpc.StatusCode.UNAVAILABLE,
            "CLOCK_IN_DOUBT",
            {},
        )
        accepted = await OperatorServiceStub(channel).AcceptClock(operator_service_pb2.AcceptClockRequest())
        assert not accepted.in_doubt
        await stub.ListAgreements(LIST)


async def test_a_start_broken_off_at_any_moment_lets_go_of_the_ledger(site: Site) -> None:
    async def opened() -> None:
        async with running_hub(site.config):
            await asyncio.sleep(10)

    loop = asyncio.get_running_loop()
    for turns in range(60):
        starting = loop.create_task(opened())
        # Turns of the loop rather than seconds: every point at which a start can be broken off.
        for _ in range(turns):
            await asyncio.sleep(0.0005 if turns % 2 else 0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    async with running_hub(site.config) as running:
        assert running.port
