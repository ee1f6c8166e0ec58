"""Emits run.sh: one line a step, each in a process of its own."""

from __future__ import annotations

from mlopsc.ir.plan import Plan, Step
from mlopsc.target import bundle, literals
from mlopsc.target.capability import Capabilities
from mlopsc.target.protocol import EmitOptions, Files
from mlopsc_toy.capabilities import CAPABILITIES

FINISH = 'python3 -m mlopsc_runtime finish --plan "$here/plan.json" --run "$run" "$@" >/dev/null'


class ToyBackend:
    """See `mlopsc.target.protocol.Backend`."""

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def emit(self, plan: Plan, options: EmitOptions) -> Files:
        lines = ["#!/bin/sh", "set -e", 'here=$(dirname "$0"); run=$1; shift', f"trap '{FINISH}' EXIT"]
        lines.append('export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"')
        lines += [_line(step) for step in plan.pipelines[0].steps]
        files = {f"modules/{path}": data for path, data in options.modules.items()}
        files |= {"run.sh": ("\n".join(lines) + "\n").encode("utf-8"), "plan.json": bundle.plan_file(plan)}
        return files | bundle.runtime_files()


def _line(step: Step) -> str:
    limit = f"timeout {step.timeout:g} " if step.timeout else ""
    words = '--plan "$here/plan.json" --modules "$here/modules" --run "$run" --force "$@"'
    return f"{limit}python3 -m mlopsc_runtime step {literals.shell(step.id)} {words}"


BACKEND = ToyBackend()
