"""Cases, compiled folders and the local runner's results: each made once a session; and the summary at its end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import cases
import postgres
import psycopg
import runs
from cases import Case
from runs import Reference


@pytest.fixture(scope="session")
def database() -> Iterator[Callable[[Path], str]]:
    """database(statements): the folder of the socket of a PostgreSQL server that holds what they make."""
    with ExitStack() as stack:
        servers: list[Any] = []

        def get(statements: Path) -> str:
            if not servers:
                servers.append(stack.enter_context(postgres.running())[0])
            with psycopg.connect(servers[0].get_uri()) as db:
                db.execute(statements.read_bytes())
            return str(psycopg.conninfo.conninfo_to_dict(servers[0].get_uri())["host"])

        yield get


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory, database: Callable[[Path], str]) -> Callable[[str], Case]:
    made: dict[str, Case] = {}

    def get(name: str) -> Case:
        if name not in made:
            folder = tmp_path_factory.mktemp("specs") / name
            statements = cases.made(name, folder)
            env: dict[str, str] = {}
            if statements is not None:
                env = {"CONFORMANCE_PG_HOST": database(statements), "CONFORMANCE_PG_PASSWORD": "none-is-asked"}
            made[name] = cases.read(name, folder, env)
        return made[name]

    return get


def compiled(spec: Path, target: str, output: Path, *words: str, **env: str) -> Any:
    """`mlopsc compile`, in a process of its own."""
    return runs.command("compile", spec.name, "--target", target, "-o", output, *words, cwd=spec.parent, env=env)


@pytest.fixture(scope="session")
def emitted(case: Callable[[str], Case], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    made: dict[tuple[str, str], Path] = {}

    def get(name: str, target: str) -> Path:
        if (name, target) not in made:
            output = tmp_path_factory.mktemp("out") / target
            done = compiled(case(name).spec, target, output)
            assert done.returncode == 0, done.stdout + done.stderr
            made[name, target] = output
        return made[name, target]

    return get


@pytest.fixture(scope="session")
def reference(case: Callable[[str], Case], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reference]:
    """What `mlopsc run` gives, from an empty store unless the case asks for a champion."""
    made: dict[str, Reference] = {}

    def get(name: str) -> Reference:
        if name not in made:
            made[name] = runs.referred(case(name), tmp_path_factory.mktemp("store"))
        return made[name]

    return get


@pytest.fixture(scope="session")
def gaps(case: Callable[[str], Case]) -> Callable[[str, str], list[str]]:
    """The features that a spec uses and that a target refuses, as `mlopsc targets SPEC` tells them."""
    made: dict[str, list[dict[str, Any]]] = {}

    def get(name: str, target: str) -> list[str]:
        if name not in made:
            made[name] = support(case(name).spec)
        return [row["feature"] for row in made[name] if refused(row["feature"], row["targets"][target])]

    return get


# Blocks that this release compiles and no target runs yet: a warning, and the rest of the spec is emitted.
LATER = ("rollout.", "rollback.", "deploy", "batch", "monitor")


def refused(feature: str, told: dict[str, Any]) -> bool:
    waits = feature.startswith(LATER) and told["level"] == "not implemented"
    return told["support"] == "unsupported" and not waits


def support(spec: Path) -> list[dict[str, Any]]:
    """Rows of `mlopsc targets SPEC`."""
    done = runs.command("targets", spec.name, "--format", "json", cwd=spec.parent)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["features"]
    return found
