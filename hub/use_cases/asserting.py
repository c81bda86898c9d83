"""With which key an agency signs for its staff, for the door."""

from hub.use_cases.hub import Hub


async def assertion_key(hub: Hub, agency_id: str, key_id: str) -> bytes | None:
    """The key an agency's assertions are verified with; 32 bytes, `None` for an unknown one.

    Read from the index as it stands, like the certificate's agency: that the key still counts is asked again
    where the decision falls (`Hub`). One that is not found may be known since the last entry.
    """

    def known() -> bytes | None:
        agency = hub.projector.index.agencies.get(agency_id)
        return None if agency is None else agency.assertion_keys.get(key_id)

    found = known()
    return found if found is not None else await hub.look(lambda _: known())
