"""Pictures of results, tests, trials and models, one function each: `mt.plot.time_course(result)`.

Every function returns a matplotlib figure, and draws into axes of the caller's with `ax`. They have one style; save
them as PNG, PDF or SVG with `figure.savefig`.
"""

from __future__ import annotations

from .explain import contributions, people
from .follow_up import pareto
from .forecast import forecast
from .mechanism import mechanism
from .morris import morris
from .npde import npde
from .response import responses
from .risk import nomogram, reliability
from .sobol import sobol
from .survival import kaplan_meier
from .tornado import tornado
from .trial import forest, incidence, waterfall
from .views import bands, difference, disposition, dose_response, ogtt, spaghetti, time_course
from .vpc import vpc

__all__ = [
    "bands",
    "contributions",
    "difference",
    "disposition",
    "dose_response",
    "forecast",
    "forest",
    "incidence",
    "kaplan_meier",
    "mechanism",
    "morris",
    "nomogram",
    "npde",
    "ogtt",
    "pareto",
    "people",
    "reliability",
    "responses",
    "sobol",
    "spaghetti",
    "time_course",
    "tornado",
    "vpc",
    "waterfall",
]
