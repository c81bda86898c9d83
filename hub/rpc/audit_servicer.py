"""AuditService: what a data protection officer asks. Codes and ids, never content."""

from consent_ledger.vocabulary import Purpose
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import audit, outliers, retractions
from oncetold.v1 import audit_service_pb2 as messages
from oncetold.v1 import common_pb2, delivery_service_pb2


class AuditServicer(Servicer):
    """The ledger's size, one decision explained, what left, and a feed's totals."""

    async def GetLedger(self, request: messages.GetLedgerRequest, call: Call) -> messages.GetLedgerResponse:
        size = await self.ask(call, audit.get_ledger_size)
        return messages.GetLedgerResponse(ledger_id=str(self._hub.ledger.ledger_id), size=size)

    async def ExplainDecision(
        self, request: messages.ExplainDecisionRequest, call: Call
    ) -> messages.ExplainDecisionResponse:
        found, access = await self.ask(
            call,
            audit.explain_decision,
            record_id=request.record_id,
            recipient_agency_id=request.recipient_agency_id,
            purpose=translate.term(request, "purpose", Purpose),
        )
        return messages.ExplainDecisionResponse(
            explanations=[_explanation(one) for one in found], access=self.position(access)
        )

    async def ListDisclosures(
        self, request: messages.ListDisclosuresRequest, call: Call
    ) -> messages.ListDisclosuresResponse:
        found, access = await self.ask(
            call, audit.list_disclosures, client_reference=request.client_reference
        )
        return messages.ListDisclosuresResponse(
            disclosures=[self._disclosure(one) for one in found], access=self.position(access)
        )

    async def ListRetractions(
        self, request: messages.ListRetractionsRequest, call: Call
    ) -> messages.ListRetractionsResponse:
        found, access = await self.ask(
            call, retractions.list_retractions, client_reference=request.client_reference
        )
        return messages.ListRetractionsResponse(
            retractions=[self._disclosure(one.line, one.client_reference) for one in found.told],
            copies=[_copy(one) for one in found.copies],
            more=found.more,
            access=self.position(access),
        )

    async def ListRegistrationOutliers(
        self, request: messages.ListRegistrationOutliersRequest, call: Call
    ) -> messages.ListRegistrationOutliersResponse:
        found, following, access = await self.ask(
            call, outliers.list_registration_outliers, after=request.after
        )
        return messages.ListRegistrationOutliersResponse(
            outliers=[_outlier(one) for one in found], next=following, access=self.position(access)
        )

    async def CountRegistrationOutliers(
        self, request: messages.CountRegistrationOutliersRequest, call: Call
    ) -> messages.CountRegistrationOutliersResponse:
        days, bare, denied, access = await self.ask(
            call, outliers.count_registration_outliers, agency_id=request.agency_id
        )
        return messages.CountRegistrationOutliersResponse(
            days_with_many=days,
            nothing_recorded=bare,
            denied_by_the_person=denied,
            access=self.position(access),
        )

    async def GetFeedStatus(
        self, request: messages.GetFeedStatusRequest, call: Call
    ) -> messages.GetFeedStatusResponse:
        status = await self.ask(call, audit.get_feed_status, feed_id=translate.uuid(request, "feed_id"))
        return messages.GetFeedStatusResponse(
            epoch=status.epoch,
            sent=status.sent,
            acknowledged=status.acknowledged,
            held=status.held,
            open_retractions=status.open_retractions,
            receipted_retractions=status.receipted_retractions,
        )

    def _disclosure(self, line: audit.DisclosureLine, client_reference: str = "") -> messages.Disclosure:
        said = delivery_service_pb2.RetractionStatement.FromString(line.statement)
        return messages.Disclosure(
            fragment_id=str(line.fragment_id),
            recipient_agency_id=line.recipient_agency_id,
            step=line.step,
            position=None if line.due else self.position(line.position),
            due=line.due,
            overdue=line.overdue,
            recorded_time=codec.timestamp(line.recorded_at),
            outcome=translate.number(delivery_service_pb2.RetractionOutcome, line.outcome or None),
            looked_at=said.looked_at,
            not_looked_at=said.not_looked_at,
            client_reference=client_reference,
        )


def _outlier(outlier: outliers.Outlier) -> messages.RegistrationOutlier:
    return messages.RegistrationOutlier(
        kind=translate.number(messages.OutlierKind, outlier.kind),
        client_reference=outlier.client_reference,
        time=codec.timestamp(outlier.at),
        registered=outlier.registered,
        usual=outlier.usual,
        looks=outlier.looks,
        staff_references=outlier.staff,
    )


def _copy(copy: retractions.OverdueCopy) -> messages.OverdueCopy:
    return messages.OverdueCopy(
        feed_id=str(copy.feed_id),
        client_reference=copy.client_reference,
        fragment_id=str(copy.fragment_id),
        since_time=codec.timestamp(copy.since),
        due=copy.due,
    )


def _explanation(explanation: audit.Explanation) -> messages.Explanation:
    return messages.Explanation(
        fragment_id=str(explanation.fragment_id),
        categories=translate.numbers(common_pb2.DataCategory, explanation.categories),
        verdict=translate.number(messages.Verdict, explanation.verdict),
        test=explanation.test,
        reason=explanation.reason,
        sentence=explanation.sentence,
        relied_on=explanation.relied_on,
    )
