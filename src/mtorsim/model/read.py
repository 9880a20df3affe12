"""Read a module file."""

from __future__ import annotations

import keyword
from functools import lru_cache
from pathlib import Path

from mtorsim.errors import ModelError
from mtorsim.files.record import read_record
from mtorsim.files.toml import TomlFile

from .expressions import FUNCTIONS, INSTEAD, is_identifier
from .file import SECTIONS, Module, ModuleFile
from .generated import with_generated_lines

__all__ = ["module_of", "read_module"]


def read_module(path: Path) -> Module:
    """Read a module file and check it against the schema.

    Raises
    ------
    ModelError
        For the first error: not TOML, an unknown key, a wrong type, an invalid name.
    """
    file = TomlFile.read(path, ModelError)
    return module_of(file.path, file.text)


@lru_cache(maxsize=128)
def module_of(path: Path, text: str) -> Module:
    """Make a module of its text, once for each text."""
    file = TomlFile.parse(path, text, ModelError)
    module = Module(read_record(file, ModuleFile), file)
    _check_names(module)
    return with_generated_lines(module)


_COLUMNS = ("arm", "subject", "visit", "time", "time_h", "status", "fasting_glucose", "units")


def _check_names(module: Module) -> None:
    name = module.name
    if not is_identifier(name):
        message = f"`{name}` cannot be the name of a module"
        module.file.fail(message, ("module", "name"), _cure(name))
    if name != module.file.path.stem:
        message = f"the module is named `{name}` but its file is `{module.file.path.name}`"
        module.file.fail(message, ("module", "name"), "give both the same name")
    seen: dict[str, str] = {}
    for section in SECTIONS:
        for quantity in getattr(module.data, section):
            _check_name(module, section, quantity)
            if section == "observables" and quantity in _COLUMNS:
                module.file.fail(
                    f"`{quantity}` cannot be the name of an observable",
                    (section, quantity),
                    "tables already have this column",
                )
            if quantity in seen:
                message = f"`{quantity}` is already in [{seen[quantity]}]"
                module.file.fail(message, (section, quantity), "rename one of them")
            seen[quantity] = section
    for route in module.data.doses:
        _check_name(module, "doses", route)
    for i, contribution in enumerate(module.data.contributes):
        if not all(is_identifier(p) for p in contribution.mechanism.split(".")):
            message = f"`{contribution.mechanism}` cannot be the name of a mechanism"
            module.file.fail(message, ("contributes", i, "mechanism"), "write for example `mtorc2.liver`")


def _check_name(module: Module, section: str, name: str) -> None:
    if not is_identifier(name) or keyword.iskeyword(name) or name in ("t", "y", "p"):
        module.file.fail(f"`{name}` cannot be the name of a quantity", (section, name), _cure(name))


def _cure(name: str) -> str:
    """How to mend a name that cannot be used."""
    if name in FUNCTIONS:
        return "it is a function of equations; choose another name"
    if name in INSTEAD or is_identifier(name):
        return "it is reserved; choose another name"
    return "use a letter, then letters, digits and underscores"
