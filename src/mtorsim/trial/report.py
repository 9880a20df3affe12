"""Trial reports: endpoints of each arm, comparison with observed rates, and methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from html import escape
from typing import Any

from mtorsim.errors import shortened
from mtorsim.files.html import card, table
from mtorsim.results.result import Result
from mtorsim.stats.shares import Estimate

from .values import ArmValues

__all__ = [
    "ArmFlow",
    "ArmReport",
    "Change",
    "ClassShare",
    "Comparison",
    "Decision",
    "Difference",
    "Discontinuation",
    "Flow",
    "Incidence",
    "Matched",
    "MatchedQuantity",
    "Mean",
    "NewDiabetes",
    "Onset",
    "PooledEstimate",
    "Reported",
    "Rise",
    "TrialReport",
    "VisitMean",
]

Shares = Mapping[str, Estimate]
"""Shares above limits, by name of the limit."""


@dataclass(frozen=True)
class PooledEstimate(Estimate):
    """A share whose interval includes calibration uncertainty, and the interval without it."""

    low_sampling: float | None = None
    high_sampling: float | None = None


@dataclass(frozen=True)
class Mean:
    """Weighted mean and SD of subjects on study."""

    n: int
    mean: float | None
    sd: float | None


@dataclass(frozen=True)
class Change(Mean):
    """Mean within-subject change of a quantity."""

    unit: str
    between: str


@dataclass(frozen=True)
class VisitMean(Mean):
    """The mean at a visit."""

    time_h: float
    week: float


@dataclass(frozen=True)
class NewDiabetes(Estimate):
    """Share of subjects without diabetes at baseline who meet its definition later."""

    of: int = 0
    definition: str = ""


@dataclass(frozen=True)
class ClassShare(Estimate):
    """Share among the subjects of a class, and their number."""

    of: int = 0


@dataclass(frozen=True)
class Incidence:
    """Share of patients above a limit by a week."""

    week: float
    value: float


@dataclass(frozen=True)
class Onset:
    """Time of first exceeding a limit, and the incidence by week (Kaplan-Meier)."""

    median_week_of_those: float | None
    incidence: tuple[Incidence, ...]


@dataclass(frozen=True)
class Rise:
    """Highest fasting glucose after baseline minus that at baseline, mg/dL: quantiles over subjects."""

    n: int
    q5: float | None = None
    q25: float | None = None
    median: float | None = None
    q75: float | None = None
    q95: float | None = None


@dataclass(frozen=True)
class Reported:
    """Reported adverse events, by the reporting layer."""

    any: Estimate
    grade_3_4: Estimate


@dataclass(frozen=True)
class Discontinuation:
    """Subjects who left the study, and those whose treatment a rule stopped."""

    left: Estimate
    median_week: float | None
    left_by_rule: Estimate
    treatment_stopped: Estimate


@dataclass(frozen=True)
class Decision:
    """Decisions of a rule on a drug: number of subjects and times, and the share of subjects."""

    rule: str
    drug: str
    what: str
    subjects: int
    times: int
    share: Estimate


@dataclass(frozen=True)
class ArmReport:
    """Endpoints of one arm.

    Attributes
    ----------
    n, n_effective
        Number of subjects, and effective sample size.
    share
        Share above each limit, by the highest glucose after baseline.
    grades
        Share by worst CTCAE grade.
    ae
        Reported adverse events; None without a reporting layer.
    glucose
        Measured glucose at each visit, mg/dL.
    hba1c_change
        Change from the first to each subject's last visit, percentage points.
    by_baseline
        Share above 250 mg/dL of those who began in each class; its number of subjects is `of`.
    rise
        Highest glucose after baseline minus baseline.
    new_onset_diabetes, time_to, weeks_above, hypoglycaemia
        Further endpoints, by name of the limit where they have one.
    discontinuation, decisions
        Leaving, and decisions of rules.
    dose_intensity
        Mean given share of each drug's planned amount while on study.
    """

    n: int
    n_effective: float
    share: Shares
    grades: Shares
    ae: Reported | None
    glucose: tuple[VisitMean, ...]
    hba1c_change: Change
    by_baseline: Mapping[str, ClassShare]
    rise: Rise
    new_onset_diabetes: NewDiabetes
    time_to: Mapping[str, Onset]
    weeks_above: Mapping[str, float | None]
    hypoglycaemia: Shares
    discontinuation: Discontinuation
    dose_intensity: Mapping[str, float | None]
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Comparison:
    """An observed rate and its prediction.

    Attributes
    ----------
    observed, observed_low, observed_high
        The share with its Wilson interval; `observed` is None if only a bound is known.
    predicted, low, high
        The prediction with its interval; None if there is none.
    agreement
        `inside`: the prediction lies in the observed interval; `overlaps`: the intervals overlap; `apart`: they do not.
    """

    arm: str
    endpoint: str
    of: int
    role: str
    source: str
    evidence: str
    observed: float | None
    observed_low: float
    observed_high: float
    predicted: float | None
    low: float | None
    high: float | None
    agreement: str | None


@dataclass(frozen=True)
class Difference:
    """Share above each limit of every other arm minus that of `reference`."""

    reference: str | None
    arms: Mapping[str, Shares]


@dataclass(frozen=True)
class ArmFlow:
    """Disposition of the subjects of an arm, unweighted numbers."""

    allocated: int
    left: int
    completed: int
    failed: int
    treatment_held: int
    treatment_stopped: int
    rescued: int


@dataclass(frozen=True)
class Flow:
    """Numbers screened and entered."""

    screened: int
    turned_away: int
    entered: int
    arms: Mapping[str, ArmFlow]


@dataclass(frozen=True)
class MatchedQuantity:
    """A matched quantity: mean and SD as published, drawn and weighted; or a correlation."""

    of: tuple[str, ...]
    correlation: float | None = None
    published: float | None = None
    drawn: float | None = None
    weighted: float | None = None
    published_sd: float | None = None
    drawn_sd: float | None = None
    weighted_sd: float | None = None


@dataclass(frozen=True)
class Matched:
    """Matched quantities, and the effective sample size."""

    n_effective: float
    of: int
    quantities: tuple[MatchedQuantity, ...]


@dataclass(frozen=True, repr=False)
class TrialReport:
    """The report of a trial.

    Attributes
    ----------
    result
        Result of the run: visits, ledger, treatment.
    values
        Values of each arm's subjects, from which endpoints are computed.
    arms
        Endpoints of each arm.
    difference, variants, alternatives
        Shares above limits: differences from the reference arm, under each structural variant (by arm), and under each
        structural alternative (by alternative and arm).
    observed
        All observed rates with their predictions.
    flow, matched, tests
        Disposition of subjects, matched quantities, and quantiles of test indices.
    intervals, calibration, reporting, assumptions, settings, status, failed
        Methods and provenance.
    """

    result: Result = field(repr=False)
    values: Mapping[str, ArmValues] = field(repr=False)
    trial: str
    scenario: str
    title: str
    about: str
    seed: int
    subjects: int
    population: str
    uln_mg_dl: float
    sample: str
    ctcae: str
    reporting: Mapping[str, str] | None
    calibration: Mapping[str, Any]
    intervals: str
    assumptions: tuple[str, ...]
    settings: Mapping[str, float]
    status: Mapping[str, int]
    failed: int
    matched: Matched | None
    flow: Flow
    arms: Mapping[str, ArmReport]
    difference: Difference
    variants: Mapping[str, Mapping[str, Shares]] | None
    alternatives: Mapping[str, Mapping[str, Shares]] | None
    tests: tuple[Mapping[str, Any], ...]
    observed: tuple[Comparison, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return everything except the run as plain values."""
        kept = [f.name for f in fields(self) if f.name not in ("result", "values")]
        return {name: _plain(getattr(self, name)) for name in kept}

    def _repr_html_(self) -> str:
        """Shares of each arm, and observed rates with predictions, for notebooks."""
        limits = list(next(iter(self.arms.values())).share)
        shares = [[escape(name), *(str(arm.share[n]) for n in limits)] for name, arm in self.arms.items()]
        rows = []
        for row in self.observed:
            seen = f"&lt; {100 * row.observed_high:g} %"
            if row.observed is not None:
                seen = str(Estimate(row.observed, row.observed_low, row.observed_high))
            predicted = str(Estimate(row.predicted, row.low, row.high))
            rows.append([escape(f"{row.arm}, {row.endpoint}"), seen, predicted, row.agreement or "", escape(row.role)])
        head = ["arm, endpoint", "observed (95 % CI)", "predicted (95 % CI)", "agreement", "role"]
        return card(
            self.title,
            f"share of patients by highest {self.glucose} on study, mg/dL (95 % CI)",
            table(["arm", *(f"&gt; {n[1:]}" for n in limits)], shares),
            table(head, rows, words=3) if rows else "",
        )

    @property
    def glucose(self) -> str:
        """What was measured at visits, in words."""
        return "fasting glucose" if self.sample == "fasting" else "glucose at any time of the day"

    def __repr__(self) -> str:
        lines = [f"TrialReport({self.trial}: {self.subjects:,} subjects of {self.population} in each arm)"]
        for name, arm in list(self.arms.items())[:8]:
            shares = ", ".join(f"{limit} {estimate}" for limit, estimate in arm.share.items())
            lines.append(f"  {name}: {shares}")
        if len(self.arms) > 8:
            lines.append(f"  further arms: {shortened(list(self.arms)[8:])}")
        agree = [row.agreement for row in self.observed if row.agreement]
        if agree:
            counts = ", ".join(f"{agree.count(word)} {word}" for word in dict.fromkeys(agree))
            lines.append(f"  observed rows: {counts}")
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    """Convert dataclasses, tuples and mappings to plain values."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(part) for name, part in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value
