"""Runs a compiled pipeline by kfp.local, each task in a container of its own: run_in_podman.py PIPELINE_YAML WORK DATA.

kfp's DockerRunner removes a container when it ends and asks podman about it after that, which podman answers as a fault of its
own; so the runner of processes is taken, and starts `podman run` here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

from kfp import components, local  # noqa: E402
from kfp.local import status, task_dispatcher  # noqa: E402, F401 - binds the handler below
from kfp.local.subprocess_task_handler import SubprocessTaskHandler  # noqa: E402

# No bridge and no raised limits: neither is to be had inside a container of a build machine.
PODMAN = ["podman", "--runtime", "runc", "run", "--rm", "--network", "none",
          "--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1024:1024"]  # fmt: skip


def main(pipeline: str, work: str, data: str) -> int:
    mounts = [f"{work}/root:{work}/root", f"{work}/store:/mnt/store", f"{data}:/mnt/data:ro"]

    def run(self: Any) -> Any:
        words = [word for mount in mounts for word in ("--volume", mount)]
        words += [word for name, value in self.env_vars.items() for word in ("--env", f"{name}={value}")]
        done = subprocess.run([*PODMAN, *words, self.image, *self.full_command], timeout=300, check=False)
        return status.Status.SUCCESS if done.returncode == 0 else status.Status.FAILURE

    handler: Any = SubprocessTaskHandler
    handler.validate_not_container_component = lambda self, full_command: None
    handler.run = run
    os.umask(0)  # what a volume of the cluster lets every user do
    local.init(
        runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(Path(work, "root")), raise_on_error=True
    )
    try:
        components.load_component_from_file(pipeline)()
    except RuntimeError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
