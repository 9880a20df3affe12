"""`mtorsim show`: show a module, model, population or scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mtorsim.cli.console import print_json
from mtorsim.cli.options import as_json, library, library_of


@click.command()
@click.argument("names", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "latex", "svg", "mermaid"]),
    default="text",
    show_default=True,
    help="Output format; svg and mermaid draw the mechanism.",
)
@click.option("--kernel", is_flag=True, help="Print the generated code of the model.")
@library
@as_json
def command(names: tuple[str, ...], form: str, kernel: bool, folders: tuple[Path, ...], as_json: bool) -> int:
    """Show NAMES: one module or population, several modules as one model, or a scenario's model.

    \b
      mtorsim show mtor
      mtorsim show glucose_insulin mtor everolimus --format latex
      mtorsim show breast_postmenopausal
      mtorsim show everolimus_breast --kernel
      mtorsim show everolimus_breast --format svg > mechanism.svg
    """  # noqa: D301
    known = library_of(None, folders)
    if kernel:
        from mtorsim.compiler.build import build_system
        from mtorsim.compiler.codegen import generate

        print(generate(build_system(_model(names, known))), end="")
        return 0
    if form in ("svg", "mermaid") and not as_json:
        print(_drawn(_model(names, known), form), end="")
        return 0
    blocks, record = _described(names, known)
    if as_json:
        print_json(record)
        return 0
    from mtorsim.describe.render import render

    print(render(blocks, form), end="")
    return 0


def _drawn(model: Any, form: str) -> str:
    """The diagram of a model."""
    from mtorsim.describe.diagram import diagram_of
    from mtorsim.describe.drawing import as_mermaid, as_svg
    from mtorsim.errors import ArgumentError

    diagram = diagram_of(model)
    if not diagram.nodes:
        names = ", ".join(m.name for m in model.modules)
        raise ArgumentError(f"nothing to draw: {names} has no [nodes]", help="name quantities in a [nodes] table")
    return as_svg(diagram) if form == "svg" else as_mermaid(diagram)


def _described(names: tuple[str, ...], library: Any) -> tuple[Any, Any]:
    """The document to print and a plain record for JSON."""
    from mtorsim.describe.check import resolve
    from mtorsim.describe.show import describe_model, describe_module, describe_population, parameter_rows
    from mtorsim.files.references import read_references

    if len(names) == 1:
        kind, key, library = resolve(names[0], library)
        references = read_references(library.references)
        if kind == "module":
            from mtorsim.model.read import read_module

            module = read_module(library.module(key))
            record = {"module": module.name, "parameters": parameter_rows(module.data.parameters)}
            return describe_module(module, references), record
        if kind == "population":
            from mtorsim.describe.check import model_of_population
            from mtorsim.population.read import load_population

            population = load_population(key, model_of_population(key, library), library)
            return describe_population(population, references), population.files[0].data
    model = _model(names, library)
    lines = {name: line for name, (line, _) in model.parameters.items()}
    modules = [m.name for m in model.modules]
    record = {"model": modules, "parameters": parameter_rows(lines), "switches": dict(model.switches)}
    return describe_model(model, read_references(library.references)), record


def _model(names: tuple[str, ...], library: Any) -> Any:
    """The model that the names of modules, or of one scenario, refer to."""
    from mtorsim.describe.check import model_of_module, resolve
    from mtorsim.model.compose import load_model
    from mtorsim.scenario.scenario import read_scenario

    if len(names) != 1:
        return load_model(names, library)
    kind, key, library = resolve(names[0], library)
    if kind == "module":
        return model_of_module(key, library)
    return load_model(read_scenario(key, library).modules, library)
