"""Plays the oracle's histories to the product: each event becomes the use case an agency would call."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from consent_ledger.erasures import ErasureGround, ErasurePart, HoldGround
from consent_ledger.errors import OnceToldError, Refused
from consent_ledger.ledger import Ledger, create_ledger, open_ledger
from consent_ledger.staff import RelationshipKind, Role
from consent_ledger.tasks import TaskOutcome
from consent_ledger.vocabulary import (
    ENVELOPE_CATEGORY,
    DataCategory,
    HandlingMark,
    PostKind,
    ServiceType,
    TaskKind,
)
from hub.use_cases import agencies, agreements, consents, erasure, publish, registrations, staff, tasks
from hub.use_cases.hub import Hub
from hub.use_cases.work import Caller
from tests.clock import ManualClock
from tests.machine import saying
from tests.machine.partner import Partner
from tests.oracle import history as h
from tests.staff import NAVIGATOR

OPERATOR = Caller(None, operator=True)


def seeded_ids(seed: int) -> Callable[[], UUID]:
    """Ids that twin worlds give alike."""
    rng = random.Random(seed)
    return lambda: UUID(int=rng.getrandbits(128), version=4)


class Product:
    """A hub on a ledger of its own, its partners, and the product's ids beside the world's."""

    def __init__(self, folder: Path, *, seed: int = 1, partner: type[Partner] = Partner) -> None:
        self.clock = ManualClock()
        self.loop = asyncio.new_event_loop()
        self._folder, self._seed = folder, seed
        self._partner = partner
        self._opened = 0
        key = folder / "root.key"
        rng = random.Random(seed)
        self.ledger: Ledger = create_ledger(self.place(folder), key, clock=self.clock, entropy=rng.randbytes)
        self.hub = Hub(self.ledger, new_id=seeded_ids(seed))
        self.partners: dict[str, Partner] = {}
        self.ids: dict[str, Any] = {}
        self.links: dict[str, UUID] = {}
        self.keys: dict[tuple[str, str, frozenset[str], bool], h.FragmentKey] = {}
        self.refused: list[str] = []

    def place(self, folder: Path) -> str:
        """Where the ledger is."""
        return str(folder / "ledger.db")

    def stop(self) -> None:
        """Ends what the hub does by itself."""
        self.run(self.hub.stop())

    def close(self) -> None:
        self.stop()
        self.ledger.close()
        self.loop.close()

    def reopen(self) -> None:
        """The hub is stopped and started again."""
        self.stop()
        self.ledger.close()
        self.ledger = open_ledger(self.place(self._folder), self._folder / "root.key", clock=self.clock)
        self._opened += 1
        self.hub = Hub(self.ledger, new_id=seeded_ids(self._seed + 1_000_003 * self._opened))
        for partner in self.partners.values():
            partner.hub = self.hub

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def call(self, use_case: Any, caller: Caller, **values: Any) -> Any:
        return self.run(self.hub.execute(use_case, caller, **values))

    def play(self, event: h.Event) -> bool:
        """False when the product refused it: then it never happened."""
        try:
            self._play(event)
        except OnceToldError as refusal:
            self.refused.append(f"{type(event).__name__}:{refusal.code}:{refusal.details}")
            return False
        return True

    def _play(self, event: h.Event) -> None:
        match event:
            case h.AgencyRegistered():
                self.call(
                    agencies.register_agency,
                    OPERATOR,
                    agency_id=event.agency,
                    name=event.agency,
                    controller_id=event.agency,
                    service_type=event.service_type,
                    public_authority=event.public_authority,
                )
                self.call(
                    agencies.authorise_certificate,
                    OPERATOR,
                    agency_id=event.agency,
                    uri=uri_of(event.agency),
                    public_key_sha256=bytes(32),
                )
                self.call(
                    staff.give_role,
                    Caller(event.agency),
                    staff_reference=NAVIGATOR.staff_reference,
                    role=Role.NAVIGATOR,
                )
                self.call(
                    agencies.appoint_post,
                    OPERATOR,
                    agency_id=event.agency,
                    kind=PostKind.TWENTY_FOUR_HOURS,
                    staff_reference="desk",
                    telephone="01632 960160",
                )
            case h.FeedOpened():
                feed_id, epoch, _ = self.call(
                    agencies.subscribe,
                    OPERATOR,
                    agency_id=event.agency,
                    certificate_uri=uri_of(event.agency),
                    service_type=event.service_type,
                    purposes=sorted(event.purposes),
                    categories=sorted(event.categories),
                    enforces_person_restriction=event.enforces_person_restriction,
                    retraction_window=event.window,
                )
                caller = Caller(event.agency, uri_of(event.agency))
                self.partners[event.feed] = self._partner(self.hub, caller, event.feed, feed_id, epoch)
            case h.PostAppointed():
                self.call(
                    agencies.appoint_post,
                    OPERATOR,
                    agency_id=event.agency,
                    kind=PostKind(event.kind),
                    staff_reference="staff-1",
                    telephone=event.telephone,
                )
            case h.AgreementDrafted():
                version, _ = self.call(agreements.draft_agreement, OPERATOR, content=saying.agreement(event))
                assert version == event.version
            case h.AgreementSigned():
                self.call(
                    agreements.sign_agreement,
                    Caller(event.agency),
                    agreement_id=event.agreement,
                    version=event.version,
                )
            case h.AgreementTerminated():
                self.call(agreements.terminate_agreement, OPERATOR, agreement_id=event.agreement)
            case h.ClientRegistered():
                self.call(
                    registrations.register_client, Caller(event.agency), client_reference=event.reference
                )
                self.call(
                    staff.record_relationship,
                    Caller(event.agency),
                    client_reference=event.reference,
                    staff_reference=NAVIGATOR.staff_reference,
                    kind=RelationshipKind.CASELOAD,
                )
            case h.RegistrationClosed():
                self._about(registrations.close_registration, event.agency, event, reason=event.reason)
            case h.LinkConfirmed():
                self._link(event)
            case h.LinkUndone():
                self.call(registrations.undo_link, OPERATOR, link_id=self.links[event.link])
            case h.InvolvementOpened():
                self._about(
                    registrations.open_involvement,
                    event.by_agency,
                    event,
                    agency_id=event.agency,
                    ground=event.ground,
                )
            case h.InvolvementEnded():
                self._about(registrations.end_involvement, event.agency, event)
            case h.RecordPublished():
                self._publish(event)
            case h.WarningEnded():
                self._end_warning(event)
            case h.Erased() | h.HoldPlaced() | h.HoldLifted():
                self._erase(event)
            case _:
                self._choose(event)

    def _choose(self, event: h.Event) -> None:
        match event:
            case h.GrantRecorded():
                self.ids[event.grant], _ = self._about(
                    consents.record_grant, event.agency, event, **saying.grant(event)
                )
            case h.RefusalRecorded():
                self._about(
                    consents.record_refusal,
                    event.agency,
                    event,
                    purposes=sorted(event.purposes),
                    categories=sorted(event.categories),
                    at_once=event.at_once,
                    **saying.recipient(event.recipient),
                )
            case h.GrantWithdrawn():
                self._about(
                    consents.withdraw_grant,
                    event.by_agency,
                    event,
                    grant_id=self.ids[event.grant],
                    remove=event.remove,
                    at_once=event.at_once,
                )
            case h.GrantReconfirmed():
                self._about(consents.reconfirm_grant, event.by_agency, event, grant_id=self.ids[event.grant])
            case h.ExclusionRecorded():
                self.ids[event.exclusion], *_ = self._about(
                    consents.record_exclusion,
                    event.agency,
                    event,
                    agency_id=event.excluded_agency,
                    staff_reference=event.staff,
                    category=event.category,
                    remove=event.remove,
                    at_once=event.at_once,
                )
            case h.ExclusionLifted():
                self._about(
                    consents.lift_exclusion, event.agency, event, exclusion_id=self.ids[event.exclusion]
                )
            case h.MarkerPlaced():
                self.ids[event.marker], _ = self._about(
                    consents.place_marker,
                    event.agency,
                    event,
                    kind=event.kind,
                    record_id=event.record_id or "",
                )
            case h.MarkerLifted():
                self._about(consents.lift_marker, event.agency, event, marker_id=self.ids[event.marker])
            case h.StatusRecorded():
                self._about(consents.record_status, event.agency, event, status=event.status)
            case _:
                raise TypeError(type(event).__name__)

    def _about(self, use_case: Any, agency: str, event: Any, **values: Any) -> Any:
        return self.call(use_case, Caller(agency), client_reference=event.reference, **values)

    def _link(self, event: h.LinkConfirmed) -> None:
        (first, first_reference), (second, second_reference) = event.a, event.b
        token, link_id, _ = self.call(
            registrations.create_link_token, Caller(first), client_reference=first_reference
        )
        self.links[event.link] = link_id
        self.call(
            registrations.redeem_link_token,
            Caller(second),
            client_reference=second_reference,
            token=token,
        )
        self.call(registrations.confirm_link, Caller(first), link_id=link_id)

    def _erase(self, event: h.Erased | h.HoldPlaced | h.HoldLifted) -> None:
        agency = Caller(event.agency)
        if isinstance(event, h.HoldLifted):
            self.call(erasure.lift_hold, agency, hold_id=self.ids[event.hold])
            return
        part = ErasurePart.CATEGORY if event.record_id is None else ErasurePart.RECORD
        category = None if event.category is None else DataCategory(event.category)
        scope = erasure.Scope(event.reference, part, event.record_id or "", category)
        if isinstance(event, h.Erased):
            self.call(erasure.erase, agency, scope=scope, ground=ErasureGround.OBJECTION)
        else:
            later = self.clock.now() + timedelta(days=90)
            ground = HoldGround.LEGAL_CLAIMS
            self.ids[event.hold], _ = self.call(
                erasure.place_hold, agency, scope=scope, ground=ground, review_time=later
            )

    def _end_warning(self, event: h.WarningEnded) -> None:
        """By the task that the end of a permission gave the agency's lead; refused where there is none."""
        origin = Caller(event.agency)
        listed, _ = self.call(tasks.list_tasks, origin)
        kind = TaskKind.RISK_TO_OTHERS
        found = [one.task_id for one in listed if (one.kind, one.record_id) == (kind, event.record_id)]
        if not found:
            raise Refused("NOT_FOUND")
        for task_id in found:
            self.call(
                tasks.complete_task,
                origin,
                task_id=task_id,
                outcome=TaskOutcome.WARNING_ENDED,
                staff_reference="staff-1",
            )

    def _publish(self, event: h.RecordPublished) -> None:
        fragments, review_by_time = saying.fragments(event)
        for fragment in fragments:
            key = h.FragmentKey(
                event.agency, event.record_id, frozenset(fragment.categories), fragment.free_text
            )
            for partner in self.partners.values():
                partner.keys[fragment.content] = key
        record = publish.NewRecord(
            event.record_id,
            event.revision,
            event.reference,
            ServiceType(event.service_type),
            ENVELOPE_CATEGORY[ServiceType(event.service_type)],
            event.occurred,
            "test",
            [HandlingMark(mark) for mark in sorted(event.marks)],
            fragments,
            "",
            tuple(
                publish.Other(other.reference, other.categories, other.solely_about)
                for other in event.other_subjects
            ),
            review_by_time,
            event.spent_on,
        )
        self.call(publish.publish_records, Caller(event.agency), records=[record])


def uri_of(agency: str) -> str:
    return f"spiffe://test.oncetold/agency/{agency}/adapter/1"
