"""Amounts of doses: the route on which a drug is given, its unit, and body sizes by which doses are written."""

from __future__ import annotations

from mtorsim.errors import UnitError, choose_from
from mtorsim.model.model import Model, Route
from mtorsim.scenario.parts import Regimen
from mtorsim.units.units import Unit, convert, parse_unit

__all__ = ["SIZES", "in_unit_of", "route_of", "tablet_of"]


SIZES = {"bsa": ("m^2", 1.73), "weight": ("kg", 70.0)}
"""Covariates by which doses may be given: the unit, and the size at which the plausible range of a dose is checked."""


def in_unit_of(regimen: Regimen, route: Route) -> tuple[list[float], str]:
    """Convert amounts to the unit of a route and check their range.

    Returns
    -------
    amounts
    per
        The covariate for each unit of which they are, empty for none.
    """
    place, drug = regimen.place, regimen.drug
    per, unit = _per_size(regimen.unit, route)
    try:
        amounts = [convert(a, regimen.unit, unit) for a in regimen.amounts]
    except UnitError as error:
        by_size = "" if _by_size(route) else f", {route.unit}/m^2 or {route.unit}/kg"
        help = f"{drug} is dosed in {route.unit}{by_size}"
        place.fail(f"`{regimen.said}`: {error.message}", regimen.said, help=help)
    size = SIZES[per][1] if per else 1.0
    for amount in dict.fromkeys(amounts):
        if route.range and not route.admits(size * amount):
            low, high = route.range
            at = f" at {size:g} {SIZES[per][0]}" if per else ""
            message = f"`{amount:g} {unit}` of {drug} is outside its plausible range {low:g} to {high:g}"
            message += f" {route.unit}{at}" if per else ""
            help = "to widen the range, copy the module beside your scenario and change it there"
            place.fail(message, regimen.said, help=help)
    return amounts, per


def _by_size(route: Route) -> bool:
    """Whether a route is dosed by body size already, as insulin in pmol/kg."""
    return any(base in ("m", "kg") for base, _ in route.unit.dims)


def _per_size(unit: Unit, route: Route) -> tuple[str, Unit]:
    """The covariate by which an amount is given, and the unit into which it is converted."""
    if not _by_size(route):
        for name, (size, _) in SIZES.items():
            wanted = parse_unit(f"{route.unit}/{size}")
            if unit.same_kind(wanted):
                return name, wanted
    return "", route.unit


def tablet_of(regimen: Regimen, route: Route, per: str) -> float:
    """The tablet to whose multiples doses are rounded, in the unit of a route; 0 for none."""
    if regimen.tablet is None:
        return 0.0
    place = regimen.place
    if not per:
        place.fail("only a dose by body size is rounded to tablets", "round_to", help="write `amount` per m^2 or kg")
    try:
        return convert(*regimen.tablet, route.unit)
    except UnitError as error:
        place.fail(f"`round_to`: {error.message}", "round_to", help=f"{regimen.drug} is dosed in {route.unit}")


def route_of(regimen: Regimen, model: Model) -> Route:
    """The route of a regimen, by default the drug's first."""
    drug, name, place = regimen.drug, regimen.route, regimen.place
    routes = {full.partition(".")[2]: route for full, route in model.routes.items() if full.startswith(f"{drug}.")}
    if not routes:
        place.fail(f"`{drug}` cannot be dosed", "drug", help="its module has no [doses] table")
    if name is None:
        return next(iter(routes.values()))
    if name not in routes:
        help = choose_from(name, routes)
        place.fail(f"`{drug}` has no route `{name}`", "route", help=help)
    return routes[name]
