"""`oncetold deliveries` and `oncetold why`: what went where, what is open, and one decision explained."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli import enums
from hub.cli.command import ActingFor, Json, Reference, command, data_folder, group
from hub.cli.connection import ask, call, connect, run
from hub.cli.output import moment, position, show, show_rows
from oncetold.v1.agency_service_pb2 import ListAgenciesRequest
from oncetold.v1.audit_service_pb2 import (
    ExplainDecisionRequest,
    Explanation,
    GetFeedStatusRequest,
    ListDisclosuresRequest,
    Verdict,
)

commands = group("deliveries", "What went to whom, and which retractions are still open.")


@command(commands, "status", example="oncetold --data ./hub deliveries status")
def status(
    context: typer.Context,
    agency: Annotated[str, typer.Option("--agency", metavar="AGENCY", help="One agency's feeds only.")] = "",
    as_json: Json = False,
) -> None:
    """Shows each feed: sent, acknowledged, held, and retractions open or receipted."""
    data = data_folder(context)

    async def look() -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        async with connect(data) as hub:
            listed = await call(hub, lambda hub: hub.agencies.ListAgencies, ListAgenciesRequest())
            for member in listed.agencies:
                if agency and member.agency_id != agency:
                    continue
                for feed in member.feeds:
                    asked = GetFeedStatusRequest(feed_id=feed.feed_id)
                    found = await call(hub, lambda hub: hub.audit.GetFeedStatus, asked)
                    rows.append(
                        {
                            "agency_id": member.agency_id,
                            "feed_id": feed.feed_id,
                            "epoch": found.epoch,
                            "sent": found.sent,
                            "acknowledged": found.acknowledged,
                            "held": found.held,
                            "open_retractions": found.open_retractions,
                            "receipted_retractions": found.receipted_retractions,
                        }
                    )
        return rows

    show_rows(
        "feeds",
        run(look),
        {
            "agency_id": "Agency",
            "feed_id": "Feed",
            "epoch": "Epoch",
            "sent": "Sent",
            "acknowledged": "Taken",
            "held": "Held",
            "open_retractions": "Open",
            "receipted_retractions": "Receipted",
        },
        nothing="No feed is open: oncetold agency subscribe --help",
        as_json=as_json,
    )


@command(
    commands, "disclosures", example="oncetold --data ./hub deliveries disclosures N-1042 --as northside"
)
def disclosures(
    context: typer.Context, reference: Reference, agency: ActingFor, as_json: Json = False
) -> None:
    """Lists what left the acting agency about one of its references.

    What was taken back is for its data protection officer: `oncetold-adapter retractions`.
    """
    request = ListDisclosuresRequest(client_reference=reference)
    answer = ask(data_folder(context), lambda hub: hub.audit.ListDisclosures, request, agency=agency)
    show_rows(
        "disclosures",
        [
            {
                "fragment_id": disclosure.fragment_id,
                "recipient_agency_id": disclosure.recipient_agency_id,
                "step": disclosure.step,
                "position": disclosure.position.index,
                "recorded_time": moment(disclosure.recorded_time),
            }
            for disclosure in answer.disclosures
        ],
        {
            "recorded_time": "When",
            "step": "Step",
            "recipient_agency_id": "To",
            "fragment_id": "Fragment",
        },
        nothing="Nothing about this reference has left the agency.",
        as_json=as_json,
    )


def register(app: typer.Typer) -> None:
    """Adds `why`, which stands alone because it is the question people ask."""
    command(
        app,
        "why",
        example="oncetold --data ./hub why visit-311 --as northside --recipient harbour",
    )(why)


def why(
    context: typer.Context,
    record_id: Annotated[
        str, typer.Argument(metavar="RECORD", help="The publishing agency's id of its record.")
    ],
    agency: Annotated[
        str, typer.Option("--as", metavar="AGENCY", help="The agency that published the record.")
    ],
    recipient: Annotated[str, typer.Option(metavar="AGENCY", help="The agency that would see it.")],
    purpose: Annotated[str, typer.Option(help=enums.PURPOSE.help)] = "DIRECT_SUPPORT",
    as_json: Json = False,
) -> None:
    """Explains one decision in plain English: may this agency have this record, and why or why not?"""
    request = ExplainDecisionRequest(
        record_id=record_id, recipient_agency_id=recipient, purpose=enums.PURPOSE.value(purpose)
    )
    answer = ask(data_folder(context), lambda hub: hub.audit.ExplainDecision, request, agency=agency)
    show(
        {
            "explanations": [explanation_json(explanation) for explanation in answer.explanations],
            "access": position(answer.access),
        },
        [explanation_sentence(explanation, recipient) for explanation in answer.explanations]
        or ["The record has no content that could be shared."],
        as_json=as_json,
    )


def explanation_json(explanation: Explanation) -> dict[str, object]:
    """One fragment's decision as JSON: codes and ids, never content."""
    return {
        "fragment_id": explanation.fragment_id,
        "categories": [enums.CATEGORY.word(category) for category in explanation.categories],
        "verdict": Verdict.Name(explanation.verdict).removeprefix("VERDICT_"),
        "test": explanation.test,
        "reason": explanation.reason,
        "sentence": explanation.sentence,
        "relied_on": list(explanation.relied_on),
    }


def explanation_sentence(explanation: Explanation, recipient: str) -> str:
    """One fragment's decision in a sentence: `substance use: northside may not see this. …`."""
    about = ", ".join(enums.CATEGORY.phrase(category) for category in explanation.categories)
    opening = {
        Verdict.VERDICT_PERMIT: f"{recipient} may see this.",
        Verdict.VERDICT_DENY: f"{recipient} may not see this.",
        Verdict.VERDICT_REVIEW: f"{recipient} may not see this until a person has reviewed it.",
        Verdict.VERDICT_ALLOW_OWN: f"this is {recipient}'s own.",
    }.get(explanation.verdict, "not decided.")
    code = f" [test {explanation.test}{', ' + explanation.reason if explanation.reason else ''}]"
    return f"{about}: {opening} {explanation.sentence}{code}"
