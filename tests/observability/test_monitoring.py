"""What deploy/monitoring asks for, a hub tells: every name in a panel or a rule stands on a real page."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from adapters.kit.notes import CosignerKey
from consent_ledger.domain import TOPICS
from consent_ledger.vocabulary import DataCategory
from hub.bootstrap import running_hub
from hub.config import TelemetrySettings
from hub.use_cases import standing
from oncetold.v1 import agency_service_pb2, consent_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.consent_service_pb2_grpc import ConsentServiceStub
from tests.integration import story
from tests.integration.loopback import Site, adapter_channel, bare, make_site, operator_channel, refused
from tests.observability.page import samples, scrape
from tests.privacy.scanner import whole_words

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
OURS = re.compile(r"\b(?:oncetold|rpc_server)_[a-z0-9_]+\b")
LABELS = {
    "le", "rpc_method", "rpc_grpc_status_code", "oncetold_reason", "oncetold_outcome", "oncetold_failure",
    "oncetold_agency", "oncetold_feed",
}  # fmt: skip
OF_FEEDS = {"oncetold_feed_lag_seconds", "oncetold_feed_silence_seconds"}
OF_WITNESSES = {"oncetold_witness_lag_seconds"}


def names_in(expression: str) -> set[str]:
    """Metrics that an expression in PromQL names, its labels left out."""
    return set(OURS.findall(expression)) - LABELS


def panels() -> Iterator[dict[str, Any]]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def queries() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]


def rules() -> list[str]:
    """Each rule's text; promtool reads the YAML, here its parts are enough."""
    return re.split(r"(?m)^ +- alert: ", (FOLDER / "alerts.yml").read_text())[1:]


def test_the_controls_of_the_parser() -> None:
    found = names_in(
        'sum by (oncetold_agency) (rate(oncetold_calls_total{oncetold_reason!=""}[5m])) / oncetold_x'
    )
    assert found == {"oncetold_calls_total", "oncetold_x"}


def test_every_panel_asks_for_something_through_the_chosen_data_source() -> None:
    assert len(list(panels())) > 12
    for panel in panels():
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            assert names_in(target["expr"]) or "up{" in target["expr"], target["expr"]
            assert target["datasource"]["uid"] == "${datasource}"


def test_every_alert_says_what_it_means_and_what_to_do_and_is_tested() -> None:
    tested = (FOLDER / "alerts.test.yml").read_text()
    assert len(rules()) == 12
    for rule in rules():
        name = rule.split()[0]
        assert names_in(rule) or "up{" in rule
        assert "summary: " in rule and "severity: " in rule
        assert len(rule.split("runbook: >-")[1].split()) > 25, f"{name}: what is its reader to do?"
        assert f'alertname="{name}"' in tested, f"{name}: no test"


def lived_page(folder: Path, *, shut_out: bool = True) -> tuple[bytes, set[str], set[str]]:
    """The page after a small day; the agencies that there are, and the feeds.

    In the twin the hostel is not shut out: the person goes back on nothing, and refuses another instead.
    """

    async def live() -> tuple[bytes, set[str], set[str]]:
        site = make_site(folder)
        config = replace(site.config, telemetry=TelemetrySettings("127.0.0.1:0"))
        async with running_hub(config) as running:
            begun = await story.begin(site)
            await make_witness(site, "hostel")
            async with (
                adapter_channel(site, running, begun.outreach) as outreach,
                adapter_channel(site, running, begun.hostel) as hostel,
            ):
                await story.link(outreach, hostel)
                await story.publish(outreach)
                grant_id = await story.grant(outreach)
                sent = await story.fetch(hostel, begun)
                if shut_out:
                    await story.withdraw(outreach, grant_id)
                else:
                    await refuse_somebody_else(outreach)
                await story.fetch(hostel, begun, acknowledge=sent.deliveries[-1].sequence)
                await refused(bare(outreach, "/oncetold.v1.RecordService/PublishRecords")(b"Zoe"))
            assert running.metrics_port is not None
            await asyncio.sleep(0.5)
            page = await asyncio.to_thread(scrape, running.metrics_port)
        return page, {"outreach", "hostel"}, {begun.feed_id}

    return asyncio.run(live())


async def make_witness(site: Site, agency_id: str) -> None:
    key = CosignerKey(f"{agency_id}.example/witness", bytes(32)).public
    request = agency_service_pb2.AuthoriseWitnessRequest(
        request_id=story.request_id(), agency_id=agency_id, verifier_key=str(key)
    )
    async with operator_channel(site) as operator:
        await AgencyServiceStub(operator).AuthoriseWitness(request)


async def refuse_somebody_else(outreach: grpc.aio.Channel) -> None:
    await ConsentServiceStub(outreach).RecordRefusal(
        consent_service_pb2.RecordRefusalRequest(
            request_id=story.request_id(),
            client_reference="out-7",
            scope=consent_service_pb2.Scope(agency_id="outreach"),
        )
    )


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bytes, set[str], set[str]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standing, "EVERY_SECONDS", 0.1)
        yield lived_page(tmp_path_factory.mktemp("page"))


def test_every_name_in_a_panel_or_a_rule_is_on_the_page(lived: tuple[bytes, set[str], set[str]]) -> None:
    on_page = {one.name for one in samples(lived[0])}
    asked = {name for text in (*queries(), *rules()) for name in names_in(text)}

    assert len(asked) > 12
    assert asked - on_page == set()


def test_every_figure_is_shown_somewhere(lived: tuple[bytes, set[str], set[str]]) -> None:
    asked = {name for text in (*queries(), *rules()) for name in names_in(text)}
    families = {re.sub(r"_(?:bucket|sum|count)$", "", name) for name in asked}
    told = {re.sub(r"_(?:bucket|sum|count)$", "", one.name) for one in samples(lived[0])}

    assert told - families == set()


def test_the_page_has_only_known_labels_and_agencies_stand_only_at_their_feeds_lag(
    lived: tuple[bytes, set[str], set[str]],
) -> None:
    page, agencies, feeds = lived
    found = samples(page)
    assert {name for one in found for name, _ in one.labels} <= LABELS
    assert {one["oncetold_agency"] for one in found if one.name in OF_FEEDS} == {"hostel"}
    assert {one["oncetold_feed"] for one in found if one.name in OF_FEEDS} == feeds
    assert [one.labels for one in found if one.name in OF_WITNESSES] == [(("oncetold_agency", "hostel"),)]
    for one in found:
        values = {value for _, value in one.labels}
        assert one.name in OF_FEEDS | OF_WITNESSES or not values & (agencies | feeds), one
    for alone in ("oncetold_dirty_pairs", "oncetold_retractions_open", "oncetold_retractions_overdue"):
        assert [one.labels for one in found if one.name == alone] == [()]
    outcomes = [one.labels for one in found if one.name == "oncetold_policy_outcomes_total"]
    assert sorted(outcomes) == [(("oncetold_outcome", verdict),) for verdict in ("DENY", "PERMIT", "REVIEW")]


def test_twins_what_is_told_of_a_feed_is_equal_whether_or_not_its_agency_was_shut_out(
    lived: tuple[bytes, set[str], set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One charity's feed may be one person (H4, H35): its own lines do not move with a choice."""
    monkeypatch.setattr(standing, "EVERY_SECONDS", 0.1)
    twin = lived_page(tmp_path, shut_out=False)[0]

    def of_feeds(page: bytes) -> list[tuple[str, str, float]]:
        return [
            (one.name, one["oncetold_agency"], one.value) for one in samples(page) if one.name in OF_FEEDS
        ]

    def retractions(page: bytes) -> list[float]:
        return [one.value for one in samples(page) if one.name == "oncetold_retractions_open"]

    assert of_feeds(lived[0]) == of_feeds(twin) != []
    assert (retractions(lived[0]), retractions(twin)) == ([1], [0]), "the control: the days do differ"


def test_the_page_names_no_category_event_reference_record_or_grant(
    lived: tuple[bytes, set[str], set[str]],
) -> None:
    page = lived[0]
    events = {topic for topic in TOPICS if "." in topic}
    words = {category.value for category in DataCategory} | events
    words |= {"out-7", "hos-3", "visit-1", "isa-1", "notice-1", "Zoe", "spiffe"}

    assert whole_words(page, words, any_case=False) == set()
    assert whole_words(page + b" MENTAL_HEALTH out-7 ", words, any_case=False) == {"MENTAL_HEALTH", "out-7"}


@pytest.mark.slow  # for what it needs: Debian's package `prometheus`
@pytest.mark.parametrize(
    "asked", ["check rules alerts.yml", "check config prometheus.yml", "test rules alerts.test.yml"]
)
def test_promtool_agrees(asked: str) -> None:
    if shutil.which("promtool") is None:
        pytest.fail("promtool is missing: apt-get install prometheus")
    done = subprocess.run(
        ["promtool", *asked.split()], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
