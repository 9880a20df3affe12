"""Who solves the problems: mtorsim itself, and the rivals that are installed."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from before import trials as other_checkout
from problems import Setting
from trial import Trial

__all__ = ["RIVALS", "before", "cpu", "trials_of"]

RIVALS = {
    "scipy": ("scipy", "scipy_engine"),
    "numbalsoda": ("numbalsoda", "numbalsoda_engine"),
    "roadrunner": ("roadrunner", "roadrunner_engine"),
    "diffrax": ("diffrax", "diffrax_engine"),
}
"""The package each needs, and its file in `rivals`."""

OWN = (
    ("grk4t", "single", 0.1, (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5)),
    ("grk4t", "double", 0.1, (1e-2, 1e-3, 1e-4, 1e-5)),
    ("tsit5", "single", 0.1, (1e-2, 1e-3, 1e-4)),
    ("tsit5", "double", 0.1, (1e-3, 1e-4, 1e-5)),
)
"""Method, precision, absolute tolerance as a share of the relative one, and relative tolerances."""


def before(checkout: Path, setting: Setting, quick: bool) -> Iterator[Trial]:
    """The trials of another checkout of mtorsim, compiled."""
    wanted = [(m, p, r, r * share) for m, p, share, tolerances in OWN for r in tolerances]
    n = len(setting.start)
    for method, precision, rtol, solve in other_checkout(checkout, setting.name, n, quick, wanted):
        yield Trial(f"{method} {precision}", rtol, n, solve)


def trials_of(engine: str, setting: Setting) -> Iterator[Trial]:
    """The trials of one engine; none where its package is not installed, or it cannot do the problem."""
    if engine == "mtorsim":
        yield from _own(setting)
        return
    package, module = RIVALS[engine]
    if importlib.util.find_spec(package) is None:
        print(f"{engine}: not installed")
        return
    yield from importlib.import_module(f"rivals.{module}").trials(setting)


def _own(setting: Setting) -> Iterator[Trial]:
    for method, precision, share, tolerances in OWN:
        for rtol in tolerances:
            for form in ("compiled", "tape"):
                solve = lambda m=method, p=precision, r=rtol, s=share, f=form: setting.solve(m, p, r, r * s, f)  # noqa: E731
                name = f"{method} {precision}" + (" tape" if form == "tape" else "")
                yield Trial(name, rtol, len(setting.start), solve)


def cpu(run: Callable[[], Any]) -> tuple[np.ndarray, float]:
    """What a run gives, and the CPU seconds of this process, or those that the run gives itself."""
    started = time.process_time()
    found = run()
    return found if isinstance(found, tuple) else (found, time.process_time() - started)
