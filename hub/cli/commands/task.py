"""`oncetold task`: what somebody has to look at, and what came of it."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from hub.cli import enums
from hub.cli.command import ActingFor, Json, command, data_folder, group
from hub.cli.connection import ask
from hub.cli.output import moment, position, show, show_rows
from oncetold.v1.task_service_pb2 import CompleteTaskRequest, ListTasksRequest, Task

commands = group("task", "What somebody has to look at, and what came of it.")


@command(commands, "list", example="oncetold --data ./hub task list --as northside")
def list_tasks(
    context: typer.Context,
    agency: ActingFor,
    client: Annotated[str, typer.Option(metavar="REFERENCE", help="Only of this client.")] = "",
    as_json: Json = False,
) -> None:
    """Lists the acting agency's open tasks, the most urgent first. The look is itself recorded."""
    request = ListTasksRequest(client_reference=client)
    answer = ask(data_folder(context), lambda hub: hub.tasks.ListTasks, request, agency=agency)
    show_rows(
        "tasks",
        [_task(task) for task in answer.tasks],
        {
            "task_id": "Id",
            "client_reference": "Client",
            "who": "For",
            "due_time": "By",
            "overdue": "Overdue",
            "sentence": "What to do",
        },
        nothing="Nothing waits to be looked at.",
        as_json=as_json,
    )


@command(
    commands,
    "done",
    example="oncetold --data ./hub task done 0f6a4d38-… ASKED --as northside --staff k-7",
)
def done(
    context: typer.Context,
    task_id: Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")],
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help=enums.OUTCOME.help)],
    agency: ActingFor,
    staff: Annotated[str, typer.Option(help="Who did it, by the agency's own pseudonym.")],
    breach_reason: Annotated[str, typer.Option(help=f"Of a breach. {enums.BREACH_REASON.help}")] = "",
    people_told: Annotated[str, typer.Option(help=f"Of a breach. {enums.PEOPLE_TOLD.help}")] = "",
    as_json: Json = False,
) -> None:
    """Says what came of a task."""
    request = CompleteTaskRequest(
        request_id=str(uuid4()),
        task_id=task_id,
        outcome=enums.OUTCOME.value(outcome),
        staff_reference=staff,
    )
    if breach_reason:
        request.breach.reason = enums.BREACH_REASON.value(breach_reason)
    if people_told:
        request.breach.people_told = enums.PEOPLE_TOLD.value(people_told)
    answer = ask(data_folder(context), lambda hub: hub.tasks.CompleteTask, request, agency=agency)
    show({"position": position(answer.position)}, ["The task is done."], as_json=as_json)


def _task(task: Task) -> dict[str, object]:
    post = enums.POST.phrase(task.post)
    return {
        "task_id": task.task_id,
        "kind": enums.TASK.word(task.kind),
        "client_reference": task.client_reference,
        "post": enums.POST.word(task.post),
        "staff_reference": task.staff_reference,
        "who": f"{post}: {task.staff_reference}" if task.staff_reference else f"{post} (nobody is appointed)",
        "raised_time": moment(task.raised_time),
        "due_time": moment(task.due_time),
        "overdue": task.overdue,
        "grant_id": task.grant_id,
        "record_id": task.record_id,
        "sharing_id": task.sharing_id,
        "sentence": task.sentence,
    }
