"""Writes the payments of this spec, and the statements that fill the server's table."""

import random
import sqlite3


def main() -> None:
    draw = random.Random(5)
    rows = []
    for i in range(140):
        age = draw.randint(18, 80)
        pay = "NULL" if i % 9 == 4 else f"{draw.uniform(0, 30) + 2 * age:.2f}"
        rows.append(f"({i}, {age}, {pay}, '2026-{1 + i // 28:02d}-{1 + i % 28:02d} {i % 24:02d}:30:00+00')")
    with open("postgres.sql", "w", encoding="utf-8") as file:
        file.write("CREATE TABLE people (id int, age int, pay numeric, seen timestamptz);\n")
        file.write(f"INSERT INTO people VALUES {', '.join(rows)};\n")
    with sqlite3.connect("people.sqlite") as lite:
        lite.execute("CREATE TABLE payments (person, amount, note)")
        lite.executemany("INSERT INTO payments VALUES (?, ?, ?)", [(i % 140, i / 4, f"n{i}") for i in range(60)])


main()
