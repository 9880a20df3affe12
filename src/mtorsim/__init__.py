"""Simulate how mTOR inhibitors raise blood glucose, for very large virtual populations.

>>> import mtorsim as mt
>>> result = mt.simulate("ogtt")
>>> result.visits.glucose.sizes
Frozen({'arm': 1, 'subject': 1, 'time': 13})
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtorsim.analysis.explain.explain import explain
    from mtorsim.analysis.explain.explanation import Explanation
    from mtorsim.analysis.follow_up.comparison import FollowUp
    from mtorsim.analysis.follow_up.follow_up import follow_up
    from mtorsim.analysis.forecast.forecast import forecast, forecasts
    from mtorsim.analysis.forecast.outlook import Forecast
    from mtorsim.analysis.forecast.people import read_people
    from mtorsim.analysis.predictive_check.check import PredictiveCheck
    from mtorsim.analysis.predictive_check.predictive_check import predictive_check
    from mtorsim.analysis.response.dose_response import dose_response
    from mtorsim.analysis.response.responses import DoseResponse
    from mtorsim.analysis.risk.prediction import Risk
    from mtorsim.analysis.risk.risk import risk
    from mtorsim.analysis.sensitivity.screening import Screening, morris
    from mtorsim.analysis.sensitivity.sensitivity import Sensitivity, sensitivity
    from mtorsim.analysis.sensitivity.variance import SobolIndices, sobol
    from mtorsim.event_records.read import read_events
    from mtorsim.event_records.simulate import simulate_events
    from mtorsim.event_records.table import EventTable
    from mtorsim.files.library import Library
    from mtorsim.interop.archive import archive
    from mtorsim.interop.export import export_model
    from mtorsim.interop.imports import import_model
    from mtorsim.laboratory.examine import examine
    from mtorsim.laboratory.findings import Examination
    from mtorsim.measured.indices import MeasuredIndices, indices
    from mtorsim.model.compose import load_model
    from mtorsim.model.model import Model
    from mtorsim.population.population import Population
    from mtorsim.population.read import load_population
    from mtorsim.results.merge import merge
    from mtorsim.results.records import RecordsResult, open_result
    from mtorsim.results.result import Result
    from mtorsim.run.visit import Visit
    from mtorsim.scenario.scenario import Scenario, read_scenario
    from mtorsim.scenario.sweep import sweep
    from mtorsim.scenario.tables import Arm, Dose
    from mtorsim.simulation.simulate import extend, resume, simulate
    from mtorsim.simulation.verify import Certificate, verify
    from mtorsim.trial.calibration import calibrate
    from mtorsim.trial.report import TrialReport
    from mtorsim.trial.run import run_trial

    from .errors import MtorsimError
    from .plots import api as plot
    from .validation.run import validate

_HOME = {
    "Arm": "scenario.tables",
    "Certificate": "simulation.verify",
    "Dose": "scenario.tables",
    "DoseResponse": "analysis.response.responses",
    "EventTable": "event_records.table",
    "Examination": "laboratory.findings",
    "Explanation": "analysis.explain.explanation",
    "FollowUp": "analysis.follow_up.comparison",
    "Forecast": "analysis.forecast.outlook",
    "Library": "files.library",
    "MeasuredIndices": "measured.indices",
    "Model": "model.model",
    "MtorsimError": "errors",
    "Population": "population.population",
    "PredictiveCheck": "analysis.predictive_check.check",
    "RecordsResult": "results.records",
    "Result": "results.result",
    "Risk": "analysis.risk.prediction",
    "Scenario": "scenario.scenario",
    "Screening": "analysis.sensitivity.screening",
    "Sensitivity": "analysis.sensitivity.sensitivity",
    "SobolIndices": "analysis.sensitivity.variance",
    "TrialReport": "trial.report",
    "Visit": "run.visit",
    "archive": "interop.archive",
    "calibrate": "trial.calibration",
    "dose_response": "analysis.response.dose_response",
    "examine": "laboratory.examine",
    "explain": "analysis.explain.explain",
    "export_model": "interop.export",
    "extend": "simulation.simulate",
    "follow_up": "analysis.follow_up.follow_up",
    "forecast": "analysis.forecast.forecast",
    "forecasts": "analysis.forecast.forecast",
    "import_model": "interop.imports",
    "indices": "measured.indices",
    "load_model": "model.compose",
    "load_population": "population.read",
    "merge": "results.merge",
    "morris": "analysis.sensitivity.screening",
    "open_result": "results.records",
    "plot": "plots.api",
    "predictive_check": "analysis.predictive_check.predictive_check",
    "read_events": "event_records.read",
    "read_people": "analysis.forecast.people",
    "read_scenario": "scenario.scenario",
    "resume": "simulation.simulate",
    "risk": "analysis.risk.risk",
    "run_trial": "trial.run",
    "sensitivity": "analysis.sensitivity.sensitivity",
    "simulate": "simulation.simulate",
    "simulate_events": "event_records.simulate",
    "sobol": "analysis.sensitivity.variance",
    "sweep": "scenario.sweep",
    "validate": "validation.run",
    "verify": "simulation.verify",
}
"""Every public name and the module it is defined in."""

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, which keeps `import mtorsim` fast."""
    if name not in _HOME:
        raise AttributeError(f"module `mtorsim` has no attribute `{name}`")
    home = importlib.import_module(f".{_HOME[name]}", __name__)
    value = home if name == "plot" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
