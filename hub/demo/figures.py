"""The demo's figures, read from the partners' databases and the hub after the day is over."""

from __future__ import annotations

from hub.cli.errors import StoryBroken
from hub.demo import partner
from hub.demo.agencies import AGENCIES, HOSTEL, HOUSING, LEE, RECOVERY, Agency
from hub.demo.stage import Stage
from hub.demo.story import Story
from oncetold.v1.audit_service_pb2 import GetFeedStatusRequest, GetLedgerRequest


def read_figures(stage: Stage, story: Story, seconds: float) -> dict[str, object]:
    """All figures. Raises StoryBroken when the hub and a partner do not count alike."""
    ledger = stage.ask(lambda hub: hub.audit.GetLedger, GetLedgerRequest())
    told = story.told(HOSTEL)
    not_asked_again = story.held_from(RECOVERY, HOSTEL)
    seen = story.day.seen_by_housing
    receipts = partner.receipts(stage.systems[HOUSING])
    return {
        "told_at_the_hostel": len(told),
        "not_asked_again_at_the_drug_service": len(not_asked_again),
        "told_back_to_the_hostel": len(story.held_from(HOSTEL, RECOVERY)),
        "never_seen_by_housing": len([fact for fact in told if fact not in seen]),
        "held_by_housing": len(story.held_from(HOUSING, HOSTEL)),
        "withdrawn_from_housing": len(seen) - len(story.held_from(HOUSING, HOSTEL)),
        "retractions_receipted": len([receipt for receipt in receipts if receipt.sent]),
        "greyed_at_the_hostel": len(story.day.greyed),
        "tasks": story.day.tasks,
        "seconds_from_withdrawal_to_removal": round(story.day.seconds_to_removal, 2),
        "notes_that_stayed_home": stage.systems[HOSTEL].notes(),
        "held_elsewhere_about_lee": sum(
            len(partner.held(stage.systems[agency], LEE[agency])) for agency in LEE
        ),
        "why": story.day.why,
        "agencies": {agency.agency_id: _agency(stage, agency) for agency in AGENCIES},
        "ledger": {"ledger_id": ledger.ledger_id, "entries": ledger.size},
        "seconds": round(seconds, 1),
    }


def in_words(figures: dict[str, object]) -> dict[str, object]:
    """The figures that a person wants to read, by what they count."""
    ledger = figures["ledger"]
    tasks = figures["tasks"]
    assert isinstance(ledger, dict)
    assert isinstance(tasks, dict)
    return {
        "answers Sam gave at the hostel, once": figures["told_at_the_hostel"],
        "of them the drug service need not ask again": figures["not_asked_again_at_the_drug_service"],
        "answers that came back to the hostel": figures["told_back_to_the_hostel"],
        "answers the housing officer never saw": figures["never_seen_by_housing"],
        "answers taken back from the housing office": figures["withdrawn_from_housing"],
        "seconds from the withdrawal until they were gone": figures["seconds_from_withdrawal_to_removal"],
        "retractions with a signed receipt": figures["retractions_receipted"],
        "answers greyed at the hostel, not taken from it": figures["greyed_at_the_hostel"],
        "agencies where somebody has to look": len(tasks),
        "fragments about Lee, who said no, anywhere else": figures["held_elsewhere_about_lee"],
        "entries in the ledger, looks and refusals included": ledger["entries"],
        "seconds for the whole day": figures["seconds"],
    }


def _agency(stage: Stage, agency: Agency) -> dict[str, int]:
    """One agency's feed as the hub counts it, and its database as the agency does."""
    status = stage.ask(lambda hub: hub.audit.GetFeedStatus, GetFeedStatusRequest(feed_id=stage.feeds[agency]))
    held = len(partner.held(stage.systems[agency]))
    if (status.held, status.open_retractions) != (held, 0):
        raise StoryBroken(
            f"The hub and {agency.agency_id} do not count alike: {status.held} and {held} fragments held, "
            f"{status.open_retractions} retractions open.",
            "Please report it with the logs of the demo (--data DIR keeps them).",
            reason="STORY_BROKEN",
        )
    return {
        "own_rows": stage.systems[agency].own_rows(),
        "held": held,
        "sent": status.sent,
        "acknowledged": status.acknowledged,
        "receipted_retractions": status.receipted_retractions,
    }
