"""Write a trial's report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from mtorsim.files.html import table
from mtorsim.results.limits import limits_of
from mtorsim.stats.shares import Estimate

from .report import TrialReport
from .rows import Cell, endpoint_rows, flow_rows, in_text, visit_rows

__all__ = ["page"]


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1060px; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { margin-top: 1.8em; border-bottom: 1px solid #ccc; font-size: 1.15em; }
table { border-collapse: collapse; font-size: 0.9em; margin: 0.6em 0; }
th, td { text-align: right; padding: 0.25em 0.7em; border-bottom: 1px solid #e4e4e4; }
td { font-variant-numeric: tabular-nums; } .number { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } td.words, th.words { text-align: left; }
.apart { color: #b34700; font-weight: 600; } .inside { color: #00588c; } .note { color: #555; }
.flow { display: flex; gap: 1em; flex-wrap: wrap; } .flow div { border: 1px solid #bbb; padding: 0.6em 1em; }
svg { max-width: 100%; height: auto; }
"""


def page(report: TrialReport, figures: Mapping[str, bytes]) -> str:
    """Write the report as HTML.

    Parameters
    ----------
    report
        Report from `run_trial`.
    figures
        SVG by name.
    """
    parts = [
        *_head(report),
        f"<h2>Worst {report.glucose} on study</h2>",
        "<p>% of patients by the highest value measured at the trial's visits while on study, mg/dL (95 % CI).</p>",
        table(["arm", *_limits(report)], [[escape(a), *_shares(arm.share)] for a, arm in report.arms.items()]),
        *(_figure(figures, n) for n in ("forest", "incidence", "waterfall")),
    ]
    if report.observed:
        parts += ["<h2>Predicted beside observed</h2>", _observed(report)]
    parts += ["<h2>Flow</h2>", _flow(report), "<h2>Endpoints by arm</h2>", _endpoints(report)]
    parts += [
        f"<h2>{report.glucose.capitalize()} by visit</h2>",
        _visits(report),
        "<h2>Decisions</h2>",
        _decisions(report),
    ]
    if report.variants:
        rows = [[f"{escape(a)}: {v}", *_shares(s)] for a, f in report.variants.items() for v, s in f.items()]
        parts += [
            "<h2>Structural variants</h2><p>One arm of the mechanism spared in the same subjects; not refitted. No "
            "human data separate the two.</p>",
            table(["arm and variant", *_limits(report)], rows),
        ]
    if report.alternatives:
        rows = [
            [f"{escape(v)}: {escape(a)}", *_shares(s)] for v, f in report.alternatives.items() for a, s in f.items()
        ]
        parts += [
            "<h2>Structural alternatives</h2><p>Structure that no trial decides, from before the start and in every "
            "arm; not refitted.</p>",
            table(["alternative, arm", *_limits(report)], rows),
        ]
    return "\n".join([*parts, *_behind(report), "</body></html>"])


def _head(report: TrialReport) -> list[str]:
    """The head of the page."""
    return [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'>",
        f"<title>{escape(report.trial)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(report.title)}</h1>",
        f"<p>{escape(report.about)}</p>" if report.about else "",
        f"<p class='note'>{report.subjects:,} virtual patients of {escape(report.population)} in each arm, the same "
        f"subjects; CTCAE {escape(report.ctcae)}, upper limit of normal {report.uln_mg_dl:g} mg/dL, "
        f"seed {report.seed}. For research and teaching, not for patient care.</p>",
    ]


def _behind(report: TrialReport) -> list[str]:
    """The part on intervals, weights, reporting and assumptions."""
    parts = [f"<h2>Methods and assumptions</h2><p>Intervals, {escape(report.intervals)}.</p>"]
    if report.matched:
        rows = [
            [escape(q.of[0]), *(f"{x:.4g}" for x in (q.published, q.drawn, q.weighted) if x is not None)]
            for q in report.matched.quantities
            if q.published is not None
        ]
        size = f"effective sample size {report.matched.n_effective:.0f} of {report.matched.of}"
        parts.append(f"<p>Weighted to the published characteristics of the patients: {size}.</p>")
        parts.append(table(["mean of", "published", "as drawn", "weighted"], rows))
    if report.reporting:
        parts.append(f"<p>Reported events: {escape(report.reporting['about'])}; a layer of its own, no biology.</p>")
    if report.assumptions:
        parts.append("<p>Assumed, since no paper reports it:</p><ul>")
        parts += [f"<li>{escape(a)}</li>" for a in report.assumptions]
        parts.append("</ul>")
    return parts


def _limits(report: TrialReport) -> list[str]:
    """Column heads of limits."""
    return [f"&gt; {name[1:]}" for name in limits_of(report.uln_mg_dl)]


def _shares(shares: Mapping[str, Estimate]) -> list[str]:
    return [_cell(share) for share in shares.values()]


def _figure(figures: Mapping[str, bytes], name: str) -> str:
    if name not in figures:
        return ""
    text = figures[name].decode("utf-8")
    return text[text.index("<svg") :]


def _cell(value: Cell, digits: int = 1) -> str:
    """A value with its interval or SD."""
    text, more = (part.replace("-", "–") for part in in_text(value, digits))
    return f"{text} <span class='note'>({more})</span>" if more else text


def _observed(report: TrialReport) -> str:
    rows = []
    for row in report.observed:
        seen = f"&lt; {100 * row.observed_high:g}"
        if row.observed is not None:
            seen = _cell(Estimate(row.observed, row.observed_low, row.observed_high))
        word = row.agreement or ""
        rows.append(
            [
                escape(f"{row.arm}, {row.endpoint}"),
                seen,
                _cell(Estimate(row.predicted, row.low, row.high)),
                f"<span class='{word}'>{word}</span>",
                escape(row.role),
                escape(f"{row.evidence}; {row.source}"),
            ]
        )
    head = ["arm, endpoint, %", "observed (95 % CI)", "predicted (95 % CI)", "", "role", "evidence, source"]
    note = (
        "inside: the prediction lies in the observed interval; overlaps: the two intervals overlap; apart: they do not."
    )
    return table(head, rows, words=3) + f"<p class='note'>{note}</p>"


def _flow(report: TrialReport) -> str:
    flow = report.flow
    boxes = [
        f"<div><b>screened</b> {flow.screened:,}<br>screen failures {flow.turned_away:,}<br>"
        f"<b>entered</b> {flow.entered:,}</div>"
    ]
    rows = flow_rows(report)
    for i, name in enumerate(report.arms):
        lines = "<br>".join(f"{escape(label)} {_cell(cells[i])}" for label, cells in rows)
        boxes.append(f"<div><b>{escape(name)}</b><br>{lines}</div>")
    return f"<div class='flow'>{''.join(boxes)}</div>"


def _endpoints(report: TrialReport) -> str:
    rows = [[escape(label), *(_cell(cell, 2) for cell in cells)] for label, cells in endpoint_rows(report)]
    return table(["", *map(escape, report.arms)], rows)


def _visits(report: TrialReport) -> str:
    rows = [
        [f"{week:g}", *(c for x in here for c in (str(x.n) if x else "-", _cell(x)))]
        for week, here in visit_rows(report)
    ]
    return table(["week", *(h for a in report.arms for h in (f"{escape(a)}: n", "mean (SD), mg/dL"))], rows)


def _decisions(report: TrialReport) -> str:
    rows = [
        [escape(a), str(d.subjects), str(d.times), escape(d.rule), escape(d.drug), escape(d.what)]
        for a, arm in report.arms.items()
        for d in arm.decisions
    ]
    if not rows:
        return "<p>No rule was triggered.</p>"
    return table(["arm", "patients", "times", "rule", "drug", "action"], rows, words=3)
