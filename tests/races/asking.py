"""The street team's officer asks why its own records may go, who was given what, and what was chosen."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from consent_ledger.access import StepKind
from oncetold.v1 import audit_service_pb2, common_pb2, consent_service_pb2
from tests.races.seen import Listed, Seen
from tests.races.stops import HOSTEL, ROSA, Stamp
from tests.races.town import PURPOSES, REFERENCES, World, purposes

_OFFICER = "outreach"
_HERS = REFERENCES[ROSA, _OFFICER]
Calling = Callable[[str, str, Message, type[Any]], Awaitable[tuple[Seen, Any]]]


class Asker:
    """What it asks in one schedule; each answer is written down with its call."""

    def __init__(self, world: World, seed: int, call: Calling, pause: Callable[[], Awaitable[None]]) -> None:
        self._world, self._seed, self._call, self._pause = world, seed, call, pause

    async def asks(self) -> None:
        """Why may this go?"""
        dice = random.Random(f"{self._seed} asker")
        for _ in range(dice.randint(0, 2)):
            await self._pause()
            await self._explain(dice.choice(["rosa-1", "rosa-2"]), dice.choice(PURPOSES))

    async def exports(self) -> None:
        """Who was given what, and what did she choose?"""
        dice = random.Random(f"{self._seed} exporter")
        for _ in range(dice.randint(1, 3)):
            await self._pause()
            await dice.choice([self._disclosures, self._choices])()

    async def asks_everything(self) -> None:
        """All of it once, as behind a stop."""
        for purpose in PURPOSES:
            await self._explain("rosa-1", purpose)
        await self._disclosures()
        await self._choices()

    async def _explain(self, record_id: str, purpose: str) -> None:
        request = audit_service_pb2.ExplainDecisionRequest(
            record_id=record_id, recipient_agency_id=HOSTEL, purpose=purposes([purpose])[0]
        )
        seen, answer = await self._call(
            _OFFICER, "AuditService/ExplainDecision", request, audit_service_pb2.ExplainDecisionResponse
        )
        if answer is not None:
            seen.permitted = frozenset(
                (Stamp(record_id, 0, _category(one)), purpose)
                for explanation in answer.explanations
                if explanation.verdict == audit_service_pb2.VERDICT_PERMIT
                for one in explanation.categories
            )

    async def _disclosures(self) -> None:
        request = audit_service_pb2.ListDisclosuresRequest(client_reference=_HERS)
        seen, answer = await self._call(
            _OFFICER, "AuditService/ListDisclosures", request, audit_service_pb2.ListDisclosuresResponse
        )
        if answer is not None:
            seen.listed = frozenset(
                Listed(one.fragment_id, StepKind(one.step), one.position.index)
                for one in answer.disclosures
                if one.HasField("position")
            )

    async def _choices(self) -> None:
        request = consent_service_pb2.ListChoicesRequest(client_reference=_HERS)
        seen, answer = await self._call(
            _OFFICER, "ConsentService/ListChoices", request, consent_service_pb2.ListChoicesResponse
        )
        if answer is not None:
            active = [one for one in answer.choices if one.state == consent_service_pb2.CHOICE_STATE_ACTIVE]
            seen.granted = frozenset(one.choice_id for one in active if one.WhichOneof("kind") == "grant")
            seen.chosen = frozenset(one.WhichOneof("kind") or "" for one in active)


def _category(number: Any) -> str:
    return common_pb2.DataCategory.Name(number).removeprefix("DATA_CATEGORY_")
