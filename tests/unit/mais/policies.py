"""Agreements as the contract allows them, for property tests, and one that a person can read."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from oncetold.v1 import common_pb2
from oncetold.v1.agreement_service_pb2 import Agreement, AgreementParty, AgreementRow, PartyBasis

ID = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)
NOTICE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=100)
LINE = st.text(
    st.characters(
        exclude_categories=["Cc", "Cs"],
        exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    ),
    min_size=1,
    max_size=200,
)
# Hypothesis takes bounds without a zone and adds it.
TIMES = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001
    datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def numbers(enum: Any, *, none: bool = False) -> Any:
    """An enum's values, unspecified among them where `none`."""
    return st.sampled_from([number for number in enum.values() if number or none])


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    """Any agreement that the hub would take: each pair, party and basis once, a basis for every purpose."""
    pairs = draw(
        st.lists(
            st.tuples(numbers(common_pb2.DataCategory), numbers(common_pb2.Purpose)),
            min_size=1,
            max_size=12,
            unique=True,
        )
    )
    purposes = {purpose for _, purpose in pairs} | draw(st.sets(numbers(common_pb2.Purpose), max_size=2))
    agencies = draw(st.lists(ID, min_size=2, max_size=4, unique=True))
    begins = draw(TIMES)
    agreement = Agreement(
        agreement_id=draw(ID),
        title=draw(LINE),
        notice_id=draw(NOTICE),
        parties=[
            AgreementParty(
                agency_id=agency_id,
                receives_only=draw(st.booleans()),
                bases=[
                    PartyBasis(
                        purpose=purpose,
                        lawful_basis=draw(numbers(common_pb2.LawfulBasis)),
                        article9=draw(numbers(common_pb2.Article9Condition, none=True)),
                        article10=draw(numbers(common_pb2.Article10Condition, none=True)),
                    )
                    for purpose in draw(st.permutations(sorted(purposes)))
                ],
            )
            for agency_id in agencies
        ],
        rows=[
            AgreementRow(
                category=category,
                purpose=purpose,
                on_end=draw(numbers(common_pb2.OnEnd)),
                self_captured_restricted=draw(st.booleans()),
                retention_days=draw(st.integers(0, 36525)),
            )
            for category, purpose in pairs
        ],
    )
    agreement.start_time.FromDatetime(begins)
    agreement.end_time.FromDatetime(begins + draw(st.timedeltas(timedelta(microseconds=1), timedelta(300))))
    return agreement
