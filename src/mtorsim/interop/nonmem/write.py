"""Write a flat model as a NONMEM control stream for simulation, with ADVAN13."""

from __future__ import annotations

import ast
import re

from mtorsim.errors import one_line
from mtorsim.interop.dosing import Dosing, dosing_of
from mtorsim.interop.flat import FlatModel, Line
from mtorsim.interop.printing import Dialect, inlined, printed
from mtorsim.interop.text import about, for_derivatives, free_names, head, needed_lines, told

__all__ = ["DATA_COLUMNS", "write_nonmem"]

DATA_COLUMNS = ("ID", "TIME", "EVID", "CMT", "AMT", "RATE", "DV", "MDV")
_FORTRAN = {
    "exp": "EXP",
    "log": "LOG",
    "sqrt": "SQRT",
    "sin": "SIN",
    "cos": "COS",
    "lgamma": "GAMLN",
    "min": "MIN",
    "max": "MAX",
}
_COMPARED = {ast.Lt: ".LT.", ast.LtE: ".LE.", ast.Gt: ".GT.", ast.GtE: ".GE."}
_WORDS = (
    "A B C D E F G H P T X Y TIME DV AMT CMT EVID MDV RATE ID II SS ADDL L1 L2 PCMT CALL CONT DATE DAT1 DAT2 DAT3 "
    "ETA EPS ERR THETA OMEGA SIGMA DADT A_0 A_0FLG IF THEN ELSE ENDIF DO WHILE ENDDO EXIT COM NEWIND NEWL2 IPRED IRES "
    "EXP LOG LOG10 SQRT SIN COS TAN ABS INT MOD MIN MAX PHI GAMLN ASIN ACOS ATAN TSTATE TSCALE XSCALE MTIME DOSTIM "
    "DOSREC ICALL IREP COMACT NTHES NETAS NEPSS BLOCK FIX SAME MIXNUM MIXEST MNEXT MPAST MTDIFF FO F0 S0 SC "
)
_TAKEN = frozenset(_WORDS.split())
_NUMBERED = re.compile(r"(?:[FRDSWA]|ALAG|MU_|CTLO|CTUP)\d*|F_FLAG", re.IGNORECASE)
_WIDTH = 78


def _literal(node: ast.Constant) -> str:
    text = repr(float(node.value))  # type: ignore[arg-type]
    return text.upper() if "e" in text else text


def write_nonmem(flat: FlatModel, data: str) -> tuple[str, Dosing]:
    """Write a flat model as a control stream.

    Parameters
    ----------
    data
        Name of the file with doses and meals.

    Returns
    -------
    text
        The control stream.
    dosing
        Its doses and meals, for the data file.

    Raises
    ------
    ArgumentError
        If doses restart clocks.
    """
    return _Writing(flat, data).text()


class _Writing:
    def __init__(self, flat: FlatModel, data: str) -> None:
        self.flat, self.data = flat, data
        self.dosing = dosing_of(flat, "NONMEM")
        names = [*flat.states, *flat.parameters, *flat.lines]
        numbered = {n.upper() for n in names if _NUMBERED.fullmatch(n)}
        self.names = free_names(names, _TAKEN | numbered, form=str.upper, key=str.upper, longest=18)
        self.choices = 0
        late = {f"{n}:late": f"{self.names[n][:16]}_E" for n in (*flat.states, *flat.lines)}
        taken = {*_TAKEN, *numbered, *self.names.values()}
        made = free_names(late, taken, form=late.__getitem__, key=str.upper, longest=18)
        self.late = {n: made[f"{n}:late"] for n in (*flat.states, *flat.lines)}
        self.taken = taken | set(made.values())
        self.varying = [n for n, c in flat.parameters.items() if c.variance] or list(flat.parameters)[:1]

    def text(self) -> tuple[str, Dosing]:
        """The control stream and its doses."""
        flat, names = self.flat, self.names
        fixed, moving = flat.constants, for_derivatives(flat)
        shown = needed_lines(flat, flat.observables.values())
        out = [f"; {line}" for line in head(flat, self.dosing.left_out, names, "NONMEM")]
        out += [f"$PROBLEM {one_line(flat.title, 60)}", f"$INPUT {' '.join(DATA_COLUMNS)}"]
        out += [f"$DATA {self.data} IGNORE=@", "$SUBROUTINES ADVAN13 TOL=9", "$MODEL"]
        out += [f"  COMP=({names[s]})" + self._said(state) for s, state in flat.states.items()]
        out += ["$PK"]
        for name, line in flat.parameters.items():
            if name in self.varying:
                k = self.varying.index(name) + 1
                out += self._written(f"{names[name]} = THETA({k})*EXP(ETA({k}))", line)
            else:
                out += self._written(f"{names[name]} = {_literal(ast.Constant(line.value))}", line)
        for name, line in flat.lines.items():
            if name in fixed and (name in moving or name in shown):
                out += self._assigned(names[name], line.is_, line)
        for k, (name, state) in enumerate(flat.states.items(), start=1):
            out += self._assigned(f"A_0({k})", state.initial)
            if name in self.dosing.fractions:
                out += self._assigned(f"F{k}", self.dosing.fractions[name])
            if name in self.dosing.lags:
                out += self._assigned(f"ALAG{k}", self.dosing.lags[name])
        out += ["$DES"]
        out += [f"{names[n]} = A({k})" for k, n in enumerate(flat.states, start=1)]
        for name, line in moving.items():
            if name not in fixed:
                out += self._assigned(names[name], line.is_, line)
        for k, state in enumerate(flat.states.values(), start=1):
            out += self._assigned(f"DADT({k})", state.derivative)
        out += ["$ERROR", *self._errors(shown, fixed)]
        out += ["$THETA"]
        for name in self.varying:
            out.append(f"{_literal(ast.Constant(flat.parameters[name].value))} ; {names[name]}")
        out += ["$OMEGA"]
        for name in self.varying:
            variance = flat.parameters[name].variance
            out.append(f"{variance!r} ; {names[name]}" if variance else f"0 FIX ; {names[name]}")
        out += ["$SIGMA", "0 FIX", "$SIMULATION (20261) ONLYSIMULATION"]
        columns = [self._late(n) for n in dict.fromkeys(flat.observables.values())]
        out += self._wrapped(f"$TABLE ID TIME {' '.join(columns)} NOPRINT ONEHEADER FILE=simulated.tab")
        out += [f"; {line}" for line in told(flat)]
        return "\n".join(out) + "\n", self.dosing

    def _errors(self, shown: dict[str, Line], fixed: set[str]) -> list[str]:
        """Observables, under names of their own: $ERROR cannot assign to what $DES defines."""
        flat = self.flat
        again = {n: self._late(n) for n in (*flat.states, *shown) if n not in fixed}
        out = [f"{again[n]} = A({k})" for k, n in enumerate(flat.states, start=1)]
        for name, line in shown.items():
            if name not in fixed:
                out += self._assigned(again[name], line.is_, line, {**self.names, **again}, "TIME")
        first = next(iter(flat.observables.values()), next(iter(flat.states)))
        return [*out, f"IPRED = {again.get(first, self.names.get(first, first))}", "Y = IPRED + ERR(1)"]

    def _late(self, name: str) -> str:
        if name in self.flat.constants:
            return self.names[name]
        return self.late[name]

    def _said(self, thing: object) -> str:
        said = about(thing)
        return f" ; {said}" if said else ""

    def _assigned(
        self, target: str, tree: ast.expr, thing: object = None, names: dict[str, str] | None = None, time: str = "T"
    ) -> list[str]:
        """An assignment, after an IF for each choice in it."""
        dialect = Dialect("**", _FORTRAN, "", " .AND. ", " .OR. ", time, _COMPARED, _literal, names or self.names)
        before: list[str] = []
        tree = _Hoisting(self, before, dialect).visit(inlined(tree, _FORTRAN))
        return [*before, *self._written(f"{target} = {printed(tree, dialect)}", thing)]

    def _written(self, text: str, thing: object) -> list[str]:
        said = self._said(thing) if thing is not None else ""
        lines = self._wrapped(text)
        # A comment stands above a long equation, since it cannot follow a continued line.
        return [lines[0] + said] if len(lines) == 1 else [*([said.strip()] if said else []), *lines]

    @staticmethod
    def _wrapped(text: str) -> list[str]:
        """A long line with continuation marks, broken at spaces."""
        lines, rest = [], text
        while len(rest) > _WIDTH and " " in rest[:_WIDTH].strip():
            at = rest.rindex(" ", 1, _WIDTH)
            lines.append(rest[:at] + " &")
            rest = "   " + rest[at + 1 :]
        return [*lines, rest]

    def choice(self) -> str:
        """Name of the next choice."""
        self.choices += 1
        while f"CHOICE{self.choices}" in self.taken:
            self.choices += 1
        return f"CHOICE{self.choices}"


class _Hoisting(ast.NodeTransformer):
    """Replaces each `where` by a name that an IF before has set."""

    def __init__(self, writing: _Writing, before: list[str], dialect: Dialect) -> None:
        self.writing, self.before, self.dialect = writing, before, dialect

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A choice, or another function."""
        args = [self.visit(a) for a in node.args]
        if not isinstance(node.func, ast.Name) or node.func.id != "where":
            return ast.Call(node.func, args, [])
        name = self.writing.choice()
        condition = printed(args[0], self.dialect)
        self.before += self.writing._wrapped(f"IF ({condition}) THEN")
        self.before += self.writing._wrapped(f"  {name} = {printed(args[1], self.dialect)}")
        self.before += ["ELSE", *self.writing._wrapped(f"  {name} = {printed(args[2], self.dialect)}"), "ENDIF"]
        return ast.Name(name)
