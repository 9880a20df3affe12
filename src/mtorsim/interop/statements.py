"""Statements of C and R: assignments, and choices with their branches."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mtorsim.errors import ModelError, Where, one_line

__all__ = ["Choice", "Simple", "Statement", "statements_of"]

DEEPEST = 40
"""Levels of nested braces."""


@dataclass(frozen=True)
class Simple:
    """One statement, without its end, and the comment behind it."""

    text: str
    comment: str
    line: int


@dataclass(frozen=True)
class Choice:
    """An `if` with its branches."""

    condition: str
    yes: list[Statement]
    no: list[Statement] = field(default_factory=list)
    line: int = 0


Statement = Simple | Choice


def statements_of(text: str, path: str, first: int, language: str) -> list[Statement]:
    """Split a text into statements.

    Parameters
    ----------
    path, first
        The file, and the number of the text's first line in it.
    language
        `c`, where a statement ends with `;`, or `r`, where it may also end with its line.

    Raises
    ------
    ModelError
        If braces do not match, or a statement is a loop.
    """
    scanner = _Scanner(text, path, first, language)
    found = scanner.block(0)
    if scanner.at < len(text):
        raise scanner.refused("a `}` without its `{`")
    return found


class _Scanner:
    def __init__(self, text: str, path: str, first: int, language: str) -> None:
        self.text, self.path, self.first, self.language = text, path, first, language
        self.at = 0
        self.mark = "#" if language == "r" else "//"

    def refused(self, message: str) -> ModelError:
        """An error at the present line."""
        return ModelError(message, Where(self.path, self.line))

    @property
    def line(self) -> int:
        """Number of the present line in the file."""
        return self.first + self.text.count("\n", 0, self.at)

    def skip(self) -> None:
        """Pass white space, comments and empty statements."""
        while self.at < len(self.text):
            if self.text[self.at] in " \t\r\n;":
                self.at += 1
            elif self.text.startswith(self.mark, self.at):
                self.at = self._end_of_line(self.at)
            elif self.language == "c" and self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at)
                self.at = len(self.text) if end < 0 else end + 2
            else:
                return

    def _end_of_line(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def block(self, depth: int) -> list[Statement]:
        """Statements until a `}` or the end."""
        if depth > DEEPEST:
            raise self.refused("braces are nested too deeply")
        found: list[Statement] = []
        while True:
            self.skip()
            if self.at >= len(self.text) or self.text[self.at] == "}":
                return found
            found += self.statement(depth)

    def statement(self, depth: int) -> list[Statement]:
        """One statement, or those in braces."""
        self.skip()
        if self.at < len(self.text) and self.text[self.at] == "{":
            self.at += 1
            inside = self.block(depth + 1)
            self._take("}")
            return inside
        word = re.compile(r"(if|else|for|while|do|switch|repeat|return|break|next|goto)\b").match(self.text, self.at)
        if word is None:
            return [self._simple()]
        if word.group(1) != "if":
            raise self.refused(f"`{word.group(1)}` is not supported: equations are assignments and `if`")
        if depth > DEEPEST:
            raise self.refused("`if` is nested too deeply")
        line = self.line
        self.at = word.end()
        condition = self._parentheses()
        yes = self.statement(depth + 1)
        no: list[Statement] = []
        before = self.at
        self.skip()
        if re.compile(r"else\b").match(self.text, self.at):
            self.at += 4
            no = self.statement(depth + 1)
        else:
            self.at = before
        return [Choice(condition, yes, no, line)]

    def _take(self, mark: str) -> None:
        if self.at >= len(self.text) or self.text[self.at] != mark:
            raise self.refused(f"`{mark}` is missing")
        self.at += 1

    def _parentheses(self) -> str:
        """The text between parentheses that match."""
        self.skip()
        self._take("(")
        start, depth = self.at, 1
        while depth:
            if self.at >= len(self.text):
                raise self.refused("`)` is missing")
            depth += {"(": 1, ")": -1}.get(self.text[self.at], 0)
            self.at += 1
        return self.text[start : self.at - 1]

    def _simple(self) -> Simple:
        """A statement until its end."""
        start, depth, line = self.at, 0, self.line
        while self.at < len(self.text):
            sign = self.text[self.at]
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
            if depth <= 0 and (sign in ";}" or self._line_ends(sign, start)):
                break
            if sign == '"':
                self.at = self._quoted()
                continue
            if self.text.startswith(self.mark, self.at):
                self._blank(self.at, self._end_of_line(self.at))
            elif sign == "{":
                raise self.refused(f"`{one_line(self.text[start : self.at], 40)} {{` is not supported")
            self.at += 1
        text = self.text[start : self.at]
        if self.at < len(self.text) and self.text[self.at] == ";":
            self.at += 1
        return Simple(" ".join(text.split()), self._comment(), line)

    def _line_ends(self, sign: str, start: int) -> bool:
        """Whether a statement of R ends here with its line."""
        return self.language == "r" and sign in "\n#" and not self._continues(start)

    def _quoted(self) -> int:
        end = self.text.find('"', self.at + 1)
        if end < 0:
            raise self.refused('`"` is missing')
        return end + 1

    def _blank(self, a: int, b: int) -> None:
        """Put spaces in place of a comment within a statement."""
        self.text = self.text[:a] + " " * (b - a) + self.text[b:]

    def _continues(self, start: int) -> bool:
        """Whether a line of R goes on in the next one."""
        return bool(re.search(r"(?:[-+*/^,(<&|~=]|%%)\s*$", self.text[start : self.at]))

    def _comment(self) -> str:
        """The comment on the rest of the line."""
        end = self._end_of_line(self.at)
        rest = self.text[self.at : end]
        found = re.match(rf"[ \t;]*{re.escape(self.mark)}+;?(.*)", rest)
        if found is None:
            return ""
        self.at = end
        return found.group(1).strip()
