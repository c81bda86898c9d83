"""A lead's "no longer needed" is about ends so far: whoever loses a risk to others later is warned again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from hub.use_cases.audit import get_ledger_size
from tests.clock import START
from tests.machine.player import OPERATOR, Product
from tests.oracle import history as h

RISKY = frozenset({"SAFEGUARDING_RISK", "SERVICE_CONTACT"})
PURPOSE = frozenset({"DIRECT_SUPPORT"})
AGENCIES = (("hostel", "HOSTEL"), ("drugs", "SUBSTANCE_USE"), ("visits", "NAVIGATION"))


class Told:
    """The hostel knows that a worker is at risk; the drug service and the visitors may know it too."""

    def __init__(self, folder: Path) -> None:
        self.product = Product(folder)
        for agency, kind in AGENCIES:
            self.say(h.AgencyRegistered, agency=agency, service_type=kind)
            self.say(
                h.FeedOpened,
                feed=agency,
                agency=agency,
                service_type=kind,
                purposes=PURPOSE,
                categories=RISKY,
            )
            self.say(h.ClientRegistered, agency=agency, reference=agency)
        self.say(h.PostAppointed, agency="hostel", kind="SAFEGUARDING_LEAD", telephone="0121 1")
        basis = (h.Basis("DIRECT_SUPPORT", "A6_1_C", "A9_2_H", "SCH1_P18"),)
        self.say(
            h.AgreementDrafted,
            agreement="isa",
            version=1,
            parties=tuple(h.Party(agency, basis) for agency, _ in AGENCIES),
            rows=tuple(h.Row(category, "DIRECT_SUPPORT", "ERASE") for category in sorted(RISKY)),
            start=START,
            end=START + timedelta(days=300),
            notice="notice-1",
        )
        for agency, _ in AGENCIES:
            self.say(h.AgreementSigned, agreement="isa", version=1, agency=agency)
        part = h.Part(frozenset({"SAFEGUARDING_RISK"}), content="risk", risk=h.Risk(risk_to="worker"))
        self.say(
            h.RecordPublished,
            agency="hostel",
            reference="hostel",
            record_id="r1",
            revision=1,
            service_type="HOSTEL",
            occurred=START - timedelta(hours=1),
            parts=(part,),
        )
        for agency in ("drugs", "visits"):
            self.say(h.LinkConfirmed, link=agency, a=("hostel", "hostel"), b=(agency, agency))
            self.say(
                h.GrantRecorded,
                grant=agency,
                agency="hostel",
                reference="hostel",
                purposes=PURPOSE,
                categories=RISKY,
                recipient=h.Recipient(agency=agency),
                given=START,
                effective_until=START + timedelta(days=200),
            )

    def say(self, kind: type[h.Event], /, **fields: Any) -> None:
        seq = self.product.call(get_ledger_size, OPERATOR)
        assert self.product.play(kind(seq=seq, at=START, **fields)), self.product.refused

    def end(self, agency: str) -> None:
        self.say(h.GrantWithdrawn, grant=agency, by_agency="hostel", reference="hostel")

    def rings(self, agency: str) -> list[str | None]:
        """Whom each element that the agency holds says to ring; `None` where it is the judgement itself."""
        partner = self.product.partners[agency]
        self.product.run(partner.drain())
        return [held.ring for held in partner.store().values()]


def test_h18_a_warning_that_was_ended_for_one_is_given_to_the_next_who_loses_the_risk(tmp_path: Path) -> None:
    told = Told(tmp_path)
    try:
        assert (told.rings("drugs"), told.rings("visits")) == ([None], [None])
        told.end("drugs")
        assert (told.rings("drugs"), told.rings("visits")) == (["0121 1"], [None])
        told.say(h.WarningEnded, agency="hostel", record_id="r1")
        assert (told.rings("drugs"), told.rings("visits")) == ([], [None])
        told.end("visits")
        assert (told.rings("drugs"), told.rings("visits")) == ([], ["0121 1"])
        told.say(h.WarningEnded, agency="hostel", record_id="r1")
        assert told.rings("visits") == []
    finally:
        told.product.close()


def test_h18_who_was_only_warned_when_the_lead_let_it_go_is_not_warned_again_by_anothers_end(
    tmp_path: Path,
) -> None:
    told = Told(tmp_path)
    try:
        assert (told.rings("drugs"), told.rings("visits")) == ([None], [None])
        told.end("drugs")
        assert told.rings("drugs") == ["0121 1"]
        told.say(h.WarningEnded, agency="hostel", record_id="r1")
        told.end("visits")  # before the drug service's adapter came for what was let go
        assert (told.rings("drugs"), told.rings("visits")) == ([], ["0121 1"])
    finally:
        told.product.close()
