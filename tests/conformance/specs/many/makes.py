"""Rows of a function, and a step of the author's own."""

import json

from shapes import kind_of


def rows():
    import pandas

    found = [((i * 7919) % 101 / 10, i) for i in range(90)]
    table = {"x": [x for x, _ in found], "kind": [kind_of(i) for _, i in found]}
    table["label"] = ["low" if x < 3 else "mid" if x < 7 else "high" for x, _ in found]
    return pandas.DataFrame(table)


def summarise(late_model, orders, late_gate):
    with open(late_gate, encoding="utf-8") as handle:
        verdict = json.load(handle)["verdict"]
    with open(orders, "rb") as handle:
        size = len(handle.read())
    return {"verdict": verdict, "parquet": size > 0}
