"""Locations of files: the only module that turns a name into a path."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from mtorsim.errors import ArgumentError, ModelError, MtorsimError, PopulationError, ScenarioError, did_you_mean, spoken

__all__ = ["Library", "bundled_folder", "kind_of", "library_for"]


_HERE = Path(__file__).resolve()


def bundled_folder(kind: str) -> Path:
    """The folder of bundled `models` or `scenarios`.

    A working copy comes first, since the copies in an editable install become stale.
    """
    repository = _HERE.parents[3]
    if (repository / "pyproject.toml").is_file() and (repository / kind).is_dir():
        return repository / kind
    return _HERE.parents[1] / "data" / kind


@dataclass(frozen=True)
class Library:
    """The model modules, populations and scenarios known by name.

    Parameters
    ----------
    extra
        Folders of the user's files, and their `models` folders, in order of precedence; all come before the bundled
        ones. `library_for` lists the usual ones.
    """

    extra: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        given = [self.extra] if isinstance(self.extra, (str, Path)) else self.extra
        if not isinstance(given, Sequence) or not all(isinstance(folder, (str, Path)) for folder in given):
            raise ArgumentError(f"`extra` must be folders, not {spoken(self.extra)}")
        object.__setattr__(self, "extra", tuple(Path(folder) for folder in given))

    @cached_property
    def modules(self) -> dict[str, Path]:
        """Path of each module by name."""
        return self._files("models", "module")

    @cached_property
    def populations(self) -> dict[str, Path]:
        """Path of each population by name."""
        return self._files("models", "population")

    @cached_property
    def meal_plans(self) -> dict[str, Path]:
        """Path of each meal plan by name."""
        return self._files("models", "meal_plan")

    @cached_property
    def scenarios(self) -> dict[str, Path]:
        """Path of each scenario by name."""
        return self._files("scenarios", "scenario")

    def grades(self, name: str) -> Path:
        """Return the path of the grading scale called `name`.

        Raises
        ------
        ScenarioError
            If there are none.
        """
        return _find(name, self._files("models", "grades"), "grading scale", ScenarioError)

    def calibration(self, name: str) -> Path:
        """Return the path of the calibration called `name`, or of a file.

        Raises
        ------
        ScenarioError
            If there is none.
        """
        path = Path(name)
        if path.suffix == ".toml" and path.is_file():
            return path
        return _find(name, self._files("models", "calibration"), "calibration", ScenarioError)

    def reporting(self, name: str) -> Path:
        """Return the path of the reporting layer called `name`.

        Raises
        ------
        ScenarioError
            If there is none.
        """
        return _find(name, self._files("models", "reporting"), "reporting layer", ScenarioError)

    @property
    def references(self) -> tuple[Path, ...]:
        """All bibliographies, the user's own first."""
        own = [p for root in self.extra for p in (root / "references.bib", *root.glob("models/**/references.bib"))]
        return tuple(path for path in (*own, bundled_folder("models") / "references.bib") if path.is_file())

    def module(self, name: str) -> Path:
        """Return the path of the module called `name`.

        Raises
        ------
        ModelError
            If there is none.
        """
        return _find(name, self.modules, "module", ModelError)

    def population(self, name: str) -> Path:
        """Return the path of the population called `name`.

        Raises
        ------
        PopulationError
            If there is none.
        """
        return _find(name, self.populations, "population", PopulationError)

    def scenario(self, name: str) -> Path:
        """Return the path of a scenario: a bundled name, or a path to a file.

        Raises
        ------
        ScenarioError
            If there is neither.
        """
        path = Path(name)
        if path.suffix == ".toml" or os.sep in name:
            if not path.is_file():
                near = did_you_mean(path.stem, self.scenarios)
                raise ScenarioError(f"there is no file `{name}`", help=near)
            return path
        return _find(name, self.scenarios, "scenario", ScenarioError)

    def _files(self, folder: str, kind: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        own = [p for root in reversed(self.extra) for p in (*root.glob("*.toml"), *root.glob("models/**/*.toml"))]
        for path in (*sorted(bundled_folder(folder).rglob("*.toml")), *own):
            if kind_of(path) == kind:
                found[path.stem] = path
        return dict(sorted(found.items()))


_HEAD = re.compile(r"^\s*\[(module|population|grades|reporting|calibration|meal_plan|person)\]", re.MULTILINE)
_SCENARIO = re.compile(r"^(model|population|duration)\s*=", re.MULTILINE)


_LARGEST_FILE = 4 * 2**20
"""Limit in bytes, far above the size of any model file."""


def kind_of(path: Path) -> str:
    """The kind of a file, by its top-level table."""
    try:
        # Reading a pipe or a device would never end.
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            return "other"
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return "other"
    head = _HEAD.search(text)
    if head:
        return head.group(1)
    return "scenario" if _SCENARIO.search(text) else "other"


def _find(name: str, index: dict[str, Path], what: str, error: type[MtorsimError]) -> Path:
    if name in index:
        return index[name]
    known = "choose from " + ", ".join(index) if index else None
    raise error(f"there is no {what} `{name}`", help=did_you_mean(name, index) or known)


def library_for(given: str | Path | None = None, extra: Sequence[Path] = ()) -> Library:
    """The library in which every command and call looks up names.

    In this order: `extra` folders; the folder of the given file; the working folder; the folders in $MTORSIM_PATH; the
    user folder; the entry points `mtorsim.models` of installed packages; the bundled files.

    Parameters
    ----------
    given
        A scenario or a file: a name, or a path.
    extra
        Folders that come first.
    """
    path = Path(given) if given is not None else Path()
    own = [path.parent.resolve()] if path.suffix == ".toml" and path.is_file() else []
    listed = [Path(p) for p in os.environ.get("MTORSIM_PATH", "").split(os.pathsep) if p]
    return Library(tuple(dict.fromkeys([*extra, *own, Path.cwd(), *listed, *_installed()])))


@lru_cache(maxsize=1)
def _installed() -> tuple[Path, ...]:
    """The user folder, and folders provided by installed packages."""
    import platformdirs

    found = [Path(platformdirs.user_data_dir("mtorsim", appauthor=False))]
    for point in entry_points(group="mtorsim.models"):
        # An entry point is a package whose folder holds the files, or a path.
        value = point.load()
        found += [Path(p) for p in getattr(value, "__path__", [value])]
    return tuple(found)
