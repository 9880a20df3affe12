"""Read mrgsolve model specifications: $PARAM, $CMT, $INIT, $PKMODEL, $GLOBAL, $MAIN, $ODE, $TABLE, $OMEGA."""

from __future__ import annotations

import ast
import re
from functools import partial
from pathlib import Path

from mtorsim.errors import ModelError, Where, one_line, shown_path
from mtorsim.interop.code import Code, RecordError
from mtorsim.interop.comments import constant, described
from mtorsim.interop.flat import Constant, FlatModel, number
from mtorsim.interop.functions import called, placed
from mtorsim.interop.grammar import Grammar, parse
from mtorsim.interop.linear import compartments, linear_model
from mtorsim.interop.statements import Simple, statements_of
from mtorsim.interop.triangle import CORRELATED, diagonal_of, is_correlated

from .blocks import Block, blocks_of, numbers, plain_head, split_at_commas

__all__ = ["read_mrgsolve"]

_IGNORED = ("PROB", "SET", "PLUGIN", "NAMESPACE", "TRANSIT", "YAML", "TYPEDEF", "INCLUDE")

MOST_MACROS = 5000
"""Uses of macros in a file."""


def read_mrgsolve(path: Path, text: str) -> FlatModel:
    """Read a model specification; nothing in it is executed.

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
        self.blocks = blocks_of(text)
        self.like_nonmem = any(b.name == "PLUGIN" and "nm-like" in f"{b.head} {b.text}" for b in self.blocks)
        times = ("SOLVERTIME", "TIME", "T") if self.like_nonmem else ("SOLVERTIME", "TIME")
        self.code = Code(self.shown, call=self._call, time_names=times, c=not self.like_nonmem)
        self.code.check = self._check_division
        self.macros: dict[str, str] = {}
        self.functions: dict[str, tuple[list[str], ast.expr]] = {}
        self.deep = self.expanded = 0
        self.block = ""
        self.thetas = 0

    def _refuse(self, block: Block, message: str) -> ModelError:
        return ModelError(message, Where(self.shown, block.line))

    def flat(self) -> FlatModel:
        """The flat model."""
        code = self.code
        title = self.path.stem
        known = {
            *_IGNORED,
            "GLOBAL",
            "MAIN",
            "PKMODEL",
            "ODE",
            "TABLE",
            "CAPTURE",
            "SIGMA",
            "PARAM",
            "CMT",
            "INIT",
            "OMEGA",
            "THETA",
        }
        for block in self.blocks:
            if block.name == "ENV":
                code.notes.append("$ENV, which is R code")
            elif block.name not in known:
                raise self._refuse(block, f"the block ${block.name} is not supported")
        for block in self.blocks:
            if block.name == "PROB":
                words = [w.strip("# ") for w in f"{block.head}\n{block.text}".splitlines() if w.strip("# ")]
                title = one_line(words[0], 200) if words else title
        self._declare()
        for block in self._named("GLOBAL"):
            self._global(block)
        for block in self._named("MAIN"):
            self._run(block)
        for block in self._named("PKMODEL"):
            self._linear(block)
        for block in (*self._named("ODE"), *self._named("TABLE")):
            self._run(block)
        for block in self._named("CAPTURE"):
            self._capture(block)
        for block in self._named("SIGMA"):
            values = [v for v in numbers(f"{block.head} {block.text}") if v]
            if values:
                code.notes.append("residual error ($SIGMA " + ", ".join(f"{v:g}" for v in values) + ")")
        code.notes += [
            f"${b.name}"
            for b in self.blocks
            if b.name in _IGNORED and b.name not in ("PROB", "SET") and not self.like_nonmem
        ]
        return code.flat(self.path.stem, title, None)

    def _named(self, name: str) -> list[Block]:
        return [b for b in self.blocks if b.name == name]

    def _declare(self) -> None:
        """Parameters, compartments and random effects."""
        for block in self._named("PARAM"):
            for name, value, comment in self._assignments(block):
                self.code.parameters[name] = constant(value, comment)
        for block in self._named("THETA"):
            lines = f"{plain_head(block)}\n{block.text}".splitlines()
            if "annotated" in block.options:
                lines = [line.partition(":")[0] for line in lines]
            plain = "\n".join(lines)
            for value in numbers(plain):
                self.thetas += 1
                self.code.parameters[f"THETA{self.thetas}"] = Constant(value, None, f"THETA({self.thetas})")
        for block in self._named("CMT"):
            self._compartments(block)
        for block in self._named("INIT"):
            for name, value, comment in self._assignments(block):
                about, unit, _, _ = described(comment)
                self.code.states[name] = about, unit
                self.code.initials[name] = number(value)
        for block in self._named("PKMODEL"):
            found = re.search(r'cmt\s*=\s*"([^"]*)"', f"{block.head} {block.text}")
            for name in found.group(1).replace(",", " ").split() if found else ():
                self.code.states.setdefault(name, ("", None))
        for block in self._named("OMEGA"):
            self._omega(block)
        for name in self.code.states:
            self.code.aliases[f"{name}_0"] = lambda own=name: self.code.initials.get(own, ast.Constant(0))

    def _assignments(self, block: Block) -> list[tuple[str, float, str]]:
        """Names, numbers and comments of $PARAM or $INIT."""
        found = []
        if "annotated" in block.options:
            for k, line in enumerate(block.text.splitlines(), start=1):
                if not line.strip() or line.strip().startswith(("//", "#")):
                    continue
                parts = [p.strip() for p in line.split(":", 2)]
                if len(parts) < 2:
                    raise ModelError(
                        f"`{one_line(line, 60)}` is not `name : value : meaning`", Where(self.shown, block.line + k)
                    )
                found.append((parts[0], self._number(parts[1], block), parts[2] if len(parts) > 2 else ""))
            return found
        for line in f"{plain_head(block)}\n{block.text}".splitlines():
            said, _, comment = line.partition("//")
            for part in split_at_commas(said):
                name, equals, value = part.partition("=")
                if not equals:
                    raise self._refuse(block, f"`{one_line(part, 60)}` in ${block.name} is not `name = value`")
                found.append((name.strip(), self._number(value, block), comment))
        return found

    def _number(self, text: str, block: Block) -> float:
        """The value of an equation of numbers, in which parameters may come before."""
        from mtorsim.interop.dosing import value_of

        self.code.line = block.line
        # $PARAM is R, in which 1/2 is a half.
        tree = parse(text, Grammar(self._call, self.code.name, where=self.code.where()))
        values = {n: float(c.value) for n, c in self.code.parameters.items() if c.value is not None}
        try:
            return value_of(tree, values)
        except (KeyError, ZeroDivisionError, OverflowError):
            raise self._refuse(block, f"`{one_line(text.strip(), 60)}` is not a number") from None

    def _compartments(self, block: Block) -> None:
        number_of = re.search(r"@number\s+(\d+)", block.head)
        if number_of:
            for k in range(1, min(int(number_of.group(1)), 100) + 1):
                self.code.states[f"A{k}"] = "", None
            return
        for line in f"{plain_head(block)}\n{block.text}".splitlines():
            if "annotated" in block.options:
                name, _, about = (p.strip() for p in line.partition(":"))
                if name and not name.startswith(("//", "#")):
                    meaning, unit, _, _ = described(about)
                    self.code.states[name] = meaning, unit
                continue
            said, _, comment = line.partition("//")
            names = said.replace(",", " ").split()
            for name in names:
                meaning, unit, _, _ = described(comment) if len(names) == 1 else ("", None, None, None)
                self.code.states[name] = meaning, unit

    def _omega(self, block: Block) -> None:
        """Variances of random effects, on a diagonal or in a block."""
        labels: list[str] = []
        values: list[float] = []
        if "annotated" in block.options:
            for line in block.text.splitlines():
                parts = [p.strip() for p in line.split(":")]
                if len(parts) > 1:
                    labels.append(parts[0])
                    values += numbers(parts[1])
        else:
            body = f"{block.head}\n{block.text}"
            found = re.search(r"@labels\s+([^\n]*)", body)
            labels = found.group(1).split() if found else []
            body = re.sub(r"@(labels|name)[^\n]*", "", body)
            values = numbers(re.sub(r"@\w+", "", body))
        whole = "block" in block.options or "@block" in block.head or "@cor" in block.head
        diagonal = diagonal_of(values) if whole else values
        if "@cor" in block.head or (whole and is_correlated(values)):
            self.code.notes.append(CORRELATED)
        before = sum(1 for n in self.code.etas if n.startswith("ETA("))
        for k, value in enumerate(diagonal, start=1):
            name = labels[k - 1] if k <= len(labels) and labels[k - 1] != "." else ""
            self.code.etas[f"ETA({before + k})"] = value
            if name:
                self.code.aliases[name] = lambda own=f"ETA({before + k})": self.code.eta(own)

    def _global(self, block: Block) -> None:
        """Macros and small functions."""
        rest = []
        for line in f"{plain_head(block)}\n{block.text}".splitlines():
            found = re.match(r"\s*#define\s+([A-Za-z_]\w*)\s+(.*)", line)
            if found:
                name, body = found.groups()
                self.macros[name] = self._macro_body(name, body.partition("//")[0].strip(), block)
                self.code.aliases[name] = partial(self._macro, name)
            else:
                rest.append(line)
        text = "\n".join(rest)
        pattern = re.compile(
            r"(?:static\s+|inline\s+)*double\s+([A-Za-z_]\w*)\s*\(([^)]*)\)\s*\{\s*return\s+([^;]*);\s*\}"
        )
        for name, arguments, body in pattern.findall(text):
            names = [a.split()[-1].lstrip("&*") for a in arguments.split(",") if a.strip()]
            own = Code(self.shown, call=self._call, parameters={n: Constant(0.0) for n in names})
            self.functions[name] = names, own.tree(body)
        text = pattern.sub("", text)
        text = re.sub(r"//[^\n]*", "", text)
        for statement in re.sub(r"namespace\s*\w*\s*\{|\}", "", text).split(";"):
            said = statement.strip()
            if (
                said
                and not re.fullmatch(r"(?:double|int|bool)\s+[\w\s,=.+-]+", said)
                and not said.startswith("typedef")
            ):
                raise self._refuse(block, f"the code `{one_line(said, 60)}` in $GLOBAL is not supported")

    def _macro_body(self, name: str, body: str, block: Block) -> str:
        """The body of a macro, which C puts into equations as text: it must hold together by itself."""
        if not re.fullmatch(r"[\w.]+", body) and not (body.startswith("(") and _closes(body) == len(body) - 1):
            help = f"write `#define {name} ({body})`"
            message = f"the macro `{name}` is not supported: its body is not in parentheses"
            raise ModelError(message, Where(self.shown, block.line), help)
        return body

    def _macro(self, name: str) -> ast.expr:
        self.deep += 1
        self.expanded += 1
        if self.expanded > MOST_MACROS:
            raise ModelError("the macros expand too far: an equation is too large", Where(self.shown, self.code.line))
        if self.deep > 20:
            raise ModelError(f"the macro `{name}` refers to itself", Where(self.shown, self.code.line))
        try:
            return self.code.tree(self.macros[name])
        finally:
            self.deep -= 1

    def _call(self, name: str, args: list[ast.expr]) -> ast.expr:
        if name in self.functions and name not in ("hill", "logistic", "softplus"):
            names, body = self.functions[name]
            if len(names) == len(args):
                return placed(body, dict(zip(names, args, strict=True)))
        index = (
            int(args[0].value)
            if len(args) == 1 and isinstance(args[0], ast.Constant) and isinstance(args[0].value, int)
            else 0
        )
        if name in ("EPS", "ERR") and index:
            return ast.Constant(0)
        if name == "ETA" and index:
            return self.code.eta(f"ETA({index})")
        if name == "THETA" and index:
            return self.code.name(f"THETA{index}")
        if name == "A" and index and self.like_nonmem:
            return ast.Name(self._numbered(index))
        return called(name.lower() if self.like_nonmem else name, args)

    def _numbered(self, index: int) -> str:
        names = list(self.code.states)
        if not 1 <= index <= len(names):
            raise self.code.refuse(f"there is no compartment {index}")
        return names[index - 1]

    def _run(self, block: Block) -> None:
        """The statements of a block."""
        self.block = block.name
        if block.name in ("MAIN", "ODE") and re.search(r"(?<![\w.])TIME(?!\w)", re.sub(r"//[^\n]*", "", block.text)):
            self.code.notes.append(f"${block.name} reads TIME at records; here it is read at every moment")
        text = f"{plain_head(block)}\n{block.text}"
        if self.like_nonmem:
            text = "\n".join(
                line if line.rstrip().endswith((";", "{", "}")) or not line.strip() else f"{line};"
                for line in text.splitlines()
            )
        self.code.run(statements_of(text, self.shown, block.line, "c"), self._assign)

    def _assign(self, statement: Simple) -> None:
        """An assignment, perhaps with a declaration."""
        text = re.sub(r"^(?:const\s+|static\s+)*(double|int|bool|capture|localdouble|float)\s+", r"\1 ", statement.text)
        kind, _, rest = text.partition(" ")
        declared = kind in ("double", "int", "bool", "capture", "localdouble", "float")
        for part in split_at_commas(rest) if declared else [text]:
            self._one(part, kind if declared else "", statement)

    def _check_division(self, text: str) -> None:
        """Raise for 1/2, which is 0 in C++."""
        if not self.like_nonmem and re.search(r"(?<![\w.])\d+\s*/\s*\d+(?![\w.])", text):
            message = f"`{one_line(text, 60)}` divides whole numbers, which C++ rounds down"
            raise self.code.refuse(message, "write 1.0/2.0 in place of 1/2")

    def _one(self, text: str, kind: str, statement: Simple) -> None:
        found = re.match(r"\s*([A-Za-z_][\w:]*(?:\(\s*\w+\s*\))?)\s*([-+*/]?)=(?!=)\s*(.*)$", text, re.DOTALL)
        if found is None:
            if kind and re.fullmatch(r"\s*[A-Za-z_]\w*\s*", text):
                return
            raise self.code.refuse(
                f"`{one_line(statement.text, 80)}` is not supported: equations are assignments and `if`"
            )
        name, operator, right = found.groups()
        try:
            tree = self.code.tree(right)
        except RecordError as problem:
            if self.block != "TABLE":
                raise
            self.code.lose(name, problem)
            return
        if kind in ("int", "bool") and not _is_whole(tree):
            message = f"`{one_line(statement.text, 60)}` is not supported: a whole number is rounded down in C++"
            raise self.code.refuse(message, "declare the quantity as `double`")
        if operator:
            ops = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div}
            tree = ast.BinOp(self.code.name(name), ops[operator](), tree)
        self._store(name, tree, statement.comment)
        if kind == "capture":
            self.code.shown[name] = name

    def _store(self, name: str, tree: ast.expr, comment: str) -> None:
        states = self.code.states
        nonmem = re.fullmatch(r"(DADT|A_0)\(\s*(\d+)\s*\)", name)
        if nonmem:
            state = self._numbered(int(nonmem.group(2)))
            self.code.set_part(state, "d" if nonmem.group(1) == "DADT" else "0", tree)
            return
        parts = {f"dxdt_{s}": (s, "d") for s in states} | {f"{s}_0": (s, "0") for s in states}
        parts |= {f"{p}_{s}": (s, k) for s in states for p, k in (("F", "F"), ("ALAG", "lag"), ("R", "R"), ("D", "D"))}
        if self.like_nonmem:
            order = list(enumerate(states, start=1))
            parts |= {
                f"{p}{k}": (s, own)
                for k, s in order
                for p, own in (("F", "F"), ("ALAG", "lag"), ("R", "R"), ("D", "D"))
            }
        if name in parts:
            state, part = parts[name]
            self.code.set_part(state, part, tree)
            self.code.aliases[name] = lambda own=f"{part}:{state}": self.code.program.known(own)
            return
        if name.startswith("dxdt_"):
            raise self.code.refuse(f"`{name[5:]}` is not a compartment")
        if name in states or name in self.code.parameters:
            raise self.code.refuse(
                f"`{name}` is a {'compartment' if name in states else 'parameter'} and cannot be set"
            )
        self.code.assign(name, tree, comment)

    def _linear(self, block: Block) -> None:
        """$PKMODEL, written out."""
        text = f"{block.head} {block.text}"
        given = dict(re.findall(r'(\w+)\s*=\s*("[^"]*"|[\w.]+)', text))
        depot = given.get("depot", "FALSE").upper() in ("TRUE", "T")
        names = list(self.code.states) if "cmt" not in given else given["cmt"].strip('"').replace(",", " ").split()
        count = int(given["ncmt"]) if "ncmt" in given else len(names) - depot
        if not names:
            names = compartments(count, depot)
            self.code.states |= {n: ("", None) for n in names}
        if count not in (1, 2) or len(names) != count + depot:
            raise self._refuse(block, f"$PKMODEL with {len(names)} compartments is not supported")
        trans = int(given.get("trans", "4" if count == 2 else "2"))
        if trans not in (2, 4, 11):
            raise self._refuse(block, f"$PKMODEL with trans = {trans} is not supported")
        linear_model(self.code, names, count, depot, trans)

    def _capture(self, block: Block) -> None:
        for line in f"{plain_head(block)}\n{block.text}".splitlines():
            words = (
                [line.partition(":")[0]]
                if "annotated" in block.options
                else line.partition("//")[0].replace(",", " ").split()
            )
            for word in words:
                name = word.strip()
                if not name or name.startswith(("//", "#")) or "(" in name or "=" in name:
                    continue
                if name in self.macros and name not in self.code.program.current:
                    self.code.assign(name, self._macro(name))
                self.code.shown[name] = name


def _closes(text: str) -> int:
    """Where the parenthesis at the beginning closes."""
    depth = 0
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return at
    return -1


def _is_whole(tree: ast.expr) -> bool:
    """Whether a tree is a whole number, or 1 and 0 by a condition."""
    if isinstance(tree, ast.Constant):
        return isinstance(tree.value, int)
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        return False
    return tree.func.id == "where" and all(_is_whole(a) for a in tree.args[1:])
