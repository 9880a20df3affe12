"""Write a flat model in Julia, for OrdinaryDiffEq."""

from __future__ import annotations

import ast
import copy

from .events import events_of, with_inflows
from .flat import FlatModel
from .printing import Dialect, inlined, printed
from .text import about, free_names, head, told

__all__ = ["write_julia"]

_JULIA = {n: n for n in ("exp", "log", "sqrt", "tanh", "sin", "cos", "min", "max", "hill", "logistic", "softplus")}
_DEFINED = (
    "hill(x, K, n) = max(x, 0)^n / (K^n + max(x, 0)^n)",
    "logistic(x) = 1 / (1 + exp(-x))",
    "softplus(x) = max(x, 0) + log1p(exp(-abs(x)))",
)
_WORDS = (
    "t u du p baremodule begin break catch const continue do else elseif end export false finally for function global "
    "if import let local macro module quote return struct true try using while abstract mutable primitive type in isa "
    "where exp log sqrt tanh sin cos min max hill logistic softplus parameters initial derivatives! doses"
)
_TAKEN = frozenset(_WORDS.split())


def write_julia(flat: FlatModel) -> str:
    """Write a flat model as a Julia script that defines `problem` and `doses`, and solves it.

    Raises
    ------
    ArgumentError
        If an equation has a function that Julia's base does not have.
    """
    events, inflows = events_of(flat)
    names = free_names((*flat.states, *inflows, *flat.parameters, *flat.lines), _TAKEN)
    special = {"lgamma": "loggamma"}
    known = {**_JULIA, **special}
    dialect = Dialect("^", known, "ifelse({}, {}, {})", renamed=names)

    def say(tree: ast.expr) -> str:
        return printed(inlined(tree, known), dialect)

    def noted(text: str, thing: object) -> str:
        said = about(thing)
        return text + (f"  # {said}" if said else "")

    order = [*flat.states, *inflows]
    unpacked = "(; " + ", ".join(names[n] for n in flat.parameters) + ") = p"
    gamma = any("lgamma" in ast.dump(line.is_) for line in flat.lines.values())
    out = [f"# {line}" for line in head(flat, (), names, "Julia")]
    out += ["", "using OrdinaryDiffEq, DiffEqCallbacks", *(["using SpecialFunctions"] if gamma else []), ""]
    out += [*_DEFINED, "", "parameters = ("]
    out += [noted(f"    {names[n]} = {c.value!r},", c) for n, c in flat.parameters.items()]
    out += [")", "", "function initial(p)", f"    {unpacked}"]
    fixed = flat.constants
    out += [f"    {names[n]} = {say(line.is_)}" for n, line in flat.lines.items() if n in fixed]
    out += ["    return [", *(noted(f"        {say(s.initial)},", s) for s in flat.states.values())]
    out += ["        0.0," for _ in inflows] + ["    ]", "end", ""]
    out += ["function derivatives!(du, u, p, t)", f"    {unpacked}"]
    out += [f"    {', '.join(names[n] for n in order)} = u" + ("" if len(order) > 1 else "[1]")]
    out += [noted(f"    {names[n]} = {say(line.is_)}", line) for n, line in flat.lines.items()]
    for k, name in enumerate(flat.states, start=1):
        tree = with_inflows(flat, name, inflows)
        out.append(f"    du[{k}] = {say(tree)}")
    out += [f"    du[{len(flat.states) + k}] = 0.0" for k in range(1, len(inflows) + 1)]
    out += ["    return nothing", "end", "", f"# Doses and meals: time ({flat.time}), and what changes."]
    out += ["function doses(p)", f"    {unpacked}"]
    out += [f"    {names[n]} = {say(line.is_)}" for n, line in flat.lines.items() if n in fixed]
    out += ["    return ["]
    for event in events:
        changes = [(order.index(to) + 1, say(_indexed(tree, order))) for to, tree in event.assignments.items()]
        body = "; ".join(f"u[{place}] = {text}" for place, text in changes)
        out.append(f"        ({say(event.time)}, u -> ({body})),")
    out += ["    ]", "end", ""]
    end = flat.duration or 24
    out += [
        f"problem = ODEProblem(derivatives!, initial(parameters), (0.0, {end!r}), parameters)",
        "events = [PresetTimeCallback(time, i -> change(i.u)) for (time, change) in doses(parameters)]",
        "solution = solve(problem, Rodas5P(), reltol = 1e-8, abstol = 1e-10, callback = CallbackSet(events...))",
        "",
        *(f"# {line}" for line in told(flat)),
    ]
    return "\n".join(out) + "\n"


def _indexed(tree: ast.expr, order: list[str]) -> ast.expr:
    """An assignment in which states are places of the vector `u`."""

    class Indexing(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            """A state."""
            return ast.Name(f"u[{order.index(node.id) + 1}]") if node.id in order else node

    return Indexing().visit(copy.deepcopy(tree))
