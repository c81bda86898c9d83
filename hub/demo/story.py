"""One person's day, act by act. Every sentence with a number in it is checked against what is found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from hub.cli import enums
from hub.cli.commands.deliveries import explanation_json, explanation_sentence
from hub.cli.commands.withdrawal import read_aloud
from hub.cli.errors import StoryBroken
from hub.cli.output import moment
from hub.demo import choices, partner
from hub.demo.agencies import (
    HOSTEL,
    HOUSING,
    LEE,
    PEOPLE,
    RECOVERY,
    SAM,
    SECRET_IN_NOTE,
    Agency,
    morning_at_the_hostel,
    registers,
)
from hub.demo.asking import PRESCRIPTIONS, Fact
from hub.demo.stage import Stage
from hub.demo.telling import Telling
from oncetold.v1.audit_service_pb2 import ExplainDecisionRequest, GetFeedStatusRequest, Verdict
from oncetold.v1.task_service_pb2 import ListTasksRequest, Task

PATIENCE_SECONDS = 60.0
FOR_RECOVERY = (
    "IDENTITY",
    "ACCOMMODATION",
    "SERVICE_CONTACT",
    "PHYSICAL_HEALTH",
    "MENTAL_HEALTH",
    "SUBSTANCE_USE",
)
FOR_HOUSING = ("IDENTITY", "ACCOMMODATION", "SERVICE_CONTACT")
MONEY = ("MONEY_WORK",)
FOR_HOSTEL = ("SUBSTANCE_USE",)


@dataclass
class Day:
    """What the acts leave behind for one another and for the figures."""

    money_grant: str = ""
    seen_by_housing: list[Fact] = field(default_factory=list)
    why: dict[str, object] = field(default_factory=dict)
    seconds_to_removal: float = 0.0
    dose_grant: str = ""
    greyed: list[Fact] = field(default_factory=list)
    tasks: dict[str, str] = field(default_factory=dict)
    """What each agency's duty worker has to look at, by agency id."""


class Story:
    """Plays the day on a stage and tells it."""

    def __init__(self, stage: Stage, telling: Telling) -> None:
        self._stage = stage
        self._telling = telling
        self.day = Day()

    def play(self) -> None:
        """All acts in order. Raises StoryBroken when something told is not so."""
        self._morning()
        self._drug_service()
        self._housing_office()
        self._withdrawal()
        self._greyed_dose()
        self._why()
        self._silence()

    def held_from(self, holder: Agency, origin: Agency) -> list[Fact]:
        """What an agency holds about Sam from another, in its own database."""
        about = partner.held(self._stage.systems[holder], SAM[holder])
        return [fact for fragment in about if fragment.origin == origin.agency_id for fact in fragment.facts]

    def told(self, agency: Agency, *categories: str) -> list[Fact]:
        """What Sam told an agency, in its own database; of some categories if any are named."""
        everything = self._stage.systems[agency].told(SAM[agency])
        return [fact for fact in everything if not categories or fact.question.category in categories]

    def _morning(self) -> None:
        self._telling.act("Morning", HOSTEL.name)
        hostel = self._stage.systems[HOSTEL]
        morning_at_the_hostel(hostel)
        told = self.told(HOSTEL)
        self._telling.say(
            f"Sam Ashdown arrives and tells Ada, the keyworker, everything: {len(told)} answers and a note, "
            "written once, in the hostel's own system."
        )
        self._telling.facts("Sam's own story, at the hostel", told)
        counts = self._stage.publish(HOSTEL)
        self._expect("rows published", counts["published"], hostel.own_rows() - hostel.notes())
        choices.lead(self._stage, HOSTEL, SAM[HOSTEL])
        self._telling.say(
            f"The hostel's adapter publishes {counts['published']} records, sealed. The note stays home: "
            "words go nowhere unless their author releases them. Nobody else has received anything yet. "
            "The hostel leads for Sam."
        )

    def _drug_service(self) -> None:
        self._telling.act("Later that morning", RECOVERY.name)
        self._meet(RECOVERY)
        self._expect("fragments held before Sam said yes", len(self._held(RECOVERY)), 0)
        self._telling.say(
            "Sam walks into the drug service with a one-use code from the hostel, so both know they mean the "
            "same person. That alone opens nothing: the drug service still holds 0 of the hostel's answers."
        )
        self._grant(HOSTEL, RECOVERY, *FOR_RECOVERY)
        told = self.told(HOSTEL, *FOR_RECOVERY)
        self._arrives(RECOVERY, HOSTEL, told)
        self._telling.say(
            f"Sam says yes to {len(FOR_RECOVERY)} kinds of information. Before anybody asks a question, "
            f"{len(told)} answers stand in the drug service's own system:"
        )
        self._telling.facts("What the drug service need not ask", told)
        self._prescribe()

    def _prescribe(self) -> None:
        self._stage.systems[RECOVERY].write(
            PRESCRIPTIONS, f"prescription-{SAM[RECOVERY]}", SAM[RECOVERY], medicine="methadone", daily_ml=60
        )
        self._stage.publish(RECOVERY)
        self.day.dose_grant = self._grant(RECOVERY, HOSTEL, *FOR_HOSTEL)
        told = self.told(RECOVERY, *FOR_HOSTEL)
        self._arrives(HOSTEL, RECOVERY, told)
        doses = ", ".join(f"{fact.question.words} {fact.value}" for fact in told)
        self._telling.say(f"And back: the night staff at the hostel now see, with Sam's yes, {doses}.")

    def _housing_office(self) -> None:
        self._telling.act("Noon", HOUSING.name)
        self._meet(HOUSING)
        self._grant(HOSTEL, HOUSING, *FOR_HOUSING)
        self.day.money_grant = self._grant(HOSTEL, HOUSING, *MONEY)
        seen = self.told(HOSTEL, *FOR_HOUSING, *MONEY)
        self._arrives(HOUSING, HOSTEL, seen)
        self.day.seen_by_housing = seen
        hidden = [fact for fact in self.told(HOSTEL) if fact not in seen]
        self._telling.say(
            f"The housing officer sees {len(seen)} of the answers: who Sam is, where Sam slept, who to ring "
            "and, by a second yes, money."
        )
        self._telling.facts("What the housing officer sees", seen)
        self._telling.facts("What the housing officer never sees", hidden)
        self._expect("fragments of the drug service at housing", self.held_from(HOUSING, RECOVERY), [])
        self._expect("traces of the hostel at housing", self._traces(HOUSING, HOSTEL.agency_id) > 0, True)
        self._expect("traces of the drug service at housing", self._traces(HOUSING, RECOVERY.agency_id), 0)
        self._telling.say(
            "Not even that a drug service knows Sam: its name is nowhere in the housing office's database."
        )

    def _withdrawal(self) -> None:
        self._telling.act("Afternoon", "Sam changes a mind")
        before = {holder: self._held(holder) for holder in (HOSTEL, RECOVERY)}
        money = {fragment.fragment_id for fragment in self._held(HOUSING) if fragment.categories == MONEY}
        self._telling.say('"Housing need not know about my money any more." First the worker reads aloud:')
        self._read_aloud(HOSTEL, self.day.money_grant, MONEY, "ERASE")
        started = time.monotonic()
        choices.withdraw(self._stage, HOSTEL, SAM[HOSTEL], self.day.money_grant)
        kept = self.told(HOSTEL, *FOR_HOUSING)
        self._arrives(HOUSING, HOSTEL, kept)
        self.day.seconds_to_removal = time.monotonic() - started
        housing = self._stage.systems[HOUSING]
        self._until(
            "the receipts are taken",
            lambda: {r.fragment_id for r in partner.receipts(housing) if r.sent} == money,
        )
        receipts = partner.receipts(housing)
        gone = len(self.day.seen_by_housing) - len(kept)
        self._telling.say(
            f"Withdrawn; {self.day.seconds_to_removal:.1f} seconds later {gone} answers are gone from the "
            "housing office's database. Its adapter signed:"
        )
        self._telling.receipts(HOUSING.name, receipts)
        self._expect("outcomes signed", {receipt.outcome for receipt in receipts}, {"ERASED"})
        self._expect("receipts as the hub counts them", self._receipts_by_hub(), (0, len(money)))
        self._expect("what others hold", {holder: self._held(holder) for holder in before}, before)
        self._telling.say(
            "The hub has checked the signature. What the hostel and the drug service hold is unchanged."
        )

    def _greyed_dose(self) -> None:
        self._telling.act("Towards evening", "Sam takes back a medicine")
        dose = self.told(RECOVERY, *FOR_HOSTEL)
        self._telling.say(
            '"And the hostel need not know what I am prescribed." The drug service reads aloud, and asks:'
        )
        self._read_aloud(RECOVERY, self.day.dose_grant, FOR_HOSTEL, "RESTRICT")
        choices.withdraw(self._stage, RECOVERY, SAM[RECOVERY], self.day.dose_grant)
        self._until("the dose at the hostel is greyed", lambda: self._greyed() == dose)
        self._stage.systems[RECOVERY].write(
            PRESCRIPTIONS, f"prescription-2-{SAM[RECOVERY]}", SAM[RECOVERY], medicine="methadone", daily_ml=70
        )
        self._stage.publish(RECOVERY)
        self.day.greyed = dose
        words = ", ".join(f"{fact.question.words} {fact.value}" for fact in dose)
        self._telling.say(
            f"No dose vanishes at the hostel: {words} stands there greyed, no longer updated. The 70 ml that "
            "the drug service prescribes now does not come. Somebody has to look, at both:"
        )
        for agency in (RECOVERY, HOSTEL):
            self._telling.command(f"oncetold task list --as {agency.agency_id}")
            self.day.tasks[agency.agency_id] = self._task_of(agency)
            self._telling.quote(self.day.tasks[agency.agency_id])
        self._expect("tasks of the housing office", self._tasks(HOUSING), [])
        self._telling.say(
            "The hostel has it because it leads for Sam; it reads what to do, not whose permission it was."
        )

    def _read_aloud(self, recorder: Agency, grant_id: str, categories: tuple[str, ...], on_end: str) -> None:
        """Shows the preview of a withdrawal, which must be of these categories at one agency and end so."""
        losses = choices.preview(self._stage, recorder, SAM[recorder], grant_id)
        found = [(enums.CATEGORY.word(one.category), enums.ON_END.word(one.on_end)) for one in losses]
        self._expect("what the preview foretells", found, [(category, on_end) for category in categories])
        reference = f"{SAM[recorder]} {grant_id[:8]}… --as {recorder.agency_id}"
        self._telling.command(f"oncetold consent withdraw {reference}")
        for line in read_aloud(losses):
            self._telling.quote(line)

    def _greyed(self) -> list[Fact]:
        """What the hostel holds of the drug service's about Sam and shows greyed."""
        about = partner.held(self._stage.systems[HOSTEL], SAM[HOSTEL])
        return [fact for one in about if one.no_longer_updated for fact in one.facts]

    def _tasks(self, agency: Agency) -> list[Task]:
        return list(self._stage.ask(lambda hub: hub.tasks.ListTasks, ListTasksRequest(), agency).tasks)

    def _task_of(self, agency: Agency) -> str:
        """The one task of an agency, as its duty worker reads it."""
        tasks = self._tasks(agency)
        said = [(one.client_reference, enums.TASK.word(one.kind), bool(one.grant_id)) for one in tasks]
        own = agency is RECOVERY
        self._expect(f"tasks of {agency.name}", said, [(SAM[agency], "SAFETY_CRITICAL_ENDED", own)])
        [task] = tasks
        who = f"{task.client_reference}, for {task.staff_reference}"
        return f"{who}, by {moment(task.due_time)}: {task.sentence}"

    def _why(self) -> None:
        self._telling.act("Evening", "A data protection officer asks why")
        answer = self._stage.ask(
            lambda hub: hub.audit.ExplainDecision,
            ExplainDecisionRequest(
                record_id=f"intake-{SAM[HOSTEL]}",
                recipient_agency_id=HOUSING.agency_id,
                purpose=enums.PURPOSE.value("DIRECT_SUPPORT"),
            ),
            HOSTEL,
        )
        asked = enums.CATEGORY.value("SUBSTANCE_USE")
        found = [
            explanation for explanation in answer.explanations if list(explanation.categories) == [asked]
        ]
        self._expect("decisions about substance use", len(found), 1)
        self._expect("the decision", Verdict.Name(found[0].verdict), "VERDICT_DENY")
        self.day.why = explanation_json(found[0])
        self._telling.command(
            f"oncetold why intake-{SAM[HOSTEL]} --as {HOSTEL.agency_id} --recipient {HOUSING.agency_id}"
        )
        for explanation in answer.explanations:
            self._telling.quote(explanation_sentence(explanation, HOUSING.name))
        self._telling.say("The question itself is now in the ledger too.")

    def _silence(self) -> None:
        self._telling.act("All day", "What stays silent")
        self._expect("the dose at the hostel, at the end of the day", self._greyed(), self.day.greyed)
        about_lee = sum(len(partner.held(self._stage.systems[holder], LEE[holder])) for holder in LEE)
        self._expect("fragments held elsewhere about Lee", about_lee, 0)
        lee = self._stage.systems[HOSTEL].told(LEE[HOSTEL])
        self._telling.say(
            f"Lee Marsh told the hostel {len(lee)} answers, is known to all three agencies, and said no: "
            f"the others hold {about_lee} of them."
        )
        self._expect("the note at the hostel itself", self._traces(HOSTEL, SECRET_IN_NOTE) > 0, True)
        elsewhere = self._traces_in_hub(SECRET_IN_NOTE) + sum(
            self._traces(agency, SECRET_IN_NOTE) for agency in (RECOVERY, HOUSING)
        )
        self._expect("places where the note's words stand elsewhere", elsewhere, 0)
        self._telling.say(
            f"The note's words stand in {elsewhere} files of the hub and of the other agencies."
        )

    def _meet(self, agency: Agency) -> None:
        """Sam and Lee come to an agency, which writes them down, and their references are linked."""
        for person in PEOPLE:
            registers(self._stage.systems[agency], person)
        self._stage.publish(agency)
        for references in (SAM, LEE):
            choices.link(self._stage, (HOSTEL, references[HOSTEL]), (agency, references[agency]))
        choices.refuse(self._stage, HOSTEL, LEE[HOSTEL], agency)

    def _grant(self, recorder: Agency, recipient: Agency, *categories: str) -> str:
        return choices.grant(self._stage, recorder, SAM[recorder], recipient, categories)

    def _held(self, holder: Agency) -> list[partner.Held]:
        return partner.held(self._stage.systems[holder])

    def _arrives(self, holder: Agency, origin: Agency, wanted: list[Fact]) -> None:
        """Waits until exactly these answers, no fewer and no more, are held about Sam."""

        def by_words(fact: Fact) -> tuple[str, str]:
            return fact.question.words, fact.value

        self._until(
            f"{holder.name} holds what it may",
            lambda: sorted(self.held_from(holder, origin), key=by_words) == sorted(wanted, key=by_words),
        )

    def _until(self, what: str, so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not so():
            self._stage.processes.check()
            if time.monotonic() > deadline:
                raise StoryBroken(
                    f"After {PATIENCE_SECONDS:.0f} seconds this had not happened: {what}.",
                    "Please report it with the logs of the demo (--data DIR keeps them).",
                    reason="STORY_BROKEN",
                )
            time.sleep(0.05)

    def _expect(self, what: str, found: object, told: object) -> None:
        if found != told:
            raise StoryBroken(
                f"The demo tells something that is not so: {what}.",
                "Please report it with the logs of the demo (--data DIR keeps them).",
                reason="STORY_BROKEN",
                details={"claim": what},
            )

    def _receipts_by_hub(self) -> tuple[int, int]:
        """How many of the housing office's retractions are open and how many receipted, as its feed has it.

        How each ended is for the hostel's data protection officer alone.
        """
        status = self._stage.ask(
            lambda hub: hub.audit.GetFeedStatus, GetFeedStatusRequest(feed_id=self._stage.feeds[HOUSING])
        )
        return status.open_retractions, status.receipted_retractions

    def _traces(self, agency: Agency, words: str) -> int:
        """In how many of an agency's database files these words stand."""
        return _files_with(words, self._stage.systems[agency].folder.glob("cases.db*"))

    def _traces_in_hub(self, words: str) -> int:
        return _files_with(words, (path for path in self._stage.hub_data.rglob("*") if path.is_file()))


def _files_with(words: str, paths: Iterable[Path]) -> int:
    sought = words.encode()
    return sum(sought in path.read_bytes() for path in paths)
