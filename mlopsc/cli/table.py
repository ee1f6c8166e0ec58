"""The commands: name -> (module of `mlopsc.cli` that is loaded for it, what it does)."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "write a first spec, from a data file if one is given"),
    "check": ("check", "prove what can be proved about specs"),
    "fmt": ("fmt", "lay specs out in the one canonical way"),
    "show": ("show", "effective values with their origin; the Plan"),
    "explain": ("explain", "the page of a diagnostic"),
    "graph": ("graph", "the steps and their data"),
    "compile": ("compile", "write a target's folder"),
    "targets": ("targets", "the targets, and what each can do"),
    "run": ("run", "compile for local and run"),
    "runs": ("records", "past runs"),
    "models": ("records", "model versions and where they come from"),
    "test": ("test", "run the test blocks of specs"),
    "journal": ("records", "every decision, oldest first"),
    "approve": ("records", "decide on a waiting gate"),
    "gc": ("records", "free what no kept version or run needs"),
    "rollback": ("later", "restore an earlier version"),
    "serve": ("later", "serve the promoted version"),
    "monitor": ("later", "run one monitor now"),
    "completion": ("completion", "print a shell's completion script"),
}

MODULES: dict[str, str] = {name: module for name, (module, _) in COMMANDS.items()}

EXAMPLE = """\
  mlopsc init customers.csv -o churn.mlops
  mlopsc check churn.mlops --data
  mlopsc run churn.mlops"""
