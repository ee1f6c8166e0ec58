"""Writes the data of this spec into the working folder."""

import json
import random

import duckdb


def main() -> None:
    draw = random.Random(3)
    for part in range(2):
        with open(f"items-{part}.jsonl", "w", encoding="utf-8") as file:
            for i in range(part * 70, part * 70 + 70):
                row = {"id": i, "shop": f"s{i % 7}", "seen": f"2026-01-{1 + i % 28:02d} {i % 24:02d}:15:00"}
                row |= {"Farbe": [None, "red", "grün"][i % 3], "more": {"n": i}}
                size = draw.uniform(0, 10)
                row |= {} if i % 11 == 3 else {"size": round(size, 3), "wide": round(size + draw.gauss(0, 1), 3)}
                file.write(json.dumps(row) + "\n")
    with duckdb.connect("levels.duckdb") as duck:
        duck.execute(
            "CREATE TABLE levels AS SELECT 's' || i AS shop, CASE WHEN i <> 2 THEN i END AS level FROM range(7) t(i)"
        )


main()
