"""An export through the kit's publisher: once, again, and after rows were changed, emptied and deleted."""

from datetime import date
from pathlib import Path

from adapters.hmis import HmisExport
from adapters.kit.client import Hub
from adapters.kit.published import Published
from adapters.kit.publisher import Publisher
from adapters.kit.quarantine import Quarantine
from adapters.kit.source import PublishReport
from oncetold.v1.record_service_pb2 import PublishRecordsRequest, PublishRecordsResponse, Record
from oncetold.v1.registration_service_pb2 import RegisterClientRequest, RegisterClientResponse
from tests.hmis_export import Rows, small_world, write_export


class RememberingHub(Hub):
    """Takes what a hub would take, without a connection."""

    def __init__(self) -> None:
        self.references: list[str] = []
        self.records: dict[str, list[Record]] = {}

    def register(self, request: RegisterClientRequest) -> RegisterClientResponse:
        self.references.append(request.client_reference)
        return RegisterClientResponse()

    def publish(self, request: PublishRecordsRequest) -> PublishRecordsResponse:
        for record in request.records:
            earlier = self.records.setdefault(record.record_id, [])
            assert record.client_reference in self.references
            assert record.revision == len(earlier) + 1
            earlier.append(record)
        return PublishRecordsResponse()


def publish(folder: Path, world: Rows, hub: Hub) -> PublishReport:
    export = HmisExport(write_export(folder / "export", world), today=date(2022, 1, 31))
    with Published(folder / "published.sqlite") as memory, Quarantine(folder / "bad.csv") as quarantine:
        return Publisher(hub, memory, quarantine).publish(export.source("project-10"))


def test_a_second_run_publishes_nothing_and_a_third_what_changed(tmp_path: Path) -> None:
    hub = RememberingHub()
    world = small_world(5)  # three of them at project 10
    world["HealthAndDV.csv"][4].update(DomesticViolenceVictim="99", CurrentlyFleeing="")
    first = publish(tmp_path, world, hub)
    assert (first.published, first.nothing_recorded, first.registered) == (23, 1, 3)
    assert hub.references == ["P1", "P3", "P5"]
    assert first.texts_kept_home == 3

    second = publish(tmp_path, world, hub)
    assert (second.published, second.unchanged, second.nothing_recorded) == (0, 23, 1)

    world["Disabilities.csv"][0]["DisabilityResponse"] = "1"
    world["HealthAndDV.csv"][0].update(DomesticViolenceVictim="9", CurrentlyFleeing="")
    world["Services.csv"][2]["DateDeleted"] = "2022-01-30 09:00:00"
    third = publish(tmp_path, world, hub)
    assert (third.published, third.unchanged, third.nothing_recorded) == (3, 20, 1)
    revisions = {
        record_id: [one.HasField("content") for one in records]
        for record_id, records in hub.records.items()
        if len(records) > 1
    }
    assert revisions == {
        "Disabilities:D1": [True, True],
        "HealthAndDV:H1": [True, False],
        "Services:S3": [True, False],
    }

    assert publish(tmp_path, world, hub).published == 0
