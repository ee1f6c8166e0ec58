"""Writes mlopsc/catalog/algorithm_table.py from the libraries themselves: names, defaults and value constraints.

scikit-learn declares its constraints (`_parameter_constraints`); xgboost and lightgbm are read by signature, with the
ranges of their documentation (xgboost.readthedocs.io/en/stable/parameter.html, lightgbm.readthedocs.io "Parameters")
added below. Whether a class takes nulls is found out by fitting it on rows that hold some.

    python scripts/algorithm_table.py [--check]
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
import typing
import warnings
from numbers import Integral, Real
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

TARGET = Path(__file__).resolve().parent.parent / "mlopsc" / "catalog" / "algorithm_table.py"

CLASSES = (
    "sklearn.linear_model.LogisticRegression",
    "sklearn.linear_model.LinearRegression",
    "sklearn.linear_model.Ridge",
    "sklearn.linear_model.Lasso",
    "sklearn.linear_model.ElasticNet",
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.ensemble.RandomForestRegressor",
    "sklearn.ensemble.ExtraTreesClassifier",
    "sklearn.ensemble.ExtraTreesRegressor",
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "sklearn.ensemble.HistGradientBoostingRegressor",
    "sklearn.svm.SVC",
    "sklearn.svm.SVR",
    "sklearn.neighbors.KNeighborsClassifier",
    "sklearn.neighbors.KNeighborsRegressor",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.neural_network.MLPClassifier",
    "sklearn.neural_network.MLPRegressor",
    "sklearn.dummy.DummyClassifier",
    "sklearn.dummy.DummyRegressor",
    "xgboost.XGBClassifier",
    "xgboost.XGBRegressor",
    "lightgbm.LGBMClassifier",
    "lightgbm.LGBMRegressor",
)
# Set by `seed` and `cpu`, or meaningless in a spec: functions, and what the runtime itself decides.
LEFT_OUT = {"random_state", "n_jobs", "callbacks", "missing", "feature_types", "feature_weights", "enable_categorical"}
RANGES = {
    "xgboost": {
        "max_depth": "int [0,inf)",
        "max_leaves": "int [0,inf)",
        "max_bin": "int [2,inf)",
        "grow_policy": "str depthwise,lossguide",
        "learning_rate": "number [0,inf)",
        "n_estimators": "int [1,inf)",
        "verbosity": "int [0,3]",
        "booster": "str dart,gblinear,gbtree",
        "tree_method": "str approx,auto,exact,hist",
        "gamma": "number [0,inf)",
        "min_child_weight": "number [0,inf)",
        "max_delta_step": "number [0,inf)",
        "subsample": "number (0,1]",
        "colsample_bytree": "number (0,1]",
        "colsample_bylevel": "number (0,1]",
        "colsample_bynode": "number (0,1]",
        "reg_alpha": "number [0,inf)",
        "reg_lambda": "number [0,inf)",
        "num_parallel_tree": "int [1,inf)",
        "importance_type": "str cover,gain,total_cover,total_gain,weight",
    },
    "lightgbm": {
        "boosting_type": "str dart,gbdt,rf",
        "num_leaves": "int [2,131072]",
        "learning_rate": "number (0,inf)",
        "n_estimators": "int [1,inf)",
        "subsample_for_bin": "int [1,inf)",
        "min_split_gain": "number [0,inf)",
        "min_child_weight": "number [0,inf)",
        "min_child_samples": "int [0,inf)",
        "subsample": "number (0,1]",
        "colsample_bytree": "number (0,1]",
        "reg_alpha": "number [0,inf)",
        "reg_lambda": "number [0,inf)",
        "class_weight": "str balanced",
        "importance_type": "str gain,split",
    },
}


def number(value: float | None, default: str) -> str:
    return default if value is None or value in (float("inf"), float("-inf")) else f"{value:g}"


def declared(constraint: object) -> str | None:
    """One alternative of scikit-learn's constraints as text; None for what no literal of a spec can be."""
    kind = type(constraint).__name__
    if isinstance(constraint, str):
        return {"boolean": "bool", "verbose": "bool|int [0,inf)", "array-like": "list"}.get(constraint)
    if constraint is None:
        return "none"
    if kind == "Interval":
        low = "(" if constraint.closed in ("right", "neither") else "["
        high = ")" if constraint.closed in ("left", "neither") else "]"
        word = "int" if constraint.type is Integral else "number" if constraint.type is Real else "float"
        return f"{word} {low}{number(constraint.left, '-inf')},{number(constraint.right, 'inf')}{high}"
    if kind in ("StrOptions", "Options"):
        texts = sorted(o for o in constraint.options if isinstance(o, str))
        return "str " + ",".join(texts) if texts else None
    return {str: "str", list: "list", tuple: "list", Integral: "int", bool: "bool"}.get(constraint)  # type: ignore[call-overload]


def annotated(annotation: str) -> str:
    """The kinds that a signature's annotation allows."""
    found = []
    for word, kind in (
        ("int", "int"),
        ("float", "number"),
        ("str", "str"),
        ("bool", "bool"),
        ("Sequence|List", "list"),
    ):
        if re.search(rf"\b({word})\b", annotation):
            found.append(kind)
    if re.search(r"Optional|None", annotation):
        found.append("none")
    return "|".join(found)


def signature(cls: type) -> dict[str, inspect.Parameter]:
    """All named parameters, those of a base class too where the class passes them on."""
    found: dict[str, inspect.Parameter] = {}
    for base in reversed(cls.__mro__):
        if "__init__" in vars(base) and base.__module__.startswith(("xgboost", "lightgbm", "sklearn")):
            found |= inspect.signature(base.__init__).parameters
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {n: p for n, p in found.items() if n != "self" and p.kind not in kinds and n not in LEFT_OUT}


def parameters(cls: type) -> dict[str, tuple[object, str]]:
    library = cls.__module__.partition(".")[0]
    rows: dict[str, tuple[object, str]] = {}
    own = inspect.signature(cls.__init__).parameters if library == "sklearn" else signature(cls)
    for name, parameter in own.items():
        if name == "self" or name in LEFT_OUT:
            continue
        if library == "sklearn":
            kinds = [declared(c) for c in cls._parameter_constraints.get(name, [])]  # type: ignore[attr-defined]
            text = "|".join(dict.fromkeys(k for k in kinds if k))
        else:
            text = annotated(str(parameter.annotation))
            if name in RANGES[library]:
                text = RANGES[library][name] + ("|none" if "none" in text.split("|") else "")
        default = parameter.default
        if default == "deprecated" or not isinstance(default, bool | int | float | str | tuple | type(None)):
            default = None
        if text:
            rows[name] = (default, text)
    return rows


def takes_null(cls: type) -> bool:
    rows = np.array([[0.0, 1.0], [1.0, np.nan], [2.0, 3.0], [np.nan, 1.0]] * 20)
    target = np.array([0, 1, 0, 1] * 20)
    try:
        cls().fit(rows, target).predict(rows)
    except ValueError:
        return False
    return True


def build() -> str:
    lines = [
        '"""Parameters of the libraries\' classes: class -> (takes nulls, {name: (default, constraint)}).',
        "",
        "Written by scripts/algorithm_table.py; not to be edited. A constraint lists alternatives: `int [1,inf)`, `number (0,1]`",
        "(int or float), `float (0,1)` (no int), `str a,b`, `str`, `bool`, `list`, `none`.",
        '"""',
        "",
        "# ruff: noqa: E501",
        "# fmt: off",
        "from __future__ import annotations",
        "",
        f"VERSIONS = {versions()!r}",
        "",
        "CLASSES: dict[str, tuple[bool, dict[str, tuple[object, str]]]] = {",
    ]
    for path in CLASSES:
        module, _, name = path.rpartition(".")
        cls = getattr(importlib.import_module(module), name)
        lines.append(f"    {path!r}: ({takes_null(cls)}, {{")
        lines += [f"        {key!r}: {value!r}," for key, value in parameters(cls).items()]
        lines.append("    }),")
    return "\n".join([*lines, "}", ""])


def versions() -> dict[str, str]:
    found = {}
    for library in ("sklearn", "xgboost", "lightgbm"):
        full = typing.cast(str, importlib.import_module(library).__version__)
        found[library] = ".".join(full.split(".")[:2])
    return found


def main() -> int:
    warnings.simplefilter("ignore")
    text = build()
    if "--check" in sys.argv:
        return int(TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
