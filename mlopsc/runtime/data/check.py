"""`check --data`: the rules of a spec held against the real files, before any run.

Run as a child process, so that the compiler imports no data library: `python -m RUNTIME.data.check` reads one JSON object
{"data": [DataToCheck, …], "data_root": PATH, "modules_root": PATH, "sample_rows": N} and writes the findings as a JSON list.
A DataToCheck holds the settings of the block's steps: {"ingest": …, "clean": …, "validate": …, "splits": […]}.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import StepError
from ..hiding import hidden, outside, without
from .clean import clean
from .csv_source import NOT_UTF8, OTHER_ENCODING
from .engine import open_engine
from .ingest import ingest
from .source import Place
from .split import split
from .validate import dataset_calls, validate

# What a sample cannot tell of the whole.
BEYOND_SAMPLE = {"rows", "distinct", "freshness", "min", "max"}

Finding = dict[str, Any]


def check_data_files(
    data: Sequence[dict[str, Any]], data_root: Path, modules_root: Path, sample_rows: int = 100_000
) -> list[Finding]:
    """Findings {"code", "name", "severity", "message", "help", "where", "data"} over the first `sample_rows` rows of each file.
    `where` is the place of the column, rule or nothing; the caller falls back to the block's own place."""
    found: list[Finding] = []
    for block in data:
        with tempfile.TemporaryDirectory(prefix="mlopsc-check-") as folder:
            findings = _check_block(block, data_root, modules_root, Path(folder), sample_rows)
            found += [{**f, "data": block["ingest"]["data"]} for f in findings]
    return found


def _check_block(
    block: dict[str, Any], data_root: Path, modules_root: Path, scratch: Path, sample_rows: int
) -> list[Finding]:
    received, rows = scratch / "received.parquet", scratch / "rows.parquet"
    with open_engine(scratch) as con:
        place = Place(con, data_root, modules_root, scratch)
        try:
            report = ingest(place, block["ingest"], received, scratch / "quarantine.parquet", sample_rows)
        except StepError as error:
            return [_finding(error)]
        partial = report["rows_read"] >= sample_rows
        bad = _bad_values(block, report)
        found = list(bad)
        clean(con, block["clean"], received, rows)
        settings = dict(block["validate"])
        rules = [r for r in settings["rules"] if not _beyond(r, partial)]
        settings |= {"rules": rules, "bad_rows": 1.0}  # bad values are told one by one
        checked, failures = validate(con, settings, rows, report, {})
        found += [_finding(f) for f in failures]
        found += [_warning(r, e) for r, e in zip(rules, checked["rules"], strict=False) if e["verdict"] == "warned"]
        if not checked["rows"] or bad:
            return found  # a split of what is left would only repeat it in other words
        for settings in block.get("splits", ()):
            try:
                split(con, settings, rows, scratch / "split.npz")
            except StepError as error:
                error.where = error.where or settings.get("where")
                if not (partial and error.name == "empty-split"):
                    found.append(_finding(error))
    return found


def _beyond(rule: dict[str, Any], partial: bool) -> bool:
    """Whether the rows at hand cannot tell: other blocks are not read here, and a sample is not the whole."""
    calls = {call["fn"] for call in dataset_calls(rule["expr"])}
    return "exists_in" in calls or (partial and not calls.isdisjoint(BEYOND_SAMPLE))


def _bad_values(block: dict[str, Any], report: dict[str, Any]) -> list[Finding]:
    allowed = block["validate"]["bad_rows"]
    if not report["rows_read"] or report["bad"] / report["rows_read"] <= allowed:
        return []
    found = []
    places = {column["name"]: column["where"] for column in block["ingest"]["columns"]}
    for broken in report["broken"]:
        share = f"{broken['rows']:,} of the first {report['rows_read']:,} rows"
        message = f"{share} break {broken['column'] or 'the form of the file'}: the first is {broken['example']}."
        note = _advice(broken)
        found.append(
            _finding(StepError("MLC8019", "bad-values", message, where=places.get(broken["column"]), help=note))
        )
    return found


def _advice(broken: dict[str, Any]) -> str | None:
    if broken["rule"] == NOT_UTF8:
        return OTHER_ENCODING
    if broken["rule"] == "is null":
        return f"Write ? behind the type of {broken['column']} if null is a good value."
    if broken["rule"].startswith("is no "):
        return "`missing` names texts that are to be read as null."
    return None


def _finding(error: StepError, severity: str = "error") -> Finding:
    return {
        "code": error.code,
        "name": error.name,
        "severity": severity,
        "message": error.message,
        "help": error.help,
        "where": error.where,
    }


def _warning(rule: dict[str, Any], entry: dict[str, Any]) -> Finding:
    message = f"warn {rule['text']} does not hold: the data gives {entry['value']}."
    return _finding(StepError("MLC8025", "failed-warning", message, where=rule.get("where")), "warning")


def main() -> int:
    asked = json.load(sys.stdin)
    roots = Path(asked["data_root"]), Path(asked["modules_root"])
    hide = hidden(asked.get("outside") or outside(asked["data"]))
    try:
        found = check_data_files(asked["data"], *roots, asked.get("sample_rows", 100_000))
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001 - no traceback: it might hold a connection's values
        print(without(f"{type(error).__name__}: {error}".splitlines()[0], hide), file=sys.stderr)
        return 1
    kept = ("code", "name", "severity", "where", "data")
    told = [{k: v if k in kept else without(v, hide) for k, v in finding.items()} for finding in found]
    print("\n" + json.dumps(told, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
