"""The suite's specs use all of the language: what the catalogue knows and no spec uses is found here, and has a reason."""

from __future__ import annotations

from pathlib import Path

from cases import EXAMPLES, SPECS
from vocabulary import catalogue, used

# A name, or the beginning of several, that no spec of the suite uses -> why, and what holds it instead.
ELSEWHERE = {
    "aggregate ": "checked and refused by every target (MLC7003); tests/cases/check",
    "connections mysql": "needs a server of its own kind; tests/unit/test_runtime_data_ingest.py",
    "connections s3": "source.object-store is a gap of every target; test_gaps.py",
    "connections gcs": "source.object-store is a gap of every target; test_gaps.py",
    "sources csv connection": "as s3",
    "sources json_lines connection": "as s3",
    "sources parquet connection": "as s3",
    "setting model.gpu": "needs a GPU; a gap of most targets; test_gaps.py",
    "triggers new_data": "a gap of some targets; test_gaps.py, tests/airflow/test_dag_file.py",
    "rule pipeline.when": "as new_data",
    "clause pipeline.when": "as new_data",
    "actions run": "as new_data",
    "setting tuning.timeout": "a result that depends on the clock is not reproducible, and so not compared",
    "channels pagerduty severity =": "one of its words stands for all: channels are compiled and not run yet",
    "block target": "options of one target; tests/airflow, tests/unit/test_backend_kubeflow.py",
}


def specs() -> list[Path]:
    return sorted([*EXAMPLES.glob("*/*.mlops"), *SPECS.glob("*/**/*.mlops")])


def test_the_suites_specs_use_every_name_of_the_catalogue_but_those_that_have_a_reason() -> None:
    unused = catalogue() - used(specs())
    assert sorted(name for name in unused if not name.startswith(tuple(ELSEWHERE))) == []
    idle = [start for start in ELSEWHERE if not any(name.startswith(start) for name in unused)]
    assert idle == [], "used by now"


def test_names_that_no_catalogue_has_are_not_counted() -> None:
    """What is collected from the specs goes by the catalogue's own names: a slip in the collector would leave all unused."""
    assert len(used(specs()) & catalogue()) > 300
