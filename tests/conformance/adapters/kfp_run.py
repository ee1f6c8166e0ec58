"""Runs a compiled pipeline by kfp.local in a process of its own: kfp_run.py PIPELINE_YAML ROOT ARGUMENTS_JSON [BROKEN_TASK].

BROKEN_TASK: one digit of each report that this task wrote is changed.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

sys.path.insert(0, str(Path(__file__).parents[1]))
import planted  # noqa: E402
from kfp import components, local  # noqa: E402
from kfp.local import task_dispatcher  # noqa: E402, F401 - binds the handler below
from kfp.local.subprocess_task_handler import SubprocessTaskHandler  # noqa: E402


def main(pipeline: str, root: str, arguments: str, broken: str | None = None) -> int:
    handler: Any = SubprocessTaskHandler
    run = handler.run

    def run_and_break(self: Any) -> Any:
        status = run(self)
        if broken:
            for file in Path(root).glob(f"*/{broken}/*"):
                if file.is_file() and file.name not in ("executor_output.json", "outcome"):
                    file.write_bytes(planted.falsified(file.read_bytes()))
        return status

    handler.run = run_and_break
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=True)
    try:
        components.load_component_from_file(pipeline)(**json.loads(arguments))
    except RuntimeError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
