"""What each agency's own case system holds, and which field of the contract each column becomes.

One list serves both ways: the adapters' configuration is written from it, and what a partner holds is read
back by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from oncetold.v1.records_pb2 import RecordContent


@dataclass(frozen=True, slots=True)
class Question:
    """One column of an agency's own table."""

    column: str
    words: str
    """What it is about, as a worker would say it."""
    category: str
    field: str
    """Where it goes in the record type, e.g. `name.given`; `answers` carry their question with them."""
    kind: str
    """The mapping's kind: code, date, number, name or yes_no."""


@dataclass(frozen=True, slots=True)
class Form:
    """One table of an agency's own system; each of its rows is one record."""

    table: str
    record_type: str
    questions: tuple[Question, ...]
    note: str | None = None
    """A column of free text, with `released` beside it: nothing of it leaves unless its author says so."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One answer, as it was told or as it is held."""

    question: Question
    value: str


CLIENTS = Form(
    "clients",
    "status_change",
    (
        Question("given_name", "given name", "IDENTITY", "name.given", "name"),
        Question("family_name", "family name", "IDENTITY", "name.family", "name"),
        Question("birth_date", "date of birth", "IDENTITY", "birth_date", "date"),
    ),
)
STAYS = Form(
    "stays",
    "accommodation",
    (
        Question("sleeping", "where they slept", "ACCOMMODATION", "kind", "code"),
        Question("since", "since when", "ACCOMMODATION", "from_date", "date"),
    ),
)
WORKERS = Form(
    "workers",
    "worker_assigned",
    (
        Question("role", "role", "SERVICE_CONTACT", "role", "code"),
        Question("worker", "worker", "SERVICE_CONTACT", "worker_name", "name"),
        Question("phone", "telephone", "SERVICE_CONTACT", "work_phone", "name"),
    ),
)
INTAKE = Form(
    "intake",
    "assessment",
    (
        Question("main_substance", "main substance", "SUBSTANCE_USE", "answers", "code"),
        Question("last_used", "last used", "SUBSTANCE_USE", "answers", "date"),
        Question("overdoses", "overdoses in the last year", "SUBSTANCE_USE", "answers", "number"),
        Question("allergy", "allergy", "PHYSICAL_HEALTH", "answers", "code"),
        Question("asthma", "asthma", "PHYSICAL_HEALTH", "answers", "yes_no"),
        Question("low_mood", "low mood for weeks", "MENTAL_HEALTH", "answers", "yes_no"),
        Question("benefit", "benefit", "MONEY_WORK", "answers", "code"),
        Question("rent_arrears", "rent arrears in pounds", "MONEY_WORK", "answers", "number"),
        Question("prison", "prison in the last year", "OFFENDING", "answers", "yes_no"),
        Question("afraid", "afraid of somebody", "DOMESTIC_ABUSE", "answers", "yes_no"),
    ),
)
NOTES = Form("notes", "note", (), note="words")
PRESCRIPTIONS = Form(
    "prescriptions",
    "assessment",
    (
        Question("medicine", "prescribed", "SUBSTANCE_USE", "answers", "code"),
        Question("daily_ml", "daily dose in ml", "SUBSTANCE_USE", "answers", "number"),
    ),
)


def facts(form: Form, content: RecordContent) -> list[Fact]:
    """The answers of one delivered fragment, in the form's order."""
    body = getattr(content, form.record_type)
    found = []
    for question in form.questions:
        if question.field == "answers":
            for answer in body.answers:
                if answer.question.code == question.column:
                    kind = answer.WhichOneof("value")
                    value = getattr(answer, kind)
                    found.append(Fact(question, _shown(value.code if kind == "coded" else value)))
            continue
        holder, *steps = question.field.split(".")
        if not body.HasField(holder):
            continue
        value = getattr(body, holder)
        for step in steps:
            value = getattr(value, step)
        found.append(Fact(question, _shown(getattr(value, "code", value))))
    return found


def told(form: Form, row: dict[str, object]) -> list[Fact]:
    """The answers of one row of an agency's own table."""
    return [
        Fact(question, _shown(bool(value) if question.kind == "yes_no" else value))
        for question in form.questions
        if (value := row[question.column]) is not None
    ]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
