"""COMBINE archives: one person's model as SBML with its simulation as SED-ML, inputs, results and a manifest."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from mtorsim.errors import DataError
from mtorsim.results.manifest import plan_from_manifest
from mtorsim.results.result import open_run

from .flat import FlatModel
from .flatten import flatten
from .person import person_in
from .sbml.write import write_sbml
from .text import free_names

__all__ = ["archive"]

CVODE = "KISAO:0000019"
"""The solver that SED-ML asks for: every engine has it, or replaces it by one of its own for stiff equations."""
TOLERANCES = {"KISAO:0000209": "1e-8", "KISAO:0000211": "1e-10"}
"""Relative and absolute tolerance."""
POINTS = 1000
"""Intervals between the samples of the simulation."""
DATE = (1980, 1, 1, 0, 0, 0)
"""The date of every file in the archive, so that the same result makes the same bits."""

_FORMATS = {
    ".xml": "http://identifiers.org/combine.specifications/sbml.level-3.version-2",
    ".sedml": "http://identifiers.org/combine.specifications/sed-ml.level-1.version-4",
    ".json": "https://purl.org/NET/mediatypes/application/json",
    ".csv": "https://purl.org/NET/mediatypes/text/csv",
    ".toml": "https://purl.org/NET/mediatypes/application/toml",
    ".bib": "https://purl.org/NET/mediatypes/application/x-bibtex",
    ".png": "https://purl.org/NET/mediatypes/image/png",
    ".svg": "https://purl.org/NET/mediatypes/image/svg+xml",
    ".parquet": "https://purl.org/NET/mediatypes/application/vnd.apache.parquet",
    ".nc": "https://purl.org/NET/mediatypes/application/netcdf",
    ".html": "https://purl.org/NET/mediatypes/text/html",
}


def archive(
    folder: str | Path,
    out: str | Path,
    *,
    subject: int | None = None,
    duration: float | None = None,
    force: bool = False,
    note: Callable[[str], None] | None = None,
) -> Path:
    """Write a result as a COMBINE archive.

    The archive holds the model of one subject in each arm (`models/ARM.xml`) with doses and meals as events, a
    simulation of them (`simulation.sedml`), the scenario and all files that it refers to (`inputs/`), and the result
    (`results/`). Its manifest `run.json` still repeats the run.

    Parameters
    ----------
    folder
        A result.
    subject
        Number of the subject; default: the first.
    duration
        Hours after which the models have no doses and meals, and the simulation ends; default: the scenario's.

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    DataError
        If there is no such result or subject, or the archive exists and `force` is false.
    """
    path = Path(out).expanduser()
    if path.suffix != ".omex":
        raise DataError(f"`{path}`: COMBINE archives end in .omex", help=f"write `{path.with_suffix('.omex')}`")
    if path.exists() and not force:
        raise DataError(f"`{path}` already exists", help="pass `force=True` to replace it")
    result = open_run(folder)
    manifest, source = result.manifest, Path(folder).expanduser()
    who = manifest["first"] if subject is None else subject
    last = manifest["first"] + manifest["subjects"] - 1
    if not manifest["first"] <= who <= last:
        raise DataError(f"there is no subject {who}", help=f"subjects are numbered from {manifest['first']} to {last}")
    with plan_from_manifest(manifest, note) as plan:
        arms = {a.name: flatten(person_in(plan, a.name, who), duration) for a in plan.arms}
    names = free_names(arms, (), form=_file_name, key=str.lower)
    files: dict[str, bytes] = {f"models/{names[n]}.xml": write_sbml(flat).encode() for n, flat in arms.items()}
    files["simulation.sedml"] = _sedml(arms, names, manifest["title"])
    files |= {f"inputs/{name}": text.encode() for name, text in manifest["files"].items()}
    results = {f"results/{name}": file for name, file in _results(source).items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        try:
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as zipped:
                for name, data in {"manifest.xml": _manifest([*files, *results]), **files}.items():
                    zipped.writestr(zipfile.ZipInfo(name, DATE), data, zipfile.ZIP_DEFLATED)
                for name, file in results.items():
                    _copy(file, zipfile.ZipInfo(name, DATE), zipped)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as problem:
        raise DataError(f"cannot write `{path}`: {problem.strerror or problem}") from None
    return path


def _copy(file: Path, info: zipfile.ZipInfo, zipped: zipfile.ZipFile) -> None:
    """Copy a file of any size into the archive."""
    info.compress_type = zipfile.ZIP_DEFLATED
    with file.open("rb") as source, zipped.open(info, "w", force_zip64=True) as target:
        shutil.copyfileobj(source, target)


def _results(folder: Path) -> dict[str, Path]:
    """The files of a result, without those that only serve to resume it."""
    found = {}
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        if file.is_file() and relative.parts[0] != "parts" and not relative.name.startswith("."):
            found[relative.as_posix()] = file
    return found


def _file_name(arm: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in arm)


def _manifest(files: Iterable[str]) -> bytes:
    """The list of contents that COMBINE archives begin with."""
    space = "http://identifiers.org/combine.specifications/omex-manifest"
    root = ElementTree.Element("omexManifest", xmlns=space)
    ElementTree.SubElement(root, "content", location=".", format="http://identifiers.org/combine.specifications/omex")
    ElementTree.SubElement(root, "content", location="./manifest.xml", format=space)
    for name in files:
        kind = _FORMATS.get(Path(name).suffix, "https://purl.org/NET/mediatypes/application/octet-stream")
        content = {"location": f"./{name}", "format": kind}
        if name == "simulation.sedml":
            content["master"] = "true"
        ElementTree.SubElement(root, "content", content)
    return _xml(root)


def _sedml(arms: Mapping[str, FlatModel], names: Mapping[str, str], title: str) -> bytes:
    """One simulation for all arms, a report of each, and a plot of each observable."""
    root = ElementTree.Element("sedML", xmlns="http://sed-ml.org/sed-ml/level1/version4", level="1", version="4")
    root.set("name", title)
    models = ElementTree.SubElement(root, "listOfModels")
    simulations = ElementTree.SubElement(root, "listOfSimulations")
    tasks = ElementTree.SubElement(root, "listOfTasks")
    generators = ElementTree.SubElement(root, "listOfDataGenerators")
    outputs = ElementTree.SubElement(root, "listOfOutputs")
    first = next(iter(arms.values()))
    course = {
        "id": "course",
        "initialTime": "0",
        "outputStartTime": "0",
        "outputEndTime": repr(first.duration),
        "numberOfSteps": str(POINTS),
    }
    algorithm = ElementTree.SubElement(
        ElementTree.SubElement(simulations, "uniformTimeCourse", course), "algorithm", kisaoID=CVODE
    )
    parameters = ElementTree.SubElement(algorithm, "listOfAlgorithmParameters")
    for kisao, value in TOLERANCES.items():
        ElementTree.SubElement(parameters, "algorithmParameter", kisaoID=kisao, value=value)
    for k, (arm, flat) in enumerate(arms.items(), start=1):
        kind = {"language": "urn:sedml:language:sbml.level-3.version-2", "source": f"models/{names[arm]}.xml"}
        ElementTree.SubElement(models, "model", {"id": f"model_{k}", "name": arm, **kind})
        task = {"modelReference": f"model_{k}", "simulationReference": "course"}
        ElementTree.SubElement(tasks, "task", {"id": f"task_{k}", "name": arm, **task})
        report = ElementTree.SubElement(outputs, "report", id=f"report_{k}", name=arm)
        sets = ElementTree.SubElement(report, "listOfDataSets")
        for name in ("time", *dict.fromkeys(flat.observables.values())):
            generator = f"data_{name}_{k}"
            _generator(generators, generator, name, f"task_{k}")
            data = {"id": f"set_{generator}", "label": name, "dataReference": generator}
            ElementTree.SubElement(sets, "dataSet", data)
    for name in dict.fromkeys(first.observables.values()):
        plot = ElementTree.SubElement(outputs, "plot2D", id=f"plot_{name}", name=name)
        curves = ElementTree.SubElement(plot, "listOfCurves")
        for k, arm in enumerate(arms, start=1):
            data = {
                "xDataReference": f"data_time_{k}",
                "yDataReference": f"data_{name}_{k}",
                "logX": "false",
                "logY": "false",
            }
            ElementTree.SubElement(curves, "curve", {"id": f"curve_{name}_{k}", "name": arm, **data})
    return _xml(root)


def _generator(parent: ElementTree.Element, ident: str, name: str, task: str) -> None:
    """What a report shows: one variable of one task."""
    generator = ElementTree.SubElement(parent, "dataGenerator", id=ident, name=name)
    variables = ElementTree.SubElement(generator, "listOfVariables")
    variable = {"id": f"variable_{ident}", "taskReference": task}
    if name == "time":
        variable["symbol"] = "urn:sedml:symbol:time"
    else:
        variable["target"] = f"/sbml:sbml/sbml:model/sbml:listOfParameters/sbml:parameter[@id='{name}']"
        variable["xmlns:sbml"] = "http://www.sbml.org/sbml/level3/version2/core"
    ElementTree.SubElement(variables, "variable", variable)
    math = ElementTree.SubElement(generator, "math", xmlns="http://www.w3.org/1998/Math/MathML")
    ElementTree.SubElement(math, "ci").text = f"variable_{ident}"


def _xml(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
