"""Cases of the SBML semantic test suite: every one is right, or refused by name.

    python benchmarks/sbml_suite.py FOLDER

FOLDER holds cases of the suite (`NNNNN/NNNNN-sbml-*.xml`, `NNNNN-settings.txt`, `NNNNN-results.csv`), which are not
shipped here. A case is right if each value lies within the case's own tolerances.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import mtorsim as mt
from mtorsim.errors import MtorsimError
from mtorsim.interop.imports import import_model


def main() -> None:
    """Run all cases of the folder."""
    counts = {"right": 0, "refused": 0, "wrong": 0}
    for folder in sorted(p for p in Path(sys.argv[1]).iterdir() if p.is_dir() and p.name.isdigit()):
        for path in sorted(folder.glob("*-sbml-*.xml")):
            said = _case(folder, path)
            counts[said.split()[0].rstrip(":")] += 1
            print(f"{path.stem:32} {said}")
    print(", ".join(f"{n} {what}" for what, n in counts.items()))


def _case(folder: Path, path: Path) -> str:
    try:
        found = import_model(path, "model", unitless=True)
    except MtorsimError as error:
        return "refused: " + error.message.replace(str(path), path.name)
    settings = _settings(next(iter([*folder.glob("*settings.reconstructed*"), *folder.glob("*settings.txt")])))
    results = next(iter([*folder.glob("*rescaled*.csv"), *folder.glob("*results.csv")]))
    rows = [line.split(",") for line in results.read_text().splitlines() if line.strip()]
    names = [word.split("`")[-1].strip() for word in rows[0]][1:]
    table = np.array([[float(cell) for cell in row if cell.strip()] for row in rows[1:]])
    ours = _computed(found, names, table[:, 0])
    _as_asked(ours, names, path, settings)
    theirs = table[:, 1:]
    absolute = max(float(settings.get("absolute", 0) or 0), 1e-10)
    relative = float(settings.get("relative", 1e-4) or 1e-4)
    worst = float((np.abs(ours - theirs) / (absolute + relative * np.abs(theirs))).max())
    return f"right: {worst:.1e} of its tolerance" if worst <= 1 else f"wrong: {worst:.1e} of its tolerance"


def _settings(path: Path) -> dict[str, str]:
    pairs = (line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _computed(found, names: list[str], times: np.ndarray) -> np.ndarray:
    """The variables of a case at its times, (times, variables)."""
    unit = found.flat.time or "h"
    shown = [f"model.{found.module.names['t_' if n == 't' else n]}" for n in names]
    with tempfile.TemporaryDirectory() as folder:
        found.save(Path(folder) / "model.toml", scenario=Path(folder) / "s.toml")
        scenario = mt.read_scenario(Path(folder) / "s.toml").replace(
            duration=f"{float(times.max()) * 1.0001 + 1e-9!r} {unit}",
            observe=shown,
            visits=[f"{float(t)!r} {unit}" for t in times],
        )
        visits = mt.simulate(scenario, subjects=1, precision="double", rtol=1e-10, atol=1e-12).visits
        return np.array([visits[name].to_numpy().ravel() for name in shown]).T


def _as_asked(ours: np.ndarray, names: list[str], path: Path, settings: dict[str, str]) -> None:
    """Amounts or concentrations, as the case asks; the suite's first cases give amounts without saying so."""
    import libsbml

    model = libsbml.readSBMLFromFile(str(path)).getModel()
    asked = {kind: [w.strip() for w in settings.get(kind, "").split(",")] for kind in ("amount", "concentration")}
    silent = not any(w for words in asked.values() for w in words)
    for j, name in enumerate(names):
        species = model.getSpecies(name)
        if species is None:
            continue
        size = model.getCompartment(species.getCompartment()).getSize()
        if (name in asked["amount"] or silent) and not species.getHasOnlySubstanceUnits():
            ours[:, j] *= size
        if name in asked["concentration"] and species.getHasOnlySubstanceUnits():
            ours[:, j] /= size


if __name__ == "__main__":
    main()
