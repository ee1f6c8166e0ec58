"""Exact versions of the packages in an image of the steps: those that this release is tested with (constraints.txt)."""

from __future__ import annotations

import re

PINS = dict(
    line.split("==")
    for line in """\
aiobotocore==3.10.0
aiohappyeyeballs==2.7.1
aiohttp==3.14.5
aioitertools==0.13.0
aiosignal==1.4.0
alembic==1.20.1
attrs==26.1.0
botocore==1.43.117
cloudpickle==3.1.2
colorlog==6.12.0
duckdb==1.5.6
frozenlist==1.8.0
fsspec==2026.9.0
idna==3.20
jmespath==1.1.0
joblib==1.6.0
lightgbm==4.7.0
Mako==1.4.3
MarkupSafe==3.0.4
multidict==7.2.1
narwhals==2.29.0
numpy==2.4.6
optuna==5.0.0
packaging==26.3
prettytable==3.18.0
propcache==0.5.4
psycopg-binary==3.3.9
psycopg==3.3.9
python-dateutil==2.9.0.post0
PyYAML==6.0.3
s3fs==2026.9.0
scikit-learn==1.9.1
scipy==1.17.1
six==1.17.0
skops==0.16.0
SQLAlchemy==2.1.9
threadpoolctl==3.8.0
tqdm==4.70.1
typing_extensions==4.16.0
urllib3==2.7.0
wcwidth==0.9.4
wrapt==2.5.2
xgboost-cpu==3.2.0
yarl==1.25.1
""".split()
)
# What each required distribution brings along, so that nothing is left for pip to choose; a test walks the metadata.
_ALONG = {
    "duckdb": (),
    "numpy": (),
    "scikit-learn": ("joblib", "cloudpickle", "scipy", "threadpoolctl", "narwhals"),
    "optuna": (
        "alembic",
        "colorlog",
        "Mako",
        "MarkupSafe",
        "packaging",
        "PyYAML",
        "SQLAlchemy",
        "tqdm",
        "typing_extensions",
    ),
    "skops": ("packaging", "prettytable", "wcwidth", "scipy"),
    "psycopg": ("psycopg-binary", "typing_extensions"),
    "xgboost-cpu": ("scipy",),
    "lightgbm": ("scipy",),
    "s3fs": (
        "aiobotocore",
        "aiohappyeyeballs",
        "aiohttp",
        "aioitertools",
        "aiosignal",
        "attrs",
        "botocore",
        "frozenlist",
        "fsspec",
        "idna",
        "jmespath",
        "multidict",
        "propcache",
        "python-dateutil",
        "six",
        "typing_extensions",
        "urllib3",
        "wrapt",
        "yarl",
    ),
}


def pinned(requirements: list[str]) -> list[str]:
    """`NAME==VERSION` for everything that the requirements need, sorted."""
    found: set[str] = set()
    for requirement in requirements:
        name = re.split(r"[\[<>=!~ ]", requirement, maxsplit=1)[0]
        found |= {name, *_ALONG[name]}
    return [f"{name}=={PINS[name]}" for name in sorted(found, key=str.lower)]
