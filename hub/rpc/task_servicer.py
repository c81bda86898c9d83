"""TaskService: what somebody at the caller's own agency has to look at."""

from consent_ledger.tasks import BreachReason, PeopleTold, TaskOutcome
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import tasks
from oncetold.v1 import agency_service_pb2
from oncetold.v1 import task_service_pb2 as messages


class TaskServicer(Servicer):
    """Tasks of the caller's own agency."""

    async def ListTasks(self, request: messages.ListTasksRequest, call: Call) -> messages.ListTasksResponse:
        found, access = await self.ask(call, tasks.list_tasks, client_reference=request.client_reference)
        return messages.ListTasksResponse(tasks=[_task(one) for one in found], access=self.position(access))

    async def CompleteTask(
        self, request: messages.CompleteTaskRequest, call: Call
    ) -> messages.CompleteTaskResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.CompleteTaskResponse(position=self.position(index)),
            tasks.complete_task,
            task_id=translate.uuid(request, "task_id"),
            outcome=translate.term(request, "outcome", TaskOutcome),
            staff_reference=request.staff_reference,
            reason=translate.optional_term(request.breach, "reason", BreachReason),
            people_told=translate.optional_term(request.breach, "people_told", PeopleTold),
        )


def _task(task: tasks.Task) -> messages.Task:
    return messages.Task(
        task_id=str(task.task_id),
        kind=translate.number(messages.TaskKind, task.kind),
        client_reference=task.client_reference,
        post=translate.number(agency_service_pb2.PostKind, task.post),
        staff_reference=task.staff_reference,
        raised_time=codec.timestamp(task.raised_time),
        due_time=codec.timestamp(task.due_time),
        overdue=task.overdue,
        grant_id="" if task.grant_id is None else str(task.grant_id),
        record_id=task.record_id,
        sentence=task.sentence,
        sharing_id="" if task.sharing_id is None else str(task.sharing_id),
    )
