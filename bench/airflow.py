"""Prints what a compiled DAG costs: to compile, and to parse beside a DAG of the same tasks that a person would write.

    python bench/airflow.py        (needs `make .venv-airflow3/.stamp`)

CPU time; parsing in one warm Airflow process, ours and theirs in turns, over Airflow's own import; the median of the ratios."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from measure import cost, mlopsc

ROOT = Path(__file__).resolve().parent.parent
SIZES = (10, 100, 1000)
LIMITS = {10: 0.35, 100: 0.40, 1000: 1.0}
TIMES = 7

HEAD = """\
from datetime import datetime, timedelta

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG


def run(step):
    print(step)


with DAG(
    "{name}",
    description="Steps that do nothing.",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={{"retries": 0, "retry_delay": timedelta(seconds=5)}},
):
"""

INSIDE = """
import json, logging, statistics, sys, time, warnings
logging.disable(logging.CRITICAL); warnings.simplefilter("ignore")
from airflow.dag_processing.dagbag import DagBag
import airflow.providers.standard.operators.python, airflow.providers.common.compat.sdk
def parse(path):
    start = time.process_time()
    bag = DagBag(path)
    spent = time.process_time() - start
    assert not bag.import_errors, bag.import_errors
    return spent, sum(len(d.tasks) for d in bag.dags.values())
answer = {}
for size, (ours, theirs) in json.load(open(sys.argv[1])).items():
    parse(ours), parse(theirs)
    rows = [(parse(ours), parse(theirs)) for _ in range(int(sys.argv[2]))]
    answer[size] = [[(a[0], b[0]) for a, b in rows], rows[0][0][1], rows[0][1][1]]
print(json.dumps(answer))
"""


def chain(folder: Path, count: int) -> Path:
    """A spec of `count` own steps, each after the one before."""
    folder.mkdir()
    (folder / "nothing.py").write_text("def nothing():\n    return None\n")
    steps = "".join(
        f'step s{i} {{\n  run = python("nothing:nothing")\n' + (f"  after = [s{i - 1}]\n" if i else "") + "}\n"
        for i in range(count)
    )
    path = folder / "chain.mlops"
    path.write_text(f'edition 2026\npipeline chain{count} {{\n  about = "Steps that do nothing."\n}}\n{steps}')
    return path


def by_hand(path: Path, count: int) -> None:
    """The same tasks as somebody would write them: with the same word on each."""
    lines = [task(f"s{i}", f"custom:s{i}", f"chain.mlops:{3 * i} runs a function.") for i in range(count)]
    lines.append(task("write_result", "result", "Writes the result.", ".as_teardown()"))
    lines += [f"    s{i - 1} >> s{i}\n" for i in range(1, count)] + [f"    s{count - 1} >> write_result\n"]
    path.write_text(HEAD.format(name=f"hand{count}") + "".join(lines))


def task(name: str, step: str, doc: str, more: str = "") -> str:
    arguments = f'task_id="{name}", python_callable=run, op_kwargs={{"step": "{step}"}}, doc_md="{doc}"'
    return f"    {name} = PythonOperator({arguments}){more}\n"


def row(what: str, measured: str, limit: str, met: bool) -> None:
    print(f"| {what} | {measured} | <= {limit} | {'yes' if met else 'NO'} |", flush=True)


def main() -> None:
    print("| what | measured | limit | met |\n| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory(prefix="mlopsc-bench-") as name:
        folder, files = Path(name), {}
        for size in SIZES:
            spec, output = chain(folder / f"chain{size}", size), folder / f"out{size}"
            command = [mlopsc(), "compile", str(spec), "--target", "airflow", "-o", str(output), "--quiet"]
            cost(command)
            spent = median(cost(command).cpu for _ in range(5))
            row(f"compile, {size} steps", f"{spent:.2f} s CPU", f"{LIMITS[size]} s", spent <= LIMITS[size])
            hand = folder / f"hand{size}.py"
            by_hand(hand, size)
            files[str(size)] = [str(output / f"chain{size}.py"), str(hand)]
        for size, (rows, ours, theirs) in parsed(folder, files).items():
            assert ours == theirs == int(size) + 1
            ratio = median(a / b for a, b in rows)
            mine, hers = median(a for a, _ in rows) * 1000, median(b for _, b in rows) * 1000
            row(
                f"parse, {size} steps", f"{mine:.1f} ms, by hand {hers:.1f} ms = {ratio:.2f} x", "1.15 x", ratio <= 1.15
            )


def parsed(folder: Path, files: dict[str, list[str]]) -> dict[str, list[Any]]:
    (folder / "files.json").write_text(json.dumps(files))
    env = os.environ | {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    words = [str(ROOT / ".venv-airflow3" / "bin" / "python"), "-c", INSIDE, str(folder / "files.json"), str(TIMES)]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    found: dict[str, list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
