"""A refusal whose reason reveals something inherits what it reveals, and others hear NOT_ELIGIBLE.

So a refusal for want of recourse to public funds looks, to whoever may not know of somebody's immigration
status, like any other (SAFETY H23, H24). Reason codes as in VOCABULARY 4.7, in whatever coding system.
"""

from consent_ledger.vocabulary import DataCategory
from hub.records.enums import number_of
from hub.records.immigration import tells_of_immigration
from oncetold.v1 import common_pb2, records_pb2

REVEALS = {
    "NRPF": DataCategory.IMMIGRATION,
    "RISK_HISTORY_ARSON": DataCategory.OFFENDING,
    "RISK_HISTORY_VIOLENCE": DataCategory.OFFENDING,
    "RISK_HISTORY_SEXUAL": DataCategory.OFFENDING,
    "MUST_ADDRESS_SUBSTANCE_USE_FIRST": DataCategory.SUBSTANCE_USE,
    "MUST_ADDRESS_MENTAL_HEALTH_FIRST": DataCategory.MENTAL_HEALTH,
}
NOT_ELIGIBLE = "NOT_ELIGIBLE"

_SERVICE_CONTACT = number_of(common_pb2.DataCategory.DESCRIPTOR, DataCategory.SERVICE_CONTACT)


def as_told(content: records_pb2.RecordContent) -> records_pb2.RecordContent:
    """The content with such reasons under what they reveal, and NOT_ELIGIBLE once for everybody else.

    Whatever category its author gave such a reason does not count: it could only be too weak.
    """
    if not any(_revealed(one) for one in content.referral.reasons):
        return content
    told = records_pb2.RecordContent()
    told.CopyFrom(content)
    del told.referral.reasons[:]
    said = any(one.coded.code == NOT_ELIGIBLE for one in content.referral.reasons)
    for reason in content.referral.reasons:
        revealed = _revealed(reason)
        if revealed is not None and not said:
            plain = told.referral.reasons.add()
            plain.CopyFrom(reason)
            plain.category, plain.coded.code = _SERVICE_CONTACT, NOT_ELIGIBLE
            if tells_of_immigration(plain.coded):
                plain.coded.system = NOT_ELIGIBLE
            said = True
        kept = told.referral.reasons.add()
        kept.CopyFrom(reason)
        if revealed is not None:
            kept.category = number_of(common_pb2.DataCategory.DESCRIPTOR, revealed)
    return told


def _revealed(reason: common_pb2.CategorisedAnswer) -> DataCategory | None:
    """What the reason reveals; `None`: nothing but that there was one."""
    known = REVEALS.get(reason.coded.code)
    return DataCategory.IMMIGRATION if known is None and tells_of_immigration(reason.coded) else known
