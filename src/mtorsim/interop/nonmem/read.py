"""Read NONMEM control streams: $PK, $DES or a closed form of ADVAN 1 to 4, 11 and 12, $ERROR, $THETA and $OMEGA."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mtorsim.errors import ModelError, Where, one_line, shown_path
from mtorsim.interop.code import Code, RecordError
from mtorsim.interop.comments import described
from mtorsim.interop.flat import Constant, FlatModel
from mtorsim.interop.functions import called
from mtorsim.interop.grammar import negated
from mtorsim.interop.linear import compartments, linear_model
from mtorsim.interop.triangle import CORRELATED, diagonal_of, is_correlated

from .records import Record, code_lines, estimates, numbers, records_of, repeated, replaced, uncommented

__all__ = ["read_nonmem"]

_CLOSED = {1: (1, False), 2: (1, True), 3: (2, False), 4: (2, True), 11: (3, False), 12: (3, True)}
_TRANS = {1: (1, 2), 2: (1, 4), 3: (1, 4)}
"""Parameterisations by number of compartments besides the depot."""
_UNSUPPORTED = {
    **dict.fromkeys(("S0", "FO", "F0"), "there is no output compartment"),
    **dict.fromkeys(("TSCALE", "XSCALE"), "write the factor into the rate constants"),
}
_NUMERIC = (6, 8, 9, 13, 14, 15)
_DATA = "ID TIME DV AMT RATE EVID CMT MDV II SS ADDL DATE DAT1 DAT2 DAT3 L1 L2 PCMT CALL CONT DROP SKIP"
_ITEMS = frozenset(_DATA.split())


def read_nonmem(path: Path, text: str) -> FlatModel:
    """Read a control stream; nothing in it is executed.

    Raises
    ------
    ModelError
        If it contains what is not supported, by name.
    """
    return _Reading(path, text).flat()


class _Reading:
    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.shown = shown_path(path)
        self.records = records_of(replaced(text, self.shown), self.shown)
        times = ("T", "TIME")
        self.code = Code(self.shown, call=self._call, fold=str.upper, fortran=True, time_names=times)
        # Names of compartments are labels; equations say A(1).
        self.code.named_states = False
        self.names: list[str] = []
        self.observed = ""
        self.block = ""
        self.thetas: dict[str, str] = {}

    def _refuse(self, record: Record, message: str) -> ModelError:
        return ModelError(message, Where(self.shown, record.line))

    def _all(self, name: str) -> list[Record]:
        return [r for r in self.records if r.name == name]

    def flat(self) -> FlatModel:
        """The flat model."""
        code = self.code
        for record in self.records:
            if record.name in ("PRED", "MIX", "PRIOR", "INFN", "AES", "INCLUDE", "LEVEL"):
                raise self._refuse(record, f"the record ${record.name} is not supported")
        if len(self._all("PROBLEM")) > 1:
            raise self._refuse(self._all("PROBLEM")[1], "a second $PROBLEM is not supported")
        title = " ".join(r.text.strip() for r in self._all("PROBLEM")) or self.path.stem
        self._thetas()
        self._omegas()
        self._sigmas()
        advan, trans = self._subroutines()
        self._items()
        if advan in _CLOSED:
            self.names = compartments(*_CLOSED[advan])
        else:
            self._model()
        code.states |= {n: code.states.get(n, ("", None)) for n in self.names}
        for record in self._all("PK"):
            self._run(record, "PK")
        if advan in _CLOSED:
            linear_model(code, self.names, *_CLOSED[advan], trans)
            self.observed = "CENTRAL"
        for record in self._all("DES"):
            self._run(record, "DES")
        for record in self._all("ERROR"):
            self._run(record, "ERROR")
        for name in ("IPRED", "IPRE", "Y"):
            if name in code.program.current and not code.shown:
                code.shown[name] = name
        self._tables()
        return code.flat(self.path.stem, one_line(title, 200), None)

    def _thetas(self) -> None:
        """Initial estimates, with their comments."""
        number = 0
        for record in self._all("THETA"):
            for value, comment in estimates(record, self.shown):
                number += 1
                meaning, unit, evidence, source = described(comment)
                name = f"THETA{number}"
                self.code.parameters[name] = Constant(value, unit, meaning or name, source, evidence)

    def _omegas(self) -> None:
        number = 0
        for record in self._all("OMEGA"):
            plain = uncommented(record.text)
            head = plain.upper()
            block = re.search(r"BLOCK\s*\(\s*(\d+)\s*\)", plain, re.IGNORECASE)
            if re.search(r"\bSAME\b", head):
                size = int(block.group(1)) if block else 1
                count = re.search(r"SAME\s*\(\s*(\d+)\s*\)", plain, re.IGNORECASE)
                for _again in range(min(int(count.group(1)) if count else 1, 1000)):
                    for _ in range(size):
                        number += 1
                        self.code.etas[f"ETA({number})"] = (
                            self.code.etas[f"ETA({number - size})"] if number > size else 0.0
                        )
                self.code.notes.append("variability between occasions ($OMEGA SAME): it is drawn once a subject")
                continue
            plain = repeated(plain)
            given = re.search(r"VALUES\s*\(\s*([^,\s]+)\s*,\s*([^)\s]+)\s*\)", plain, re.IGNORECASE)
            if given and block:
                rows = range(int(block.group(1)))
                plain = " ".join(given.group(1) if i == j else given.group(2) for i in rows for j in range(i + 1))
            values = numbers(re.sub(r"BLOCK\s*\(\s*\d+\s*\)|DIAGONAL\s*\(\s*\d+\s*\)", "", plain, flags=re.IGNORECASE))
            scale = 2 if re.search(r"\b(STANDARD|SD)\b", head) else 1
            if re.search(r"\b(CHOLESKY|CORRELATION|CORR)\b", head):
                raise self._refuse(record, "$OMEGA as correlations or a Cholesky factor is not supported")
            diagonal = diagonal_of(values) if block else values
            if block and is_correlated(values):
                self.code.notes.append(CORRELATED)
            for value in diagonal:
                number += 1
                self.code.etas[f"ETA({number})"] = value**scale

    def _sigmas(self) -> None:
        values = [v for r in self._all("SIGMA") for v in numbers(repeated(uncommented(r.text)))]
        values = [v for v in values if v]
        if values:
            self.code.notes.append("residual error ($SIGMA " + ", ".join(f"{v:g}" for v in values) + ")")

    def _subroutines(self) -> tuple[int, int]:
        """ADVAN and TRANS."""
        text = " ".join(uncommented(r.text) for r in self._all("SUBROUTINES")).upper()
        found = re.search(r"ADVAN\s*=?\s*(?:ADVAN)?(\d+)", text)
        where = (
            Where(self.shown, self._all("SUBROUTINES")[0].line) if self._all("SUBROUTINES") else Where(self.shown, 0)
        )
        if found is None:
            raise ModelError("$SUBROUTINES names no ADVAN, so there are no compartments", where)
        advan = int(found.group(1))
        if advan not in _CLOSED and advan not in _NUMERIC:
            raise ModelError(f"ADVAN{advan} is not supported", where, "write the equations in $DES for ADVAN13")
        trans = re.search(r"TRANS\s*=?\s*(?:TRANS)?(\d+)", text)
        number = int(trans.group(1)) if trans else 1
        if advan in _CLOSED and number not in _TRANS[_CLOSED[advan][0]]:
            raise ModelError(f"TRANS{number} with ADVAN{advan} is not supported", where)
        return advan, number

    def _items(self) -> None:
        """Covariates: data items that are not of NONMEM's own become parameters that need a value."""
        for record in self._all("INPUT"):
            for word in uncommented(record.text).replace(",", " ").split():
                name, _, other = word.upper().partition("=")
                if other in ("DROP", "SKIP") or name in ("DROP", "SKIP") or name in _ITEMS or other in _ITEMS:
                    continue
                self.code.aliases[name] = lambda own=name: self._covariate(own)

    def _covariate(self, name: str) -> ast.expr:
        self.code.parameters.setdefault(name, Constant(None, None, f"covariate {name} of the data"))
        return ast.Name(name)

    def _model(self) -> None:
        """Names of the compartments in $MODEL."""
        for record in self._all("MODEL"):
            for k, line in enumerate(record.text.splitlines()):
                said, _, comment = line.partition(";")
                for found in re.finditer(r"(?<!N)COMP\w*\s*=?\s*(?:\(([^)]*)\)|([A-Za-z]\w*))", said, re.IGNORECASE):
                    words = (found.group(1) or found.group(2)).replace(",", " ").split()
                    name = words[0].upper()
                    meaning, unit, _, _ = described(comment)
                    if name in self.names:
                        raise ModelError(f"two compartments are named `{name}`", Where(self.shown, record.line + k))
                    self.names.append(name)
                    self.code.states[name] = meaning, unit
                    if any(w.upper().startswith("DEFOBS") for w in words[1:]):
                        self.observed = name
                number = re.search(r"NCOMP\w*\s*=\s*(\d+)", said, re.IGNORECASE)
                if number and not self.names:
                    self.names = [f"COMP{j}" for j in range(1, min(int(number.group(1)), 200) + 1)]
        if not self.names:
            raise ModelError("$MODEL names no compartments", Where(self.shown, 0))
        self.observed = self.observed or ("CENTRAL" if "CENTRAL" in self.names else self.names[0])

    def _tables(self) -> None:
        """Quantities of $TABLE that are equations."""
        for record in self._all("TABLE"):
            for word in uncommented(record.text).replace(",", " ").split():
                name = word.upper().partition("=")[0]
                if name in self.code.program.current and name not in ("Y", "W", "IRES", "IWRES"):
                    self.code.shown.setdefault(name, name)

    def _call(self, name: str, args: list[ast.expr]) -> ast.expr:
        upper = name.upper()
        index = (
            args[0].value
            if len(args) == 1 and isinstance(args[0], ast.Constant) and isinstance(args[0].value, int)
            else 0
        )
        if upper in ("EPS", "ERR") and index:
            return ast.Constant(0)
        if upper == "ETA" and index:
            return self.code.eta(f"ETA({index})")
        if upper == "THETA" and index:
            if f"THETA{index}" not in self.code.parameters:
                raise self.code.refuse(f"THETA({index}) has no initial estimate")
            return ast.Name(f"THETA{index}")
        if upper == "A" and index:
            return ast.Name(self._state(index))
        if upper == "A_0" and index:
            return self.code.part(self._state(index), "0") or ast.Constant(0)
        return called({"LOG": "log", "GAMLN": "gamln"}.get(upper, upper.lower()), args)

    def _state(self, index: int) -> str:
        if not 1 <= index <= len(self.names):
            raise self.code.refuse(f"there is no compartment {index}; the model has {len(self.names)}")
        return self.names[index - 1]

    def _run(self, record: Record, block: str) -> None:
        """The abbreviated code of a record, line by line."""
        self.block = block
        if block == "PK" and re.search(r"\bTIME\b", uncommented(record.text), re.IGNORECASE):
            self.code.notes.append("$PK reads the time at records; here it is read at every moment")
        if block == "ERROR" and self.observed:
            self.code.aliases["F"] = self._prediction
        lines = code_lines(record, self.shown)
        rest = self._lines(lines, 0)
        if rest < len(lines):
            number, text, _ = lines[rest]
            raise ModelError(f"`{one_line(text, 60)}` without its IF", Where(self.shown, number))

    def _prediction(self) -> ast.expr:
        """F in $ERROR: the amount in the default compartment over its scale."""
        place = f"S{self.names.index(self.observed) + 1}"
        scale = "SC" if "SC" in self.code.program.current else place
        amount = ast.Name(self.observed)
        return ast.BinOp(amount, ast.Div(), self.code.name(scale)) if scale in self.code.program.current else amount

    def _lines(self, lines: list[tuple[int, str, str]], at: int, depth: int = 0) -> int:
        """Run lines from `at` until ELSE or ENDIF; return where it stands."""
        code = self.code
        if depth > 40:
            raise code.refuse("IF is nested too deeply")
        while at < len(lines):
            code.line, text, comment = lines[at]
            word = text.upper().replace(" ", "")
            if word in ("ELSE", "ENDIF") or re.match(r"ELSE\s*IF\s*\(", text, re.IGNORECASE):
                return at
            found = re.match(r"IF\s*\(", text, re.IGNORECASE)
            if found is None:
                self._statement(text, comment)
                at += 1
                continue
            condition, rest = _parenthesis(text, found.end() - 1, code)
            held = self._held(condition)
            if rest.strip().upper() == "THEN":
                at = self._branches(lines, at + 1, held, depth)
            else:
                code.program.within(held, lambda body=rest, said=comment: self._statement(body.strip(), said))
                at += 1
        return at

    def _held(self, text: str) -> ast.expr:
        """A condition; one on the present record holds in $ERROR, since outputs are computed at every moment."""
        try:
            return self.code.condition(text)
        except RecordError as problem:
            if self.block != "ERROR":
                raise
            self.code.notes.append(
                f"the condition `{one_line(text, 60)}` in $ERROR, which is taken to hold: {problem.message}"
            )
            return ast.Compare(ast.Constant(0), [ast.LtE()], [ast.Constant(0)])

    def _branches(self, lines: list[tuple[int, str, str]], at: int, held: ast.expr, depth: int) -> int:
        """Run the branches of a block IF, and return the line after its ENDIF."""
        code = self.code
        place = [at]
        code.program.within(held, lambda: place.__setitem__(0, self._lines(lines, at, depth + 1)))
        at = place[0]
        if at >= len(lines):
            raise code.refuse("IF has no ENDIF")
        _, text, _ = lines[at]
        word = text.upper().replace(" ", "")
        if word == "ENDIF":
            return at + 1
        other = negated(held)
        found = re.match(r"ELSE\s*IF\s*\(", text, re.IGNORECASE)
        if found is None:
            code.program.within(other, lambda: place.__setitem__(0, self._lines(lines, at + 1, depth + 1)))
            if place[0] >= len(lines) or lines[place[0]][1].upper().replace(" ", "") != "ENDIF":
                raise code.refuse("ELSE has no ENDIF")
            return place[0] + 1
        condition, rest = _parenthesis(text, found.end() - 1, code)
        if rest.strip().upper() != "THEN":
            raise code.refuse("ELSE IF needs THEN")
        inner = code.condition(condition)
        code.program.within(other, lambda: place.__setitem__(0, self._branches(lines, at + 1, inner, depth + 1)))
        return place[0]

    def _statement(self, text: str, comment: str) -> None:
        """An assignment."""
        code = self.code
        found = re.match(r"([A-Za-z]\w*)\s*(?:\(\s*(\d+)\s*\))?\s*=(?!=)\s*(.+)$", text)
        if found is None:
            word = text.split("(")[0].split()[0].upper() if text.split() else text
            raise code.refuse(f"`{one_line(text, 60)}` is not supported: `{word}` is neither an assignment nor IF")
        name, index, right = found.group(1).upper(), found.group(2), found.group(3)
        try:
            tree = code.tree(right)
        except RecordError as problem:
            if self.block != "ERROR":
                raise
            code.lose(name, problem)
            return
        if index:
            if name == "DADT" and self.block == "DES":
                code.set_part(self._state(int(index)), "d", tree)
            elif name == "A_0" and self.block in ("PK", "ERROR"):
                code.set_part(self._state(int(index)), "0", tree)
            else:
                raise code.refuse(f"`{name}({index})` cannot be set in ${self.block}")
            return
        if name in _UNSUPPORTED and self.block == "PK":
            raise code.refuse(f"`{name}` is not supported: {_UNSUPPORTED[name]}")
        part = re.fullmatch(r"(F|ALAG|R|D)(\d+)", name)
        if part and self.block == "PK" and 1 <= int(part.group(2)) <= len(self.names):
            kind = {"F": "F", "ALAG": "lag", "R": "R", "D": "D"}[part.group(1)]
            state = self._state(int(part.group(2)))
            code.set_part(state, kind, tree)
            code.aliases[name] = lambda: code.part(state, kind) or ast.Constant(0)
            return
        code.assign(name, tree, comment)


def _parenthesis(text: str, at: int, code: Code) -> tuple[str, str]:
    """What stands within the parenthesis at `at`, and what follows."""
    depth = 0
    for k in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[k], 0)
        if depth == 0:
            return text[at + 1 : k], text[k + 1 :]
    raise code.refuse("`)` is missing")
