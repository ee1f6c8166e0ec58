"""Runs in Airflow's own environment, 3.3 or 2.11: `inside.py REQUEST` reads a JSON file and prints one JSON line last.

Request: {"dags": folder, "do": "load" | "test", "ids": [...], "conf": {...}, "variables": {...}, "connections": {...}}.
"""

import contextlib
import io
import json
import logging
import sys

with open(sys.argv[1]) as file:
    request = json.load(file)
out = sys.stdout
sys.stdout = sys.stderr


def bag():
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag

        return DagBag(request["dags"], include_examples=False, read_dags_from_db=False)
    return DagBag(request["dags"])


def described(dag):
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
        "params": {name: schema(param) for name, param in dag.params.items()} if request["do"] == "load" else {},
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
            }
            for t in dag.tasks
        },
    }


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


def serialized(dag):
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialized
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG as Serialized
    return json.dumps(Serialized.to_dict(dag), default=str)


def load():
    found = bag()
    return {
        "errors": {k: str(v) for k, v in found.import_errors.items()},
        "dags": {name: described(dag) for name, dag in found.dags.items()},
        "serialized": {name: serialized(dag) for name, dag in found.dags.items()},
    }


def values():
    from airflow.models import Connection, Variable
    from airflow.utils.session import create_session

    for name, value in request.get("variables", {}).items():
        Variable.set(name, value)
    with create_session() as session:
        for name, password in request.get("connections", {}).items():
            session.add(Connection(conn_id=name, conn_type="generic", password=password))


def test():
    from airflow.utils.db import initdb

    initdb()
    values()
    found = bag()
    answer = {"errors": {k: str(v) for k, v in found.import_errors.items()}, "runs": {}}
    for name in request["ids"]:
        text = io.StringIO()
        handler = logging.StreamHandler(text)
        logging.getLogger().addHandler(handler)
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            run = found.dags[name].test(run_conf=request.get("conf", {}).get(name))
        logging.getLogger().removeHandler(handler)
        states = {
            ti.task_id: str(ti.state.value if hasattr(ti.state, "value") else ti.state)
            for ti in run.get_task_instances()
        }
        tries = {ti.task_id: ti.try_number for ti in run.get_task_instances()}
        answer["runs"][name] = {
            "state": str(run.state),
            "tasks": states,
            "tries": tries,
            "log": text.getvalue(),
            "run": run.run_id,
        }
    answer["stored"] = stored()
    return answer


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


found = {"load": load, "test": test}[request["do"]]()
print(json.dumps(found), file=out)
