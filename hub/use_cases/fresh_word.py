"""An agency's word for its staff is good once, and a few minutes: asked where the decision falls."""

from consent_ledger.errors import Refused
from hub.use_cases.work import Caller, Work

_FIELD = "oncetold-assertion"


def require_fresh(work: Work, caller: Caller) -> None:
    """Raises `BAD_ASSERTION`: the key that signed it counts no more, its time is over, or it was used before,
    here or at another replica."""
    staff = caller.staff
    if staff is None:
        return
    agency = work.index.agencies.get(caller.agency())
    if caller.public_key_der is not None and (agency is None or staff.key_id not in agency.assertion_keys):
        raise Refused("BAD_ASSERTION", field=_FIELD, rule="unknown-key")
    if staff.expires <= work.now:
        raise Refused("BAD_ASSERTION", field=_FIELD, rule="expires")
    if work.assertions.used(caller.agency(), staff.jti, staff.expires):
        raise Refused("BAD_ASSERTION", field=_FIELD, rule="used")
