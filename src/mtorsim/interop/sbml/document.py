"""Open an SBML document: check it, flatten submodels, and bring it to Level 3 Version 2."""

from __future__ import annotations

from typing import Any

from mtorsim.errors import ModelError, Where, one_line
from mtorsim.interop.extra import needed

__all__ = ["elements", "opened", "rename"]

_HARMLESS = ("layout", "render", "groups", "l3v2extendedmath")
"""Packages that say nothing about the mathematics, or only that it is that of Level 3 Version 2."""


def opened(text: str, where: Where) -> tuple[Any, Any]:
    """Open a document.

    Returns
    -------
    sbml
        libSBML.
    document
        In Level 3 Version 2, without submodels. Its model lives as long as it does.

    Raises
    ------
    ModelError
        If it is not SBML, or needs packages that are not supported, other files, or fast reactions.
    """
    sbml = needed("libsbml", "SBML")
    document = sbml.readSBMLFromString(text)
    _raise_errors(sbml, document, where)
    _flatten_comp(sbml, document, where)
    _check_packages(document, where)
    if document.getModel() is None:
        raise ModelError("the file holds no model", where)
    _check_fast(document.getModel(), where)
    if (document.getLevel(), document.getVersion()) != (3, 2) and not document.setLevelAndVersion(3, 2, False):
        had = f"Level {document.getLevel()} Version {document.getVersion()}"
        raise ModelError(f"this model in SBML {had} cannot be read as Level 3 Version 2", where)
    return sbml, document


def _raise_errors(sbml: Any, document: Any, where: Where) -> None:
    """Raise for the first error that the library found."""
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= sbml.LIBSBML_SEV_ERROR:
            place = Where(where.path, error.getLine())
            raise ModelError(f"not valid SBML: {one_line(error.getShortMessage() or error.getMessage(), 300)}", place)


def _flatten_comp(sbml: Any, document: Any, where: Where) -> None:
    """Flatten a model that is composed of others in the same file."""
    if not document.isPackageEnabled("comp"):
        return
    plugin = document.getPlugin("comp")
    if plugin is not None and plugin.getNumExternalModelDefinitions():
        name = plugin.getExternalModelDefinition(0).getId()
        help = "put the models into one file"
        raise ModelError(f"`{name}` is defined in another file, which is not read", where, help)
    properties = sbml.ConversionProperties()
    properties.addOption("flatten comp", True)
    properties.addOption("leavePorts", False)
    if document.convert(properties) != sbml.LIBSBML_OPERATION_SUCCESS:
        said = document.getErrorLog().toString() if document.getNumErrors() else "the reason is not known"
        raise ModelError(f"the submodels cannot be flattened: {one_line(said, 300)}", where)


def _check_packages(document: Any, where: Where) -> None:
    for i in range(document.getNumPlugins()):
        name = document.getPlugin(i).getPackageName()
        if name in ("comp", *_HARMLESS) or not document.getPackageRequired(name):
            continue
        raise ModelError(f"the SBML package `{name}` is not supported", where)


def _check_fast(model: Any, where: Where) -> None:
    """Raise for a fast reaction, before a conversion of levels forgets that it is one."""
    for reaction in elements(model, "Reaction"):
        if reaction.isSetFast() and reaction.getFast():
            raise ModelError(f"the fast reaction `{reaction.getId()}` is not supported", where)


def rename(model: Any, name: str) -> None:
    """Give the element that is called as the time is here another name."""
    if model.getElementBySId(name) is None:
        return
    new = next(n for n in (f"{name}{'_' * k}" for k in range(1, 99)) if model.getElementBySId(n) is None)
    model.getElementBySId(name).setId(new)
    elements = model.getListOfAllElements()
    for i in range(elements.getSize()):
        elements.get(i).renameSIdRefs(name, new)


def elements(model: Any, kind: str) -> list[Any]:
    """All elements of a kind, such as `Species`."""
    plural = kind if kind == "Species" else f"{kind}s"
    return [getattr(model, f"get{kind}")(i) for i in range(getattr(model, f"getNum{plural}")())]
