"""`oncetold consent`: what a person agreed to, refused, withdrew or shut out."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.choice_row import row_of
from hub.cli.choosing import ProxyClient, ProxyOther, ProxyStaff, Quiet, given_by, person_at
from hub.cli.command import ActingFor, Json, Reference, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.errors import Misused
from hub.cli.output import position, show, show_rows
from hub.cli.times import RULE, now, read_time
from oncetold.v1.consent_service_pb2 import (
    EXCLUSION_GROUND_UNSPECIFIED,
    EXCLUSION_GROUND_WORKPLACE,
    STATUTORY_DUTY_UNSPECIFIED,
    BasisEvidence,
    Grant,
    LiftExclusionRequest,
    LiftMarkerRequest,
    ListChoicesRequest,
    PlaceMarkerRequest,
    ReconfirmGrantRequest,
    RecordExclusionRequest,
    RecordGrantRequest,
    RecordRefusalRequest,
    RecordStatusRequest,
    Scope,
)

commands = group("consent", "What a person agreed to, refused, withdrew or shut out.")

To = Annotated[str, typer.Option(metavar="AGENCY", help="The one agency that it is about.")]
ToService = Annotated[str, typer.Option(help="Or every service of one type. " + enums.SERVICE_TYPE.help)]
ToTeam = Annotated[bool, typer.Option("--to-team", help="Or everyone who supports the person.")]
Purposes = Annotated[
    list[str], typer.Option("--purpose", help=enums.PURPOSE.help + " Repeat, or use commas.")
]
Categories = Annotated[
    list[str], typer.Option("--category", help=enums.CATEGORY.help + " Repeat, or use commas.")
]
GrantId = Annotated[str, typer.Argument(metavar="GRANT", help="The grant's id.")]
Remove = Annotated[
    bool, typer.Option("--remove", help="Remove it: recipients retract, whatever the agreement says.")
]

AtOnce = Annotated[
    bool,
    typer.Option("--at-once", help="Now: copies are taken back without waiting for a retraction window."),
]


@command(
    commands,
    "grant",
    example=(
        "oncetold --data ./hub consent grant N-1042 --as northside --to harbour --purpose DIRECT_SUPPORT"
        " --category IDENTITY,ACCOMMODATION,SERVICE_CONTACT --notice northside-notice-1 --until 2027-01-01"
        " --asked-alone --service-offered-anyway --told-may-refuse"
    ),
)
def grant(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    purpose: Purposes,
    category: Categories,
    notice: Annotated[str, typer.Option(help="The notice that the person said yes to.")],
    until: Annotated[str, typer.Option(help=f"When it ends: {RULE}.")],
    to: To = "",
    to_service: ToService = "",
    to_team: ToTeam = False,
    basis: Annotated[str, typer.Option(help=enums.CONFIDENTIALITY.help)] = "EXPLICIT_CONSENT",
    method: Annotated[str, typer.Option(help=enums.CAPTURE.help)] = "VERBAL_IN_PERSON",
    given: Annotated[str, typer.Option(help="When the person said it. Unset: now.")] = "",
    begins: Annotated[str, typer.Option("--from", help="When it begins. Unset: now.")] = "",
    data_from: Annotated[str, typer.Option(help="Only what occurred from then on.")] = "",
    data_until: Annotated[str, typer.Option(help="Only what occurred until then.")] = "",
    asked_alone: Annotated[bool, typer.Option("--asked-alone", help="The person was asked alone.")] = False,
    service_offered_anyway: Annotated[
        bool, typer.Option("--service-offered-anyway", help="Help was offered whatever the answer.")
    ] = False,
    told_may_refuse: Annotated[
        bool, typer.Option("--told-may-refuse", help="The person was told that they may say no.")
    ] = False,
    capacity_in_doubt: Annotated[
        bool, typer.Option("--capacity-in-doubt", help="Capacity for this decision is in doubt.")
    ] = False,
    proxy_staff: ProxyStaff = "",
    proxy_client: ProxyClient = "",
    proxy: ProxyOther = "",
    sixteenth_birthday: Annotated[
        str, typer.Option(metavar="DATE", help="A parent's yes: when the child turns 16. It ends then.")
    ] = "",
    lacks_capacity: Annotated[
        str,
        typer.Option(
            metavar="REFERENCE", help="Where it is kept that they cannot decide this at 16: then 18."
        ),
    ] = "",
    evidence: Annotated[
        str,
        typer.Option(metavar="REFERENCE", help="Where a basis' evidence is kept; all but explicit consent."),
    ] = "",
    told_care_team: Annotated[
        bool, typer.Option("--told-care-team", help="Implied consent: told, by the notice, who shares.")
    ] = False,
    decision_maker: Annotated[str, typer.Option(help="Best interests: who decided.")] = "",
    authorised_by: Annotated[str, typer.Option(help="Public interest: who authorised it.")] = "",
    recorded_by: Annotated[str, typer.Option(help="Public interest: who records it; somebody else.")] = "",
    duty: Annotated[str, typer.Option(help="Statutory duty. " + enums.STATUTORY_DUTY.help)] = "",
    as_json: Json = False,
) -> None:
    """Records a grant, or another basis with its evidence. Without the three assurances, consent is weak:
    normal content only, for 7 days."""
    recorded = Grant(
        client_reference=reference,
        scope=_scope(purpose, category, to, to_service, to_team, required=True),
        confidentiality_basis=enums.CONFIDENTIALITY.value(basis),
        capture_method=enums.CAPTURE.value(method),
        notice_id=notice,
        given_time=read_time("--given", given) if given else now(),
        effective_from_time=read_time("--from", begins) if begins else None,
        effective_until_time=read_time("--until", until),
        data_from_time=read_time("--data-from", data_from) if data_from else None,
        data_until_time=read_time("--data-until", data_until) if data_until else None,
        asked_alone=asked_alone,
        service_offered_anyway=service_offered_anyway,
        told_may_refuse=told_may_refuse,
        capacity_in_doubt=capacity_in_doubt,
        given_by=given_by(proxy_staff, proxy_client, proxy),
    )
    shown = BasisEvidence(
        reference=evidence,
        told_care_team=told_care_team,
        decision_maker=decision_maker,
        authorised_by=authorised_by,
        recorded_by=recorded_by,
        duty=enums.STATUTORY_DUTY.value(duty) if duty else STATUTORY_DUTY_UNSPECIFIED,
    )
    if sixteenth_birthday:
        recorded.parental_authority.sixteenth_birthday_date = sixteenth_birthday
        recorded.parental_authority.lacks_capacity_reference = lacks_capacity
    if shown.ListFields():
        recorded.evidence.CopyFrom(shown)
    request = RecordGrantRequest(request_id=str(uuid4()), grant=recorded)
    answer = ask(data_folder(context), lambda hub: hub.consent.RecordGrant, request, agency=agency)
    show(
        {"grant_id": answer.grant_id, "position": position(answer.position)},
        [f"Grant {answer.grant_id} is recorded."],
        as_json=as_json,
    )


@command(
    commands, "refuse", example="oncetold --data ./hub consent refuse N-1042 --as northside --to harbour"
)
def refuse(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    purpose: Purposes = [],  # noqa: B006  # typer never changes it
    category: Categories = [],  # noqa: B006
    to: To = "",
    to_service: ToService = "",
    to_team: ToTeam = False,
    at_once: AtOnce = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Records that the person said no. What is left out means every one."""
    request = RecordRefusalRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        scope=_scope(purpose, category, to, to_service, to_team, required=False),
        at_once=at_once,
        quiet=quiet,
    )
    answer = ask(data_folder(context), lambda hub: hub.consent.RecordRefusal, request, agency=agency)
    show(
        {"refusal_id": answer.refusal_id, "position": position(answer.position)},
        ["The refusal is recorded and holds from now on."],
        as_json=as_json,
    )


@command(
    commands,
    "reconfirm",
    example="oncetold --data ./hub consent reconfirm N-1042 0f6a4d38-… --as northside",
)
def reconfirm(
    context: typer.Context, reference: Reference, grant_id: GrantId, agency: ActingFor, as_json: Json = False
) -> None:
    """Says that an earlier grant still stands, now that the agency it names is registered."""
    request = ReconfirmGrantRequest(request_id=str(uuid4()), client_reference=reference, grant_id=grant_id)
    answer = ask(data_folder(context), lambda hub: hub.consent.ReconfirmGrant, request, agency=agency)
    show({"position": position(answer.position)}, ["The grant is reconfirmed."], as_json=as_json)


@command(
    commands,
    "exclude",
    example="oncetold --data ./hub consent exclude N-1042 --as northside --agency harbour",
)
def exclude(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    excluded: Annotated[str, typer.Option("--agency", metavar="AGENCY", help="Shuts out an agency.")] = "",
    staff: Annotated[
        str, typer.Option(metavar="AGENCY:STAFF", help="Shuts out one person at an agency.")
    ] = "",
    category: Annotated[str, typer.Option(help="Shuts out a category. " + enums.CATEGORY.help)] = "",
    remove: Remove = False,
    at_once: AtOnce = False,
    linked_to_risk: Annotated[
        bool,
        typer.Option("--linked-to-risk", help="Linked to somebody the person is at risk from: never opened."),
    ] = False,
    workplace: Annotated[
        bool,
        typer.Option("--workplace", help="The person works, volunteers or applies at that agency."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Shuts out an agency, a person at an agency, or a category. It yields to no grant."""
    if sum(map(bool, (excluded, staff, category))) != 1:
        raise Misused(
            "An exclusion shuts out exactly one thing.",
            "Give one of --agency, --staff and --category; record several exclusions for several things.",
            reason="INVALID_FIELD",
        )
    request = RecordExclusionRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        remove=remove,
        at_once=at_once,
        linked_to_risk=linked_to_risk,
        ground=EXCLUSION_GROUND_WORKPLACE if workplace else EXCLUSION_GROUND_UNSPECIFIED,
    )
    if excluded:
        request.agency_id = excluded
    elif staff:
        request.person.CopyFrom(person_at("--staff", staff))
    else:
        request.category = enums.CATEGORY.value(category)
    answer = ask(data_folder(context), lambda hub: hub.consent.RecordExclusion, request, agency=agency)
    show(
        {
            "exclusion_id": answer.exclusion_id,
            "position": position(answer.position),
            "effect": enums.EXCLUSION_EFFECT.word(answer.effect),
            "sentence": answer.sentence,
        },
        [f"Exclusion {answer.exclusion_id} is recorded and holds from now on.", answer.sentence],
        as_json=as_json,
    )


@command(
    commands,
    "marker",
    example="oncetold --data ./hub consent marker N-1042 PROTECTED_ADDRESS --as northside",
)
def marker(
    context: typer.Context,
    reference: Reference,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=enums.MARKER.help)],
    agency: ActingFor,
    record: Annotated[
        str, typer.Option(help="The record's own id; needed for all but PROTECTED_ADDRESS.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Protects the person's address, or one of the agency's records. It yields to no grant."""
    request = PlaceMarkerRequest(
        request_id=str(uuid4()), client_reference=reference, kind=enums.MARKER.value(kind), record_id=record
    )
    answer = ask(data_folder(context), lambda hub: hub.consent.PlaceMarker, request, agency=agency)
    show(
        {"marker_id": answer.marker_id, "position": position(answer.position)},
        [f"Marker {answer.marker_id} is placed and holds from now on."],
        as_json=as_json,
    )


@command(
    commands,
    "lift",
    example="oncetold --data ./hub consent lift N-1042 0f6a4d38-… --as northside",
)
def lift(
    context: typer.Context,
    reference: Reference,
    choice_id: Annotated[
        str, typer.Argument(metavar="ID", help="The exclusion's id; with --marker the marker's.")
    ],
    agency: ActingFor,
    is_marker: Annotated[bool, typer.Option("--marker", help="The id is a marker's.")] = False,
    as_json: Json = False,
) -> None:
    """Lifts an exclusion or a marker that the acting agency recorded."""
    data, request_id = data_folder(context), str(uuid4())
    if is_marker:
        lift_marker = LiftMarkerRequest(
            request_id=request_id, client_reference=reference, marker_id=choice_id
        )
        at = ask(data, lambda hub: hub.consent.LiftMarker, lift_marker, agency=agency).position
    else:
        lift_exclusion = LiftExclusionRequest(
            request_id=request_id, client_reference=reference, exclusion_id=choice_id
        )
        at = ask(data, lambda hub: hub.consent.LiftExclusion, lift_exclusion, agency=agency).position
    show({"position": position(at)}, ["It is lifted."], as_json=as_json)


@command(
    commands,
    "status",
    example="oncetold --data ./hub consent status N-1042 PROCESSING_RESTRICTED --as northside",
)
def status(
    context: typer.Context,
    reference: Reference,
    fact: Annotated[str, typer.Argument(metavar="STATUS", help=enums.STATUS.help)],
    agency: ActingFor,
    as_json: Json = False,
) -> None:
    """Records a fact that changes what may be shared: restriction, opt-out, a reported death."""
    request = RecordStatusRequest(
        request_id=str(uuid4()), client_reference=reference, status=enums.STATUS.value(fact)
    )
    answer = ask(data_folder(context), lambda hub: hub.consent.RecordStatus, request, agency=agency)
    show({"position": position(answer.position)}, ["The status is recorded."], as_json=as_json)


@command(commands, "list", example="oncetold --data ./hub consent list N-1042 --as northside")
def list_choices(
    context: typer.Context,
    reference: Reference,
    agency: ActingFor,
    for_paper: Annotated[
        bool, typer.Option("--for-paper", help="Without exclusions, protections and quiet stops.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Lists the choices that the acting agency recorded. The look is itself recorded."""
    request = ListChoicesRequest(client_reference=reference, for_paper=for_paper)
    answer = ask(data_folder(context), lambda hub: hub.consent.ListChoices, request, agency=agency)
    show_rows(
        "choices",
        [row_of(choice) for choice in answer.choices],
        {
            "choice_id": "Id",
            "kind": "Kind",
            "basis": "Basis",
            "state": "State",
            "recipient": "About",
            "purposes": "Purposes",
            "categories": "Categories",
            "until": "Until",
        },
        nothing="No choice is recorded for this reference.",
        as_json=as_json,
        beneath={"paper_warning": answer.paper_warning} if for_paper else {},
    )


def _scope(
    purposes: list[str], categories: list[str], to: str, to_service: str, to_team: bool, *, required: bool
) -> Scope:
    given = sum(map(bool, (to, to_service, to_team)))
    if given > 1 or (required and given == 0):
        raise Misused(
            "A choice is about one recipient.",
            "Give one of --to AGENCY, --to-service TYPE and --to-team.",
            reason="INVALID_FIELD",
        )
    scope = Scope(purposes=enums.PURPOSE.values(purposes), categories=enums.CATEGORY.values(categories))
    if to:
        scope.agency_id = to
    elif to_service:
        scope.service_type = enums.SERVICE_TYPE.value(to_service)
    elif to_team:
        scope.support_team = True
    return scope
