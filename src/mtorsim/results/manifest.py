"""The manifest of a run: sufficient to recompute any subject."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mtorsim.compiler.solver import Method, Precision
from mtorsim.errors import DataError, one_line
from mtorsim.files.library import Library
from mtorsim.files.references import cited
from mtorsim.run.design import Design, Draws
from mtorsim.run.options import Options
from mtorsim.run.plan import Draft, Plan, draft_plan, make_plan
from mtorsim.scenario.scenario import Scenario, read_scenario
from mtorsim.scenario.variants import BETWEEN, with_variants

__all__ = [
    "describe_run",
    "draft_from_manifest",
    "machine",
    "other_versions",
    "package_versions",
    "plan_from_manifest",
    "read_manifest",
]


FORMAT = 3
_PACKAGES = ("mtorsim", "numpy", "numba", "llvmlite", "scipy", "sympy", "xarray", "pyarrow")


def describe_run(plan: Plan, subjects: int, chunk: int, first: int = 0) -> dict[str, Any]:
    """Describe everything that determines the numbers of a run.

    The manifest contains the texts of scenario, modules, population and bibliography, so a run can be repeated after
    its files have changed.
    """
    files = _files(plan)
    return {
        "format": FORMAT,
        "scenario": plan.scenario.name,
        "title": plan.scenario.title,
        "seed": plan.seed,
        "first": first,
        "subjects": subjects,
        "arms": [a.name for a in plan.arms],
        "population": plan.population.name,
        "settings": dict(plan.settings),
        "method": plan.options.method,
        "precision": plan.options.precision,
        "rtol": plan.options.rtol,
        "atol": plan.options.atol,
        "order at one instant": ["sample", "dose", "meal"],
        "visits_h": list(plan.scenario.visits),
        "visits_of_arm_h": {a.name: list(a.spec.visits) for a in plan.arms},
        "trial": plan.scenario.trial is not None,
        "uln_mg_dl": plan.scenario.uln,
        "observables": plan.stored,
        **plan.design.as_dict(),
        "traits": dict(plan.population.traits),
        "left out": [f"{e.name} to {e.port}" for e in plan.model.left_out],
        "not in this model": list(plan.population.unused),
        "rules": {
            a.name: {
                "rules": [r.name for r in a.rules],
                "asks": [r.question.first for r in a.rules],
                "drugs": [t.drug for t in a.treatments],
                "amounts": [t.amount for t in a.treatments],
                "units": [t.unit for t in a.treatments],
                "dormant": [t.dormant for t in a.treatments],
            }
            for a in plan.arms
        },
        "graded": plan.graded,
        "duration_h": plan.scenario.duration,
        "groups": {g.name: g.size if g.share is None else g.share for g in plan.population.groups},
        "chunk": chunk,
        "kernels": [k.name for k in (plan.kernel, plan.day) if k is not None],
        "hashes": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()},
        "files": files,
        "versions": package_versions(),
    }


def _files(plan: Plan) -> dict[str, str]:
    texts = {f"{plan.scenario.name}.toml": plan.scenario.text}
    texts |= {f"models/{m.name}.toml": m.file.text for m in plan.model.modules}
    texts |= {f"models/populations/{file.path.stem}.toml": file.text for file in plan.population.files}
    texts |= {f"models/meals/{file.path.name}": file.text for file in plan.scenario.meal_plans}
    texts[f"models/grades/{plan.grading.name}.toml"] = plan.grading.file.text
    texts["references.bib"] = cited(plan.bibliography, texts.values())
    return texts


def package_versions() -> dict[str, str]:
    """Versions of Python and of libraries that affect the numbers."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def other_versions(before: Mapping[str, str]) -> list[str]:
    """One line per library whose version differs from the one given."""
    now = package_versions()
    return [
        f"the run was made with {name} {version}, this is {now.get(name, 'without it')}"
        for name, version in before.items()
        if now.get(name) != version
    ]


def machine() -> dict[str, Any]:
    """The machine of a run, for information."""
    return {"processor": _processor(), "cores": os.cpu_count(), "system": platform.system(), "byteorder": sys.byteorder}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


class _Manifest(BaseModel):
    """What a reader relies on in `run.json`."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    scenario: str
    title: str
    seed: int
    first: int = Field(ge=0)
    subjects: int = Field(ge=1)
    arms: list[str] = Field(min_length=1)
    population: str
    settings: dict[str, float]
    method: Method
    precision: Precision
    rtol: float
    atol: float
    duration_h: float
    visits_h: list[float]
    observables: dict[str, str]
    traits: dict[str, str]
    chunk: int = Field(ge=1)
    hashes: dict[str, str]
    files: dict[str, str]
    versions: dict[str, str]
    uln_mg_dl: float
    kernels: list[str]
    draws: Draws
    tails: dict[str, str]
    observe: list[str] | None
    series_of: list[list[int]]

    @model_validator(mode="after")
    def _consistent(self) -> _Manifest:
        if len(set(self.arms)) < len(self.arms):
            raise ValueError("two arms have the same name")
        if any(b <= a for a, b in pairwise(self.visits_h)):
            raise ValueError("`visits_h` is not in order")
        if any(len(r) != 2 or r[0] > r[1] for r in self.series_of):
            raise ValueError("`series_of` is not a list of ranges")
        if set(self.files) != set(self.hashes):
            raise ValueError("`files` and `hashes` differ")
        return self


def read_manifest(folder: str | Path, *, of_check: bool = False) -> dict[str, Any]:
    """Read the manifest of a result folder.

    Parameters
    ----------
    of_check
        Whether it may be that of a predictive check, which holds tables but no run.

    Raises
    ------
    DataError
        If there is none, or its format differs, or the folder holds no run.
    """
    path = Path(folder).expanduser() / "run.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"`{folder}` is not a result: it has no run.json", help="name the folder given by `out=...`"
        ) from None
    except (OSError, ValueError) as problem:
        raise DataError(f"cannot read `{path}`: {problem}") from None
    except RecursionError:
        raise DataError(f"`{path}` is not a manifest: it is nested too deeply") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise DataError(f"`{path}` is not a manifest of this version", help="run the scenario again")
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        fault = f"`{one_line(key, 40)}` is missing or damaged" if key else said
        raise DataError(f"`{path}` is incomplete: {fault}", help="run the scenario again") from None
    if "predictive_check" in manifest and not of_check:
        help = "its tables are `percentiles.csv`, `npde.csv` and `tests.csv`"
        raise DataError(f"`{folder}` holds a predictive check, not a run", help=help)
    return manifest


@contextmanager
def plan_from_manifest(
    manifest: Mapping[str, Any], note: Callable[[str], None] | None = None, ramps: Sequence[str] = ()
) -> Iterator[Plan]:
    """Make the plan of a run from its manifest alone; `ramps` are parameters that change linearly with time.

    Raises
    ------
    DataError
        If a text in it does not match its hash.
    """
    with _given(manifest) as (scenario, given):
        plan = make_plan(scenario, **given, note=note, ramps=ramps)
        # Without the bundled bibliography, which the library adds once more.
        yield replace(plan, bibliography=manifest["files"].get("references.bib", ""))


@contextmanager
def draft_from_manifest(manifest: Mapping[str, Any]) -> Iterator[Draft]:
    """Read what a run was planned with from its manifest alone, without kernels.

    Raises
    ------
    DataError
        If a text in it does not match its hash.
    """
    with _given(manifest) as (scenario, given):
        yield draft_plan(scenario, **given)


@contextmanager
def _given(manifest: Mapping[str, Any]) -> Iterator[tuple[Scenario, dict[str, Any]]]:
    """The scenario of a run, and the arguments of its plan; their files exist within the context."""
    with tempfile.TemporaryDirectory(prefix="mtorsim-") as name:
        folder = Path(name)
        for relative, text in manifest["files"].items():
            if hashlib.sha256(text.encode()).hexdigest() != manifest["hashes"][relative]:
                raise DataError(f"`{relative}` in the manifest does not match its hash")
            path = folder / relative
            if "\0" in relative or not path.resolve().is_relative_to(folder.resolve()):
                raise DataError(f"`{relative}` is not a valid path in a manifest")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            except OSError as problem:
                raise DataError(f"`{relative}` is not a valid path in a manifest: {problem.strerror}") from None
        library = Library((folder,))
        scenario = read_scenario(folder / f"{manifest['scenario']}.toml", library)
        if manifest["trial"]:
            scenario = scenario.as_trial()
        if any(BETWEEN in arm for arm in manifest["arms"]):
            scenario = with_variants(scenario)
        yield (
            scenario.but(uln=float(manifest["uln_mg_dl"])),
            {
                "seed": manifest["seed"],
                "population": manifest["population"],
                "settings": manifest["settings"],
                "options": Options(**{k: manifest[k] for k in ("method", "precision", "rtol", "atol")}),
                "library": library,
                "design": Design.of_manifest(manifest),
            },
        )
