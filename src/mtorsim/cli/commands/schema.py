"""`mtorsim schema`: print the JSON Schema of a kind of file, for editors that complete and check."""

from __future__ import annotations

import click

from mtorsim.cli.console import print_json


@click.command()
@click.argument(
    "kind",
    type=click.Choice(["scenario", "population", "module", "grades", "reporting", "calibration", "person"]),
    default="scenario",
)
def command(kind: str) -> int:
    """Print the JSON Schema of a KIND of file (default: scenario)."""
    from mtorsim.analysis.forecast.file import PersonFile
    from mtorsim.files.record import json_schema
    from mtorsim.model.file import ModuleFile
    from mtorsim.population.file import PopulationFile
    from mtorsim.scenario.file import ScenarioFile
    from mtorsim.scenario.grades import GradesFile
    from mtorsim.trial.calibration_file import CalibrationFile
    from mtorsim.trial.reporting import ReportingFile

    kinds = {
        "scenario": ScenarioFile,
        "population": PopulationFile,
        "module": ModuleFile,
        "grades": GradesFile,
        "reporting": ReportingFile,
        "calibration": CalibrationFile,
        "person": PersonFile,
    }
    print_json(json_schema(kinds[kind], f"mtorsim {kind}"))
    return 0
