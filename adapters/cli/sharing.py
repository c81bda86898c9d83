"""`oncetold-adapter sharing`: asking other agencies to share, answering them, deciding about one's own.

Why something is necessary comes from a file and is never typed into a command: other programs see commands.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from adapters.cli.output import Config, Json, command, show
from adapters.cli.sharing_rows import decided_line, decided_row, waiting_line, waiting_row
from adapters.kit.assertions import Who
from adapters.kit.config import load
from adapters.kit.errors import ConfigInvalid
from adapters.kit.mais_request import number, read_basis, read_request, write_request
from adapters.kit.sharing import SharingHub
from oncetold.v1 import common_pb2, consent_service_pb2, sharing_pb2
from oncetold.v1 import sharing_service_pb2 as messages

DEFAULT = Path("adapter.toml")
MOST_WORDS = 2000
"""Characters."""
EXAMPLE = (
    "oncetold-adapter sharing {} --by officer-1 --role DATA_PROTECTION_OFFICER"
    " --staff-key staff.key --key-id s-1"
)

commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Sharing that people decide: ask, answer, override, decide in an emergency.",
)

By = Annotated[str, typer.Option("--by", metavar="STAFF", help="Who does it: your agency's pseudonym.")]
Role = Annotated[str, typer.Option("--role", help="In which role, e.g. SAFEGUARDING_LEAD.")]
StaffKey = Annotated[Path, typer.Option("--staff-key", metavar="FILE", help="The key that signs for staff.")]
KeyId = Annotated[str, typer.Option("--key-id", help="That key's id, as the hub knows it.")]
Client = Annotated[str, typer.Option("--client", metavar="REFERENCE", help="Only of this client.")]
Category = Annotated[list[str], typer.Option("--category", help="What is shared; may be given again.")]
Record = Annotated[
    list[str], typer.Option("--record", help="Your own id of a marked record to share; may be given again.")
]
Why = Annotated[
    Path,
    typer.Option("--why", metavar="FILE", help="A text: why it is necessary, and why less would not do."),
]
Until = Annotated[datetime, typer.Option("--until", help="When it ends, e.g. 2026-12-24 (UTC).")]
NoCategories: list[str] = []


def _hub(config: Path, by: str, role: str, staff_key: Path, key_id: str) -> SharingHub:
    settings = load(config)
    return SharingHub.speaking_for(settings.hub, Who(by, role), settings.folder / staff_key, key_id)


def _reason(file: Path) -> str:
    try:
        said = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigInvalid([f"{file.name} cannot be read as UTF-8 text."]) from None
    if not 0 < len(said) <= MOST_WORDS:
        raise ConfigInvalid([f"{file.name} must say why, in {MOST_WORDS} characters at most."])
    return said


def _categories(named: Sequence[str]) -> list[Any]:
    return [number(common_pb2.DataCategory, one, "--category") for one in named]


def _content(named: Sequence[str], records: Sequence[str] = ()) -> sharing_pb2.SharedContent:
    return sharing_pb2.SharedContent(categories=_categories(named), record_ids=records)


def _told(answer: dict[str, object], *sentences: str, as_json: bool) -> None:
    show(answer, [one for one in sentences if one], as_json=as_json)


@command(commands, "ask", example=EXAMPLE.format("ask request.json"))
def ask(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A MAIS Request; `requests --json` shows some.")
    ],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Asks whoever holds something of a client of yours to share it. The answer tells nobody's name.

    \b
    {"RequestedData": {"Query": {"Identifier": {"value": "N-1042"}},
                       "oncetold:categories": ["PHYSICAL_HEALTH"]},
     "oncetold:purposes": ["DIRECT_SUPPORT"],
     "oncetold:basis": {"lawful_basis": "A6_1_E", "article9": "A9_2_H"},
     "oncetold:power": "CARE_ACT_2014", "oncetold:why": "…"}
    """
    try:
        raw = file.read_bytes()
    except OSError:
        raise ConfigInvalid([f"{file.name} cannot be read."]) from None
    request = read_request(raw, str(uuid4()))
    with _hub(config, by, role, staff_key, key_id) as hub:
        answer = hub.ask("RequestSharing", request)
    due = answer.due_time.ToDatetime(UTC)
    _told(
        {"sharing_request_id": answer.sharing_request_id, "due_time": answer.due_time.ToJsonString()},
        f"Asked: {answer.sharing_request_id}.",
        f"You have an answer by {due:%d %B %Y, %H:%M} UTC, whoever there is.",
        as_json=as_json,
    )


@command(commands, "requests", example=EXAMPLE.format("requests --to-answer"))
def requests(
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    to_answer: Annotated[bool, typer.Option("--to-answer", help="Those that your agency is asked.")] = False,
    client: Client = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Lists requests to share as MAIS Requests: those that your agency made, or those it has to answer."""
    asked = messages.ListSharingRequestsRequest(to_answer=to_answer, client_reference=client)
    with _hub(config, by, role, staff_key, key_id) as hub:
        found = [write_request(one) for one in hub.ask("ListSharingRequests", asked).requests]
    lines = [json.dumps(one, ensure_ascii=False, indent=2) for one in found] or ["There are none."]
    _told({"requests": found}, *lines, as_json=as_json)


@command(
    commands,
    "permit",
    example=EXAMPLE.format(
        "permit 6f1c0b6e-0f58-4c7e-9a3e-7a3f2a4f0b11 --until 2026-12-24 --basis A6_1_E --article9 A9_2_H"
        " --confidence PUBLIC_INTEREST --file-reference F/7 --recorded-by clerk-9 --why why.txt"
    ),
)
def permit(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    until: Until,
    basis: Annotated[str, typer.Option("--basis", help="Your basis in law, e.g. A6_1_E.")],
    confidence: Annotated[str, typer.Option("--confidence", help="The basis in confidence.")],
    why: Why,
    article9: Annotated[str, typer.Option("--article9", help="Condition for special categories.")] = "",
    article10: Annotated[str, typer.Option("--article10", help="Condition for criminal offences.")] = "",
    file_reference: Annotated[str, typer.Option("--file-reference", help="Where the reasons are kept.")] = "",
    recorded_by: Annotated[str, typer.Option("--recorded-by", help="Who else looked at it.")] = "",
    notice: Annotated[str, typer.Option("--notice", help="The notice of the client's own grant.")] = "",
    only: Annotated[
        list[str], typer.Option("--only", help="Share this category alone; may be given again.")
    ] = NoCategories,
    record: Record = NoCategories,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Shares what was asked for, or only a part of it, until an end that you set."""
    request = messages.AnswerSharingRequest(
        request_id=str(uuid4()),
        sharing_request_id=request_id,
        outcome=sharing_pb2.SHARING_ANSWER_KIND_NARROW if only else sharing_pb2.SHARING_ANSWER_KIND_PERMIT,
        content=_content(only, record),
        basis=read_basis({"lawful_basis": basis, "article9": article9, "article10": article10}),
        confidentiality_basis=number(common_pb2.ConfidentialityBasis, confidence, "--confidence"),
        evidence=consent_service_pb2.BasisEvidence(
            reference=file_reference, recorded_by=recorded_by, decision_maker=by
        ),
        notice_id=notice,
        why=_reason(why),
    )
    request.until_time.FromDatetime(until)
    with _hub(config, by, role, staff_key, key_id) as hub:
        answer = hub.ask("AnswerSharing", request)
    _told(
        {"decision_id": answer.decision_id},
        f"Shared: {answer.decision_id}.",
        answer.sentence,
        as_json=as_json,
    )


@command(
    commands,
    "refuse",
    example=EXAMPLE.format("refuse 6f1c0b6e-0f58-4c7e-9a3e-7a3f2a4f0b11 --reason NOT_NECESSARY"),
)
def refuse(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST", help="The request's id.")],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    reason: Annotated[str, typer.Option("--reason", help="For your own record; told to nobody.")],
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Shares nothing. Whoever asked is not told that you were there."""
    request = messages.AnswerSharingRequest(
        request_id=str(uuid4()),
        sharing_request_id=request_id,
        outcome=sharing_pb2.SHARING_ANSWER_KIND_REFUSE,
        reason=number(sharing_pb2.RefusalToShare, reason, "--reason"),
    )
    with _hub(config, by, role, staff_key, key_id) as hub:
        hub.ask("AnswerSharing", request)
    _told({"refused": request_id}, "Refused. Whoever asked is not told that you were there.", as_json=as_json)


@command(
    commands,
    "override",
    example=EXAMPLE.format(
        "override N-1042 --to ward --category PHYSICAL_HEALTH --risk TO_THE_PERSON"
        " --no-consent CANNOT_GIVE --told NOT_REACHED --until 2026-12-24 --why why.txt"
    ),
)
def override(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="Your own reference to the client.")],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    to: Annotated[str, typer.Option("--to", metavar="AGENCY", help="Who gets it.")],
    category: Category,
    risk: Annotated[str, typer.Option("--risk", help="Whom it protects, e.g. TO_A_CHILD.")],
    no_consent: Annotated[str, typer.Option("--no-consent", help="Why there is no consent.")],
    told: Annotated[str, typer.Option("--told", help="Whether the client knows.")],
    until: Until,
    why: Why,
    record: Record = NoCategories,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Asks a safeguarding lead of your agency to share against a danger. Nothing is shared by it."""
    request = messages.RequestOverrideRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        recipient_agency_id=to,
        content=_content(category, record),
        risk=number(sharing_pb2.OverrideRisk, risk, "--risk"),
        why_no_consent=number(sharing_pb2.WhyNoConsent, no_consent, "--no-consent"),
        told=number(sharing_pb2.ClientTold, told, "--told"),
        why=_reason(why),
    )
    request.until_time.FromDatetime(until)
    with _hub(config, by, role, staff_key, key_id) as hub:
        answer = hub.ask("RequestOverride", request)
    said = f"Asked for: {answer.override_id}. A safeguarding lead, who is not you, has to authorise it."
    _told({"override_id": answer.override_id}, said, as_json=as_json)


@command(commands, "authorise", example=EXAMPLE.format("authorise 6f1c0b6e-0f58-4c7e-9a3e-7a3f2a4f0b11"))
def authorise(
    override_id: Annotated[str, typer.Argument(metavar="OVERRIDE", help="What was asked for.")],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    decline: Annotated[bool, typer.Option("--decline", help="Share nothing.")] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Shares what an override asks for, or declines. Not by whoever asked for it."""
    request = messages.AuthoriseOverrideRequest(
        request_id=str(uuid4()), override_id=override_id, decline=decline
    )
    with _hub(config, by, role, staff_key, key_id) as hub:
        answer = hub.ask("AuthoriseOverride", request)
    said = f"Shared: {answer.decision_id}." if answer.decision_id else "Declined. Nothing is shared."
    _told({"decision_id": answer.decision_id}, said, answer.sentence, as_json=as_json)


@command(
    commands,
    "emergency",
    example=EXAMPLE.format("emergency N-1042 --to ward --category PHYSICAL_HEALTH --why why.txt"),
)
def emergency(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="Your own reference to the client.")],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    to: Annotated[str, typer.Option("--to", metavar="AGENCY", help="Who gets it.")],
    category: Category,
    why: Why,
    record: Record = NoCategories,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Shares at once for 7 days, on your word. Somebody else signs it by the next working day."""
    request = messages.DecideInEmergencyRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        recipient_agency_id=to,
        content=_content(category, record),
        why=_reason(why),
    )
    with _hub(config, by, role, staff_key, key_id) as hub:
        answer = hub.ask("DecideInEmergency", request)
    sign_by = answer.countersign_by_time.ToDatetime(UTC)
    _told(
        {"decision_id": answer.decision_id, "countersign_by": answer.countersign_by_time.ToJsonString()},
        f"Shared: {answer.decision_id}. Somebody else signs it by {sign_by:%d %B %Y, %H:%M} UTC.",
        answer.sentence,
        as_json=as_json,
    )


@command(commands, "countersign", example=EXAMPLE.format("countersign 6f1c0b6e-0f58-4c7e-9a3e-7a3f2a4f0b11"))
def countersign(
    decision_id: Annotated[str, typer.Argument(metavar="DECISION", help="What somebody decided.")],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Signs what somebody else decided in an emergency."""
    request = messages.CountersignRequest(request_id=str(uuid4()), decision_id=decision_id)
    with _hub(config, by, role, staff_key, key_id) as hub:
        hub.ask("Countersign", request)
    _told({"countersigned": decision_id}, "Signed.", as_json=as_json)


@command(commands, "end", example=EXAMPLE.format("end 6f1c0b6e-0f58-4c7e-9a3e-7a3f2a4f0b11"))
def end(
    decision_id: Annotated[str, typer.Argument(metavar="DECISION", help="What your agency decided.")],
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Ends a decision: what went by it is taken back."""
    request = messages.EndDecisionRequest(request_id=str(uuid4()), decision_id=decision_id)
    with _hub(config, by, role, staff_key, key_id) as hub:
        hub.ask("EndDecision", request)
    _told({"ended": decision_id}, "Ended. What went by it is taken back.", as_json=as_json)


@command(commands, "decisions", example=EXAMPLE.format("decisions"))
def decisions(
    by: By,
    role: Role,
    staff_key: StaffKey,
    key_id: KeyId,
    client: Client = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Lists what your agency decided to share, and the overrides that wait for a lead."""
    request = messages.ListDecisionsRequest(client_reference=client)
    with _hub(config, by, role, staff_key, key_id) as hub:
        answer = hub.ask("ListDecisions", request)
    made = [decided_row(one) for one in answer.decisions]
    waiting = [waiting_row(one) for one in answer.overrides]
    lines = [*map(decided_line, made), *map(waiting_line, waiting)]
    show({"decisions": made, "overrides": waiting}, lines or ["There are none."], as_json=as_json)
