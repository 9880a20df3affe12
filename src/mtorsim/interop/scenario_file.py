"""Write the doses of a flat model as a scenario of its module."""

from __future__ import annotations

import json
from itertools import pairwise

from mtorsim.errors import one_line

from .flat import FlatModel, Given
from .module_file import UNKNOWN, ModuleText, quoted

__all__ = ["scenario_of_flat"]


def scenario_of_flat(flat: FlatModel, module: ModuleText, *, unitless: bool, time: str) -> str:
    """Write the doses of a flat model as a scenario of its module.

    Parameters
    ----------
    time
        The unit of time of the module.
    """
    last = max((d.time for d in flat.doses), default=0.0)
    end = flat.duration or (last * 1.25 if last else 24.0)
    shown = list(dict.fromkeys(flat.observables.values())) or list(flat.states)
    out = [
        f"title = {quoted(one_line(flat.title, 200) or module.name)}",
        f"model = [{quoted(module.name)}]",
        'population = "typical"',
        "subjects = 1",
        f"duration = {quoted(f'{end:.15g} {time}')}",
        f"observe = {json.dumps([f'{module.name}.{module.names[n]}' for n in shown])}",
        "",
        "[meals]",
        'plan = "none"',
        "",
        "[visits]",
        f"at = [{quoted(f'0 {time}')}, {quoted(f'every {end / 100:.15g} {time}')}]",
    ]
    for doses, every in _series(flat.doses):
        first = doses[0]
        unit = "1" if unitless else flat.states[first.to].unit or UNKNOWN
        out += ["", "[[dose]]", f"drug = {quoted(module.name)}", f"route = {quoted(module.names[first.route])}"]
        out += [f"amount = {quoted(f'{first.amount!r} {unit}')}", f"start = {quoted(f'{first.time!r} {time}')}"]
        if every:
            out += [
                f"every = {quoted(f'{every!r} {time}')}",
                f"stop = {quoted(f'{doses[-1].time + every / 2!r} {time}')}",
            ]
        if first.over:
            out.append(f"over = {quoted(f'{first.over!r} {time}')}")
    return "\n".join(out) + "\n"


def _series(doses: tuple[Given, ...]) -> list[tuple[list[Given], float]]:
    """Doses in series of equal amounts at equal intervals; the interval is 0 for a single one."""
    groups: dict[tuple[str, float, float, str], list[Given]] = {}
    for dose in doses:
        groups.setdefault((dose.to, dose.amount, dose.over, dose.route), []).append(dose)
    found = []
    for mine in groups.values():
        gaps = {round(b.time - a.time, 9) for a, b in pairwise(mine)}
        if len(mine) > 2 and len(gaps) == 1 and min(gaps) > 0:
            found.append((mine, gaps.pop()))
        else:
            found += [([d], 0.0) for d in mine]
    return sorted(found, key=lambda s: s[0][0].time)
