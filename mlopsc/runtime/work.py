"""One step, from verified inputs to stored outputs, in whatever process it is given. Local children and the single-step
command of orchestrators both end here, so a step does the same everywhere."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .context import Context
from .errors import LostConnection, StepError, StepWaiting
from .hiding import hidden, told, without
from .steps import StepFunction, load
from .store import io
from .store.objects import Store, canonical
from .store.registry import Version

# Distribution to install for a module that a step could not import.
_EXTRAS = {
    "duckdb": "mlopsc[run]", "numpy": "mlopsc[run]", "sklearn": "mlopsc[run]", "optuna": "mlopsc[run]",
    "skops": "mlopsc[run]", "psycopg": "mlopsc[postgres]", "xgboost": "mlopsc[boosting]", "lightgbm": "mlopsc[boosting]",
}  # fmt: skip
DISK_FULL = 73  # exit code of a child that could not even say that the disk is full
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def single_threaded() -> None:
    """Fix the thread counts of numeric libraries. Must come before their first import; results depend on it."""
    for name in THREADS:
        os.environ[name] = "1"


def write_log(path: Path, step: str, event: str, **fields: Any) -> None:
    """One JSON line in a run's log."""
    line = {"time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "step": step, "event": event, **fields}
    io.append(path, json.dumps(line, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n")


def perform(request: dict[str, Any], store: Store, function: StepFunction | None = None) -> dict[str, Any]:
    """Run the step of `request` and keep its outputs; never raises.

    The outcome's status is done (with outputs, signatures, summary), failed or crashed (with error), or waiting. No value of
    a secret stands in it.
    """
    hide = hidden(request.get("outside", {}))
    return told(_outcome(request, store, function, hide), hide)


def _outcome(request: dict[str, Any], store: Store, function: StepFunction | None, hide: list[str]) -> dict[str, Any]:
    step = request["step"]
    try:
        return _perform(request, store, function or load(request["run_function"]), hide)
    except StepWaiting as waiting:
        return {"status": "waiting", "message": waiting.message, "shown": waiting.shown}
    except StepError as error:
        error.where = error.where or step.get("where")
        status = "crashed" if isinstance(error, LostConnection) else "failed"
        return {"status": status, "error": error.to_json(), "traceback": _trace(error)}
    except MemoryError as error:
        return _crashed(step, "it ran out of memory", error)
    except ImportError as error:
        return _missing(step, error)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            found = io.failure(error, Path(request["scratch"]))
            return {"status": "failed", "error": found.to_json(), "traceback": _trace(error)}
        return _crashed(step, f"{type(error).__name__}: {error}", error)
    except Exception as error:  # noqa: BLE001 - whatever a step raises is told as an outcome
        if os.strerror(errno.ENOSPC) in str(error):  # libraries have their own exceptions for it
            full = io.failure(OSError(errno.ENOSPC, ""), Path(request["scratch"]).parent)
            return {"status": "failed", "error": full.to_json(), "traceback": _trace(error)}
        return _crashed(step, f"{type(error).__name__}: {error}", error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a user's sys.exit() says nothing about the step, whatever its number
        return _crashed(step, f"it raised {error!r} instead of returning", error)


def _perform(request: dict[str, Any], store: Store, function: StepFunction, hide: list[str]) -> dict[str, Any]:
    step, scratch = request["step"], Path(request["scratch"])
    inputs = {}
    for number, (name, (digest, suffix)) in enumerate(sorted(request["inputs"].items())):
        # A name with the right suffix: users' functions and libraries tell formats by it.
        inputs[name] = scratch / f"in.{_file_name(name, number)}.{suffix}"
        os.symlink(store.path(digest), inputs[name])
    outputs = {
        name: scratch / f"out.{_file_name(name, number)}.{suffix}"
        for number, (name, suffix) in enumerate(sorted(step["outputs"].items()))
    }
    log_path = Path(request["log"])
    context = Context(
        step=step["id"],
        settings=step["settings"],
        inputs=inputs,
        outputs=outputs,
        data_root=Path(request["data_root"]),
        scratch=scratch / "work",
        run=request["run"],
        store=store.pinned(_champions(store, request["champions"])),
        modules_root=Path(request["modules_root"]),
        cpu=request["cpu"],
        memory=request["memory"],
        digests={name: digest for name, (digest, _) in request["inputs"].items()},
        log=lambda event, **fields: write_log(log_path, step["id"], event, **without(fields, hide)),
        lineage=request["lineage"],
    )
    try:
        summary = function(context) or {}
    except StepError as error:
        if not isinstance(error, LostConnection) and all(path.is_file() for path in outputs.values()):
            # A verdict against the model is a result too: a gate writes it before it refuses.
            error.where = error.where or step.get("where")
            told = {"status": "failed", "error": error.to_json(), "traceback": _trace(error)}
            return {**told, **_keep(step, outputs, store)}
        raise
    return {"status": "done", "summary": summary, **_keep(step, outputs, store)}


def _keep(step: dict[str, Any], outputs: dict[str, Path], store: Store) -> dict[str, Any]:
    digests, signatures = {}, {}
    for name, path in sorted(outputs.items()):
        if not path.is_file():
            raise StepError("MLC9011", "missing-output", f"{step['id']} did not write its output {name}")
        digests[name] = store.put(path, move=True)
        signatures[digests[name]] = store.signature(digests[name])
    return {"outputs": digests, "signatures": signatures}


def _champions(store: Store, numbers: dict[str, int | None]) -> dict[str, Version | None]:
    registry = store.registry() if any(numbers.values()) else None
    return {model: registry.version(model, n) if registry and n else None for model, n in numbers.items()}


def _file_name(name: str, number: int) -> str:
    return name if _FILE_NAME.fullmatch(name) else f"artifact_{number}"


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _crashed(step: dict[str, Any], why: str, error: BaseException) -> dict[str, Any]:
    return {"status": "crashed", "error": crash(step, why).to_json(), "traceback": _trace(error)}


def crash(step: dict[str, Any], why: str) -> StepError:
    """The error of a step that ended without a verdict."""
    return StepError(
        "MLC9010",
        "step-crashed",
        f"{step['id']} crashed: {why}",
        where=step.get("where"),
        help="`mlopsc runs RUN` names the log that holds the traceback",
    )


def _missing(step: dict[str, Any], error: ImportError) -> dict[str, Any]:
    top = (error.name or "").partition(".")[0]
    if top not in _EXTRAS:
        return _crashed(step, f"{type(error).__name__}: {error}", error)
    found = StepError(
        "MLC9055",
        "missing-package",
        f"{step['id']} needs the package {top}, which is not installed",
        where=step.get("where"),
        help=f'pip install "{_EXTRAS[top]}"',
    )
    return {"status": "failed", "error": found.to_json(), "traceback": _trace(error)}


def write_outcome(path: Path, outcome: dict[str, Any]) -> None:
    """What a child tells its parent. Half a file, left by a child that was killed, is no JSON: a crash."""
    try:
        text = canonical(outcome)
    except (TypeError, ValueError):
        text = json.dumps(outcome, default=str).encode()
    path.write_bytes(text)


def spawned(request_path: str) -> int:
    """Entry of a spawned child: the request is a file, the outcome goes beside it."""
    single_threaded()
    request = json.loads(Path(request_path).read_bytes())
    sys.path[:0] = [folder for folder in request.get("python_path", ()) if folder not in sys.path]
    store = Store.open(request["store"], create=False)
    write_outcome(Path(request["outcome"]), perform(request, store))
    return 0
