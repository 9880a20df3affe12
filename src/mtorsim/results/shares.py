"""Tables of how many subjects exceed each limit, and when."""

from __future__ import annotations

import csv
from pathlib import Path

from .tally import Tally

__all__ = ["write_event_free", "write_shares"]


def write_shares(path: Path, tally: Tally) -> None:
    """Save the shares above each limit, one row per arm and limit."""
    new = tally.shares(new=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        numbers = ("share", "low95", "high95", "new_share", "new_low95", "new_high95")
        table.writerow(["arm", "limit", "limit_mg_dl", "subjects", "above", "new", *numbers])
        for arm, shares in tally.shares(new=False).items():
            for name, share in shares.items():
                found = [*share.as_dict().values(), *new[arm][name].as_dict().values()]
                cells = ["" if x is None else f"{x:.6g}" for x in found]
                counts = [f"{s.count:.9g}" for s in (share, new[arm][name])]
                table.writerow([arm, name, f"{tally.limits[name]:g}", share.of, *counts, *cells])


def write_event_free(path: Path, tally: Tally) -> None:
    """Save the shares who have not exceeded each limit yet, one row per arm, limit and visit (Kaplan-Meier)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(
            ["arm", "limit", "limit_mg_dl", "time_h", "at_risk", "events", "censored", "event_free", "low95", "high95"]
        )
        for arm, limits in tally.event_free().items():
            for name, rows in limits.items():
                for r in rows:
                    counts = [f"{x:.9g}" for x in (r.time, r.at_risk, r.events, r.censored)]
                    cells = [f"{x:.6g}" for x in (r.free, r.low, r.high)]
                    table.writerow([arm, name, f"{tally.limits[name]:g}", *counts, *cells])
