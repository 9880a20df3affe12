"""Put values of fitted quantities into a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mtorsim.scenario.scenario import Scenario

from .calibration_file import CalibrationFile, QuantityLine

__all__ = ["applies", "with_quantities"]


def applies(line: QuantityLine, trial: str) -> bool:
    """Whether a quantity applies to a trial."""
    return line.trials is None or trial in line.trials


def with_quantities(
    scenario: Scenario, data: CalibrationFile, values: Mapping[str, float]
) -> tuple[Scenario, dict[str, float]]:
    """Put values into a scenario.

    Parameters
    ----------
    values
        A value of each quantity to change, by name; quantities that are a group's share are left out.

    Returns
    -------
    scenario
        With other rates of episodes and shares of samples that were not fasting.
    settings
        Medians of parameters.
    """
    settings: dict[str, float] = {}
    for line in data.quantity:
        if line.name not in values:
            continue
        value = values[line.name]
        spoilt = scenario.sampling.not_fasting
        for name in line.parameters:
            settings[name] = value
        if line.not_fasting and spoilt is not None:
            scenario = scenario.but(sampling=replace(scenario.sampling, not_fasting=replace(spoilt, share=value)))
        if line.episode is not None:
            moved = (replace(e, per_year=value) if e.regimen.drug == line.episode else e for e in scenario.episodes)
            scenario = scenario.but(episodes=tuple(moved))
    return scenario, settings
