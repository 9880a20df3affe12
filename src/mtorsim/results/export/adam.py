"""Analysis datasets of a run of a scenario, with the variables of CDISC's ADaM: ADSL, ADLB and ADPC.

Only what the run knows is there. There are no dates: times are relative to the first dose, or to the start. A subject
of ADaM is a virtual person in one arm; `PERSONN` is the person, who is the same in all arms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mtorsim.errors import DataError
from mtorsim.kernel.status import OK, SENTENCES

from .names import short_names
from .parameters import LABELS, Parameter, column, concentrations, laboratory, relative_day, visit_name
from .source import Column, Source
from .study import Study, study_of
from .walk import ArmPart, arm_parts, weighted

if TYPE_CHECKING:
    import pyarrow as pa

    from mtorsim.results.result import Result

__all__ = ["scenario_dataset"]

SIZES = {"age": "AGE", "height": "HEIGHTBL", "weight": "WEIGHTBL", "bmi": "BMIBL", "bsa": "BSABL"}
"""Traits that have a variable of their own."""
HEAD = ("STUDYID", "USUBJID", "SUBJID", "PERSONN")
BDS = (*HEAD, "TRTP", "TRTPN", "TRTA", "TRTAN", "PARAM", "PARAMCD", "AVAL", "AVALU")
VISIT = ("AVISIT", "AVISITN", "ADY")


def scenario_dataset(result: Result, kind: str) -> Source:
    """Make the dataset `adsl`, `adlb` or `adpc` of a run.

    Raises
    ------
    DataError
        If the run does not hold it.
    """
    if kind == "adex":
        help = "export the `ledger` and the `treatment`, or use `mtorsim events` with the doses in a table"
        raise DataError("the run of a scenario does not keep each dose of each subject, which `adex` needs", help=help)
    if kind == "adsl":
        return _subjects(result)
    study = study_of(result.manifest)
    made = _Laboratory(result, study) if kind == "adlb" else _Concentrations(result, study)
    return Source(kind, made.title, made.columns(), made.parts)


def _subjects(result: Result) -> Source:
    """One row per virtual person and arm."""
    traits = result.manifest["traits"]
    plain = [name for name in traits if name not in SIZES and name != "male"]
    taken = [*LABELS, *SIZES.values()]
    codes = short_names([*taken, *plain], 8)
    head = [*HEAD, "TRT01P", "TRT01PN", "TRT01A", "TRT01AN"]
    head += [*(["AGE", "AGEU"] if "age" in traits else []), *(["SEX"] if "male" in traits else [])]
    columns = [column(name, _unit(traits["age"]) if name == "AGE" else "") for name in head]
    columns += [column(SIZES[name], _unit(traits[name])) for name in traits if name in SIZES and name != "age"]
    columns += [column(name) for name in ("EOSSTT", "LEFTHR", "STATUS", "SAMPWT", "SIMFL")]
    columns += [Column(codes[name], "number", name, _unit(traits[name])) for name in plain]

    def parts() -> Iterator[pa.Table]:
        for part in arm_parts(result):
            own = {name: part.traits[:, j] for j, name in enumerate(traits)}
            stayed = np.isinf(part.left)
            n, number = len(part.subjects), result.manifest["arms"].index(part.arm) + 1
            cells: dict[str, Any] = _ids(result, part, np.arange(n))
            for name in ("TRT01P", "TRT01A"):
                cells |= {name: [part.arm] * n, f"{name}N": np.full(n, number)}
            cells |= {SIZES.get(name, codes.get(name, "")): values for name, values in own.items() if name != "male"}
            cells["AGEU"] = ["YEARS"] * n
            if "male" in own:
                cells["SEX"] = np.where(own["male"] > 0.5, "M", "F")
            ended = np.where(stayed, "COMPLETED", "DISCONTINUED")
            cells["EOSSTT"] = np.where(part.status == OK, ended, "")
            cells["LEFTHR"] = np.where(stayed, np.nan, part.left)
            cells["STATUS"] = [SENTENCES[int(s)] for s in part.status]
            cells["SAMPWT"] = part.weights
            yield _table(columns, cells)

    return Source("adsl", "SIMULATED: Subject-Level Analysis", columns, parts)


class _Findings:
    """A dataset with one row per subject, parameter and visit that has a value."""

    title = ""

    def __init__(self, result: Result, study: Study, parameters: Sequence[Parameter]) -> None:
        self.result = result
        self.study = study
        self.parameters = parameters
        self.weights = ["SAMPWT"] if weighted(result) else []
        firsts = [self.study.planned(arm).first for arm in result.manifest["arms"]]
        self.first = min((f for f in firsts if f is not None), default=0.0)

    def names(self) -> list[str]:
        """The variables."""
        raise NotImplementedError

    def columns(self) -> list[Column]:
        """The columns."""
        return [column(name) for name in self.names()]

    def parts(self) -> Iterator[pa.Table]:
        """The rows, in order of arms, subjects, parameters and visits."""
        hours = np.array(self.result.manifest["visits_h"], float)
        for part in arm_parts(self.result):
            wanted = [p for p in self.parameters if self.in_arm(p, part.arm)]
            if wanted:
                values = part.visits[:, :, [p.place for p in wanted]].transpose(0, 2, 1)
                who, which, when = np.nonzero(~np.isnan(values))
                yield self._rows(part, wanted, values, hours, who, which, when)

    def in_arm(self, parameter: Parameter, arm: str) -> bool:
        """Whether a parameter has rows in an arm."""
        return True

    def _rows(
        self,
        part: ArmPart,
        wanted: Sequence[Parameter],
        values: np.ndarray,
        hours: np.ndarray,
        who: np.ndarray,
        which: np.ndarray,
        when: np.ndarray,
    ) -> pa.Table:
        n, number = len(who), self.result.manifest["arms"].index(part.arm) + 1
        cells: dict[str, Any] = _ids(self.result, part, who)
        for name in ("TRTP", "TRTA"):
            cells |= {name: _picked([part.arm], np.zeros(n, np.int64)), f"{name}N": np.full(n, number)}
        cells["PARAM"] = _picked([p.said for p in wanted], which)
        cells["PARAMCD"] = _picked([p.code for p in wanted], which)
        cells["PARCAT1"] = _picked([p.category for p in wanted], which)
        cells["AVALU"] = _picked([_unit(p.unit) for p in wanted], which)
        cells["AVAL"] = values[who, which, when]
        cells["AVISIT"] = _picked([visit_name(h) for h in hours], when)
        cells["AVISITN"] = when
        cells["ADY"] = np.array(relative_day(hours, self.first), np.int64)[when]
        cells["SAMPWT"] = part.weights[who]
        cells |= self.own(part, wanted, values, hours, who, which, when)
        return _table(self.columns(), cells)

    def own(
        self,
        part: ArmPart,
        wanted: Sequence[Parameter],
        values: np.ndarray,
        hours: np.ndarray,
        who: np.ndarray,
        which: np.ndarray,
        when: np.ndarray,
    ) -> dict[str, Any]:
        """Variables that only this dataset has; `values` are (subjects, parameters, visits), indices are (rows,)."""
        raise NotImplementedError


class _Laboratory(_Findings):
    """ADLB: everything that was observed but concentrations of drugs."""

    title = "SIMULATED: Laboratory Analysis"

    def __init__(self, result: Result, study: Study) -> None:
        super().__init__(result, study, laboratory(result.manifest["observables"], study))
        self.graded = result.manifest["graded"] if study.grading is not None else None

    def names(self) -> list[str]:
        grade = ["ATOXGR"] if self.graded else []
        more = ["PARCAT1", "ABLFL", "BASE", "CHG", "PCHG", "ANRHI", *grade, *VISIT, "ARELTM", "ARELTMU"]
        return [*BDS, *more, *self.weights, "SIMFL"]

    def own(
        self,
        part: ArmPart,
        wanted: Sequence[Parameter],
        values: np.ndarray,
        hours: np.ndarray,
        who: np.ndarray,
        which: np.ndarray,
        when: np.ndarray,
    ) -> dict[str, Any]:
        # At one instant a sample precedes the dose, so that of the first dose is a baseline.
        before = np.flatnonzero(hours <= self.first)
        at = int(before[-1]) if len(before) else -1
        found = values[who, which, when]
        base = values[who, which, at] if at >= 0 else np.full(len(who), np.nan)
        after = np.where(when > at, 1.0, np.nan)
        cells = {
            "ABLFL": _picked(["", "Y"], (when == at).astype(np.int64)),
            "BASE": base,
            "CHG": after * (found - base),
            "PCHG": after * 100.0 * (found - base) / np.where(base == 0, np.nan, base),
            "ARELTM": hours[when],
            "ARELTMU": _picked(["HOURS"], np.zeros(len(who), np.int64)),
        }
        limited = np.array([p.name.startswith("fasting_glucose") for p in wanted])
        cells["ANRHI"] = np.where(limited[which], self.result.manifest["uln_mg_dl"], np.nan)
        if self.graded:
            assert self.study.grading is not None
            mine = np.array([p.name == self.graded for p in wanted])[which]
            grade = self.study.grading.of(np.where(mine, found, np.nan))
            cells["ATOXGR"] = _picked([*"012345", ""], np.where(mine, grade, 6))
        return cells


class _Concentrations(_Findings):
    """ADPC: concentrations of drugs in the arms that give them."""

    title = "SIMULATED: Drug Concentrations"

    def __init__(self, result: Result, study: Study) -> None:
        super().__init__(result, study, concentrations(result.manifest["observables"], study))

    def names(self) -> list[str]:
        times = ("NFRLT", "FRLTU", "NRRLT", "RRLTU", "DOSEP", "DOSEU")
        return [*BDS, *times, *VISIT, *self.weights, "SIMFL"]

    def in_arm(self, parameter: Parameter, arm: str) -> bool:
        """Whether the arm gives the drug, or a rule of it may."""
        return any(drug in self.study.doses[arm] for drug in self.study.analytes[parameter.name])

    def own(
        self,
        part: ArmPart,
        wanted: Sequence[Parameter],
        values: np.ndarray,
        hours: np.ndarray,
        who: np.ndarray,
        which: np.ndarray,
        when: np.ndarray,
    ) -> dict[str, Any]:
        since = np.full((3, len(wanted), len(hours)), np.nan)
        units = []
        for i, parameter in enumerate(wanted):
            planned = self.study.planned(part.arm, self.study.analytes[parameter.name])
            units.append(planned.unit)
            for k, hour in enumerate(hours):
                if planned.first is not None and (last := planned.before(hour)) is not None:
                    since[:, i, k] = hour - planned.first, hour - last[0], last[1]
        first, last, dose = since[:, which, when]
        unit = _picked(["HOURS"], np.zeros(len(who), np.int64))
        cells = {"NFRLT": first, "FRLTU": unit, "NRRLT": last, "RRLTU": unit, "DOSEP": dose}
        return {**cells, "DOSEU": _picked(units, which)}


def _ids(result: Result, part: ArmPart, who: np.ndarray) -> dict[str, Any]:
    """Identifiers of rows: a subject of the dataset is a virtual person in one arm."""
    study = result.manifest["scenario"]
    number = result.manifest["arms"].index(part.arm) + 1
    names = [f"{number}-{s}" for s in part.subjects.tolist()]
    return {
        "STUDYID": _picked([study], np.zeros(len(who), np.int64)),
        "USUBJID": _picked([f"{study}-{name}" for name in names], who),
        "SUBJID": _picked(names, who),
        "PERSONN": part.subjects[who],
        "SIMFL": _picked(["Y"], np.zeros(len(who), np.int64)),
    }


def _picked(texts: Sequence[str], numbers: np.ndarray) -> pa.Array:
    """Texts by their numbers, each of which is made once."""
    import pyarrow as pa

    return pa.array(list(texts), pa.string()).take(pa.array(numbers))


def _table(columns: Sequence[Column], cells: dict[str, Any]) -> pa.Table:
    import pyarrow as pa

    return pa.table({c.name: cells[c.name] for c in columns})


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit
