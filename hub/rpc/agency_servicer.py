"""AgencyService: who takes part."""

from uuid import UUID

from consent_ledger.erasures import DepartedCopies, DepartedRecords
from consent_ledger.facts import Feed, Post
from consent_ledger.vocabulary import DataCategory, PostKind, Purpose, ServiceType
from hub.projections.consent_index import Agency
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import agencies, departure
from oncetold.v1 import agency_service_pb2 as messages
from oncetold.v1 import common_pb2


class AgencyServicer(Servicer):
    """The operator's calls about agencies, certificates and feeds."""

    async def RegisterAgency(
        self, request: messages.RegisterAgencyRequest, call: Call
    ) -> messages.RegisterAgencyResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.RegisterAgencyResponse(position=self.position(index)),
            agencies.register_agency,
            agency_id=request.agency_id,
            name=request.name,
            controller_id=request.controller_id,
            service_type=translate.term(request, "service_type", ServiceType),
            public_authority=request.public_authority,
            enforcement_powers=request.enforcement_powers if request.HasField("enforcement_powers") else None,
        )

    async def AuthoriseCertificate(
        self, request: messages.AuthoriseCertificateRequest, call: Call
    ) -> messages.AuthoriseCertificateResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.AuthoriseCertificateResponse(position=self.position(index)),
            agencies.authorise_certificate,
            agency_id=request.agency_id,
            uri=request.uri,
            public_key_sha256=request.public_key_sha256,
        )

    async def Subscribe(self, request: messages.SubscribeRequest, call: Call) -> messages.SubscribeResponse:
        def written(opened: tuple[UUID, int, int]) -> messages.SubscribeResponse:
            feed_id, epoch, index = opened
            return messages.SubscribeResponse(
                feed_id=str(feed_id), epoch=epoch, position=self.position(index)
            )

        return await self.once(
            call,
            request,
            written,
            agencies.subscribe,
            agency_id=request.agency_id,
            certificate_uri=request.certificate_uri,
            service_type=translate.term(request, "service_type", ServiceType),
            purposes=translate.terms(request, "purposes", Purpose),
            categories=translate.terms(request, "categories", DataCategory),
            enforces_person_restriction=request.enforces_person_restriction,
            retraction_window=request.retraction_window,
        )

    async def AppointPost(
        self, request: messages.AppointPostRequest, call: Call
    ) -> messages.AppointPostResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.AppointPostResponse(position=self.position(index)),
            agencies.appoint_post,
            agency_id=request.agency_id,
            kind=translate.term(request.post, "kind", PostKind),
            staff_reference=request.post.staff_reference,
            telephone=request.post.telephone,
        )

    async def AuthoriseWitness(
        self, request: messages.AuthoriseWitnessRequest, call: Call
    ) -> messages.AuthoriseWitnessResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.AuthoriseWitnessResponse(position=self.position(index)),
            agencies.authorise_witness,
            agency_id=request.agency_id,
            verifier_key=request.verifier_key,
        )

    async def DepartAgency(
        self, request: messages.DepartAgencyRequest, call: Call
    ) -> messages.DepartAgencyResponse:
        answer = await self.once(
            call,
            request,
            lambda index: messages.DepartAgencyResponse(position=self.position(index)),
            departure.depart_agency,
            agency_id=request.agency_id,
            copies=translate.term(request, "copies", DepartedCopies),
            records=translate.term(request, "records", DepartedRecords),
            attested_by=request.attested_by,
        )
        self._hub.to_erase.set()
        return answer

    async def ListAgencies(
        self, request: messages.ListAgenciesRequest, call: Call
    ) -> messages.ListAgenciesResponse:
        found = await self.ask(call, agencies.list_agencies)
        return messages.ListAgenciesResponse(agencies=[_agency(agency, feeds) for agency, feeds in found])


def _agency(agency: Agency, feeds: list[Feed]) -> messages.Agency:
    return messages.Agency(
        agency_id=agency.agency_id,
        name=agency.name,
        controller_id=agency.controller_id,
        service_type=translate.number(common_pb2.ServiceType, agency.service_type),
        public_authority=agency.public_authority,
        certificate_uris=sorted(agency.certificates),
        feeds=[_feed(feed) for feed in feeds],
        posts=[_post(agency.posts[kind]) for kind in sorted(agency.posts)],
        witness_key=agency.witness_key,
        departed=agency.departed is not None,
        enforcement_powers=agency.enforcement_powers,
    )


def _feed(feed: Feed) -> messages.Feed:
    return messages.Feed(
        feed_id=str(feed.feed_id),
        certificate_uri=feed.certificate_uri,
        service_type=translate.number(common_pb2.ServiceType, feed.service_type),
        purposes=translate.numbers(common_pb2.Purpose, sorted(feed.purposes)),
        categories=translate.numbers(common_pb2.DataCategory, sorted(feed.categories)),
        enforces_person_restriction=feed.enforces_person_restriction,
        retraction_window=_clock_time(feed.retraction_window),
    )


def _clock_time(minutes: int | None) -> str:
    """Minutes after midnight as `HH:MM`; empty for none."""
    return "" if minutes is None else f"{minutes // 60:02}:{minutes % 60:02}"


def _post(post: Post) -> messages.Post:
    return messages.Post(
        kind=translate.number(messages.PostKind, post.kind),
        staff_reference=post.staff_reference,
        telephone=post.telephone,
    )
