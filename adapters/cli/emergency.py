"""`oncetold-adapter emergency`: a card is written down with the client, and opened by a desk that needs it.

What a client said comes from a file and is never typed into a command: other programs can see commands.
"""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from adapters.cli.output import Config, Json, command, show
from adapters.kit.assertions import Who
from adapters.kit.config import load
from adapters.kit.emergency import EmergencyHub
from adapters.kit.errors import ConfigInvalid
from oncetold.v1 import emergency_service_pb2 as messages

DEFAULT = Path("adapter.toml")
LINES = tuple(messages.CardLines.DESCRIPTOR.fields_by_name)
DETAILS = tuple(messages.CardDetails.DESCRIPTOR.fields_by_name)
_PREFIX = "CARD_REASON_"
REASONS = tuple(name.removeprefix(_PREFIX) for name, number in messages.CardReason.items() if number)
_MATCH = {
    messages.CARD_MATCH_SURE: "This card is of your client.",
    messages.CARD_MATCH_POSSIBLE: "POSSIBLE match: check with the person before you rely on it.",
}

commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Emergency cards: five lines that a client agreed any emergency team may read.",
)


@command(commands, "agree", example="oncetold-adapter emergency agree N-1042 card.toml --asked-alone")
def agree(
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="Your own reference to the client.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The lines, as TOML.")],
    asked_alone: Annotated[bool, typer.Option("--asked-alone", help="The client was asked alone.")] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Records the card that a client agreed to just now. It stands in the place of the card before.

    \b
    medicines = "…"              # substitution included
    allergies = "…"
    overdose_or_self_harm = "…"  # and what helps
    who_to_ring = "…"
    how_to_approach = "…"

    Leave out what the client leaves out. No address: a postcode is refused.
    """
    said = _read(file, LINES)
    request = messages.AgreeCardRequest(
        request_id=str(uuid4()),
        client_reference=reference,
        lines=messages.CardLines(**said),
        asked_alone=asked_alone,
    )
    request.agreed_time.FromDatetime(datetime.now(UTC))
    with EmergencyHub.connect(load(config).hub) as hub:
        answer = hub.agree(request)
    show(
        {"card_id": answer.card_id, "lines": len(said)},
        ["The card is agreed. Any emergency team that opens it is looked at by both agencies afterwards."],
        as_json=as_json,
    )


@command(
    commands,
    "open",
    example=(
        "oncetold-adapter emergency open --client ER-77 --reason OVERDOSE_OR_COLLAPSE --by nurse-3"
        " --staff-key staff.key --key-id s-1"
    ),
)
def open_card(
    reason: Annotated[str, typer.Option(help=f"One of {', '.join(REASONS)}.")],
    by: Annotated[str, typer.Option("--by", metavar="STAFF", help="Who opens it: your agency's pseudonym.")],
    staff_key: Annotated[
        Path, typer.Option("--staff-key", metavar="FILE", help="The key that signs for staff.")
    ],
    key_id: Annotated[str, typer.Option("--key-id", help="That key's id, as the hub knows it.")],
    client: Annotated[str, typer.Option(metavar="REFERENCE", help="Your own reference to the person.")] = "",
    details: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Or, as TOML, all of {', '.join(DETAILS)}."),
    ] = None,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Shows every emergency card of a person. Both agencies' data protection officers review it."""
    if bool(client) == (details is not None):
        raise ConfigInvalid(["Give --client, or --details: one of the two."])
    if reason not in REASONS:
        raise ConfigInvalid([f"--reason is one of {', '.join(REASONS)}."])
    request = messages.OpenCardRequest(reason=messages.CardReason.Value(_PREFIX + reason))
    if details is not None:
        request.details.CopyFrom(messages.CardDetails(**_read(details, DETAILS)))
    else:
        request.client_reference = client
    settings = load(config)
    who = Who(by, "EMERGENCY_DESK", "EMERGENCY")
    with EmergencyHub.speaking_for(settings.hub, who, settings.folder / staff_key, key_id) as hub:
        answer = hub.open_card(request)
    cards = [_card(card) for card in answer.cards]
    show(
        {"cards": cards, "reminder": answer.reminder},
        [*(line for card in answer.cards for line in _shown(card)), answer.reminder],
        as_json=as_json,
    )


def _read(file: Path, names: tuple[str, ...]) -> dict[str, str]:
    """The texts of a TOML file under these names, and no others. ConfigInvalid never quotes what it holds."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError:
        raise ConfigInvalid([f"{file.name} cannot be read."]) from None
    except ValueError:
        raise ConfigInvalid([f"{file.name} is not UTF-8 TOML."]) from None
    if not found.keys() <= set(names) or not all(isinstance(text, str) for text in found.values()):
        raise ConfigInvalid([f"{file.name} has only these keys, each text in quotes: {', '.join(names)}."])
    return found


def _card(card: messages.EmergencyCard) -> dict[str, object]:
    return {
        "match": messages.CardMatch.Name(card.match).removeprefix("CARD_MATCH_"),
        **{name: getattr(card.lines, name) for name in LINES},
        "agreed_time": card.agreed_time.ToDatetime(UTC).isoformat(),
        "asked_alone": card.asked_alone,
        "telephone": card.telephone,
    }


def _shown(card: messages.EmergencyCard) -> list[str]:
    """The card as it is read in a hurry: what was said, and whom to ring for the rest."""
    said = [
        f"  {name.replace('_', ' ').capitalize()}: {text}"
        for name in LINES
        if (text := getattr(card.lines, name))
    ]
    agreed = card.agreed_time.ToDatetime(UTC)
    alone = "" if card.asked_alone else ", and the client was not asked alone"
    return [
        _MATCH[card.match],
        *said,
        f"  Agreed on {agreed:%d %B %Y}{alone}. For anything else ring {card.telephone}, day and night.",
    ]
