"""StaffService: who of an agency's staff may read what, by the agency's own word."""

from datetime import datetime
from uuid import UUID

from consent_ledger.staff import BreakGlassReason, GivenRole, RelationshipKind, Role
from consent_ledger.vocabulary import DataCategory
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import staff
from hub.use_cases.broken_glass import break_glass
from oncetold.v1 import staff_service_pb2 as messages


class StaffServicer(Servicer):
    """Keys, roles, relationships, and reading without one."""

    async def AuthoriseAssertionKey(
        self, request: messages.AuthoriseAssertionKeyRequest, call: Call
    ) -> messages.AuthoriseAssertionKeyResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.AuthoriseAssertionKeyResponse(position=self.position(index)),
            staff.authorise_assertion_key,
            agency_id=request.agency_id,
            key_id=request.key_id,
            public_key=request.public_key,
        )

    async def EndAssertionKey(
        self, request: messages.EndAssertionKeyRequest, call: Call
    ) -> messages.EndAssertionKeyResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.EndAssertionKeyResponse(position=self.position(index)),
            staff.end_assertion_key,
            agency_id=request.agency_id,
            key_id=request.key_id,
        )

    async def GiveRole(self, request: messages.GiveRoleRequest, call: Call) -> messages.GiveRoleResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.GiveRoleResponse(position=self.position(index)),
            staff.give_role,
            staff_reference=request.staff_reference,
            role=translate.term(request, "role", Role),
            until=translate.moment(request, "until_time"),
        )

    async def EndRole(self, request: messages.EndRoleRequest, call: Call) -> messages.EndRoleResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.EndRoleResponse(position=self.position(index)),
            staff.end_role,
            staff_reference=request.staff_reference,
            role=translate.term(request, "role", Role),
        )

    async def ListRoles(self, request: messages.ListRolesRequest, call: Call) -> messages.ListRolesResponse:
        roles, key_ids, access = await self.ask(call, staff.list_roles)
        return messages.ListRolesResponse(
            roles=[_given(one) for one in roles], assertion_key_ids=key_ids, access=self.position(access)
        )

    async def RecordRelationship(
        self, request: messages.RecordRelationshipRequest, call: Call
    ) -> messages.RecordRelationshipResponse:
        def written(recorded: tuple[UUID, int]) -> messages.RecordRelationshipResponse:
            relationship_id, index = recorded
            return messages.RecordRelationshipResponse(
                relationship_id=str(relationship_id), position=self.position(index)
            )

        return await self.once(
            call,
            request,
            written,
            staff.record_relationship,
            client_reference=request.client_reference,
            staff_reference=request.staff_reference,
            kind=translate.term(request, "kind", RelationshipKind),
            categories=translate.terms(request, "categories", DataCategory),
            until=translate.moment(request, "until_time"),
        )

    async def EndRelationship(
        self, request: messages.EndRelationshipRequest, call: Call
    ) -> messages.EndRelationshipResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.EndRelationshipResponse(position=self.position(index)),
            staff.end_relationship,
            relationship_id=translate.uuid(request, "relationship_id"),
        )

    async def BreakGlass(
        self, request: messages.BreakGlassRequest, call: Call
    ) -> messages.BreakGlassResponse:
        def written(broken: tuple[int, datetime]) -> messages.BreakGlassResponse:
            index, until = broken
            return messages.BreakGlassResponse(
                position=self.position(index), until_time=codec.timestamp(until)
            )

        return await self.once(
            call,
            request,
            written,
            break_glass,
            client_reference=request.client_reference,
            reason=translate.term(request, "reason", BreakGlassReason),
        )


def _given(given: GivenRole) -> messages.GivenRole:
    until = codec.timestamp(datetime.fromisoformat(given.until)) if given.until else None
    return messages.GivenRole(
        staff_reference=given.staff_reference,
        role=translate.number(messages.StaffRole, given.role),
        until_time=until,
    )
