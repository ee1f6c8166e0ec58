"""Prints what compiling for Kubeflow costs, whole process, CPU seconds, beside the kfp SDK doing the same in this run.

    python bench/kubeflow.py [STEPS …]      (default: 10 100 1000)

A spec of chained steps through `mlopsc compile --target kubeflow`, the SDK by container components of the same chain. The
limits are 0.35, 0.40 and 1.0 s on a quiet machine. The size is of pipeline.yaml with `image`, in KiB, and a step's share."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

LIMITS = {10: 0.35, 100: 0.40, 1000: 1.0}
SDK = """
import sys
from kfp import compiler, dsl

COMMAND = ["python3", "-m", "steps"]

def work(x: str, out: dsl.Output[dsl.Artifact]):
    return dsl.ContainerSpec("python:3.11", COMMAND, ["--executor_input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER])

def more(x: str, before: dsl.Input[dsl.Artifact], out: dsl.Output[dsl.Artifact]):
    return dsl.ContainerSpec("python:3.11", COMMAND, ["--executor_input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER])

def named(function, name):
    function.__name__ = name
    return dsl.container_component(function)

@dsl.pipeline(name="chain")
def chain():
    last = named(work, "s0")(x="0")
    for i in range(1, int(sys.argv[1])):
        last = named(more, f"s{i}")(x=str(i), before=last.outputs["out"])

compiler.Compiler().compile(chain, sys.argv[2])
"""


def spec(steps: int) -> str:
    head = 'edition 2026\n\npipeline chain {\n  about = "x"\n}\n\ntarget kubeflow {\n  image = "x"\n}\n'
    body = [
        f'step s{i} {{\n  run    = python("mine:work")\n  inputs = [{f"s{i - 1}" if i else ""}]\n}}\n'
        for i in range(steps)
    ]
    return head + "\n".join(body)


def cpu(words: list[str], cwd: Path, times: int = 3) -> float:
    """The least of a few runs: the machine is shared."""
    found = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def main(counts: list[int]) -> None:
    print("| steps | mlopsc | limit | kfp SDK | ratio | pipeline.yaml | a step |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mine.py").write_text("def work(**_):\n    return {}\n")
        (folder / "sdk.py").write_text(SDK)
        for steps in counts:
            (folder / "chain.mlops").write_text(spec(steps))
            command = [sys.executable, "-c", "from mlopsc.cli.main import entry; entry()", "compile", "chain.mlops"]
            ours = cpu([*command, "--target", "kubeflow", "-o", "out"], folder)
            theirs = cpu([sys.executable, "-W", "ignore", "sdk.py", str(steps), "sdk.yaml"], folder, times=2)
            size = (folder / "out" / "pipeline.yaml").stat().st_size / 1024
            limit = f"{LIMITS[steps]:.2f} s" if steps in LIMITS else ""
            times = f"{ours:.2f} s | {limit} | {theirs:.2f} s | {ours / theirs:.2f}"
            print(f"| {steps} | {times} | {size:.0f} KiB | {size / steps:.2f} |")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [10, 100, 1000])
