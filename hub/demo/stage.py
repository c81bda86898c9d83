"""Sets the stage: a new hub, its certificates, three agencies with feeds, and the agreement between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from hub import pki
from hub.bootstrap import create_hub
from hub.cli import enums
from hub.cli.connection import Method, Request, Response, ask
from hub.config import TelemetrySettings, check_telemetry, read_config
from hub.config import write_config as write_hub_config
from hub.demo.agencies import AGENCIES, HOUSING, Agency, CaseSystem
from hub.demo.processes import Processes
from hub.demo.wiring import write_config
from oncetold.v1.agency_service_pb2 import (
    AppointPostRequest,
    AuthoriseCertificateRequest,
    Post,
    RegisterAgencyRequest,
    SubscribeRequest,
)
from oncetold.v1.agreement_service_pb2 import (
    Agreement,
    AgreementParty,
    AgreementRow,
    DraftAgreementRequest,
    PartyBasis,
    SignAgreementRequest,
)

AGREEMENT = "northside-partnership"
NOTICE = "northside-notice-1"
PURPOSE = enums.PURPOSE.value("DIRECT_SUPPORT")
SHARED = {
    "IDENTITY": "RESTRICT",
    "ACCOMMODATION": "RESTRICT",
    "SERVICE_CONTACT": "RESTRICT",
    "PHYSICAL_HEALTH": "RESTRICT",
    "MENTAL_HEALTH": "RESTRICT",
    "SUBSTANCE_USE": "RESTRICT",
    "MONEY_WORK": "ERASE",
}
"""The most that the three may share, and what becomes of it at a recipient when a permission ends."""
LONG_POLL_SECONDS = 20
DUTY_WORKER = "duty-1"
NIGHT_DESK = "night-desk"
"""What each agency calls whoever looks at its tasks."""


class Stage:
    """Everything that runs during the demo."""

    def __init__(self, folder: Path, prometheus: str = "") -> None:
        """`prometheus`: host and port of the hub's page of figures; empty for none."""
        self.folder = folder
        self._telemetry = check_telemetry(TelemetrySettings(prometheus))
        self.hub_data = folder / "hub"
        self.systems = {agency: CaseSystem(agency, folder / agency.agency_id) for agency in AGENCIES}
        self.feeds: dict[Agency, str] = {}
        self.hub: dict[str, str] = {}
        (folder / "logs").mkdir(mode=0o700, parents=True)
        self.processes = Processes(folder / "logs")
        self._configs: dict[Agency, Path] = {}

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.stop()

    def build(self) -> None:
        """Makes the hub and the agencies' systems, and starts everything."""
        create_hub(read_config(self.hub_data))
        folder, now = self.hub_data / "pki", datetime.now(UTC)
        authority = pki.create_authority(folder, now)
        pki.issue_server(authority, folder, now)
        settings = replace(read_config(self.hub_data), listen="localhost:0", telemetry=self._telemetry)
        write_hub_config(settings)
        self.hub = self.processes.serve(self.hub_data)
        for agency in AGENCIES:
            self.systems[agency].create()
            self.feeds[agency] = self._admit(
                agency, pki.issue_adapter(authority, folder, agency.agency_id, now)
            )
        self._agree()
        for agency, system in self.systems.items():
            self._configs[agency] = write_config(
                agency,
                system.folder,
                hub_address=self.hub["address"],
                pki=folder,
                feed_id=self.feeds[agency],
                wait_seconds=LONG_POLL_SECONDS,
            )
            self.processes.follow(agency.agency_id, ["run", "--config", str(self._configs[agency])])

    def ask(
        self, method: Method[Request, Response], request: Request, agency: Agency | None = None
    ) -> Response:
        """One call over the hub's local socket, as its operator, for an agency if one is named."""
        return ask(self.hub_data, method, request, agency=agency.agency_id if agency else None)

    def publish(self, agency: Agency) -> dict[str, object]:
        """Lets an agency's adapter publish what is new in its system; returns the adapter's own counts."""
        return self.processes.once(
            agency.agency_id, ["publish", "--config", str(self._configs[agency]), "--json"]
        )

    def _admit(self, agency: Agency, credentials: pki.Credentials) -> str:
        """Registers an agency with its certificate and opens its feed; returns the feed's id."""
        service_type = enums.SERVICE_TYPE.value(agency.service_type)
        self.ask(
            lambda hub: hub.agencies.RegisterAgency,
            RegisterAgencyRequest(
                request_id=str(uuid4()),
                agency_id=agency.agency_id,
                name=agency.name,
                controller_id=agency.agency_id,
                service_type=service_type,
                public_authority=agency.public_authority,
            ),
        )
        self.ask(
            lambda hub: hub.agencies.AuthoriseCertificate,
            AuthoriseCertificateRequest(
                request_id=str(uuid4()),
                agency_id=agency.agency_id,
                uri=credentials.uri or "",
                public_key_sha256=credentials.public_key_sha256,
            ),
        )
        for post, holder in (("TWENTY_FOUR_HOURS", NIGHT_DESK), ("DUTY_WORKER", DUTY_WORKER)):
            self.ask(
                lambda hub: hub.agencies.AppointPost,
                AppointPostRequest(
                    request_id=str(uuid4()),
                    agency_id=agency.agency_id,
                    post=Post(kind=enums.POST.value(post), staff_reference=holder, telephone="01632 960145"),
                ),
            )
        # Every feed asks for all that the agreement names: what arrives is decided by each person's choices.
        subscribed = self.ask(
            lambda hub: hub.agencies.Subscribe,
            SubscribeRequest(
                request_id=str(uuid4()),
                agency_id=agency.agency_id,
                certificate_uri=credentials.uri or "",
                service_type=service_type,
                purposes=[PURPOSE],
                categories=[enums.CATEGORY.value(category) for category in SHARED],
            ),
        )
        return subscribed.feed_id

    def _agree(self) -> None:
        """Drafts the agreement and signs it for each party."""
        drafted = self.ask(
            lambda hub: hub.agreements.DraftAgreement,
            DraftAgreementRequest(request_id=str(uuid4()), agreement=agreement()),
        )
        for agency in AGENCIES:
            self.ask(
                lambda hub: hub.agreements.SignAgreement,
                SignAgreementRequest(
                    request_id=str(uuid4()), agreement_id=AGREEMENT, version=drafted.version
                ),
                agency,
            )


def agreement() -> Agreement:
    """The three agencies' agreement: for direct support only, and not a word about abuse or convictions."""
    now = datetime.now(UTC)
    return Agreement(
        agreement_id=AGREEMENT,
        title="Northside partnership",
        parties=[_party(agency) for agency in AGENCIES],
        rows=[
            AgreementRow(
                category=enums.CATEGORY.value(category), purpose=PURPOSE, on_end=enums.ON_END.value(on_end)
            )
            for category, on_end in SHARED.items()
        ],
        start_time=_stamp(now - timedelta(days=1)),
        end_time=_stamp(now + timedelta(days=365)),
        notice_id=NOTICE,
    )


def _party(agency: Agency) -> AgreementParty:
    basis = PartyBasis(
        purpose=PURPOSE,
        # A council may not rest on legitimate interests in its tasks.
        lawful_basis=enums.LAWFUL_BASIS.value("A6_1_E" if agency.public_authority else "A6_1_F"),
        article9=enums.ARTICLE_9.value("A9_2_H"),
    )
    return AgreementParty(agency_id=agency.agency_id, bases=[basis], receives_only=agency is HOUSING)


def _stamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
