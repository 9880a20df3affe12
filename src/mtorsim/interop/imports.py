"""Import a model of another tool as a module: parsed, never executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mtorsim.errors import ArgumentError, ModelError, MtorsimError, choose_from, shown_path
from mtorsim.files.library import Library
from mtorsim.files.references import read_references
from mtorsim.model.checks import check_model
from mtorsim.model.compose import load_model

from .flat import FlatModel
from .module_file import ModuleText, module_of_flat
from .saving import save_texts
from .scenario_file import scenario_of_flat

__all__ = ["READERS", "Imported", "import_model"]

LARGEST = 4 * 2**20
"""Bytes of a model in a programming language."""


@dataclass(frozen=True)
class Imported:
    """An imported model.

    Attributes
    ----------
    language
        One of `READERS`.
    module
        The module file.
    scenario
        A scenario with the model's doses and the quantities to observe.
    flat
        What was read.
    """

    language: str
    module: ModuleText
    scenario: str
    flat: FlatModel

    def __repr__(self) -> str:
        flat = self.flat
        counts = f"{len(flat.states)} states, {len(flat.parameters)} parameters, {len(flat.doses)} doses"
        return f"Imported({self.module.name} from {self.language}: {counts})"

    @property
    def asked(self) -> tuple[str, ...]:
        """What the module's author must fill in before it runs."""
        return self.module.asked

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the file says and a module cannot, one sentence each."""
        return self.flat.left_out

    def save(self, path: str | Path, scenario: str | Path | None = None, force: bool = False) -> list[Path]:
        """Write the module to a file, and its scenario to another one.

        Raises
        ------
        DataError
            If a file exists and `force` is false, or cannot be written.
        """
        files = {Path(path).expanduser(): self.module.text}
        if scenario is not None:
            files[Path(scenario).expanduser()] = self.scenario
        return save_texts(files, force)

    def problem(self, path: Path) -> MtorsimError | None:
        """The first thing that a check of the written module finds, None if nothing."""
        library = Library((path.parent.resolve(),))
        try:
            check_model(load_model(path.stem, library), read_references(library.references))
        except MtorsimError as error:
            return error
        return None


def import_model(
    file: str | Path,
    name: str | None = None,
    *,
    language: str | None = None,
    unitless: bool = False,
    time: str | None = None,
    values: Mapping[str, float] | None = None,
) -> Imported:
    """Import a model.

    Parameters
    ----------
    file
        An SBML, Antimony, mrgsolve, rxode2 or NONMEM file.
    name
        Name of the module; default: the file's, made fit for one.
    language
        One of `READERS`; default: by the file's ending and content.
    unitless
        Whether units and sources are neither asked for nor checked.
    time
        The unit of time, `s`, `min`, `h` or `d`, if the file does not say or says it wrongly.

    values
        Values of parameters that the file leaves open, such as covariates of a data set.

    Raises
    ------
    ModelError
        If the file cannot be read, or says what a module cannot say, by name.
    ArgumentError
        If the language or unit of time is unknown, or a library is not installed.

    Examples
    --------
    >>> import mtorsim as mt
    >>> text = mt.export_model("minimal", "mrgsolve").text
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "minimal.cpp"
    >>> _ = file.write_text(text)
    >>> mt.import_model(file, "again", unitless=True)
    Imported(again from mrgsolve: 8 states, 18 parameters, 0 doses)
    """
    path = Path(file).expanduser()
    if time is not None and time not in ("s", "min", "h", "d"):
        raise ArgumentError(f"`{time}` cannot be the unit of time", help="choose from s, min, h, d")
    if language is not None and language not in READERS:
        raise ArgumentError(f"models cannot be imported from `{language}`", help=choose_from(language, READERS))
    language = language or _language(path)
    try:
        flat = READERS[language](path)
    except RecursionError:
        raise ModelError(f"`{shown_path(path)}`: the equations are nested too deeply") from None
    flat = _with_values(flat, values or {})
    if not flat.states:
        raise ModelError(f"`{shown_path(path)}` has no states, so there is nothing to simulate")
    name = name or re.sub(r"\W+", "_", path.stem, flags=re.ASCII).strip("_").lower()
    name = name if name[:1].isalpha() else f"m_{name}"
    module = module_of_flat(replace(flat, name=name), name, path.name, unitless=unitless, time=time)
    unit = time or flat.time or ("h" if unitless else "?")
    return Imported(language, module, scenario_of_flat(flat, module, unitless=unitless, time=unit), flat)


def _with_values(flat: FlatModel, values: Mapping[str, float]) -> FlatModel:
    """The flat model with values of parameters in place of its own or missing ones."""
    parameters = dict(flat.parameters)
    for name, value in values.items():
        if name not in parameters:
            raise ArgumentError(f"the model has no parameter `{name}`", help=choose_from(name, parameters))
        parameters[name] = replace(parameters[name], value=value)
    return replace(flat, parameters=parameters)


_ENDINGS = {".xml": "sbml", ".sbml": "sbml", ".ant": "antimony", ".cpp": "mrgsolve", ".ctl": "nonmem", ".r": "rxode2"}


def _language(path: Path) -> str:
    """The language of a file, by its ending, and by its content where two share one."""
    known = ", ".join((*_ENDINGS, ".mod", ".txt"))
    if path.suffix.lower() in _ENDINGS:
        return _ENDINGS[path.suffix.lower()]
    if path.suffix.lower() in (".mod", ".txt"):
        text = text_of(path)
        if re.search(r"(?m)^\s*[$\[]\s*(CMT|INIT|PKMODEL|PARAM)\b", text, re.IGNORECASE):
            return "mrgsolve"
        if re.search(r"(?m)^\s*\$(THETA|PK|PRED|INPUT)", text, re.IGNORECASE):
            return "nonmem"
        if re.search(r"(?m)^\s*\*?model\b", text):
            return "antimony"
    message = f"`{shown_path(path)}`: the language of this model is not known"
    raise ArgumentError(message, help=f"files end in {known}; or pass `language=...`")


def text_of(path: Path) -> str:
    """The text of a model in a programming language.

    Raises
    ------
    ModelError
        If it cannot be read, is too large or is not text.
    """
    shown = shown_path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"`{shown}` has more than {LARGEST // 2**20} MiB, which is too much for a model")
        data = path.read_bytes()
    except OSError as problem:
        raise ModelError(f"cannot read `{shown}`: {problem.strerror or problem}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\0" in text:
        raise ModelError(f"`{shown}` is not text")
    return text


def _sbml(path: Path) -> FlatModel:
    from .sbml.read import read_sbml

    return read_sbml(path)


def _antimony(path: Path) -> FlatModel:
    from .antimony import read_antimony

    return read_antimony(path, text_of(path))


def _mrgsolve(path: Path) -> FlatModel:
    from .mrgsolve.read import read_mrgsolve

    return read_mrgsolve(path, text_of(path))


def _nonmem(path: Path) -> FlatModel:
    from .nonmem.read import read_nonmem

    return read_nonmem(path, text_of(path))


def _rxode2(path: Path) -> FlatModel:
    from .rxode2.read import read_rxode2

    return read_rxode2(path, text_of(path))


READERS: Mapping[str, Callable[[Path], FlatModel]] = {
    "sbml": _sbml,
    "antimony": _antimony,
    "mrgsolve": _mrgsolve,
    "nonmem": _nonmem,
    "rxode2": _rxode2,
}
"""Readers by language."""
