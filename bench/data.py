"""Synthetic churn rows: 20 columns, fixed seed. `make(rows, path)` writes a CSV.

The columns and their dependence follow the measured workload of the project's design; only numpy and the csv module are
used, so that the numbers are the same on every machine."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

YES_NO = {
    "partner": 0.48,
    "dependents": 0.30,
    "phone": 0.90,
    "multi_lines": 0.42,
    "online_security": 0.29,
    "online_backup": 0.34,
    "device_protection": 0.34,
    "tech_support": 0.29,
    "streaming": 0.38,
    "paperless": 0.59,
}
ORDER = (
    "customer_id gender senior partner dependents tenure phone multi_lines internet online_security online_backup "
    "device_protection tech_support streaming contract paperless payment monthly_charges total_charges churn"
).split()


def make(rows: int, path: Path, seed: int = 20240607) -> None:
    rng = np.random.default_rng(seed)
    columns: dict[str, np.ndarray] = {
        "customer_id": np.char.mod("C%07d", np.arange(rows)),
        "gender": rng.choice(["Female", "Male"], rows),
        "senior": (rng.random(rows) < 0.16).astype(int),
        "tenure": rng.integers(0, 73, rows),
        "contract": rng.choice(["Month-to-month", "One year", "Two year"], rows, p=[0.55, 0.21, 0.24]),
        "internet": rng.choice(["DSL", "Fiber optic", "No"], rows, p=[0.34, 0.44, 0.22]),
        "payment": rng.choice(["Electronic check", "Mailed check", "Bank transfer", "Credit card"], rows),
    }
    columns |= {name: np.where(rng.random(rows) < share, "Yes", "No") for name, share in YES_NO.items()}
    fiber = columns["internet"] == "Fiber optic"
    monthly = np.round(18 + 60 * rng.random(rows) + 25 * fiber, 2)
    columns["monthly_charges"] = monthly
    columns["total_charges"] = np.round(monthly * columns["tenure"] * (0.9 + 0.2 * rng.random(rows)), 2)
    z = -1.0 - 0.04 * columns["tenure"] + 0.02 * monthly + 0.9 * (columns["contract"] == "Month-to-month") + 0.6 * fiber
    z = z + 0.3 * (columns["payment"] == "Electronic check") + 0.2 * columns["senior"]
    columns["churn"] = (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(int)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ORDER)
        writer.writerows(zip(*(columns[name].tolist() for name in ORDER), strict=True))


if __name__ == "__main__":
    make(int(sys.argv[1]), Path(sys.argv[2]))
