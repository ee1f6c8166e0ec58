"""The plain pandas + scikit-learn script that `run` is measured against: what somebody writes by hand for the same eight
steps, in one process, everything in memory. plain.py DATA.csv OUT_FOLDER"""

from __future__ import annotations

import hashlib
import json
import os
import sys

import joblib
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = ["senior", "tenure", "monthly_charges", "total_charges"]
TEXTS = (
    "gender partner dependents phone multi_lines internet online_security online_backup device_protection tech_support "
    "streaming contract paperless payment"
).split()


def main(data: str, out: str) -> None:
    df = pd.read_csv(data)
    needed = ["customer_id", *NUMBERS, *TEXTS, "churn"]
    assert not set(needed) - set(df.columns)
    assert int(df[needed].isna().sum().sum()) == 0
    assert df["customer_id"].is_unique
    assert df["tenure"].between(0, 120).all()
    assert (df["monthly_charges"] > 0).all()
    assert set(df["churn"].unique()) <= {0, 1}
    train, test = train_test_split(df, test_size=0.25, random_state=7, stratify=df["churn"])
    encode = ColumnTransformer(
        [("n", StandardScaler(), NUMBERS), ("t", OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXTS)]
    )
    x_train, x_test = encode.fit_transform(train), encode.transform(test)
    model = LogisticRegression(max_iter=300).fit(x_train, train["churn"].to_numpy())
    p, y = model.predict_proba(x_test)[:, 1], test["churn"].to_numpy()
    metrics = {
        "auc": float(roc_auc_score(y, p)),
        "accuracy": float(accuracy_score(y, p > 0.5)),
        "f1": float(f1_score(y, p > 0.5)),
    }
    assert metrics["auc"] >= 0.65
    os.makedirs(out, exist_ok=True)
    joblib.dump({"encode": encode, "model": model}, f"{out}/model.joblib")
    with open(f"{out}/model.joblib", "rb") as file:
        metrics["sha256"] = hashlib.sha256(file.read()).hexdigest()  # type: ignore[assignment]
    with open(f"{out}/metrics.json", "w") as file:
        json.dump(metrics, file)


if __name__ == "__main__":
    main(*sys.argv[1:3])
