"""Every bad request over the wire: its reason, nothing half-applied or repeated, and the next call works."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from consent_ledger.access import AccessKind, read_access_entry
from oncetold.v1 import (
    audit_service_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    record_service_pb2,
    records_pb2,
)
from oncetold.v1.common_pb2 import (
    DATA_CATEGORY_DOMESTIC_ABUSE,
    DATA_CATEGORY_UNSPECIFIED,
    LAWFUL_BASIS_A6_1_E,
    LAWFUL_BASIS_A6_1_EA,
    LAWFUL_BASIS_A6_1_F,
)
from oncetold.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from tests.integration.bad_requests import (
    DRAFT,
    EXCLUDE,
    FETCH,
    GRANT,
    HISTORY,
    PUBLISH,
    RECONCILE,
    REFUSE,
    REGISTER,
    SECRET,
    STATUS,
    USED,
    Bad,
    Known,
    details,
    drafting,
    fetching,
    granting,
    later,
    publishing,
    registering,
    staying,
    with_council,
    with_unknown,
)
from tests.integration.loopback import (
    make_site,
    refusal,
)
from tests.integration.served import Served, call
from tests.integration.story import request_id

INVALID, UNAUTHENTICATED, NOT_FOUND = "INVALID_ARGUMENT", "UNAUTHENTICATED", "NOT_FOUND"
PRECONDITION = "FAILED_PRECONDITION"
ANSWER = "records[0].content.contact.details[0]"
INVENTED = "3b8a5a4e-5d0e-4c7e-8b7d-2f1c6a9e0d11"


def field(path: str, rule: str = "") -> dict[str, str]:
    return {"field": path, "rule": rule} if rule else {"field": path}


def answer(record: record_service_pb2.Record) -> Any:
    return record.content.contact.details[0]


def place(record: record_service_pb2.Record) -> Any:
    return record.content.contact.place


def words(record: record_service_pb2.Record) -> Any:
    return record.content.contact.narrative


def negative_items(known: Known) -> bytes:
    """The count as a signed -1 stands on the wire."""
    request = fetching(max_items=1)(known)
    assert isinstance(request, delivery_service_pb2.FetchDeliveriesRequest)
    tag = request.DESCRIPTOR.fields_by_name["max_items"].number << 3
    request.ClearField("max_items")
    return request.SerializeToString() + bytes([tag]) + b"\xff" * 9 + b"\x01"


_OVERSIZE = b"\x12" + b"\x80\x80\x41" + SECRET.encode() * 160_000

BAD = [
    # -- enums and categories
    Bad("unset service type", PUBLISH, publishing(lambda r: r.ClearField("service_type")), INVALID,
        "INVALID_FIELD", field("records[0].service_type", "enum.not_in")),
    Bad("unknown service type", PUBLISH, publishing(lambda r: setattr(r, "service_type", 99)), INVALID,
        "UNKNOWN_ENUM", field("records[0].service_type")),
    Bad("unspecified category", PUBLISH, publishing(lambda r: answer(r).ClearField("category")), INVALID,
        "INVALID_FIELD", field(f"{ANSWER}.category", "enum.not_in")),
    Bad("unknown category", PUBLISH, publishing(lambda r: setattr(answer(r), "category", 77)), INVALID,
        "UNKNOWN_ENUM", field(f"{ANSWER}.category")),
    Bad("unspecified released category", PUBLISH,
        publishing(lambda r: words(r).released_categories.append(0)), INVALID,
        "INVALID_FIELD", field("records[0].content.contact.narrative.released_categories[1]", "enum.not_in")),
    Bad("unknown purpose in a grant", GRANT, granting(lambda g: g.scope.purposes.append(99)), INVALID,
        "UNKNOWN_ENUM", field("grant.scope.purposes[1]")),
    Bad("unset basis of confidentiality", GRANT,
        granting(lambda g: g.ClearField("confidentiality_basis")), INVALID,
        "INVALID_FIELD", field("grant.confidentiality_basis", "enum.not_in")),
    Bad("excluded category unspecified", EXCLUDE,
        lambda _: consent_service_pb2.RecordExclusionRequest(
            request_id=request_id(), client_reference="out-7", category=DATA_CATEGORY_UNSPECIFIED), INVALID,
        "INVALID_FIELD", field("category", "enum.not_in")),
    Bad("nothing excluded", EXCLUDE,
        lambda _: consent_service_pb2.RecordExclusionRequest(
            request_id=request_id(), client_reference="out-7"), INVALID,
        "INVALID_FIELD", field("excluded", "required")),
    # -- fields, ids and text
    Bad("unknown field", REGISTER, registering(with_unknown), INVALID, "UNKNOWN_FIELD", field("999")),
    Bad("unknown field deep inside", PUBLISH, publishing(lambda r: with_unknown(answer(r).question)), INVALID,
        "UNKNOWN_FIELD", field(f"{ANSWER}.question.999")),
    Bad("empty reference", REGISTER, registering(client_reference=""), INVALID,
        "INVALID_FIELD", field("client_reference", "string.min_len")),
    Bad("empty request id", REGISTER, registering(request_id=""), INVALID,
        "INVALID_FIELD", field("request_id", "string.uuid_empty")),
    Bad("empty record id", PUBLISH, publishing(lambda r: r.ClearField("record_id")), INVALID,
        "INVALID_FIELD", field("records[0].record_id", "string.min_len")),
    Bad("a name for a reference", REGISTER, registering(client_reference=f"{SECRET} Smith"), INVALID,
        "INVALID_FIELD", field("client_reference", "string.pattern")),
    Bad("a name for a feed", FETCH, fetching(feed_id=SECRET), INVALID,
        "INVALID_FIELD", field("feed_id", "string.uuid"), who="hostel"),
    Bad("NUL in a reference", REGISTER, registering(client_reference=f"{SECRET}\0"), INVALID,
        "INVALID_FIELD", field("client_reference", "string.pattern")),
    Bad("NUL in words", PUBLISH, publishing(lambda r: setattr(words(r), "text", f"{SECRET}\0")), INVALID,
        "INVALID_FIELD", field("records[0].content.contact.narrative.text", "string.pattern")),
    Bad("bidi override in an address", PUBLISH,
        publishing(lambda r: setattr(place(r), "address_line", f"{SECRET}\u202e")), INVALID,
        "INVALID_FIELD", field("records[0].content.contact.place.address_line", "string.pattern")),
    Bad("bidi isolate in a name", REGISTER, details(family_name=f"\u2067{SECRET}"), INVALID,
        "INVALID_FIELD", field("matching_details.family_name", "string.pattern")),
    Bad("words nobody released", PUBLISH,
        publishing(lambda r: words(r).ClearField("released_categories")), INVALID,
        "FREE_TEXT_NOT_RELEASED", field("records[0].content.contact.narrative")),
    Bad("bytes that are no message", REGISTER, lambda _: SECRET.encode(), INVALID,
        "INVALID_FIELD", field("request", "protobuf")),
    Bad("text that is not UTF-8", REGISTER, lambda _: b"\x12\x08" + SECRET.encode() + b"\xff", INVALID,
        "INVALID_FIELD", field("request", "protobuf")),
    Bad("groups a thousand deep", REGISTER, lambda _: b"\xbb\x3e" * 1000, INVALID,
        "INVALID_FIELD", field("request", "protobuf")),
    Bad("a message over 1 MiB", REGISTER, lambda _: _OVERSIZE, "RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"),
    # -- times
    Bad("occurred tomorrow", PUBLISH, publishing(lambda r: r.occurred_time.CopyFrom(later(1))), INVALID,
        "IMPOSSIBLE_TIME", field("records[0].occurred_time", "not_in_the_future")),
    Bad("occurred before 1900", PUBLISH, publishing(lambda r: r.occurred_time.FromSeconds(-2**32)), INVALID,
        "IMPOSSIBLE_TIME", field("records[0].occurred_time", "between_1900_and_9999")),
    Bad("a day no calendar has", PUBLISH, publishing(lambda r: setattr(answer(r), "date", "2026-02-31")),
        INVALID, "IMPOSSIBLE_TIME", field(f"{ANSWER}.date", "calendar_date")),
    Bad("a birthday no calendar has", REGISTER, details(birth_date="1987-02-29"), INVALID,
        "IMPOSSIBLE_TIME", field("matching_details.birth_date", "calendar_date")),
    Bad("born in the future", REGISTER, details(birth_date="2999-01-01"), INVALID,
        "IMPOSSIBLE_TIME", field("matching_details.birth_date", "not_in_the_future")),
    Bad("born in the year 1", REGISTER, details(birth_date="0001-01-01"), INVALID,
        "IMPOSSIBLE_TIME", field("matching_details.birth_date", "between_1900_and_9999")),
    Bad("a stay that ends before it starts", PUBLISH, staying("2026-03-02", "2026-03-01"), INVALID,
        "IMPOSSIBLE_TIME", field("records[0].content.service_episode.end_date", "end_before_start")),
    Bad("a yes given tomorrow", GRANT, granting(lambda g: g.given_time.CopyFrom(later(1))), INVALID,
        "IMPOSSIBLE_TIME", field("grant.given_time", "not_in_the_future")),
    Bad("a yes that ended already", GRANT, granting(lambda g: g.effective_until_time.CopyFrom(later(-1))),
        INVALID, "IMPOSSIBLE_TIME", field("grant.effective_until_time"), entries=1),
    Bad("an agreement that ends before it starts", DRAFT,
        drafting(lambda a: a.end_time.CopyFrom(later(-2))), INVALID,
        "IMPOSSIBLE_TIME", field("agreement.end_time", "end_before_start"), who="operator"),
    # -- repeats and revisions
    Bad("a request id of another request", REGISTER, registering(request_id=USED), "ALREADY_EXISTS",
        "REQUEST_ID_REUSED", entries=1),
    Bad("a revision that is not the next", PUBLISH, publishing(lambda r: setattr(r, "revision", 3)),
        "ABORTED", "STALE_REVISION", {"expected": "1"}, entries=1),
    Bad("a reference never registered", PUBLISH,
        publishing(lambda r: setattr(r, "client_reference", SECRET)), NOT_FOUND,
        "REFERENCE_NOT_REGISTERED", entries=1),
    # -- choices and agreements
    Bad("a yes for an unknown agency", GRANT, granting(lambda g: setattr(g.scope, "agency_id", "zebedee")),
        PRECONDITION, "UNKNOWN_AGENCY", entries=1),
    Bad("a yes beyond the agreement", GRANT,
        granting(lambda g: g.scope.categories.append(DATA_CATEGORY_DOMESTIC_ABUSE)), PRECONDITION,
        "GRANT_BEYOND_AGREEMENT", entries=1),
    Bad("a refusal of an agency that is no id", REFUSE,
        lambda _: consent_service_pb2.RecordRefusalRequest(
            request_id=request_id(), client_reference="out-7",
            scope=consent_service_pb2.Scope(agency_id=SECRET)), INVALID,
        "INVALID_FIELD", field("scope.agency_id", "string.pattern")),
    Bad("an agreement with an unknown agency", DRAFT,
        drafting(lambda a: setattr(a.parties[1], "agency_id", "zebedee")), PRECONDITION,
        "UNKNOWN_AGENCY", who="operator", entries=1),
    Bad("an agreement without bases", DRAFT, drafting(lambda a: a.parties[1].ClearField("bases")), INVALID,
        "INVALID_FIELD", field("agreement.parties[1].bases", "repeated.min_items"), who="operator"),
    Bad("an agreement without a lawful basis", DRAFT,
        drafting(lambda a: a.parties[1].bases[0].ClearField("lawful_basis")), PRECONDITION,
        "NO_LAWFUL_BASIS", {"party": "hostel"}, who="operator", entries=1),
    Bad("an agreement with a basis barred to its party", DRAFT,
        with_council(LAWFUL_BASIS_A6_1_F), PRECONDITION,
        "BASIS_BARRED", {"party": "council"}, who="operator", entries=1),
    Bad("an agreement with the other barred basis", DRAFT,
        with_council(LAWFUL_BASIS_A6_1_EA), PRECONDITION,
        "BASIS_BARRED", {"party": "council"}, who="operator", entries=1),
    Bad("a barred basis beside another", DRAFT,
        with_council(LAWFUL_BASIS_A6_1_EA, LAWFUL_BASIS_A6_1_E), INVALID,
        "INVALID_FIELD", field("agreement.parties.bases", "one basis for each purpose"),
        who="operator", entries=1),
    Bad("an agreement that is the operator's to draft", DRAFT, drafting(lambda _: None), "PERMISSION_DENIED",
        "OPERATOR_ONLY"),
    # -- callers
    Bad("two URI names", REGISTER, registering(), UNAUTHENTICATED, "CERTIFICATE_NAME", who="two names"),
    Bad("an unknown agency's certificate", REGISTER, registering(), UNAUTHENTICATED,
        "UNKNOWN_CERTIFICATE", who="stranger"),
    Bad("an operator who publishes", PUBLISH, publishing(lambda _: None), UNAUTHENTICATED,
        "UNKNOWN_CERTIFICATE", who="operator"),
    # -- feeds and cursors
    Bad("another's feed", FETCH, fetching(), NOT_FOUND, "NOT_FOUND", entries=1),
    Bad("an invented feed", FETCH, fetching(feed_id=INVENTED), NOT_FOUND, "NOT_FOUND", entries=1),
    Bad("another's feed to reconcile", RECONCILE,
        lambda known: delivery_service_pb2.ReconcileHoldingsRequest(
            request_id=request_id(), feed_id=known.feed_id, page=1, last_page=True), NOT_FOUND,
        "NOT_FOUND", entries=1),
    Bad("another's history", HISTORY,
        lambda known: record_service_pb2.GetHistoryRequest(
            feed_id=known.feed_id, client_reference="out-7"), NOT_FOUND, "NOT_FOUND", entries=1),
    Bad("another's reference in one's own feed", HISTORY,
        lambda known: record_service_pb2.GetHistoryRequest(
            feed_id=known.feed_id, client_reference="out-7"), NOT_FOUND,
        "REFERENCE_NOT_REGISTERED", who="hostel", entries=1),
    Bad("another's feed status", STATUS,
        lambda known: audit_service_pb2.GetFeedStatusRequest(feed_id=known.feed_id), NOT_FOUND,
        "NOT_FOUND", entries=1),
    Bad("a sequence never sent", FETCH, fetching(acknowledge=99), INVALID, "NEVER_SENT",
        who="hostel", entries=1),
    Bad("a cursor of another epoch", FETCH, fetching(epoch=7), PRECONDITION, "EPOCH_CHANGED",
        {"epoch": "1"}, who="hostel", entries=1),
    Bad("more items than a batch holds", FETCH, fetching(max_items=65), INVALID,
        "INVALID_FIELD", field("max_items", "uint32.gte_lte"), who="hostel"),
    Bad("a count below nothing", FETCH, negative_items, INVALID,
        "INVALID_FIELD", field("max_items", "uint32.gte_lte"), who="hostel"),
    Bad("a list of a hundred thousand", GRANT,
        granting(lambda g: g.scope.categories.extend([DATA_CATEGORY_DOMESTIC_ABUSE] * 100_000)), INVALID,
        "INVALID_FIELD", field("grant.scope.categories", "repeated.unique")),
    Bad("no items at all", FETCH, fetching(max_items=0), INVALID,
        "INVALID_FIELD", field("max_items", "uint32.gte_lte"), who="hostel"),
    Bad("a receipt nobody asked for", FETCH,
        fetching(receipts=[delivery_service_pb2.RetractionReceipt(
            sequence=1, statement=SECRET.encode(), signature=b"\x30")]), INVALID, "BAD_RECEIPT",
        who="hostel"),
]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    hub = Served(make_site(tmp_path_factory.mktemp("bad")))
    hub.start()
    yield hub
    hub.stop()


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
def test_bad_input_is_refused_whole(served: Served, bad: Bad, caplog: pytest.LogCaptureFixture) -> None:
    before = served.size()
    caplog.set_level(logging.DEBUG)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        served.run(call(served.channels[bad.who], bad.method, bad.request(served.known)))
    error = failure.value

    status, reason, found = refusal(error)
    assert (status.name, reason, found) == (bad.status, bad.reason, bad.details)
    told = repr((error.details(), error.debug_error_string(), error.trailing_metadata(), caplog.text))
    assert SECRET.lower() not in told.lower()
    assert "Traceback" not in told and "error_id" not in told
    assert str(error.details()).endswith(".")
    # Facts stand in entries: nothing but the refusal itself was appended.
    appended = [read_access_entry(entry) for entry in served.entries(before)]
    told_of = [one and (one.kind, one.code) for one in appended]
    assert told_of == [(AccessKind.REFUSED, bad.reason)] * bad.entries
    served.run(served.nextcall())


def test_a_message_far_over_the_limit_is_refused_and_the_next_call_works(served: Served) -> None:
    before = served.size()
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        served.run(call(served.channels["outreach"], REGISTER, SECRET.encode() * 600_000))

    assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert SECRET not in repr((failure.value.details(), failure.value.trailing_metadata()))
    assert served.size() == before
    served.run(served.nextcall())


def test_a_stranger_to_a_feed_learns_and_disturbs_nothing_while_its_owner_waits(served: Served) -> None:
    async def ask() -> tuple[str, str]:
        waiting = fetching()(served.known)
        assert isinstance(waiting, delivery_service_pb2.FetchDeliveriesRequest)
        first = await DeliveryServiceStub(served.channels["hostel"]).FetchDeliveries(waiting)
        waiting.acknowledge = max((one.sequence for one in first.deliveries), default=0)
        await DeliveryServiceStub(served.channels["hostel"]).FetchDeliveries(waiting)
        waiting.wait.FromSeconds(20)
        owner = asyncio.ensure_future(DeliveryServiceStub(served.channels["hostel"]).FetchDeliveries(waiting))
        await asyncio.sleep(0.2)
        assert not owner.done()
        told = []
        for feed_id in (served.known.feed_id, INVENTED):
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(served.channels["outreach"], FETCH, fetching(feed_id=feed_id)(served.known))
            told.append(refusal(failure.value)[1])
        contact = records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=False))
        visit = publishing(lambda record: record.content.CopyFrom(contact))(served.known)
        await call(served.channels["outreach"], PUBLISH, visit)
        async with asyncio.timeout(5):
            assert (await owner).deliveries, "woken as if nobody else had asked"
        return told[0], told[1]

    assert served.run(ask()) == (NOT_FOUND, NOT_FOUND)
