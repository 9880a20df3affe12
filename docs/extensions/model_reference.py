"""Pages of the model reference, written from the model files: diagram, equations by organ, parameters, sources."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

from mtorsim.describe.diagram import diagram_of
from mtorsim.describe.drawing import as_svg
from mtorsim.describe.render import Block, Formula, Heading, Paragraph, Table, latex_equation, latex_name
from mtorsim.describe.show import describe_module, describe_population
from mtorsim.files.library import Library
from mtorsim.files.references import Reference, read_references
from mtorsim.model.compose import load_model
from mtorsim.model.file import Module
from mtorsim.model.read import read_module
from mtorsim.population.read import load_population

PARTS = {
    "physiology": "The body",
    "pathway": "The mTOR pathway",
    "drugs": "Drugs",
    "comedication": "Co-medication",
    "therapies": "Drugs against glucose",
    "teaching": "Small models for teaching",
    "laboratory": "Parts of laboratory tests",
}
"""Folders of modules in the order of the reference, and their titles."""


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", _write_pages)
    return {"parallel_read_safe": True}


def _write_pages(app: Any) -> None:
    folder = Path(app.srcdir) / "reference"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    library = Library()
    references = read_references(library.references)
    pages = {
        "sources": _sources(references),
        **{f"module_{name}": _module_page(name, library, references) for name in library.modules},
        **{f"population_{name}": _population_page(name, library, references) for name in library.populations},
    }
    for name, text in {**pages, "index": _index(library)}.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def _index(library: Library) -> str:
    text = [
        "# Model reference",
        "",
        "Every module and population that comes with mtorsim, written from its file: what it means, its equations, and "
        "for each number value, unit, range, [source](sources.md) and kind of evidence. "
        "`mtorsim show NAME` prints the same.",
        "",
    ]
    for part, title in PARTS.items():
        names = [name for name, path in library.modules.items() if path.parent.name == part]
        text += [f"## {title}", "", "```{toctree}", ":maxdepth: 1", "", *(f"module_{n}" for n in names), "```", ""]
    names = [f"population_{n}" for n in library.populations]
    text += ["## Populations", "", "```{toctree}", ":maxdepth: 1", "", *names, "```", ""]
    return "\n".join([*text, "## Sources", "", "```{toctree}", ":maxdepth: 1", "", "sources", "```", ""])


def _sources(references: Mapping[str, Reference]) -> str:
    text = ["# Sources", "", "All references to which a number in the model files is traced.", ""]
    for key in sorted(references, key=str.lower):
        text += [f"(source-{key.lower()})=", f"**{_plain(key)}.** {_plain(references[key].long)}", ""]
    return "\n".join(text)


def _module_page(name: str, library: Library, references: Mapping[str, Reference]) -> str:
    module = read_module(library.module(name))
    # The first two say what the module is.
    _, about, *blocks = describe_module(module, {})
    text = [f"# {_plain(name)}", "", *_written([about], references), *_by_organ(module, library)]
    return "\n".join([*text, *_written(blocks, references)])


def _population_page(name: str, library: Library, references: Mapping[str, Reference]) -> str:
    model = load_model(["minimal"] if name == "modelled" else ["glucose_insulin", "mtor"], library)
    blocks = describe_population(load_population(name, model, library), {})
    return "\n".join([f"# {_plain(name)}", "", *_written(blocks[1:], references)])


def _by_organ(module: Module, library: Library) -> Iterator[str]:
    """The diagram of a module with what it acts on, and its equations organ by organ."""
    if not module.data.nodes:
        return
    model = load_model(list(dict.fromkeys([*_read_by(module, library), module.name])), library)
    yield "## Diagram"
    yield ""
    yield "An arrow raises what it points at, a bar lowers it."
    yield ""
    svg = as_svg(diagram_of(model), title=f"The mechanism with {module.name}")
    # One line: Markdown would end the drawing at an empty one.
    yield '<div class="drawing">' + " ".join(svg.split("\n")) + "</div>"
    yield ""
    yield "## By organ"
    yield ""
    for organ in dict.fromkeys(node.organ for node in module.data.nodes.values()):
        yield f"### {organ if organ[1:2].isupper() else organ[0].upper() + organ[1:]}"
        yield ""
        for node in (n for n in module.data.nodes.values() if n.organ == organ):
            yield f"**{_plain(node.label)}.** {_plain(node.plain)}"
            yield ""
            for quantity in (node.of, *node.parts):
                yield from _node_equations(module, quantity)
            yield ""


def _node_equations(module: Module, quantity: str) -> Iterator[str]:
    data = module.data
    if quantity in data.expressions:
        line = data.expressions[quantity]
        yield _display(Formula(quantity, "=", module.expression(line.is_, "expressions", quantity, "is"), line.unit))
    if quantity in data.derivatives:
        yield _display(
            Formula(quantity, "'=", module.expression(data.derivatives[quantity], "derivatives", quantity), "")
        )


def _read_by(module: Module, library: Library) -> list[str]:
    """Modules that one reads, those that they read first."""
    found: list[str] = []
    for name in module.data.module.reads:
        found += [*_read_by(read_module(library.module(name)), library), name]
    return found


def _written(blocks: Sequence[Block], references: Mapping[str, Reference]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Heading):
            yield f"{'#' * max(block.level, 2)} {_plain(block.text)}"
        elif isinstance(block, Paragraph):
            yield _plain(block.text)
        elif isinstance(block, Table):
            yield _table(
                block.head,
                [[_cell(h, c, references) for h, c in zip(block.head, row, strict=True)] for row in block.rows],
            )
        elif block.items:
            rows = [[f"`{_left(f)}`", _inline(f), _plain(f.unit), _plain(f.note)] for f in block.items]
            yield _table(("name", "equation", "unit", "meaning"), rows)
        yield ""


def _left(formula: Formula) -> str:
    return f"{formula.name}'" if formula.operator == "'=" else formula.name


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(head: str, text: str, references: Mapping[str, Reference]) -> str:
    if head == "source":
        keys = re.split(r"([\w-]+)", text)
        linked = (f"[{_plain(k)}](#source-{k.lower()})" if k in references else _plain(k) for k in keys)
        return "".join(linked)
    return f"`{text}`" if head in ("name", "switch", "quantity") and text else _plain(text)


def _plain(text: str) -> str:
    """Text in which nothing is markup; code in backticks stays."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([\\*_\[\]<>|$#{}])", r"\\\1", p) for p in parts)


def _inline(formula: Formula) -> str:
    return _mathml(latex_equation(formula.expression), "inline")


def _display(formula: Formula) -> str:
    left = latex_name(formula.name)
    left = f"\\frac{{d {left}}}{{dt}}" if formula.operator == "'=" else left
    return f'<div class="equation">{_mathml(f"{left} = {latex_equation(formula.expression)}", "block")}</div>\n'


def _mathml(latex: str, display: str) -> str:
    """An equation that a browser draws by itself, without a script; names are words, not products of letters."""
    words = re.sub(r"\\(?:mathrm|operatorname)\{([^{}]*)\}", lambda m: f"\\text{{{m[1]}}}", latex)
    return _in_a_cell(convert(words, display=display).replace("\\_", "_"))


def _in_a_cell(text: str) -> str:
    """Markup that may stand in a cell of a table."""
    return text.replace("|", "&#124;").replace("_", "&#95;").replace("*", "&#42;")
