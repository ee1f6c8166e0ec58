"""A step that works before the model."""


def joined(payments):
    import duckdb

    return {"paid": duckdb.sql(f"SELECT sum(paid) FROM read_parquet('{payments}')").fetchone()[0]}
