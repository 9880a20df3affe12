"""What mTOR inhibitors do to blood glucose, simulated for very large virtual populations.

>>> import mtorsim as mt
>>> result = mt.simulate("ogtt")
>>> result.visits.glucose.sizes
Frozen({'arm': 1, 'subject': 1, 'time': 13})
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtorsim.event_records.simulate import simulate_events
    from mtorsim.event_records.table import EventTable, read_events
    from mtorsim.files.library import Library
    from mtorsim.laboratory.examine import examine
    from mtorsim.model.compose import load_model
    from mtorsim.model.model import Model
    from mtorsim.population.read import load_population
    from mtorsim.results.result import Result, open_result
    from mtorsim.run.visit import Visit
    from mtorsim.scenario.read import read_scenario
    from mtorsim.simulation.simulate import simulate
    from mtorsim.trial.calibration import calibrate
    from mtorsim.trial.run import run_trial

    from .errors import MtorsimError
    from .validation.run import validate

__all__ = [
    "EventTable",
    "Library",
    "Model",
    "MtorsimError",
    "Result",
    "Visit",
    "calibrate",
    "examine",
    "load_model",
    "load_population",
    "open_result",
    "read_events",
    "read_scenario",
    "run_trial",
    "simulate",
    "simulate_events",
    "validate",
]

_HOME = {
    "EventTable": "records",
    "Library": "library",
    "Model": "compose",
    "MtorsimError": "errors",
    "Result": "result",
    "examine": "examination",
    "load_model": "compose",
    "load_population": "population_reading",
    "open_result": "result",
    "read_events": "records",
    "read_scenario": "scenario",
    "simulate": "simulation",
    "simulate_events": "record_run",
    "Visit": "decisions",
    "calibrate": "calibration",
    "run_trial": "trial",
    "validate": "validation.run",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import mtorsim` costs next to nothing."""
    if name not in _HOME:
        raise AttributeError(f"module `mtorsim` has no attribute `{name}`")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
