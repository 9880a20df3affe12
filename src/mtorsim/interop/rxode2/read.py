"""Read rxode2 models: `ini({})` and `model({})`, or `rxode2({})`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mtorsim.errors import ModelError, Where, one_line, shown_path
from mtorsim.interop.code import Code
from mtorsim.interop.comments import constant, described
from mtorsim.interop.flat import Constant, FlatModel
from mtorsim.interop.functions import called
from mtorsim.interop.statements import Choice, Simple, Statement, statements_of
from mtorsim.interop.triangle import CORRELATED, diagonal_of, is_correlated

__all__ = ["read_rxode2"]

_PARTS = {"f": "F", "F": "F", "alag": "lag", "lag": "lag", "rate": "R", "dur": "D"}


def read_rxode2(path: Path, text: str) -> FlatModel:
    """Read the model in an R script; nothing in it is executed.

    Raises
    ------
    ModelError
        If there is no model or more than one, or it contains what is not supported, by name.
    """
    return _Reading(path, text).flat()


class _Reading:
    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text
        self.shown = shown_path(path)
        self.code = Code(self.shown, call=self._call, time_names=("t", "time"))
        self.hidden = False
        self.words = set(re.findall(r"[A-Za-z][\w.]*", text))
        self.dotless: dict[str, str] = {}

    def flat(self) -> FlatModel:
        """The flat model."""
        code = self.code
        for body, line in _bodies(self.text, r"\bini"):
            self._ini(statements_of(body, self.shown, line, "r"))
        bodies = _bodies(self.text, r"\bmodel")
        self.hidden = not bodies
        bodies = bodies or _bodies(self.text, r"\b(?:rxode2|RxODE|rxode)")
        if len(bodies) != 1:
            said = "no model" if not bodies else f"{len(bodies)} models"
            message = f"the script holds {said}: one `model({{ ... }})` or `rxode2({{ ... }})` is read"
            raise ModelError(message, Where(self.shown, 0))
        body, line = bodies[0]
        statements = statements_of(body, self.shown, line, "r")
        self._declare(statements)
        code.check = self._free
        code.run(statements, self._assign)
        return code.flat(self.path.stem, self.path.stem, None)

    def _ini(self, statements: list[Statement]) -> None:
        """Parameters and variances."""
        last = ""
        for statement in statements:
            self.code.line = statement.line
            if not isinstance(statement, Simple):
                raise self.code.refuse("`if` in ini() is not supported")
            text = statement.text
            label = re.match(r'label\s*\(\s*"([^"]*)"\s*\)', text)
            if label and last:
                self.code.parameters[last] = constant(self.code.parameters[last].value or 0.0, label.group(1))
                continue
            effect = re.match(r"([\w.+ ]+?)\s*~\s*(.+)$", text)
            if effect:
                self._variances([n.strip() for n in effect.group(1).split("+")], effect.group(2))
                continue
            found = re.match(r"([A-Za-z][\w.]*)\s*(?:<-|=)\s*(.+)$", text)
            if found is None:
                raise self.code.refuse(f"`{one_line(text, 60)}` in ini() is not supported")
            last = self._plain(found.group(1))
            self.code.parameters[last] = constant(self._estimate(found.group(2)), statement.comment)

    def _estimate(self, text: str) -> float:
        """A number, `c(low, value, high)` or `fix(value)`."""
        from mtorsim.interop.dosing import value_of

        inside = re.sub(r"\b(fix|fixed)\b", "", text).strip()
        listed = re.match(r"c\s*\((.*)\)$", inside, re.DOTALL)
        parts = [p for p in listed.group(1).split(",") if p.strip()] if listed else [inside]
        chosen = parts[0] if len(parts) == 1 else parts[1]
        try:
            return value_of(self.code.tree(self._dotless(chosen)), {})
        except (KeyError, ZeroDivisionError, OverflowError):
            raise self.code.refuse(f"`{one_line(text, 60)}` is not a number") from None

    def _variances(self, names: list[str], text: str) -> None:
        listed = re.match(r"(?:fix\s*\(\s*)?c\s*\((.*?)\)", text, re.DOTALL)
        parts = listed.group(1).split(",") if listed else [re.sub(r"\bfix(ed)?\b|[()]", "", text)]
        values = [float(p) for p in parts if re.fullmatch(r"\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*", p)]
        if len(values) != len(names) * (len(names) + 1) // 2:
            raise self.code.refuse(f"`{one_line(text, 60)}` are not the variances of {', '.join(names)}")
        if is_correlated(values):
            self.code.notes.append(CORRELATED)
        self.code.etas |= dict(zip(map(self._plain, names), diagonal_of(values), strict=True))

    def _declare(self, statements: list[Statement]) -> None:
        """Find the compartments, and the names that are used without being set: parameters without a value."""
        for statement in statements:
            if isinstance(statement, Choice):
                self._declare([*statement.yes, *statement.no])
                continue
            found = re.match(r"d\s*/\s*dt\s*\(\s*([\w.]+)\s*\)", statement.text)
            if found:
                self.code.states.setdefault(self._plain(found.group(1)), ("", None))
            if "linCmt(" in statement.text:
                self.code.line = statement.line
                raise self.code.refuse("`linCmt()` is not supported", "write the derivatives out")

    def _call(self, name: str, args: list[ast.expr]) -> ast.expr:
        return called(name, args)

    def _assign(self, statement: Simple) -> None:
        code, text = self.code, statement.text
        hidden = re.match(r"([^~]+?)\s*~\s*(.+)$", text)
        if hidden and self.hidden:
            # In rxode2({}), `~` assigns what is no output; in model({}) it gives a residual error.
            text = f"{hidden.group(1)} <- {hidden.group(2)}"
        elif hidden:
            code.notes.append(f"residual error `{one_line(text, 60)}`")
            return
        found = re.match(
            r"(d\s*/\s*dt\s*\(\s*[\w.]+\s*\)|[\w.]+\s*\(\s*[\w.]+\s*\)|[\w.]+)\s*(?:<-|=)(?!=)\s*(.+)$", text
        )
        if found is None:
            if re.match(r"(cmt|dvid|param)\s*\(", text):
                return
            raise code.refuse(f"`{one_line(text, 60)}` is not supported: equations are assignments and `if`")
        target, right = found.groups()
        tree = code.tree(self._dotless(right))
        rate = re.fullmatch(r"d\s*/\s*dt\s*\(\s*([\w.]+)\s*\)", target)
        if rate:
            code.set_part(self._plain(rate.group(1)), "d", tree)
            self._told(self._plain(rate.group(1)), statement.comment)
            return
        part = re.fullmatch(r"([\w.]+)\s*\(\s*([\w.]+)\s*\)", target)
        if part is None:
            code.assign(self._plain(target), tree, statement.comment)
            if not (hidden and self.hidden):
                code.shown[self._plain(target)] = self._plain(target)
            return
        name, inside = part.groups()
        if inside == "0" and self._plain(name) in code.states:
            code.set_part(self._plain(name), "0", tree)
        elif name in _PARTS and self._plain(inside) in code.states:
            code.set_part(self._plain(inside), _PARTS[name], tree)
        else:
            raise code.refuse(f"`{one_line(target, 40)}` cannot be set")

    def _told(self, state: str, comment: str) -> None:
        """The meaning and unit of a state, from the comment at its derivative."""
        about, unit, _, _ = described(comment)
        if about or unit:
            self.code.states[state] = about, unit

    def _plain(self, name: str) -> str:
        """A name without dots, which no other name of the script has."""
        own = name.strip()
        if "." not in own:
            return own
        if own not in self.dotless:
            plain = own.replace(".", "_")
            while plain in self.words or plain in self.dotless.values():
                plain += "_"
            self.dotless[own] = plain
        return self.dotless[own]

    def _dotless(self, text: str) -> str:
        """An equation whose names have no dots; numbers keep theirs."""
        return re.sub(r"(?<![\w.])([A-Za-z][\w.]*)", lambda m: self._plain(m.group(1)), text)

    def _free(self, text: str) -> None:
        """Names that nothing sets are parameters without a value."""
        code = self.code
        for name in re.findall(r"(?<![\w.])([A-Za-z][\w.]*)(?!\s*\(|[\w.])", text):
            own = self._plain(name)
            known = own in code.program.current or own in code.parameters or own in code.states or own in code.etas
            if not known and own not in code.time_names and own not in ("pi", "M_PI"):
                code.parameters[own] = Constant(None, None, name)


def _bodies(text: str, head: str) -> list[tuple[str, int]]:
    """The text within `head({ ... })`, and the number of its first line."""
    plain = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), text)
    found = []
    for match in re.finditer(head + r"\s*\(\s*\{", plain):
        depth, at = 1, match.end()
        while depth and at < len(plain):
            depth += {"{": 1, "}": -1}.get(plain[at], 0)
            at += 1
        if depth == 0:
            found.append((text[match.end() : at - 1], text.count("\n", 0, match.end()) + 1))
    return found
