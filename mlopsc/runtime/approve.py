"""Manual approvals: asked for by a run, decided by a person, bound to the model and the verdict that were shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from .context import Context
from .errors import StepError, StepWaiting, UsageError
from .store.objects import Store

Entry = dict[str, Any]
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def run(ctx: Context) -> dict[str, Any]:
    """The step: decision.json once someone approved. StepWaiting before, StepError after a rejection or too long a wait.

    A decision counts for this model content and this verdict, whichever run it was asked in.
    """
    settings = ctx.settings
    bound = {"gate": settings["gate"], "digest": ctx.digests["model"], "verdict_digest": ctx.digests["verdict"]}
    entries = ctx.store.journal().entries()
    decision = _decision(entries, bound)
    if decision is None:
        request = _request(ctx, bound)
        if _expired(request, datetime.now(UTC)):
            raise StepError(
                "MLC9025",
                "approval-expired",
                f"gate {settings['gate']}: nobody decided until {request['expires']}",
                where=settings["where"],
                help="the next run asks again",
            )
        told = f"gate {settings['gate']} waits for one of {', '.join(settings['by'])}{_why_not(ctx, entries, bound)}"
        raise StepWaiting(told, _shown(ctx))
    if decision["decision"] == "rejected":
        raise StepError(
            "MLC9024",
            "approval-rejected",
            f"gate {settings['gate']}: rejected by {decision['by']}: {decision['reason']}",
            where=settings["where"],
        )
    shown = {name: decision[name] for name in ("decision", "by", "reason", "time", "gate", "digest", "verdict_digest")}
    ctx.outputs["decision"].write_text(json.dumps(shown, sort_keys=True), encoding="utf-8")
    return {"by": decision["by"]}


def _shown(ctx: Context) -> list[str]:
    """The model and every rule of its gate, with value and verdict."""
    verdict = json.loads(ctx.inputs["verdict"].read_bytes())
    lines = [f"model {ctx.settings['model']}, {ctx.digests['model']}", f"gate {ctx.settings['gate']}: {verdict['verdict']}"]
    for rule in verdict.get("rules", ()):
        value = rule.get("value")
        measured = "" if value is None else f", value {value:.6g}" if isinstance(value, (int, float)) else f", value {value}"
        reason = f", {rule['reason']}" if rule.get("reason") else ""
        place = f" (line {rule['line']})" if "line" in rule else ""
        lines.append(f"{rule['verdict']}: {rule['rule']}{place}{measured}{reason}")
    return lines


def _decision(entries: list[Entry], bound: dict[str, str]) -> Entry | None:
    found = [e for e in entries if e["kind"] == "decision" and bound.items() <= e.items()]
    return found[-1] if found else None


def _why_not(ctx: Context, entries: list[Entry], bound: dict[str, str]) -> str:
    """Why the decision that was last taken in this run is none on what lies here now; empty where none was."""
    asked = {"kind": "decision", "run": ctx.run, "gate": bound["gate"]}
    taken = [e for e in entries if asked.items() <= e.items()]
    if not taken:
        return ""
    last = taken[-1]
    if last["digest"] != bound["digest"]:
        now = bound["digest"][:19]
        shown = f"model {last['digest'][:19]}, and the data or the spec has changed since: the model is now {now}"
    else:
        shown = "another verdict of the gate: its values have changed since"
    when = last["time"][:19].replace("T", " ")
    return f"; that {last['by']} {last['decision']} it at {when} UTC does not count: what was shown then was {shown}"


def _request(ctx: Context, bound: dict[str, str]) -> Entry:
    """This run's request in the journal, made now where it does not stand there yet."""
    settings = ctx.settings
    expires = None
    if settings["within"] is not None:
        expires = (datetime.now(UTC) + timedelta(seconds=settings["within"])).strftime(_TIME)
    asked = {"kind": "request", "run": ctx.run, "model": settings["model"], **bound}
    standing: list[Entry] = []

    def decide(entries: list[Entry]) -> Entry | None:
        standing[:] = [e for e in entries if asked.items() <= e.items()]
        return None if standing else {**asked, "by": list(settings["by"]), "expires": expires}

    return ctx.store.journal().append(decide) or standing[-1]


def _expired(request: Entry, now: datetime) -> bool:
    expires = request["expires"]
    return expires is not None and now >= datetime.strptime(expires, _TIME).replace(tzinfo=UTC)


def waiting(store: Store, run: str) -> list[Entry]:
    """The requests of a run that nobody has decided yet and that have not expired."""
    entries = store.journal().entries()
    now = datetime.now(UTC)
    asked = {e["gate"]: e for e in entries if e["kind"] == "request" and e["run"] == run}
    return [e for e in asked.values() if _decision(entries, _bound(e)) is None and not _expired(e, now)]


def _bound(request: Entry) -> dict[str, str]:
    return {name: request[name] for name in ("gate", "digest", "verdict_digest")}


def approve(store: Store, run: str, gate: str, by: str, reject: bool, reason: str) -> Entry:
    """Record a decision on a waiting gate. UsageError where the run does not wait for it, where `by` is not among those
    who may decide, where it was decided before, or where the time to decide is over."""

    def decide(entries: list[Entry]) -> Entry:
        asked = [e for e in entries if e["kind"] == "request" and e["run"] == run and e["gate"] == gate]
        if not asked:
            names = sorted({e["gate"] for e in entries if e["kind"] == "request" and e["run"] == run})
            it_asks = f"it asks for {', '.join(names)}" if names else "it asks for no decision"
            raise UsageError("MLC9026", "nothing-to-approve", f"run {run} has no waiting gate {gate}; {it_asks}")
        request = asked[-1]
        _may_decide(request, entries, by)
        verb = "rejected" if reject else "approved"
        facts = {"model": request["model"], "run": run, **_bound(request)}
        return {"kind": "decision", **facts, "decision": verb, "by": by, "reason": reason}

    entry = store.journal().append(decide)
    assert entry is not None
    return entry


def _may_decide(request: Entry, entries: list[Entry], by: str) -> None:
    gate = request["gate"]
    if by not in request["by"]:
        raise UsageError(
            "MLC9027",
            "not-an-approver",
            f"{by} may not decide on gate {gate}",
            help=f"it asks for {', '.join(request['by'])}",
        )
    before = _decision(entries, _bound(request))
    if before is not None:
        raise UsageError(
            "MLC9026",
            "nothing-to-approve",
            f"gate {gate} was {before['decision']} by {before['by']} already: {before['reason']}",
        )
    if _expired(request, datetime.now(UTC)):
        raise UsageError(
            "MLC9025",
            "approval-expired",
            f"gate {gate} could be decided until {request['expires']}",
            help="run again to ask again",
        )
