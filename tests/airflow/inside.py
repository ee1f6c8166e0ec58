"""Runs in Airflow's own environment, 3.3 or 2.11: `inside.py REQUEST` reads a JSON file and prints one JSON line last;
`inside.py -` answers each JSON line of its input by one, until its input ends.

Request: {"dags": folder, "do": "load" | "test", "ids": [...], "conf": {...}, "variables": {...}, "connections": {...}}, or
{"dags": folder, "do": "run", "id": ..., "conf": {...}, "env": {...}, "python": ..., "break": step | null, "answers": {gate:
name}}.
"""

import contextlib
import functools
import io
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "conformance"))
import planted

out = sys.stdout
sys.stdout = sys.stderr


def bag(request):
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag

        return DagBag(request["dags"], include_examples=False, read_dags_from_db=False)
    return DagBag(request["dags"])


def described(dag, params):
    return {
        "description": dag.description,
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "owner": dag.owner,
        "display": getattr(dag, "dag_display_name", None),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "start": str(dag.start_date),
        "timetable": timetable(dag),
        "params": {name: schema(param) for name, param in dag.params.items()} if params else {},
        "groups": order(dag),
        "tasks": {
            t.task_id: {
                "up": sorted(t.upstream_task_ids),
                "doc": t.doc_md,
                "display": t.task_display_name,
                "retries": t.retries,
                "pool": t.pool,
                "queue": t.queue,
                "slots": t.pool_slots,
                "timeout": t.execution_timeout and t.execution_timeout.total_seconds(),
                "outlets": [o.uri for o in t.outlets],
                "inlets": [o.uri for o in t.inlets],
                "type": t.task_type,
                "templates": list(t.template_fields),
                "step": t.step if isinstance(getattr(t, "step", None), (str, list)) else None,
                "by": getattr(t, "by", None),
            }
            for t in dag.tasks
        },
    }


def order(dag):
    """What stands in no group, and the groups, one after the other: as the Graph view sorts them, which refuses a circle."""
    with contextlib.suppress(ImportError):
        from airflow.serialization.serialized_objects import DagSerialization

        dag = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    return [child.node_id for child in dag.task_group.topological_sort()]


def schema(param):
    with contextlib.suppress(AttributeError):
        return {"default": param.value, **param.schema}
    return {"default": param}


def timetable(dag):
    try:
        from airflow.serialization.encoders import coerce_to_core_timetable

        return coerce_to_core_timetable(dag.timetable).summary
    except ImportError:
        return dag.timetable.summary


def pods(dag):
    """What each task would ask Kubernetes for, by the provider's own function."""
    made = {}
    for task in dag.tasks:
        if hasattr(task, "build_pod_request_obj"):
            from kubernetes.client import ApiClient

            made[task.task_id] = ApiClient().sanitize_for_serialization(task.build_pod_request_obj(dry_run=True))
    return made


def serialized(dag):
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialized
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG as Serialized
    return json.dumps(Serialized.to_dict(dag), default=str)


def load(request):
    found = bag(request)
    return {
        "errors": {k: str(v) for k, v in found.import_errors.items()},
        "dags": {name: described(dag, True) for name, dag in found.dags.items()},
        "serialized": {name: serialized(dag) for name, dag in found.dags.items()},
        "pods": {name: pods(dag) for name, dag in found.dags.items()},
    }


def values(request):
    from airflow.models import Connection, Variable
    from airflow.utils.session import create_session

    for name, value in request.get("variables", {}).items():
        Variable.set(name, value)
    with create_session() as session:
        for name, password in request.get("connections", {}).items():
            session.add(Connection(conn_id=name, conn_type="generic", password=password))


@functools.cache
def database():
    from airflow.utils.db import initdb

    initdb()


def tested(dag, conf):
    """What dag.test() came to. A run is not told apart from the next one by anything but its log and its name."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger().addHandler(handler)
    logging.getLogger("airflow.providers.cncf").setLevel(logging.INFO)  # what pods print, as a task's log shows it
    try:
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            run = dag.test(run_conf=conf)
    finally:
        logging.getLogger().removeHandler(handler)
    instances = run.get_task_instances()
    return {
        "state": str(run.state),
        "tasks": {ti.task_id: str(getattr(ti.state, "value", ti.state)) for ti in instances},
        "tries": {ti.task_id: ti.try_number for ti in instances},
        "log": text.getvalue(),
        "run": run.run_id,
    }


def test(request):
    database()
    values(request)
    found = bag(request)
    answer = {"errors": {k: str(v) for k, v in found.import_errors.items()}, "runs": {}}
    for name in request["ids"]:
        answer["runs"][name] = tested(found.dags[name], request.get("conf", {}).get(name))
    for name in request.get("overdue", ()):
        overdue(found.dags[name])
    answer["stored"] = stored()
    return answer


def overdue(dag):
    """What Airflow's dag-processor calls when a run was ended by dagrun_timeout, twice, and when it failed otherwise."""
    params = {name: schema(param)["default"] for name, param in dag.params.items()}
    called = dag.on_failure_callback
    for callback in called if isinstance(called, list) else [called]:
        for reason in ("task_failure", "timed_out", "timed_out"):
            callback({"dag": dag, "run_id": "late", "reason": reason, "params": params})


def run(request):
    """One DAG, run as a worker would whose Python is `python` and whose environment holds `env`; and what it left in XCom."""
    database()
    os.environ.update(request["env"])
    sys.executable = request["python"]
    dag = bag(request).dags[request["id"]]
    for task in dag.tasks:
        if request["break"] is not None and task.step == request["break"]:
            broken(task, Path(request["env"]["MLOPSC_STORE"]))
    people = [threading.Thread(target=approve, args=(dag, *answer)) for answer in request["answers"].items()]
    for person in people:
        person.start()
    found = tested(dag, request["conf"] or None)
    for person in people:
        person.join()
    return {**found, "handed": handed(request["id"], found["run"])}


class Person:
    """Who answers, as Airflow's own handler of answers asks."""

    def __init__(self, name):
        self.name = name

    def get_id(self):
        return self.name

    def get_name(self):
        return self.name


def approve(dag, gate, name, patience=240):
    """Approve by what the web server calls when somebody does, once the task waits among the required actions."""
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
    from airflow.models import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import OperationalError

    (task,) = (task.task_id for task in dag.tasks if getattr(task, "step", None) == f"approve:{gate}")
    waiting = select(TaskInstance).where(
        TaskInstance.dag_id == dag.dag_id, TaskInstance.task_id == task, TaskInstance.state == "awaiting_input"
    )
    payload = UpdateHITLDetailPayload(chosen_options=["Approve"], params_input={"reason": "the suite says so"})
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with contextlib.suppress(OperationalError), create_session() as session:  # SQLite has one writer at a time
            for found in session.scalars(waiting):
                update_hitl_detail(dag.dag_id, found.run_id, task, payload, Person(name), session)
                session.commit()
                return
        time.sleep(0.2)


def broken(task, store):
    """Change a digit in every report that the task left in the store, once it has ended. It can be read as before."""
    kind = type(task)

    class Broken(kind):
        def execute(self, context):
            found = kind.execute(self, context)
            for digest in found["outputs"].values():
                name = digest.removeprefix("sha256:")
                path = store / "objects" / name[:2] / name[2:]
                path.chmod(0o644)
                path.write_bytes(planted.falsified(path.read_bytes()))
            return found

    task.__class__ = Broken


def handed(dag, run_id):
    from airflow.utils.session import create_session
    from sqlalchemy import text

    query = text("select value from xcom where dag_id = :dag and run_id = :run and key = 'return_value'")
    with create_session() as session:
        found = [row[0] for row in session.execute(query, {"dag": dag, "run": run_id})]
    while any(isinstance(value, (str, bytes)) for value in found):
        found = [json.loads(value) if isinstance(value, (str, bytes)) else value for value in found]
    return found


def stored():
    """All XComs and rendered fields, as text."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    with create_session() as session:
        rows = [
            str(r)
            for table in ("xcom", "rendered_task_instance_fields")
            for r in session.execute(text(f"select * from {table}"))
        ]
    return "\n".join(rows)


def answer(request):
    print(json.dumps({"load": load, "test": test, "run": run}[request["do"]](request)), file=out, flush=True)


if sys.argv[1] == "-":
    for line in sys.stdin:
        answer(json.loads(line))
else:
    with open(sys.argv[1]) as file:
        answer(json.load(file))
