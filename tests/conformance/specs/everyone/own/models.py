"""An estimator and a step of the spec's own."""

import json


def shallow_tree():
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=2, random_state=0)


def count(people, stayer, release):
    import duckdb

    with open(release, encoding="utf-8") as file:
        verdict = json.load(file)["verdict"]
    return {"rows": duckdb.sql(f"SELECT count(*) FROM read_parquet('{people}')").fetchone()[0], "verdict": verdict}
