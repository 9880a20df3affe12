"""Write a flat model for mrgsolve."""

from __future__ import annotations

import ast
from dataclasses import replace

from mtorsim.interop.dosing import Dosing, dosing_of
from mtorsim.interop.flat import FlatModel, Line
from mtorsim.interop.printing import Dialect, inlined, printed
from mtorsim.interop.text import about, for_derivatives, free_names, head, needed_lines, told

__all__ = ["write_mrgsolve"]

_C = {
    **{n: n for n in ("exp", "log", "sqrt", "tanh", "sin", "cos", "lgamma", "hill", "logistic", "softplus")},
    "min": "fmin",
    "max": "fmax",
}
_DEFINED = {
    "hill": "double hill(double x, double K, double n) { return 1.0 - 1.0 / (1.0 + pow(fmax(x, 0.0) / K, n)); }",
    "logistic": "double logistic(double x) { return 1.0 / (1.0 + exp(-x)); }",
    "softplus": "double softplus(double x) { return fmax(x, 0.0) + log(1.0 + exp(-fabs(x))); }",
}
_WORDS = (
    "ID TIME EVID CMT AMT II SS ADDL RATE DV MDV ETA EPS THETA SOLVERTIME NEWIND T self table pred_CL F R D N "
    "alignas auto bool break case catch char class const continue default delete do double else enum explicit extern "
    "false float for friend goto if inline int long mutable namespace new operator private protected public register "
    "return short signed sizeof static struct switch template this throw true try typedef typename union unsigned "
    "using virtual void volatile while pow exp log sqrt tanh sin cos lgamma fmin fmax fabs hill logistic softplus "
    "capture databox std Rcpp NAN INFINITY NULL PI M_PI"
)
_TAKEN = frozenset(_WORDS.split())


def _literal(node: ast.Constant) -> str:
    """A floating-point number, since 1 / 2 is 0 in C++."""
    return repr(float(node.value))  # type: ignore[arg-type]


def write_mrgsolve(flat: FlatModel) -> tuple[str, Dosing]:
    """Write a flat model for mrgsolve.

    Returns
    -------
    text
        The model specification.
    dosing
        Its doses and meals, for an event table.

    Raises
    ------
    ArgumentError
        If doses restart clocks.
    """
    return _Writing(flat).text()


class _Writing:
    def __init__(self, flat: FlatModel) -> None:
        self.flat = flat
        self.dosing = dosing_of(flat, "mrgsolve")
        macros = {f"{p}{s}" for s in flat.states for p in ("F_", "ALAG_", "R_", "D_", "dxdt_")}
        macros |= {f"{s}_0" for s in flat.states}
        self.names = free_names((*flat.states, *flat.parameters, *flat.lines), _TAKEN | macros)
        self.dialect = Dialect("pow(", _C, "({} ? {} : {})", time="SOLVERTIME", literal=_literal, renamed=self.names)
        self.varying = [n for n, c in flat.parameters.items() if c.variance]

    def _say(self, tree: ast.expr, time: str = "SOLVERTIME") -> str:
        return printed(inlined(tree, _C), replace(self.dialect, time=time))

    def text(self) -> tuple[str, Dosing]:
        """The model specification and its doses."""
        flat, names = self.flat, self.names
        fixed = flat.constants
        moving = for_derivatives(flat)
        shown = list(dict.fromkeys(flat.observables.values()))
        table = needed_lines(flat, shown)
        said = [*head(flat, self.dosing.left_out, names, "mrgsolve"), *told(flat)]
        out = ["$PROB", *(f"# {line}" for line in said), ""]
        out += ["$PARAM @annotated"]
        for name, line in flat.parameters.items():
            typical = f"TV{names[name]}" if name in self.varying else names[name]
            out.append(f"{typical} : {line.value!r} : {about(line).replace(':', ',')}")
        out += ["", "$INIT @annotated"]
        for name, state in flat.states.items():
            start = self._say(state.initial) if isinstance(state.initial, ast.Constant | ast.UnaryOp) else "0"
            out.append(f"{names[name]} : {start} : {about(state).replace(':', ',')}")
        defined = [_DEFINED[n] for n in _DEFINED if n in flat.functions]
        if defined:
            out += ["", "$GLOBAL", *defined]
        out += ["", "$MAIN"]
        for k, name in enumerate(self.varying, start=1):
            out.append(f"double {names[name]} = TV{names[name]} * exp(ETA({k}));")
        out += [self._declared(n, flat.lines[n]) for n in flat.lines if n in fixed and (n in moving or n in table)]
        for name, state in flat.states.items():
            if not isinstance(state.initial, ast.Constant | ast.UnaryOp):
                out.append(f"{names[name]}_0 = {self._say(state.initial)};")
        out += [f"F_{names[s]} = {self._say(t)};" for s, t in self.dosing.fractions.items()]
        out += [f"ALAG_{names[s]} = {self._say(t)};" for s, t in self.dosing.lags.items()]
        if self.varying:
            out += ["", "$OMEGA @annotated"]
            out += [f"E{names[n]} : {flat.parameters[n].variance!r} : variance of log {names[n]}" for n in self.varying]
        out += ["", "$ODE"]
        out += [self._declared(n, line) for n, line in moving.items() if n not in fixed]
        out += [f"dxdt_{names[n]} = {self._say(s.derivative)};" for n, s in flat.states.items()]
        out += ["", "$TABLE"]
        for name, line in table.items():
            if name in fixed:
                continue
            # SOLVERTIME is known in $ODE only.
            again = f"{names[name]} = {self._say(line.is_, 'TIME')};"
            out.append(again if name in moving else self._declared(name, line, "TIME"))
        captured = [names[n] for n in shown if n not in flat.states]
        if captured:
            out += ["", "$CAPTURE", " ".join(captured)]
        return "\n".join(out) + "\n", replace(self.dosing, names=names)

    def _declared(self, name: str, line: Line, time: str = "SOLVERTIME") -> str:
        said = about(line)
        return f"double {self.names[name]} = {self._say(line.is_, time)};" + (f" // {said}" if said else "")
