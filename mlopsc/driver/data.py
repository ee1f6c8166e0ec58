"""`check --data`: the rules of a spec held against the real files, in a child process that alone loads data libraries and
runs what code of the user's the spec names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

from mlopsc.diagnostics.located import Located, Place, Point, place
from mlopsc.driver.check import Checked
from mlopsc.driver.compiling import plan_of
from mlopsc.driver.failure import Failure
from mlopsc.runtime.hiding import outside
from mlopsc.runtime.plan import bind, bind_params
from mlopsc.source import Source

_LIMIT = 900  # seconds for all files of one spec
_WORD = re.compile(r"[A-Za-z_]\w*|`[^`]*`|\S")
_NO_MODULE = re.compile(r"No module named '([A-Za-z_]\w*)")
_EXTRAS = {"psycopg": "postgres", "xgboost": "boosting", "lightgbm": "boosting"}


def check_data(checked: Checked) -> list[Located]:
    """Findings at the columns and rules that the data breaks. Raises Failure where the data cannot be looked at at all."""
    plan = plan_of(checked).model_dump(mode="json")
    plan = bind(plan, bind_params(plan, {}))
    asked = {
        "data": _blocks(plan),
        "classes": _classes(plan),
        "outside": outside(plan),
        "data_root": os.environ.get("MLOPSC_DATA") or checked.spec.folder,
        "modules_root": checked.spec.folder,
    }
    findings = _ask("mlopsc.runtime.data.check", asked)
    if asked["classes"]:
        findings += _ask("mlopsc.driver.classes", asked)
    return [_located(checked, finding) for finding in findings]


def _blocks(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings of each data block's steps, each block once."""
    blocks: dict[str, dict[str, Any]] = {}
    for pipeline in plan["pipelines"]:
        for step in pipeline["steps"]:
            settings = step["settings"]
            if settings["kind"] in ("ingest", "clean", "validate"):
                blocks.setdefault(settings["data"], {"splits": []}).setdefault(settings["kind"], settings)
            elif settings["kind"] == "split":
                found = {**settings, "where": step["where"]}
                blocks.setdefault(settings["data"], {"splits": []})["splits"].append(found)
    return list(blocks.values())


def _classes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Every class outside the shipped tables, with its arguments and place: {"ref", "args", "where"}."""
    found: list[dict[str, Any]] = []
    for pipeline in plan["pipelines"]:
        for step in pipeline["steps"]:
            if step["settings"]["kind"] != "train":
                continue
            for candidate in step["settings"]["candidates"]:
                if candidate["name"] == "sklearn":
                    found.append({key: candidate[key] for key in ("ref", "args", "where")})
            for feature in step["settings"]["features"]:
                for stage in feature["pipe"]:
                    if stage["sklearn"]:
                        found.append({"ref": stage["sklearn"], "args": stage["args"], "where": feature["where"]})
    return found


def _ask(module: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The JSON list that `module`, run as a child, answers."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=os.environ | threads,
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failure(f"looking at the data took longer than {_LIMIT} seconds") from error
    if done.returncode == 0:
        answer: list[dict[str, Any]] = json.loads(done.stdout[done.stdout.rfind("\n[") + 1 :] or "[]")
        return answer
    missing = _NO_MODULE.findall(done.stderr)
    if missing:
        extra = _EXTRAS.get(missing[-1], "run")
        raise Failure(f"looking at data needs the package {missing[-1]}: pip install 'mlopsc[{extra}]'")
    told = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
    raise Failure(f"the data could not be looked at: {told[0]}")


def _located(checked: Checked, finding: dict[str, Any]) -> Located:
    return Located(
        finding["code"],
        finding["name"],
        finding["severity"],
        finding["message"],
        _place(checked, finding),
        finding.get("help"),
    )


def _place(checked: Checked, finding: dict[str, Any]) -> Place:
    """The word at the finding's line and column; without one, the name of the data block."""
    where = finding.get("where")
    if where is None:
        assert checked.program is not None
        decl = checked.program.decls.get(finding.get("data", ""))
        return place(checked.sources, decl.node.name.span if decl is not None else (0, 0))
    source = _source(checked, where["file"])
    word = _WORD.match(source.line_text(where["line"]), where["column"] - 1)
    end = word.end() + 1 if word else where["column"]
    return Place(source.path, Point(where["line"], where["column"]), Point(where["line"], end), source)


def _source(checked: Checked, file: str) -> Source:
    """The text of a file that a Plan names relative to the spec's folder."""
    if file != checked.spec.name:
        shown = os.path.normpath(os.path.join(os.path.dirname(checked.spec.label), file)).replace(os.sep, "/")
        for source in checked.sources.sources:
            if source.path == shown:
                return source
    return checked.sources.sources[0]
