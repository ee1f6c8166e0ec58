"""Sources, a model and a step for the specs of this folder."""

import json


def _rows():
    with open("people.json") as handle:  # the data folder is the working folder
        return json.load(handle)


def by_pandas():
    import pandas

    return pandas.DataFrame(_rows())


def by_polars():
    import polars

    return polars.DataFrame(_rows())


def by_arrow():
    import pyarrow

    return pyarrow.Table.from_pylist(_rows())


def make_model():
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=3, random_state=0)


def count(people):
    import duckdb

    return {"rows": duckdb.sql(f"SELECT count(*) FROM read_parquet('{people}')").fetchone()[0]}
