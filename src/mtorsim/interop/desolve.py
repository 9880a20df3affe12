"""Write a flat model as an R script for deSolve."""

from __future__ import annotations

import ast

from .events import events_of, with_inflows
from .flat import FlatModel, names_of
from .printing import Dialect, inlined, printed
from .text import about, free_names, head, told

__all__ = ["write_desolve"]

_R = {
    **{n: n for n in ("exp", "log", "sqrt", "tanh", "sin", "cos", "lgamma", "hill", "logistic", "softplus")},
    "min": "pmin",
    "max": "pmax",
}
_DEFINED = {
    "hill": "hill <- function(x, K, n) pmax(x, 0)^n / (K^n + pmax(x, 0)^n)",
    "logistic": "logistic <- function(x) 1 / (1 + exp(-x))",
    "softplus": "softplus <- function(x) pmax(x, 0) + log1p(exp(-abs(x)))",
}
_WORDS = (
    "t y p T F if else for while repeat break next function TRUE FALSE NULL NA Inf NaN in c list with exp log sqrt "
    "tanh sin cos lgamma pmin pmax hill logistic softplus ifelse parameters initial derivatives events times out"
)
_TAKEN = frozenset(_WORDS.split())


def write_desolve(flat: FlatModel) -> str:
    """Write a flat model as an R script that runs by itself: `Rscript model.R` writes `model.csv`.

    Returns
    -------
    str
        The script.
    """
    events, inflows = events_of(flat)
    names = free_names((*flat.states, *inflows, *flat.parameters, *flat.lines), _TAKEN)
    dialect = Dialect("^", _R, "ifelse({}, {}, {})", time="t", conjunction=" & ", disjunction=" | ", renamed=names)

    def say(tree: ast.expr) -> str:
        return printed(inlined(tree, _R), dialect)

    def noted(text: str, thing: object) -> str:
        said = about(thing)
        return text + (f"  # {said}" if said else "")

    fixed = flat.constants
    out = [f"# {line}" for line in head(flat, (), names, "R")]
    out += ["", "library(deSolve)", "", *(_DEFINED[n] for n in _DEFINED if n in flat.functions), ""]
    out += ["parameters <- list("]
    rows = [(f"  {names[n]} = {c.value!r}", c) for n, c in flat.parameters.items()]
    out += [noted(text + ("," if i < len(rows) - 1 else ""), c) for i, (text, c) in enumerate(rows)]
    out += [")", "", "# Quantities that depend on parameters only.", "parameters <- within(parameters, {"]
    out += [noted(f"  {names[n]} <- {say(line.is_)}", line) for n, line in flat.lines.items() if n in fixed]
    out += ["})", "", "initial <- with(parameters, c("]
    starts = [(f"  {names[n]} = {say(s.initial)}", s) for n, s in flat.states.items()]
    starts += [(f"  {names[n]} = 0", None) for n in inflows]
    out += [noted(text + ("," if i < len(starts) - 1 else ""), s) for i, (text, s) in enumerate(starts)]
    out += ["))", "", "derivatives <- function(t, y, parameters) with(c(as.list(y), parameters), {"]
    out += [noted(f"  {names[n]} <- {say(line.is_)}", line) for n, line in flat.lines.items() if n not in fixed]
    right = []
    for name in flat.states:
        tree = with_inflows(flat, name, inflows)
        right.append(f"    {names[name]} = {say(tree)}")
    right += [f"    {names[n]} = 0" for n in inflows]
    shown = [f"{names[full]} = {names[full]}" for full in dict.fromkeys(flat.observables.values()) if full not in fixed]
    out += ["  list(c(", ",\n".join(right), "  )" + (",\n  c(" + ", ".join(shown) + ")" if shown else "") + ")", "})"]
    out += ["", *_events(flat, events, names, say)]
    end = flat.duration or 24
    out += [
        "",
        f"times <- seq(0, {end!r}, length.out = 501)  # {flat.time}",
        "if (nrow(events) > 0) {",
        "  # Events are times of output too; two times must not differ by rounding alone.",
        "  near <- vapply(times, function(time) any(abs(time - events$time) < 1e-6), logical(1))",
        "  times <- sort(unique(c(times[!near], events$time)))",
        "}",
        "",
        "# A file run by Rscript is solved; one read by source() only defines the model.",
        "if (sys.nframe() == 0) {",
        '  out <- ode(initial, times, derivatives, parameters, method = "lsoda", rtol = 1e-8, atol = 1e-10,',
        "             events = if (nrow(events) > 0) list(data = events))",
        f'  write.csv(as.data.frame(out), "{flat.name}.csv", row.names = FALSE)',
        "}",
        "",
        *(f"# {line}" for line in told(flat)),
    ]
    return "\n".join(out) + "\n"


def _events(flat: FlatModel, events: list, names: dict[str, str], say: object) -> list[str]:  # type: ignore[type-arg]
    """Doses and meals as a table of events."""
    rows = []
    for event in events:
        for to, tree in event.assignments.items():
            # `state + amount` adds; anything else replaces.
            adds = isinstance(tree, ast.BinOp) and to in names_of(tree)
            change = _without(tree, to) if adds else tree
            rows.append(f'  list("{names[to]}", {say(event.time)}, {say(change)}, "{"add" if adds else "replace"}")')  # type: ignore[operator]
    if not rows:
        return ["events <- data.frame(var = character(), time = numeric(), value = numeric(), method = character())"]
    return [
        f"# Doses and meals: state, time ({flat.time}), value, how.",
        "events <- with(parameters, do.call(rbind, lapply(list(",
        ",\n".join(rows),
        "), function(e) data.frame(var = e[[1]], time = e[[2]], value = e[[3]], method = e[[4]]))))",
        "events$time <- round(events$time, 9)",
        "events <- events[order(events$time), ]",
    ]


def _without(tree: ast.expr, name: str) -> ast.expr:
    """What an assignment adds to a state."""
    if isinstance(tree, ast.Name) and tree.id == name:
        return ast.Constant(0)
    assert isinstance(tree, ast.BinOp)
    rest = _without(tree.left, name)
    if isinstance(rest, ast.Constant) and rest.value == 0:
        return tree.right if isinstance(tree.op, ast.Add) else ast.UnaryOp(ast.USub(), tree.right)
    return ast.BinOp(rest, tree.op, tree.right)
