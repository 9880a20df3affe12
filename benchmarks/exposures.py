"""Everolimus in the typical subject beside every exposure that was read in its source: value, ratio, reason.

    python benchmarks/exposures.py [--drug everolimus_haematocrit]

The typical subject has no food effect, interaction or liver disease; rows that need one are named.
"""

from __future__ import annotations

import argparse
import csv
import re
from functools import cache
from pathlib import Path

import numpy as np

import mtorsim as mt
from mtorsim.scenario import scenario_from_text

TABLE = Path(__file__).parent / "published" / "pk_exposures.csv"

TEXT = """
title = "exposure"
model = ["{drug}"]
population = "ngt"
subjects = 1
duration = "{duration}"
observe = ["{drug}.C"]

[[dose]]
drug = "{drug}"
amount = "{amount}"
{every}

[visits]
at = ["0 d"]

[record]
every = "0.1 h"
"""


INTERACTIONS = ("ketoconazole", "erythromycin", "verapamil", "rifampicin")


def rows() -> list[dict[str, str]]:
    """Every row of the table; its first line is the citation."""
    with TABLE.open(encoding="utf-8") as file:
        next(file)
        return list(csv.DictReader(file))


@cache
def exposure(drug: str, amount: str, every: float | None) -> dict[str, float]:
    """Exposure of the typical subject: of the last day of 15 on `every` hours, or of a single dose."""
    single = every is None
    text = TEXT.format(drug=drug, amount=amount, duration="15 d", every="" if single else f'every = "{every:g} h"')
    result = mt.simulate(scenario_from_text(text, Path("exposure.toml")), rtol=1e-6)
    level = result.series[f"{drug}.C"].isel(arm=0, subject=0)
    time, c = level.time.to_numpy(), level.to_numpy()
    tail = (time > 72) & (time < 168)
    slope = np.polyfit(time[tail], np.log(np.maximum(c[tail], 1e-30)), 1)[0]
    if single:
        area = float(np.trapezoid(c, time) - c[-1] / slope)
        return {"Cmax": float(c.max()), "AUC": area, "t_half": float(-np.log(2) / slope),
                "CL/F": 1000 * float(amount.split()[0]) / area}  # fmt: skip
    day = time >= 24 * 14 - 1e-6
    half = time >= 15 * 24 - 12 - 1e-6
    return {
        "Cmax": float(c[day].max()),
        "Cmin": float(c[-1]),
        "AUC24": float(np.trapezoid(c[day], time[day])),
        "AUC12": float(np.trapezoid(c[half], time[half])),
    }


def predicted(drug: str, row: dict[str, str]) -> tuple[float | None, str]:
    """What the typical subject shows for one row; None, and why, where it cannot."""
    regimen = row["regimen"]
    if (
        any(word in regimen for word in ("ketoconazole", "erythromycin", "verapamil", "rifampicin"))
        or regimen == "ciclosporin"
    ):
        return None, "an interaction: not in the model yet"
    if "Child-Pugh" in regimen:
        return None, "liver disease: not in the model yet"
    if "food" in regimen:
        return None, "food: not in the model yet"
    found = re.match(r"([\d.]+) mg (QD|BID|SD)", regimen)
    if found is None:
        return None, "no single regimen"
    every = {"QD": 24.0, "BID": 12.0, "SD": None}[found.group(2)]
    values = exposure(drug, f"{found.group(1)} mg", every)
    metric = row["metric"].replace("_median", "")
    if metric not in values:
        return None, "a metric of a population"
    reason = ""
    if "ciclosporin" in regimen:
        reason = "with ciclosporin, which raises exposure about twofold"
    elif "Japan" in regimen:
        reason = "day 8, smaller people"
    elif "men" in regimen:
        reason = "statistic unnamed in the source"
    elif "SD healthy" in regimen:
        reason = "fasting volunteers, another tablet; clearance here is that of patients"
    return values[metric], reason


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drug", default="everolimus", choices=["everolimus", "everolimus_haematocrit"])
    drug = parser.parse_args().drug
    print(f"{'regimen':42s} {'metric':14s} {'measured':>9s} {'model':>8s} {'ratio':>6s}  evidence; remark")
    for row in rows():
        if row["drug"] != "everolimus":
            continue
        value, remark = predicted(drug, row)
        try:
            ratio = value / float(row["value"]) if value is not None else None
        except ValueError:
            ratio = None
        shown = f"{value:8.3g} {ratio:6.2f}" if value is not None and ratio is not None else f"{'-':>8s} {'-':>6s}"
        remark = remark if ratio is None or 0.8 < ratio < 1.2 else f"OUTSIDE 20 %: {remark}"
        print(f"{row['regimen'][:42]:42s} {row['metric']:14s} {row['value']:>9s} {shown}  {row['evidence']}; {remark}")


if __name__ == "__main__":
    main()
