"""Text for people: progress while a run goes on, and the answers of the commands. JSON for scripts is printed elsewhere."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any, TextIO

from .figures import Unit, plain, unit_of, with_clauses

Event = dict[str, Any]
_MARK = {
    "done": ("✓", "32"), "cached": ("=", "36"), "failed": ("✗", "31"), "skipped": ("-", "90"), "waiting": ("…", "33"),
    "passed": ("✓", "32"), "no data": ("?", "33"), "no champion": ("·", "90"), "running": (" ", "90"),
}  # fmt: skip

# What a reason repeats of the two sides, which stand before it.
_COMPARED = re.compile(r"(?:^|: )[-\w.,+]+(?: ?[%\w]+)? is not (?:[<>=!]=?) [-\w.,+]+(?: ?[%\w]+)?$")


def colours(stream: TextIO) -> bool:
    """Whether the stream is a terminal that wants colour."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def mark(status: str, colour: bool) -> str:
    sign, code = _MARK.get(status, (" ", "0"))
    return f"\x1b[{code}m{sign}\x1b[0m" if colour else sign


def json_progress(stream: TextIO) -> Callable[[Event], None]:
    """One JSON line an event."""

    def show(event: Event) -> None:
        print(json.dumps(event, ensure_ascii=False, default=str), file=stream, flush=True)

    return show


def text_progress(stream: TextIO, quiet: bool = False) -> Callable[[Event], None]:
    """A line for each step when it ends; on a terminal, also what runs now."""
    terminal, colour = stream.isatty(), colours(stream)
    running: list[str] = []

    def show(event: Event) -> None:
        if quiet:
            return
        if terminal and running:
            stream.write("\r\x1b[K")
        if event["event"] == "run":
            again = " (goes on)" if event["resumed"] else ""
            print(f"run {event['run']} of {event['pipeline']}{again}", file=stream)
        elif event["event"] == "corrupt":
            print(f"  object {event['digest']} was damaged; {event['id']} is computed again", file=stream)
        elif event["event"] == "retry":
            print(f"  {event['id']}: attempt {event['attempt']} failed: {event['error']['message']}", file=stream)
        elif event["event"] == "warning":
            print(warning_line(event), file=stream)
        elif event["status"] == "running":
            running.append(event["id"])
        else:
            if event["id"] in running:
                running.remove(event["id"])
            print(step_line(event, colour), file=stream)
        if terminal and running:
            stream.write(f"  {', '.join(running)} …")
        stream.flush()

    return show


def warnings_only(stream: TextIO) -> Callable[[Event], None]:
    """A line for each warning, and nothing for anything else."""

    def show(event: Event) -> None:
        if event["event"] == "warning":
            print(warning_line(event), file=stream, flush=True)

    return show


def warning_line(event: Event) -> str:
    return f"warning[{event['code']}] {event['name']}: {event['message']}"


def step_line(event: Event, colour: bool) -> str:
    seconds = f"{event['seconds']:7.2f}s" if event.get("seconds") else " " * 8
    told = (
        event["error"]["message"] if event.get("error") else event.get("message") or summary(event.get("summary") or {})
    )
    return f"{mark(event['status'], colour)} {event['id']:<32} {event['status']:<8}{seconds}  {told}".rstrip()


def summary(found: dict[str, Any]) -> str:
    """The first few plain values of a step's summary."""
    plain = [(k, v) for k, v in found.items() if isinstance(v, (int, float, str)) and not isinstance(v, bool)]
    return " · ".join(f"{k.replace('_', ' ')} {number(v)}" for k, v in plain[:4])


def number(value: Any) -> str:
    if isinstance(value, float):
        return plain(value, 4)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def run_text(result: dict[str, Any], colour: bool) -> str:
    """Gates with their rules, models with their metrics, errors with their places, and how it ended."""
    lines: list[str] = []
    for step in result["steps"]:
        lines += _warning_lines(step)
    for gate, found in result["gates"].items():
        lines.append(f"gate {gate}: {found['verdict']}")
        lines += [_rule_line(rule, colour) for rule in found["rules"]]
    for model, found in result["models"].items():
        lines += _model_lines(model, found)
    lines += [step["message"] for step in result["steps"] if step.get("message")]
    errors = [step["error"] for step in result["steps"] if step.get("error")]
    if result.get("error") and result["error"] not in errors:
        errors.append(result["error"])
    for error in errors:
        lines += error_lines(error)
    seconds = f" after {result['seconds']:.1f} s" if result.get("seconds") is not None else ""
    lines.append(f"run {result['run']} {result['status']}{seconds}")
    return "\n".join(lines)


def _warning_lines(step: dict[str, Any]) -> list[str]:
    """What a step that went well still has to say: rows put aside, rules `warn` that do not hold."""
    lines = []
    if aside := step.get("quarantine"):
        share = f"{number(aside['rows'])} of {number(aside['of'])} rows of {aside['data']}"
        where = aside["path"] or f"the artifact ingest:{aside['data']}/quarantine"
        lines.append(f"warning: {share} are in quarantine: {where}")
    for rule in step.get("warnings", ()):
        place = f"{rule['file'] or 'line'}:{rule['line']}: " if rule["line"] else ""
        seen = "it has no value" if rule["value"] is None else f"the data gives {_values(rule['value'])}"
        lines.append(f"{place}warning: warn {rule['rule']} does not hold: {seen}")
    return lines


def _values(value: Any) -> str:
    return ", ".join(number(one) for one in value) if isinstance(value, list) else number(value)


def _rule_line(rule: dict[str, Any], colour: bool) -> str:
    """The rule as it was written, its two sides and, where slices were judged, the one that decided."""
    unit = unit_of(rule["rule"])
    sides = ""
    if rule.get("value") is not None:
        sides = "  " + _sides(unit, [side for side in (rule["value"], rule.get("threshold")) if side is not None])
    told = _COMPARED.sub("", rule.get("reason") or "") if sides else rule.get("reason") or ""
    told = told if rule["verdict"] != "passed" or rule.get("by") or rule.get("slices") else ""
    reason = f"  {told}" if told else ""
    return f"  {mark(rule['verdict'], colour)} {with_clauses(rule['rule'], rule)}{sides}{reason}"


def _sides(unit: Unit, sides: list[float]) -> str:
    """With more digits where few would make different numbers look equal."""
    short = [unit.show(side, 4) for side in sides]
    return " against ".join(short if len(set(short)) == len(set(sides)) else [unit.show(side) for side in sides])


def _model_lines(model: str, found: dict[str, Any]) -> list[str]:
    version = f"version {found['version']}" if found["version"] is not None else "no version"
    champion = ", champion" if found["promoted"] else ""
    lines = [f"model {model}: {version}{champion}, {found['algorithm']}"]
    metrics = [f"{name} {number(value)}" for name, value in found["metrics"].items() if isinstance(value, (int, float))]
    return lines + [f"  {'  '.join(metrics[i : i + 4])}" for i in range(0, len(metrics), 4)]


def error_lines(error: dict[str, Any]) -> list[str]:
    """One error: its place, code and sentence, then its help."""
    place = f"{error['file']}:{error['line']}: " if error.get("file") else ""
    lines = [f"{place}error[{error['code']}] {error['name']}: {error['message']}"]
    return [*lines, f"  help: {error['help']}"] if error.get("help") else lines


def runs_text(found: dict[str, Any]) -> str:
    if "runs" not in found:
        return _one_run(found)
    lines = []
    for run in found["runs"]:
        models = " ".join(f"{m}={'-' if v is None else f'v{v}'}" for m, v in run["models"].items())
        seconds = f"{run['seconds']:8.1f}s" if run["seconds"] is not None else " " * 9
        lines.append(f"{run['run']}  {run['pipeline']}  {run['status']:<11}{seconds}  {models}".rstrip())
    return "\n".join(lines) or "no runs yet"


def _one_run(found: dict[str, Any]) -> str:
    lines = [f"run {found['run']}: {found['status']}, started {found['started']}"]
    result = found["result"]
    if result:
        lines += [step_line(step, False) for step in result["steps"]]
        lines.append(run_text(result, False))
    for gate in found["waiting"]:
        until = f" until {gate['expires']}" if gate["expires"] else ""
        lines.append(f"gate {gate['gate']} waits for {', '.join(gate['by'])}{until}")
    return "\n".join([*lines, f"log: {found['log']}"])


def models_text(found: dict[str, Any]) -> str:
    lines = []
    for model, facts in found["models"].items():
        lines.append(f"model {model}")
        for version in facts["versions"]:
            lines += _version_lines(version)
    return "\n".join(lines) or "no versions yet"


def _version_lines(version: dict[str, Any]) -> list[str]:
    marks = list(version["aliases"])
    marks += ["withdrawn"] if version["withdrawn"] else []
    marks += [] if version["stored"] else ["freed"]
    said = f" ({', '.join(marks)})" if marks else ""
    facts = f"{version['algorithm']}  {version['digest'][:19]}  run {version['run']}"
    lines = [f"  version {version['version']}{said}  {facts}"]
    metrics = [f"{n} {number(v)}" for n, v in version["metrics"].items() if isinstance(v, (int, float))]
    lines += [f"    {'  '.join(metrics[:6])}"] if metrics else []
    spec = ", ".join(f"{name} {digest[:19]}" for name, digest in version["lineage"].get("spec", {}).items())
    return lines + ([f"    from {spec}"] if spec else [])


def journal_text(found: dict[str, Any]) -> str:
    lines = [_entry_line(entry) for entry in found["entries"]]
    if "verified" in found:
        lines += [f"problem: {problem}" for problem in found["problems"]]
        lines.append("the journal is whole" if found["verified"] else "the journal is damaged")
    return "\n".join(lines) or "no entries yet"


def _entry_line(entry: dict[str, Any]) -> str:
    kind, head = entry["kind"], f"{entry['n']:>6}  {entry['time'][:19]}Z  {entry['kind']:<9} "
    if kind == "verdict":
        return head + f"gate {entry['gate']} on {entry['model']}: {entry['verdict']} (run {entry['run']})"
    if kind == "request":
        return head + f"gate {entry['gate']} on {entry['model']} asks {', '.join(entry['by'])} (run {entry['run']})"
    if kind == "decision":
        return (
            head + f"gate {entry['gate']} on {entry['model']}: {entry['decision']} by {entry['by']}: {entry['reason']}"
        )
    if kind == "promotion":
        return head + f"{entry['model']} version {entry['version']} became champion (run {entry['run']})"
    if kind == "renewal":
        return head + f"{entry['model']} version {entry['version']} was judged anew after damage (run {entry['run']})"
    return head + json.dumps(
        {k: v for k, v in entry.items() if k not in ("n", "time", "kind", "previous")}, sort_keys=True
    )


def gc_text(found: dict[str, Any]) -> str:
    verb = "would free" if found["dry_run"] else "freed"
    return f"{verb} {number(found['bytes'])} bytes: {len(found['runs'])} runs, {found['steps']} steps, {found['objects']} objects"


def approve_text(found: dict[str, Any]) -> str:
    entry = found["entry"]
    told = f"gate {entry['gate']} of run {entry['run']}: {entry['decision']} by {entry['by']}"
    if entry["decision"] == "rejected":
        return (
            f"{told}; a run that comes to the same model and verdict ends as rejected, one with another model asks anew"
        )
    return f"{told}; run again to go on"


def error_text(error: Any, program: str) -> str:
    """A StepError as the lines that a command ends with."""
    return f"{program}: " + "\n".join(error_lines(error.to_json()))


def printer(stream: TextIO | None = None) -> Callable[[str], None]:
    """Print to a stream that may not know every character."""
    target = stream or sys.stdout

    def show(text: str) -> None:
        coding = target.encoding or "utf-8"
        print(text.encode(coding, "replace").decode(coding), file=target)

    return show
