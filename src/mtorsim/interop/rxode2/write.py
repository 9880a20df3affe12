"""Write a flat model for rxode2."""

from __future__ import annotations

import ast
from dataclasses import replace

from mtorsim.interop.dosing import Dosing, dosing_of
from mtorsim.interop.flat import FlatModel
from mtorsim.interop.printing import Dialect, inlined, printed
from mtorsim.interop.text import about, for_derivatives, free_names, head, needed_lines, told

__all__ = ["write_rxode2"]

_R = {
    **{n: n for n in ("exp", "log", "sqrt", "tanh", "sin", "cos", "lgamma", "min", "max", "softplus")},
    "logistic": "expit",
}
_WORDS = (
    "t time tlast tfirst tad tafd podo rate dur amt cmt evid ss ii addl id dv mdv cens limit f F alag lag d dt "
    "if else while break function ini model exp log sqrt tanh sin cos lgamma gamma min max expit logit softplus "
    "newind NEWIND pi M_PI M_E rxLlikSaveSize T TRUE FALSE NA Inf NaN NULL inf nan prod sum sign abs first last diff "
    "linCmt mtime rxode2 phi erf beta"
)
_TAKEN = frozenset(_WORDS.split())


def write_rxode2(flat: FlatModel) -> tuple[str, Dosing]:
    """Write a flat model for rxode2: an R script that defines the model.

    Returns
    -------
    text
        The script.
    dosing
        Its doses and meals, for an event table.

    Raises
    ------
    ArgumentError
        If doses restart clocks.
    """
    dosing = dosing_of(flat, "rxode2")
    names = free_names((*flat.states, *flat.parameters, *flat.lines), _TAKEN)
    dialect = Dialect("^", _R, "ifelse({}, {}, {})", time="t", renamed=names)
    varying = [n for n, c in flat.parameters.items() if c.variance]

    def say(tree: ast.expr) -> str:
        return printed(inlined(tree, _R), dialect)

    def noted(text: str, thing: object) -> str:
        said = about(thing)
        return f"    {text}" + (f"  # {said}" if said else "")

    fixed, moving = flat.constants, for_derivatives(flat)
    shown = needed_lines(flat, flat.observables.values())
    lines = {n: line for n, line in flat.lines.items() if n in moving or n in shown}
    out = [f"# {line}" for line in head(flat, dosing.left_out, names, "rxode2")]
    out += ["", "library(rxode2)", "", f"{flat.name} <- function() {{", "  ini({"]
    for name, line in flat.parameters.items():
        own = f"tv_{names[name]}" if name in varying else names[name]
        out.append(noted(f"{own} <- {line.value!r}", line))
    out += [f"    eta_{names[n]} ~ {flat.parameters[n].variance!r}" for n in varying]
    out += ["  })", "  model({"]
    out += [f"    {names[n]} <- tv_{names[n]} * exp(eta_{names[n]})" for n in varying]
    out += [noted(f"{names[n]} <- {say(line.is_)}", line) for n, line in lines.items() if n in fixed]
    out += [f"    {names[n]}(0) <- {say(s.initial)}" for n, s in flat.states.items()]
    out += [f"    f({names[s]}) <- {say(t)}" for s, t in dosing.fractions.items()]
    out += [f"    alag({names[s]}) <- {say(t)}" for s, t in dosing.lags.items()]
    out += [noted(f"{names[n]} <- {say(line.is_)}", line) for n, line in lines.items() if n not in fixed]
    out += [noted(f"d/dt({names[n]}) <- {say(s.derivative)}", s) for n, s in flat.states.items()]
    out += ["  })", "}", ""]
    out += [f"# {line}" for line in told(flat)]
    return "\n".join(out) + "\n", replace(dosing, names=names)
