"""Prints one table: what mlopsc costs beside a bare Python or the plain script, as ratios measured in one run.

    python bench/bench.py [check|large|run|unchanged|steps|compile|memory] …      (default: all)

Machines are shared and noisy: read the ratios, not the seconds."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from data import make
from measure import cost, mlopsc, pairs, python

HERE = Path(__file__).parent
Row = tuple[str, str, str, str]  # what, measured, limit, met


def block(i: int) -> str:
    """About 27 lines that use most of the language; `i` makes the names its own."""
    return f"""
data d{i} {{
  source = csv("data/d{i}.csv")
  key    = id
  columns {{
    id     : string
    age    : int    in 0..120
    plan   : category("a", "b", "c")
    paid   : float? missing "-"
    left   : bool("Yes", "No")
  }}
  expect null_share(paid) <= 5%
}}
features f{i} from d{i} {{
  plan |> onehot()
  rate = paid / greatest(age, 1) |> impute(median) |> standardize()
  old  = age >= 65 and plan != "a"
}}
model m{i} from f{i} {{
  target    = left
  split     = random(test = 20%, stratify = left)
  algorithm = logistic_regression(C = tune(0.01..10, log = true))
}}
gate g{i} on m{i} {{
  require roc_auc >= 0.7
  require recall >= 40% by plan min_rows 50
}}
"""


def spec(blocks: int) -> str:
    head = 'edition 2026\n\npipeline big {\n  about = "A large spec."\n}\n'
    return head + "".join(block(i) for i in range(blocks))


def bench_check(folder: Path) -> Iterator[Row]:
    path = folder / "check.mlops"
    path.write_text(spec(11))
    lines = path.read_text().count("\n")
    cost([mlopsc(), "check", str(path)])
    ours, _, ratio = pairs([mlopsc(), "check", str(path)], [python(), "-c", "pass"], 15)
    yield f"check, {lines} lines", f"{ours * 1000:.0f} ms = {ratio:.1f} x python -c pass", "<= 14 x", met(ratio <= 14)


def bench_large(folder: Path) -> Iterator[Row]:
    one, two = folder / "one.mlops", folder / "two.mlops"
    count = round(1_000_000 / len(block(1000)))
    one.write_text(spec(count))
    two.write_text(spec(2 * count))
    a, b, ratio = pairs([mlopsc(), "check", str(two)], [mlopsc(), "check", str(one)], 3)
    size = one.stat().st_size / 1e6
    yield f"check, {size:.2f} MB", f"{b:.2f} s CPU", "<= 4 s", met(b <= 4)
    yield f"check, {2 * size:.2f} MB", f"{a:.2f} s CPU = {ratio:.2f} x the half", "<= 2.2 x", met(ratio <= 2.2)


def workload(folder: Path, rows: int) -> Path:
    folder.mkdir()
    shutil.copy(HERE / "workload.mlops", folder)
    make(rows, folder / "customers.csv")
    return folder / "workload.mlops"


def bench_run(folder: Path) -> Iterator[Row]:
    for rows, limit, times in ((7_000, 1.15, 9), (200_000, 1.05, 5)):
        path = workload(folder / f"run{rows}", rows)
        store = folder / f"store{rows}"
        ours, plain, ratio = pairs(
            [mlopsc(), "run", str(path), "--store", str(store)],
            [python(), str(HERE / "plain.py"), str(path.parent / "customers.csv"), str(folder / "plain")],
            times,
            before_a=lambda store=store: shutil.rmtree(store, ignore_errors=True),
        )
        text = f"{ours:.2f} s, plain {plain:.2f} s = {ratio:.2f} x"
        yield f"run, {rows:,} rows x 20", text, f"<= {limit} x", met(ratio <= limit)


def bench_unchanged(folder: Path) -> Iterator[Row]:
    path = workload(folder / "again", 7_000)
    command = [mlopsc(), "run", str(path), "--store", str(folder / "again-store")]
    cost(command)
    ours, _, ratio = pairs(command, [python(), "-c", "pass"], 9)
    yield "run, nothing changed", f"{ours:.3f} s CPU = {ratio:.1f} x python -c pass", "<= 0.25 s", met(ours <= 0.25)


def chain(folder: Path, count: int) -> Path:
    """A spec of `count` steps that do nothing, one after the other."""
    steps = "".join(
        f'step s{i} {{\n  run = python("nothing:nothing")\n' + (f"  after = [s{i - 1}]\n" if i else "") + "}\n"
        for i in range(count)
    )
    where = folder / f"chain{count}"
    where.mkdir()
    (where / "nothing.py").write_text("def nothing():\n    return None\n")
    path = where / "chain.mlops"
    path.write_text('edition 2026\npipeline chain {\n  about = "Steps that do nothing."\n}\n' + steps)
    return path


def bench_steps(folder: Path) -> Iterator[Row]:
    few, many = chain(folder, 10), chain(folder, 110)
    fresh = ["--force"]
    a, b, _ = pairs([mlopsc(), "run", str(many), *fresh], [mlopsc(), "run", str(few), *fresh], 9)
    each = (a - b) / 100 * 1000
    yield "one more step", f"{each:.1f} ms CPU", "<= 5 ms", met(each <= 5)


def bench_compile(folder: Path) -> Iterator[Row]:
    for count, limit in ((10, 0.35), (100, 0.40), (1000, 1.0)):
        path = chain(folder, count)
        command = [mlopsc(), "compile", str(path), "--target", "local", "-o", str(path.parent / "out")]
        ours, _, ratio = pairs(command, [python(), "-c", "pass"], 7)
        text = f"{ours:.2f} s CPU = {ratio:.1f} x python -c pass"
        yield f"compile, local, {count:,} steps", text, f"<= {limit} s", met(ours <= limit)


def bench_memory(folder: Path) -> Iterator[Row]:
    path = workload(folder / "memory", 200_000)
    ours = cost([mlopsc(), "run", str(path), "--store", str(folder / "m")], memory=True).peak
    data = str(path.parent / "customers.csv")
    plain = cost([python(), str(HERE / "plain.py"), data, str(folder / "p")], memory=True).peak
    text = f"{ours:.0f} MiB, plain {plain:.0f} MiB = {ours / plain:.2f} x"
    yield "peak memory, 200,000 rows", text, "<= 1 x", met(ours <= plain)


def met(holds: bool) -> str:
    return "yes" if holds else "NO"


BENCHES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "check": bench_check,
    "large": bench_large,
    "run": bench_run,
    "unchanged": bench_unchanged,
    "steps": bench_steps,
    "compile": bench_compile,
    "memory": bench_memory,
}


def main(names: list[str]) -> None:
    print("| what | measured | limit | met |\n| --- | --- | --- | --- |", flush=True)
    for name in names or BENCHES:
        with tempfile.TemporaryDirectory(prefix="mlopsc-bench-") as folder:
            for row in BENCHES[name](Path(folder)):
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
