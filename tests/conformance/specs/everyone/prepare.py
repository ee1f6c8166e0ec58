"""Writes the data of this spec into the working folder."""

import gzip
import os
import random

import duckdb

TRADES = ["baker", "smith", "tailor", "mason", "cook", "-"]
WORDS = ["alpha", "Beta", " gamma", "delta  delta", "grün", "straße"]


def record(draw: random.Random, i: int) -> list[object]:
    age, trade = draw.randint(16, 80), TRADES[i * 7 % 6]
    pay = "-" if i % 9 == 4 else round(draw.uniform(0, 60) + age, 2)
    note = " ".join(WORDS[(i * k) % 6] for k in range(1, 1 + i % 4))
    seen = f"2026-{1 + i // 60:02d}-{1 + i % 28:02d}T{i % 24:02d}:30:00"
    born = f"{2026 - age}-{1 + i % 12:02d}-{1 + i % 28:02d}"
    stays = "yes" if age + draw.gauss(0, 14) > 47 else "no"
    guest = ["true", "false", ""][i % 3]
    team = "tx" if i == 70 else f"t{i % 4}"
    return [
        i, team, "" if i % 13 == 5 else age, draw.choice(["Köln", "Bonn", "Aachen"]), trade, 1 + i % 3,
        pay, note, seen, seen if i % 4 else "", born if i % 17 else "", "YN"[i % 2], guest, "abc"[i % 3], stays,
    ]  # fmt: skip


def main() -> None:
    draw = random.Random(8)
    rows = [record(draw, i) for i in range(170)]
    rows += rows[:4]
    os.mkdir("in")
    for number, part in enumerate((rows[:80], rows[80:])):
        text = "".join("::".join(map(str, row)) + "\r\n" for row in part)
        with open(f"in/people-{number}.csv.gz", "wb") as file:
            file.write(gzip.compress(text.encode("latin-1"), mtime=0))
    names = ", ".join(f"('{trade}', {number})" for number, trade in enumerate(TRADES[:5]))
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {names}) t(trade, level)) TO 'shared/trades.parquet'")


main()
