"""PlaceService: places that nobody may be told."""

from uuid import UUID

from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import places
from oncetold.v1 import place_service_pb2 as messages


class PlaceServicer(Servicer):
    """Protected places of an agency's own clients."""

    async def ProtectPlace(
        self, request: messages.ProtectPlaceRequest, call: Call
    ) -> messages.ProtectPlaceResponse:
        def written(protected: tuple[UUID, int]) -> messages.ProtectPlaceResponse:
            place_id, index = protected
            return messages.ProtectPlaceResponse(place_id=str(place_id), position=self.position(index))

        place = request.place
        answer = await self.once(
            call,
            request,
            written,
            places.protect_place,
            client_reference=request.client_reference,
            place=places.Named(tuple(place.lines), tuple(place.names), place.postcode, place.uprn),
            care_of_record_id=request.care_of_record_id,
        )
        self._hub.to_look.set()
        return answer

    async def LiftPlace(self, request: messages.LiftPlaceRequest, call: Call) -> messages.LiftPlaceResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.LiftPlaceResponse(position=self.position(index)),
            places.lift_place,
            client_reference=request.client_reference,
            place_id=translate.uuid(request, "place_id"),
        )

    async def ListPlaces(
        self, request: messages.ListPlacesRequest, call: Call
    ) -> messages.ListPlacesResponse:
        found, access = await self.ask(call, places.list_places, client_reference=request.client_reference)
        return messages.ListPlacesResponse(
            places=[_listed(one) for one in found], access=self.position(access)
        )


def _listed(shown: places.Shown) -> messages.ListedPlace:
    place = shown.place
    return messages.ListedPlace(
        place_id=str(shown.place_id),
        place=None
        if place is None
        else messages.ProtectedPlace(
            lines=place.lines, names=place.names, postcode=place.postcode, uprn=place.uprn
        ),
        care_of_record_id=shown.care_of_record_id,
        protected_time=codec.timestamp(shown.protected_time),
        looked_through=shown.looked_through,
        lifted=shown.lifted,
    )
