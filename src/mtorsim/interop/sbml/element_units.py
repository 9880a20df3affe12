"""The unit of each element of an SBML model."""

from __future__ import annotations

from typing import Any

from .units import unit_text

__all__ = ["Units"]


class Units:
    """Units as module files write them; None where the model does not say, or we do not have the unit."""

    def __init__(self, sbml: Any, model: Any) -> None:
        self.sbml, self.model = sbml, model

    def is_amount(self, species: Any) -> bool:
        """Whether the symbol of a species is an amount, not a concentration."""
        compartment = self.model.getCompartment(species.getCompartment())
        return species.getHasOnlySubstanceUnits() or compartment.getSpatialDimensionsAsDouble() == 0

    def time(self) -> str | None:
        found = self.named(self.model.getTimeUnits())
        return {"s": "s", "min": "min", "h": "h", "d": "d"}.get(found or "")

    def of_rates(self) -> str | None:
        extent, time = self.named(self.model.getExtentUnits()), self.named(self.model.getTimeUnits())
        return f"{extent}/{time}" if extent and time else None

    def of(self, name: str) -> str | None:
        """The unit of a symbol, None if the model does not say or we do not have it."""
        species = self.model.getSpecies(name)
        if species is None:
            element = self.model.getElementBySId(name)
            if element is None:
                return None
            own = element.getUnits() if hasattr(element, "getUnits") else ""
            if not own and element.getTypeCode() == self.sbml.SBML_COMPARTMENT:
                dimensions = element.getSpatialDimensionsAsDouble()
                model = self.model
                default = {3: model.getVolumeUnits(), 2: model.getAreaUnits(), 1: model.getLengthUnits()}
                own = default.get(dimensions, "dimensionless")
            return self.named(own)
        substance = self.named(species.getSubstanceUnits() or self.model.getSubstanceUnits())
        if self.is_amount(species) or substance is None:
            return substance
        volume = self.of(species.getCompartment())
        return None if volume is None else substance if volume == "1" else f"{substance}/{_bracketed(volume)}"

    def named(self, name: str) -> str | None:
        if not name:
            return None
        definition = self.model.getUnitDefinition(name)
        if definition is None:
            if self.sbml.UnitKind_forName(name) == self.sbml.UNIT_KIND_INVALID:
                return None
            definition = self.sbml.UnitDefinition(3, 2)
            part = definition.createUnit()
            part.initDefaults()
            part.setKind(self.sbml.UnitKind_forName(name))
        return unit_text(definition)


def _bracketed(unit: str) -> str:
    return f"({unit})" if "/" in unit or "*" in unit else unit
